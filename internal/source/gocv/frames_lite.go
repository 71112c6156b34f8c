//go:build lite

package gocv

import (
	"fmt"

	"mhp/internal/frame"
)

// NumberedFrames has no frames in a build without OpenCV.
type NumberedFrames struct{}

// OpenFrames says that this build reads no videos.
func OpenFrames(path string) (*NumberedFrames, error) {
	_, why := Version()
	return nil, fmt.Errorf("%s: %s", path, why)
}

// Frame has nothing to give.
func (*NumberedFrames) Frame(int) (*frame.Frame, error) { return nil, fmt.Errorf("no video is open") }

// Close has nothing to close.
func (*NumberedFrames) Close() error { return nil }
