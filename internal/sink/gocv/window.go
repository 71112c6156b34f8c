//go:build !lite

package gocv

import (
	"context"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"sync"
	"time"

	"gocv.io/x/gocv"

	"mhp/internal/frame"
	"mhp/internal/pose"
	"mhp/internal/render"
)

// Window shows the newest result: the picture with the skeletons beside a view
// in space. It has a thread of its own; Write only leaves a copy there.
type Window struct {
	options WindowOptions
	quit    chan struct{} // closed when somebody wants the end
	stop    chan struct{} // closed by Close
	done    chan struct{} // closed when the window is gone

	mu     sync.Mutex
	newest *shot
	spare  []uint8
	paused chan struct{} // closed when the pause is over; nil while there is none

	closing sync.Once
}

// shot is a copy of a result.
type shot struct {
	frame   frame.Frame
	picture pose.Picture
}

// OpenWindow opens a window, or says why there cannot be one. OpenCV knows one
// windowing thread a process: do not open a second while one is open.
func OpenWindow(o WindowOptions) (*Window, error) {
	if err := reachable(o.Display); err != nil {
		return nil, err
	}
	w := &Window{options: o, quit: make(chan struct{}), stop: make(chan struct{}), done: make(chan struct{})}
	go w.run()
	return w, nil
}

// WantsPixels says that the window shows the picture itself.
func (w *Window) WantsPixels() bool { return true }

// Write leaves a copy for the window and does not wait for it.
func (w *Window) Write(ctx context.Context, f *frame.Frame, p *pose.Picture) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	pixels := w.spare
	w.spare = nil
	if w.newest != nil {
		pixels = w.newest.frame.Pix
	}
	s := &shot{picture: p.Clone()}
	if f != nil {
		s.frame = f.CloneInto(pixels)
	}
	w.newest = s
	return nil
}

// Quit is closed when somebody pressed q or closed the window.
func (w *Window) Quit() <-chan struct{} { return w.quit }

// Hold waits while the window is paused, unless the source is live.
func (w *Window) Hold(ctx context.Context) error {
	w.mu.Lock()
	over := w.paused
	w.mu.Unlock()
	if over == nil || w.options.Live {
		return ctx.Err()
	}
	select {
	case <-over:
	case <-w.quit:
	case <-ctx.Done():
	}
	return ctx.Err()
}

// Close takes the window away.
func (w *Window) Close() error {
	w.closing.Do(func() { close(w.stop) })
	<-w.done
	return nil
}

// keys is the window's help.
var keys = []string{
	"q  quit", "space  pause", "s  save this picture", "j, l  turn the view", "i, k  raise, lower it", "r  reset it", "h  this help",
}

// look is what the person at the window chose, and what is shown.
type look struct {
	view       render.LiveView
	yaw, pitch float64
	help       bool
	note       string // below the help, until the next key
	current    *shot
	drawn      *image.RGBA
	last       time.Time // of the last new frame
	fps        float64
}

func (l *look) reset() {
	l.yaw, l.pitch = 30, 15
	l.view.Forget()
}

// heightPx keeps picture and view of a wide video within 1366 px, the width of small screens.
const heightPx = 480

// barsPx is what the bars of OpenCV's Qt windows take of their height.
const barsPx = 70

// run is the window's life. gocv binds it to one thread.
func (w *Window) run() {
	defer close(w.done)
	window := gocv.NewWindow(w.options.Title)
	defer window.Close()
	l := &look{help: false}
	l.reset()
	l.note = "h  help"
	shown, quitted, sized := false, false, image.Point{}
	for {
		select {
		case <-w.stop:
			return
		default:
		}
		fresh := w.take(l)
		key := window.WaitKey(5)
		if quit, changed := w.press(l, key); quit && !quitted {
			quitted = true
			close(w.quit)
		} else {
			fresh = fresh || changed
		}
		if shown && !quitted && window.GetWindowProperty(gocv.WindowPropertyVisible) < 1 {
			quitted = true
			close(w.quit)
		}
		if fresh && l.current != nil && !quitted {
			l.draw(w)
			if size := l.drawn.Rect.Size(); size != sized {
				window.ResizeWindow(size.X, size.Y+barsPx)
				sized = size
			}
			display(window, l.drawn)
			shown = true
		}
	}
}

