//go:build lite

package gocv

import (
	"fmt"

	"mhp/internal/source"
)

// DeviceOptions say what a camera is asked for.
type DeviceOptions struct {
	WidthPx, HeightPx int
	FPS               float64
}

// liteError is a source that only the full build opens.
type liteError struct{ name, why string }

func (e *liteError) Error() string { return fmt.Sprintf("%s: %s", e.name, e.why) }

// Hint names the ways round.
func (e *liteError) Hint() string {
	return "use the full build, or let ffmpeg decode: ffmpeg -i SOURCE -c:v mjpeg -q:v 3 -f image2pipe - | mhp video -"
}

func missing(name string) error {
	_, why := Version()
	return &liteError{name, why}
}

// OpenFile says that this build reads no videos.
func OpenFile(path string) (source.Video, error) {
	if err := source.CheckFile(path); err != nil {
		return nil, err
	}
	return nil, missing(path)
}

// OpenURL says that this build reads no streams.
func OpenURL(url string) (source.Video, error) { return nil, missing(source.PublicURL(url)) }

// OpenDevice says that this build reads no cameras.
func OpenDevice(name string, _ DeviceOptions) (source.Video, error) {
	return nil, missing("camera " + name)
}
