//go:build !lite && !unix

package gocv

import "math"

// freeBytes is not known here.
func freeBytes(string) uint64 { return math.MaxUint64 }
