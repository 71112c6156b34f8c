//go:build lite

package gocv

import (
	"context"

	"mhp/internal/detect"
	"mhp/internal/frame"
)

// HOG cannot be made in a build without OpenCV.
type HOG struct{}

// missing says what this build lacks.
type missing struct{}

func (missing) Error() string {
	return "built without OpenCV (tag lite): its HOG detector is left out"
}

func (missing) Hint() string {
	return "build without the tag, or leave --detector out: the built-in detector needs no OpenCV"
}

// NewHOG says what is missing.
func NewHOG() (*HOG, error) { return nil, missing{} }

// Find finds nobody.
func (*HOG) Find(context.Context, *frame.Frame) ([]detect.Box, error) { return nil, missing{} }

// Close does nothing.
func (*HOG) Close() error { return nil }
