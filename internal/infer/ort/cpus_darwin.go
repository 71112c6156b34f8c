package ort

import (
	"runtime"

	"golang.org/x/sys/unix"
)

func physicalCores() int {
	if n, err := unix.SysctlUint32("hw.physicalcpu"); err == nil && n > 0 {
		return int(n)
	}
	return runtime.NumCPU()
}
