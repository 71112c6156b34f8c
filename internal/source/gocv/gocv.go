//go:build !lite

// Package gocv holds everything that needs OpenCV. Built with the tag lite it
// says what is missing instead.
package gocv

import "gocv.io/x/gocv"

// Version names the versions of OpenCV and of its Go binding. The explanation
// is empty: it says why there is none in a build without OpenCV.
func Version() (version, explanation string) {
	return "OpenCV " + gocv.OpenCVVersion() + ", gocv " + gocv.Version(), ""
}
