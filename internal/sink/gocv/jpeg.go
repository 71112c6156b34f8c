//go:build !lite

package gocv

import (
	"fmt"
	"image"

	"gocv.io/x/gocv"

	"mhp/internal/frame"
)

// JPEG gives the compression for the live page: OpenCV's is several times
// faster than Go's. Pictures larger than 1280 px are shrunk.
func JPEG() func(*frame.Frame) ([]byte, error) { return compress }

const widestPx, jpegQuality = 1280, 80

func compress(f *frame.Frame) ([]byte, error) {
	if f.Stride != 3*f.WidthPx {
		return nil, fmt.Errorf("a frame with %d bytes a row of %d px is not in one piece", f.Stride, f.WidthPx)
	}
	m, err := gocv.NewMatFromBytes(f.HeightPx, f.WidthPx, gocv.MatTypeCV8UC3, f.Pix)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	work := gocv.NewMat()
	defer work.Close()
	at := m
	if longer := max(f.WidthPx, f.HeightPx); longer > widestPx {
		k := float64(widestPx) / float64(longer)
		gocv.Resize(at, &work, image.Point{}, k, k, gocv.InterpolationArea)
		at = work
	}
	if f.Order == frame.RGB {
		gocv.CvtColor(at, &work, gocv.ColorBGRToRGB)
		at = work
	}
	b, err := gocv.IMEncodeWithParams(gocv.JPEGFileExt, at, []int{gocv.IMWriteJpegQuality, jpegQuality})
	if err != nil {
		return nil, err
	}
	defer b.Close()
	return append([]byte(nil), b.GetBytes()...), nil
}
