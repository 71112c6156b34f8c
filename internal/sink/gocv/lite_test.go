//go:build lite

package gocv

import (
	"errors"
	"strings"
	"testing"
)

func TestLiteSaysWhatIsMissing(t *testing.T) {
	if _, err := NewFilm(FilmOptions{Path: "a.mp4"}); err == nil || !strings.Contains(err.Error(), "without OpenCV") {
		t.Errorf("a film in the lite build: %v", err)
	}
	if _, err := NewFilm(FilmOptions{Path: "a.txt"}); err == nil || !strings.Contains(err.Error(), ".mp4") {
		t.Errorf("a text as a film: %v", err)
	}
	var e *DisplayError
	if _, err := OpenWindow(WindowOptions{}); !errors.As(err, &e) || !strings.Contains(e.Hint(), "--web") {
		t.Errorf("a window in the lite build: %v", err)
	}
	if JPEG() != nil {
		t.Error("the lite build has OpenCV's JPEG")
	}
	result(t, 0)
}
