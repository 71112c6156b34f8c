//go:build !lite

package gocv

// #cgo CXXFLAGS: -std=c++11
// #cgo pkg-config: opencv4
// #include "hog.h"
import "C"

import (
	"context"
	"fmt"
	"math"
	"unsafe"

	"mhp/internal/detect"
	"mhp/internal/frame"
	"mhp/internal/geom"
)

// hogSidePx is the longer side that larger pictures are shrunk to. People
// lower than 128 px there are not found: that is the height of HOG's window.
const hogSidePx = 960

// hogMost is the most people of a picture.
const hogMost = 1000

// HOG finds upright people with OpenCV's histograms of gradients (Dalal and
// Triggs 2005). It is for one goroutine.
type HOG struct{ found []float64 }

// NewHOG makes one.
func NewHOG() (*HOG, error) { return &HOG{found: make([]float64, 5*hogMost)}, nil }

// Find gives the people's boxes, tightened as OpenCV's sample does, since
// windows keep a margin. The score is the logistic function of the weight.
func (h *HOG) Find(_ context.Context, f *frame.Frame) ([]detect.Box, error) {
	rgb := C.int(0)
	if f.Order == frame.RGB {
		rgb = 1
	}
	n := C.mhp_hog((*C.uchar)(unsafe.Pointer(unsafe.SliceData(f.Pix))), C.int(f.WidthPx), C.int(f.HeightPx), C.int(f.Stride), rgb,
		hogSidePx, (*C.double)(unsafe.Pointer(unsafe.SliceData(h.found))), hogMost)
	if n < 0 {
		return nil, fmt.Errorf("%s: OpenCV's HOG detector fails on this picture of %d x %d px", f.Name, f.WidthPx, f.HeightPx)
	}
	whole := geom.BoxPx{W: float64(f.WidthPx), H: float64(f.HeightPx)}
	var boxes []detect.Box
	for i := range int(n) {
		v := h.found[5*i : 5*i+5]
		box := geom.BoxPx{X: v[0] + 0.1*v[2], Y: v[1] + 0.07*v[3], W: 0.8 * v[2], H: 0.8 * v[3]}.Intersect(whole)
		if box.W >= 1 && box.H >= 1 {
			boxes = append(boxes, detect.Box{BoxPx: box, Score: 1 / (1 + math.Exp(-v[4])), Source: detect.SourceDetector})
		}
	}
	return boxes, nil
}

// Close frees nothing: all memory is Go's.
func (h *HOG) Close() error { return nil }
