//go:build !lite

package gocv

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"mhp/internal/frame"
)

// A frame of 720p into a film, drawing and encoding.
func BenchmarkFilm720p(b *testing.B) {
	f, err := NewFilm(FilmOptions{Path: filepath.Join(b.TempDir(), "a.mp4"), FPS: 30})
	if err != nil {
		b.Fatal(err)
	}
	_, p := result(b, 0)
	p.WidthPx, p.HeightPx = 1280, 720
	for j := range p.People[0].Joints {
		p.People[0].Joints[j].Image.X *= 3
		p.People[0].Joints[j].Image.Y *= 3
	}
	big := frame.New(1280, 720)
	big.Order = frame.BGR
	for i := range big.Pix {
		big.Pix[i] = uint8(i/9 + i/3840)
	}
	n := 0
	for b.Loop() {
		p.Time = time.Duration(n) * time.Second / 30
		n++
		if err := f.Write(context.Background(), big, p); err != nil {
			b.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}
