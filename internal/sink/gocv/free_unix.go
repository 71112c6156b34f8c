//go:build !lite && unix

package gocv

import (
	"math"

	"golang.org/x/sys/unix"
)

// freeBytes is how much may still be written below a folder. Where that cannot
// be told there is no end of it.
func freeBytes(dir string) uint64 {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil {
		return math.MaxUint64
	}
	return uint64(s.Bavail) * uint64(s.Bsize)
}
