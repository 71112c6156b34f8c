//go:build !unix

package bench

import "time"

// CPUTime is 0 where the system is not asked.
func CPUTime() time.Duration { return 0 }

// PeakMemoryMB is 0 where the system is not asked.
func PeakMemoryMB() float64 { return 0 }
