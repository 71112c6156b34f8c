//go:build lite

package gocv

import (
	"context"
	"errors"

	"mhp/internal/frame"
	"mhp/internal/pose"
)

// errLite is why the lite build has neither film nor window.
var errLite = errors.New("built without OpenCV (tag lite): no films, no windows; build without the tag to have them")

// Film is what the full build writes.
type Film struct{}

// NewFilm says that this build writes no films.
func NewFilm(o FilmOptions) (*Film, error) {
	if err := checkFilm(o); err != nil {
		return nil, err
	}
	return nil, errLite
}

// Write has nowhere to write to.
func (*Film) Write(context.Context, *frame.Frame, *pose.Picture) error { return errLite }

// Close has nothing to close.
func (*Film) Close() error { return nil }

// Window is what the full build shows.
type Window struct{}

// OpenWindow says that this build has no windows.
func OpenWindow(WindowOptions) (*Window, error) { return nil, &DisplayError{errLite} }

// Write has nothing to show on.
func (*Window) Write(context.Context, *frame.Frame, *pose.Picture) error { return errLite }

// Quit is never closed.
func (*Window) Quit() <-chan struct{} { return nil }

// Hold does not wait.
func (*Window) Hold(ctx context.Context) error { return ctx.Err() }

// Close has nothing to close.
func (*Window) Close() error { return nil }

// JPEG has nothing faster than Go's own encoder to offer.
func JPEG() func(*frame.Frame) ([]byte, error) { return nil }
