//go:build !lite

package gocv

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"gocv.io/x/gocv"

	"mhp/internal/frame"
	"mhp/internal/pose"
	"mhp/internal/render"
	"mhp/internal/sink"
)

// usualFPS is the rate of a film whose source states none.
const usualFPS = 30

// reserveBytes stay free on the disk: enough to complete a film properly.
const reserveBytes = 32 << 20

// Film is a video file of the frames with the skeletons over them.
type Film struct {
	options FilmOptions
	free    func(dir string) uint64 // bytes left on the disk; tests put another in

	target, temp string // temp is "" where the file grows under its own name
	writer       *gocv.VideoWriter
	width        int
	height       int
	rate         float64
	start, last  time.Duration
	written      int
	err          error // after which nothing more is written
}

// NewFilm refuses what is an input and what is neither .mp4 nor .avi.
func NewFilm(o FilmOptions) (*Film, error) {
	if err := checkFilm(o); err != nil {
		return nil, err
	}
	if o.FPS <= 0 || o.FPS > 1000 || math.IsNaN(o.FPS) {
		o.FPS = usualFPS
	}
	return &Film{options: o, rate: o.FPS, free: freeBytes}, nil
}

// WantsPixels says that the film shows the picture itself.
func (f *Film) WantsPixels() bool { return true }

// Write adds a frame. The film has one rate: where the source leaves frames
// out, one is repeated, and where it is faster, some are left out, so that the
// film keeps the source's time.
func (f *Film) Write(ctx context.Context, picture *frame.Frame, p *pose.Picture) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if f.err != nil {
		return f.err
	}
	if picture == nil {
		return fmt.Errorf("%s: a film needs the picture's pixels, and the pipeline passed none", p.Name)
	}
	if f.writer == nil {
		if f.err = f.open(picture, p.Time); f.err != nil {
			return f.err
		}
	}
	times := f.due(p.Time)
	if times == 0 {
		return nil
	}
	if f.free(filepath.Dir(f.target)) < reserveBytes {
		// OpenCV does not say when a write fails; so it must not come to that.
		f.err = &sink.WriteError{Path: f.options.Path, Err: syscall.ENOSPC}
		return f.err
	}
	return f.add(render.Overlay(picture, p, render.OverlayOptions{SureScore: f.options.SureScore}), times)
}

// longestGap bounds for how long a frame stands still in the film.
const longestGap = 10 * time.Second

// due is how often the frame of that time goes into the film.
func (f *Film) due(at time.Duration) int {
	if f.written > 0 && at <= f.last {
		return 1 // a source without times: one after the other
	}
	if gap := at - f.last; f.written > 0 && gap > longestGap {
		f.start += gap - longestGap
	}
	f.last = at
	return max(0, int(math.Round((at-f.start).Seconds()*f.rate))+1-f.written)
}

func (f *Film) add(img *image.RGBA, times int) error {
	rgba, err := gocv.NewMatFromBytes(img.Rect.Dy(), img.Rect.Dx(), gocv.MatTypeCV8UC4, img.Pix)
	if err != nil {
		return fmt.Errorf("%s: cannot take over a frame: %w", f.options.Path, err)
	}
	defer rgba.Close()
	bgr := gocv.NewMat()
	defer bgr.Close()
	gocv.CvtColor(rgba, &bgr, gocv.ColorRGBAToBGR)
	if img.Rect.Dx() != f.width || img.Rect.Dy() != f.height {
		gocv.Resize(bgr, &bgr, image.Pt(f.width, f.height), 0, 0, gocv.InterpolationArea)
	}
	for range times {
		if err := f.writer.Write(bgr); err != nil {
			return &sink.WriteError{Path: f.options.Path, Err: err}
		}
		f.written++
	}
	return nil
}

// codec is one way to compress, in the order of preference.
type codec struct{ name, fourcc string }

func codecsFor(extension string) []codec {
	if extension == ".avi" {
		return []codec{{"H.264", "H264"}, {"MJPG", "MJPG"}}
	}
	return []codec{{"H.264", "avc1"}, {"MJPG", "MJPG"}}
}

// open takes the first way to compress that this build of OpenCV has.
func (f *Film) open(picture *frame.Frame, at time.Duration) (err error) {
	if f.target, err = sink.Place(f.options.Path, f.options.Inputs); err != nil {
		return err
	}
	extension := strings.ToLower(filepath.Ext(f.options.Path))
	name := f.target
	if extension != ".avi" {
		// An MP4 can be read only when its end is written; an AVI also when it is cut.
		f.temp = sink.Temporary(f.target, extension)
		name = f.temp
	}
	f.width, f.height, f.start, f.last = picture.WidthPx, picture.HeightPx, at, at
	if err := touch(name); err != nil {
		return &sink.WriteError{Path: f.options.Path, Err: err}
	}
	for _, c := range codecsFor(extension) {
		w, err := gocv.VideoWriterFile(name, c.fourcc, f.rate, f.width, f.height, true)
		if err == nil && w.IsOpened() {
			f.writer = w
			if f.options.Opened != nil {
				f.options.Opened(c.name)
			}
			return nil
		}
		if w != nil {
			w.Close()
		}
	}
	os.Remove(name)
	return &sink.WriteError{Path: f.options.Path, Err: errors.New("this build of OpenCV writes neither H.264 nor MJPG")}
}

// touch finds out whether the file can be written, which OpenCV would not explain.
func touch(name string) error {
	file, err := os.Create(name)
	if err == nil {
		err = file.Close()
	}
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// Close completes the film and makes sure that it can be read.
func (f *Film) Close() error {
	if f.writer == nil {
		return nil
	}
	name := f.temp
	if name == "" {
		name = f.target
	}
	f.writer.Close()
	f.writer = nil
	if !readable(name) {
		if f.temp != "" {
			os.Remove(f.temp)
		}
		return &sink.WriteError{Path: f.options.Path, Err: errors.New("the film cannot be read back; the disk may have filled up")}
	}
	if f.temp == "" {
		return nil
	}
	if err := os.Rename(f.temp, f.target); err != nil {
		os.Remove(f.temp)
		return &sink.WriteError{Path: f.options.Path, Err: err}
	}
	return nil
}

// readable tells whether a film opens and has a first frame.
func readable(name string) bool {
	v, err := gocv.VideoCaptureFile(name)
	if err != nil {
		return false
	}
	defer v.Close()
	first := gocv.NewMat()
	defer first.Close()
	return v.Read(&first) && !first.Empty()
}
