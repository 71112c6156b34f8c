//go:build !lite

package gocv

import (
	"fmt"
	"sync"

	"gocv.io/x/gocv"

	"mhp/internal/frame"
)

// NumberedFrames reads single frames of a video by their number. Rising
// numbers are read in one pass; a smaller one starts again at the beginning.
// It may be used from several goroutines.
type NumberedFrames struct {
	path string

	mu    sync.Mutex
	video *gocv.VideoCapture
	next  int // number of the frame that comes next
}

// OpenFrames opens a video file.
func OpenFrames(path string) (*NumberedFrames, error) {
	v := &NumberedFrames{path: path}
	return v, v.open()
}

func (v *NumberedFrames) open() (err error) {
	if v.video, err = gocv.VideoCaptureFile(v.path); err != nil {
		return fmt.Errorf("%s: cannot be opened as a video: %w", v.path, err)
	}
	v.next = 0
	return nil
}

// Frame decodes the frame of that number, counted from 0. It belongs to the caller.
func (v *NumberedFrames) Frame(number int) (*frame.Frame, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if number < v.next {
		if err := v.video.Close(); err != nil {
			return nil, fmt.Errorf("%s: %w", v.path, err)
		}
		if err := v.open(); err != nil {
			return nil, err
		}
	}
	picture := gocv.NewMat()
	defer picture.Close()
	for v.next <= number {
		if !v.video.Read(&picture) || picture.Empty() {
			return nil, fmt.Errorf("%s: ends before frame %d", v.path, number)
		}
		v.next++
	}
	return &frame.Frame{
		Pix: picture.ToBytes(), Stride: picture.Cols() * 3, WidthPx: picture.Cols(), HeightPx: picture.Rows(), Order: frame.BGR,
		Name: fmt.Sprintf("%s frame %d", v.path, number), Index: number,
	}, nil
}

// Close ends the reading.
func (v *NumberedFrames) Close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.video.Close()
}
