// Package gocv holds the outputs that need OpenCV: the film with skeletons and
// the window. Built with the tag lite it says what is missing instead.
package gocv

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"mhp/internal/sink"
)

// FilmOptions say how frames become a video file.
type FilmOptions struct {
	Path   string // ends in .mp4 or .avi
	Inputs *sink.Inputs
	FPS    float64 // of the film; 0 means 30
	// SureScore is the score from which a joint is drawn at full strength.
	SureScore float64
	// Opened hears with the first frame how the film is compressed: H.264, or
	// MJPG where OpenCV cannot do that. May be nil.
	Opened func(codec string)
}

// checkFilm refuses what can be told without writing.
func checkFilm(o FilmOptions) error {
	if ext := strings.ToLower(filepath.Ext(o.Path)); ext != ".mp4" && ext != ".avi" {
		return fmt.Errorf("%s: a film's name ends in .mp4 or .avi", o.Path)
	}
	return o.Inputs.Check(o.Path)
}

// WindowOptions say how results are shown in a window.
type WindowOptions struct {
	Title string
	// Display is the X display to show on, as the variable DISPLAY names it.
	Display string
	// SureScore is the score from which a joint is drawn at full strength.
	SureScore float64
	// Live sources do not wait: while paused only the picture stands still.
	Live bool
	// SaveDir is where "s" puts pictures; Saved hears each file's name or why there is none.
	SaveDir string
	Saved   func(path string, err error)
	// Delay is the newest delay from capture to result; nil if it is not
	// measured. It is called from another goroutine.
	Delay func() time.Duration
}

// DisplayError is a screen that cannot be shown on.
type DisplayError struct{ Err error }

func (e *DisplayError) Error() string { return fmt.Sprintf("cannot open a window: %v", e.Err) }

// Unwrap gives the cause.
func (e *DisplayError) Unwrap() error { return e.Err }

// Hint names the way without a screen.
func (e *DisplayError) Hint() string {
	return "--web shows the same in a browser, also from a machine without a screen"
}
