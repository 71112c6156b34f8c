//go:build !lite

package gocv

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"mhp/internal/frame"
	"mhp/internal/testkit"
)

// A frame is the same whether it is come to forwards or by going back.
func TestNumberedFramesGoBack(t *testing.T) {
	path := testkit.Shared(t, "data", "pose2sim", "s_cam01.mp4")
	v, err := OpenFrames(path)
	if err != nil {
		t.Fatal(err)
	}
	read := func(n int) *frame.Frame {
		t.Helper()
		f, err := v.Frame(n)
		if err != nil {
			t.Fatal(err)
		}
		if f.WidthPx != 1080 || f.HeightPx != 1920 || f.Order != frame.BGR || len(f.Pix) != 3*1080*1920 {
			t.Fatalf("frame %d is %d x %d px", n, f.WidthPx, f.HeightPx)
		}
		return f
	}
	first, fifth := read(0), read(5)
	if bytes.Equal(first.Pix, fifth.Pix) {
		t.Error("frames 0 and 5 are the same")
	}
	if !bytes.Equal(read(0).Pix, first.Pix) || !bytes.Equal(read(5).Pix, fifth.Pix) {
		t.Error("going back gives another frame")
	}
	if _, err := v.Frame(100); err == nil {
		t.Error("a frame beyond the last is there")
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
}

func TestOpenFramesRefusesWhatIsNoVideo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.mp4")
	if err := os.WriteFile(path, []byte("no video"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenFrames(path); err == nil {
		t.Error("a text opens as a video")
	}
}