// take fetches the newest result unless the window is paused.
func (w *Window) take(l *look) (fresh bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.newest == nil || w.paused != nil {
		return false
	}
	if l.current != nil {
		w.spare = l.current.frame.Pix
	}
	l.current, w.newest = w.newest, nil
	now := time.Now()
	if d := now.Sub(l.last).Seconds(); !l.last.IsZero() && d > 0 {
		if l.fps == 0 {
			l.fps = 1 / d
		}
		l.fps = 1 / (0.9/l.fps + 0.1*d)
	}
	l.last = now
	return true
}

// press does what a key stands for; -1 is none.
func (w *Window) press(l *look, key int) (quit, changed bool) {
	if key < 0 {
		return false, false
	}
	l.note = ""
	const turnDeg = 10
	switch key & 0xff {
	case 'q', 'Q', 27:
		return true, false
	case ' ':
		w.togglePause()
		if w.isPaused() {
			l.note = "paused: space goes on"
		}
	case 's', 'S':
		l.note = w.save(l)
	case 'h', 'H', '?':
		l.help = !l.help
	case 'j':
		l.yaw -= turnDeg
	case 'l':
		l.yaw += turnDeg
	case 'i':
		l.pitch = min(90, l.pitch+turnDeg)
	case 'k':
		l.pitch = max(0, l.pitch-turnDeg)
	case 'r':
		l.reset()
	default:
		l.note = "h  help"
	}
	return false, true
}

func (w *Window) togglePause() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.paused == nil {
		w.paused = make(chan struct{})
		return
	}
	close(w.paused)
	w.paused = nil
}

func (w *Window) isPaused() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.paused != nil
}

func (l *look) draw(w *Window) {
	o := render.LiveOptions{SureScore: w.options.SureScore, MaxHeightPx: heightPx, YawDeg: l.yaw, PitchDeg: l.pitch, FPS: l.fps, Delay: -1}
	if w.options.Delay != nil {
		o.Delay = w.options.Delay()
	}
	if l.help {
		o.Lines = append(o.Lines, keys...)
	}
	if l.note != "" {
		o.Lines = append(o.Lines, l.note)
	}
	var f *frame.Frame
	if len(l.current.frame.Pix) > 0 {
		f = &l.current.frame
	}
	l.drawn = l.view.Draw(f, &l.current.picture, o)
}

// display hands the drawing to OpenCV, which wants blue first.
func display(window *gocv.Window, img *image.RGBA) {
	rgba, err := gocv.NewMatFromBytes(img.Rect.Dy(), img.Rect.Dx(), gocv.MatTypeCV8UC4, img.Pix)
	if err != nil {
		return // only for an empty picture
	}
	defer rgba.Close()
	bgr := gocv.NewMat()
	defer bgr.Close()
	gocv.CvtColor(rgba, &bgr, gocv.ColorRGBAToBGR)
	window.IMShow(bgr)
}

// save writes what is shown as PNG, never over an older file, and says so.
func (w *Window) save(l *look) string {
	if l.drawn == nil {
		return "nothing to save yet"
	}
	path, err := savePNG(w.options.SaveDir, l.current.picture.Index, l.drawn)
	if w.options.Saved != nil {
		w.options.Saved(path, err)
	}
	if err != nil {
		return "not saved: " + err.Error()
	}
	return "saved " + filepath.Base(path)
}

func savePNG(dir string, index int, img image.Image) (string, error) {
	for n := 1; ; n++ {
		name := fmt.Sprintf("mhp_%06d.png", index)
		if n > 1 {
			name = fmt.Sprintf("mhp_%06d-%d.png", index, n)
		}
		path := filepath.Join(dir, name)
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if os.IsExist(err) && n < 1000 {
			continue
		}
		if err != nil {
			return path, err
		}
		if err = png.Encode(f, img); err == nil {
			err = f.Close()
		} else {
			f.Close()
		}
		if err != nil {
			os.Remove(path)
		}
		return path, err
	}
}
