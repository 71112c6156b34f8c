package sink

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"image/jpeg"
	"image/png"
	"io"

	"mhp/internal/frame"
	"mhp/internal/pose"
	"mhp/internal/render"
)

// Drawings writes one picture or page for each result into a folder.
type Drawings struct {
	options   DirOptions
	names     *namer
	extension string
	pixels    bool // the frame is needed
	draw      func(io.Writer, *frame.Frame, *pose.Picture) error
}

// NewOverlays writes NAME.jpg: the picture with the skeletons over it.
// quality is JPEG's, 1..100; 0 means 92.
func NewOverlays(o DirOptions, drawing render.OverlayOptions, quality int) *Drawings {
	if quality == 0 {
		quality = 92
	}
	return &Drawings{o, newNamer(), ".jpg", true, func(w io.Writer, f *frame.Frame, p *pose.Picture) error {
		return jpeg.Encode(w, render.Overlay(f, p, drawing), &jpeg.Options{Quality: quality})
	}}
}

// NewPlots writes NAME.png: the skeletons in space from three sides.
func NewPlots(o DirOptions, drawing render.PlotOptions) *Drawings {
	return &Drawings{o, newNamer(), ".png", false, func(w io.Writer, _ *frame.Frame, p *pose.Picture) error {
		return png.Encode(w, render.Plot(p, drawing))
	}}
}

// NewPages writes NAME.html: a self-contained page with the picture beside a 3D view.
func NewPages(o DirOptions, page render.PageOptions) *Drawings {
	return &Drawings{o, newNamer(), ".html", true, func(w io.Writer, f *frame.Frame, p *pose.Picture) error {
		return render.Page(w, f, p, page)
	}}
}

// WantsPixels tells whether the drawing shows the picture itself.
func (s *Drawings) WantsPixels() bool { return s.pixels }

// Write makes the picture's file.
func (s *Drawings) Write(ctx context.Context, f *frame.Frame, p *pose.Picture) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.pixels && f == nil {
		return fmt.Errorf("%s: %w", p.Name, errNoPixels)
	}
	return s.options.file(s.names.numbered(p, s.options.Frames)+s.extension, p, func(w io.Writer) error {
		b := bufio.NewWriterSize(w, 1<<16)
		err := s.draw(b, f, p)
		if err == nil {
			err = b.Flush()
		}
		var write *WriteError
		if err == nil || errors.As(err, &write) {
			return err // which names the file already
		}
		return fmt.Errorf("%s: cannot draw: %w", p.Name, err)
	})
}

var errNoPixels = errors.New("the drawing needs the picture's pixels, and the pipeline passed none")

// Close has nothing left to do.
func (s *Drawings) Close() error { return nil }
