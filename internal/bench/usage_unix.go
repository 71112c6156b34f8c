//go:build unix

package bench

import (
	"runtime"
	"syscall"
	"time"
)

// CPUTime is the processor time that this process has used, all threads together.
func CPUTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// PeakMemoryMB is the most memory that this process has had at once, in MB of 1e6 bytes.
func PeakMemoryMB() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	unit := 1024.0 // kibibytes, but on Apple's systems bytes
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		unit = 1
	}
	return float64(u.Maxrss) * unit / 1e6
}
