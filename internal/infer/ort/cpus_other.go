//go:build !darwin

package ort

import "runtime"

// physicalCores is used where neither /proc nor sysctl tells.
func physicalCores() int { return runtime.NumCPU() }
