//go:build !lite

package gocv

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"gocv.io/x/gocv"

	"mhp/internal/frame"
	"mhp/internal/source"
)

// OpenCV's numbers of properties that the binding does not name.
const (
	propOrientationMeta gocv.VideoCaptureProperties = 48
	propOrientationAuto gocv.VideoCaptureProperties = 49
)

// device is what this package needs of OpenCV's VideoCapture; tests put a fake in its place.
type device interface {
	Read(m *gocv.Mat) bool
	Get(p gocv.VideoCaptureProperties) float64
	Set(p gocv.VideoCaptureProperties, v float64)
	Close() error
}

// capture is a source.Video over an open device.
type capture struct {
	dev     device
	info    source.VideoInfo
	turnDeg int
	atEnd   error // what the end of the frames means
	clock   source.Clock
	index   int
	arrival time.Time // of the first frame of a live source

	pool  matPool
	raw   gocv.Mat   // a frame before it is turned
	busy  sync.Mutex // held while OpenCV waits for a frame
	ended bool
}

// OpenFile opens a video file. A file that is cut off gives its frames and
// then an error that says so.
func OpenFile(path string) (source.Video, error) {
	if err := source.CheckFile(path); err != nil {
		return nil, err
	}
	facts, isMP4, err := mp4Facts(path)
	if err != nil {
		return nil, err
	}
	if isMP4 && !facts.Index {
		return nil, facts.Problem(path)
	}
	dev, err := gocv.VideoCaptureFileWithAPI(path, gocv.VideoCaptureFFmpeg)
	if err != nil {
		return nil, &source.Error{Name: path, Kind: source.ErrUnsupported, Cause: err,
			Problem: "cannot be opened as a video", Remedy: "give a video that ffmpeg can read (ffprobe " + path + " says more), a picture, a folder or a URL"}
	}
	c := newCapture(dev, path)
	c.atEnd = io.EOF
	c.info.Frames = frameCount(dev)
	if isMP4 {
		// The boxes tell which way is up in every version of OpenCV.
		c.turnDeg = facts.TurnDeg
		if problem := facts.Problem(path); problem != nil {
			c.atEnd, c.info.Note = problem, problem.Error()
		}
	} else {
		c.turnDeg = metaTurn(dev.Get(propOrientationMeta), gocv.OpenCVVersion())
	}
	if c.turnDeg%180 != 0 {
		c.info.WidthPx, c.info.HeightPx = c.info.HeightPx, c.info.WidthPx
	}
	return c, nil
}

// OpenURL opens a stream or a file on a server. What has no length is live.
func OpenURL(url string) (source.Video, error) {
	dev, err := gocv.VideoCaptureFileWithAPI(url, gocv.VideoCaptureFFmpeg)
	if err != nil {
		return nil, &source.Error{Name: source.PublicURL(url), Kind: source.ErrUnreadable, Cause: err,
			Problem: "cannot be opened", Remedy: "check the address, user name and password, and that the camera is on and reachable (ffprobe URL says more)"}
	}
	c := newCapture(dev, source.PublicURL(url))
	c.info.Frames = frameCount(dev)
	c.info.Live = c.info.Frames < 0
	c.atEnd = io.EOF
	if c.info.Live {
		c.atEnd = fmt.Errorf("%s: %w", c.info.Name, source.ErrBroken)
	}
	c.turnDeg = metaTurn(dev.Get(propOrientationMeta), gocv.OpenCVVersion())
	if c.turnDeg%180 != 0 {
		c.info.WidthPx, c.info.HeightPx = c.info.HeightPx, c.info.WidthPx
	}
	return c, nil
}

// DeviceOptions say what a camera is asked for; zero leaves it its own choice.
type DeviceOptions struct {
	WidthPx, HeightPx int
	FPS               float64
}

// OpenDevice opens a camera by number or path and waits for its first frame,
// for many open and then give nothing.
func OpenDevice(name string, o DeviceOptions) (source.Video, error) {
	path, err := source.DevicePath(name)
	if err != nil {
		return nil, err
	}
	return openDevice(path, o, func() (device, error) {
		if err := source.ProbeDevice(path); err != nil {
			return nil, err
		}
		return gocv.OpenVideoCaptureWithAPI(path, gocv.VideoCaptureV4L2)
	})
}

func openDevice(path string, o DeviceOptions, open func() (device, error)) (source.Video, error) {
	why := func() error { return source.WhyNoDevice(path, source.Cameras(), source.ProbeDevice) }
	dev, err := open()
	if err != nil {
		return nil, why()
	}
	if o.WidthPx > 0 {
		// Over USB 2 only compressed pictures are fast enough from 720p on.
		dev.Set(gocv.VideoCaptureFOURCC, fourCC("MJPG"))
		dev.Set(gocv.VideoCaptureFrameWidth, float64(o.WidthPx))
		dev.Set(gocv.VideoCaptureFrameHeight, float64(o.HeightPx))
	}
	if o.FPS > 0 {
		dev.Set(gocv.VideoCaptureFPS, o.FPS)
	}
	c := newCapture(dev, path)
	c.info.Live, c.info.Frames = true, -1
	c.atEnd = fmt.Errorf("%s: %w", path, source.ErrBroken)
	first, err := c.Next(context.Background())
	if err != nil {
		_ = c.Close() // the reason is asked for below
		return nil, why()
	}
	c.info.WidthPx, c.info.HeightPx = first.WidthPx, first.HeightPx
	if o.WidthPx > 0 && (o.WidthPx != first.WidthPx || o.HeightPx != first.HeightPx) {
		c.info.Note = fmt.Sprintf("the camera gives %d x %d px, not the %d x %d px asked for", first.WidthPx, first.HeightPx, o.WidthPx, o.HeightPx)
	}
	return &resumed{capture: c, first: first}, nil
}

// resumed gives a frame that was read already, then the rest.
type resumed struct {
	*capture
	first *frame.Frame
}

func (r *resumed) Next(ctx context.Context) (*frame.Frame, error) {
	if f := r.first; f != nil {
		r.first = nil
		return f, nil
	}
	return r.capture.Next(ctx)
}

func (r *resumed) Close() error {
	if r.first != nil {
		r.first.Release()
	}
	return r.capture.Close()
}

func newCapture(dev device, name string) *capture {
	// OpenCV 4.6 on FFmpeg 5 turns the wrong way; this program turns by itself.
	dev.Set(propOrientationAuto, 0)
	c := &capture{dev: dev, raw: gocv.NewMat(), pool: matPool{most: matPoolLen}}
	c.info = source.VideoInfo{
		Name: name, Frames: -1,
		WidthPx: int(dev.Get(gocv.VideoCaptureFrameWidth)), HeightPx: int(dev.Get(gocv.VideoCaptureFrameHeight)),
		FPS: dev.Get(gocv.VideoCaptureFPS),
	}
	// Streams without a frame rate are said to have their clock's.
	if !(c.info.FPS > 0 && c.info.FPS <= 1000) {
		c.info.FPS = 0
	}
	c.clock.FPS = c.info.FPS
	return c
}

func (c *capture) Info() source.VideoInfo { return c.info }

func (c *capture) Next(ctx context.Context) (*frame.Frame, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c.busy.Lock()
	defer c.busy.Unlock()
	if c.ended {
		return nil, c.atEnd
	}
	mat, turned := c.pool.get(), c.turnDeg != 0
	into := mat
	if turned {
		into = &c.raw
	}
	if !c.dev.Read(into) || into.Empty() {
		c.pool.put(mat)
		c.ended = true
		return nil, c.atEnd
	}
	if turned {
		gocv.Rotate(*into, mat, turnOf(c.turnDeg))
	}
	f, err := c.frame(mat)
	if err != nil {
		c.pool.put(mat)
		return nil, &source.BadFrame{Err: err}
	}
	return f, nil
}

func (c *capture) frame(mat *gocv.Mat) (*frame.Frame, error) {
	if mat.Channels() == 1 {
		gocv.CvtColor(*mat, mat, gocv.ColorGrayToBGR)
	}
	if mat.Type() != gocv.MatTypeCV8UC3 {
		return nil, fmt.Errorf("%s: a frame is of OpenCV's type %v, not 8-bit colour", c.info.Name, mat.Type())
	}
	pix, err := mat.DataPtrUint8()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.info.Name, err)
	}
	f := &frame.Frame{
		Pix: pix, Stride: 3 * mat.Cols(), WidthPx: mat.Cols(), HeightPx: mat.Rows(), Order: frame.BGR,
		Name: c.info.Name, Index: c.index, ReleaseFunc: func() { c.pool.put(mat) },
	}
	c.stamp(f)
	c.index++
	return f, nil
}

// liveSlack is how far a live source's own clock may run from ours before it
// is not believed any more.
const liveSlack = 2 * time.Second

// stamp gives the frame its time: the source's own, or, where a live source
// has none that can be believed, that of its arrival.
func (c *capture) stamp(f *frame.Frame) {
	own := time.Duration(c.dev.Get(gocv.VideoCapturePosMsec) * float64(time.Millisecond))
	if c.info.Live {
		f.Captured = time.Now()
		if c.index == 0 {
			c.arrival = f.Captured.Add(-own)
		}
		since := f.Captured.Sub(c.arrival)
		if off := since - own; off > liveSlack || off < -liveSlack {
			own = since
		}
	}
	f.Time = c.clock.Next(own)
}

// Close frees the video. One that OpenCV still waits on, as a camera that
// hangs, cannot be freed and is left to the end of the program.
func (c *capture) Close() error {
	if !c.busy.TryLock() {
		return nil
	}
	defer c.busy.Unlock()
	c.pool.close()
	c.ended = true
	if err := c.raw.Close(); err != nil {
		return fmt.Errorf("%s: %w", c.info.Name, err)
	}
	if err := c.dev.Close(); err != nil {
		return fmt.Errorf("%s: %w", c.info.Name, err)
	}
	return nil
}

// frameCount is what the container claims; containers without an index guess.
func frameCount(dev device) int {
	n := dev.Get(gocv.VideoCaptureFrameCount)
	if n > 0 && n < 1e9 {
		return int(n)
	}
	return -1
}

func mp4Facts(path string) (source.MP4, bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return source.MP4{}, false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return source.MP4{}, false, err
	}
	facts, is := source.ReadMP4(f, info.Size())
	return facts, is, nil
}

// metaTurn is the clockwise turn that OpenCV's orientation property asks for.
// Up to 4.6 it gives FFmpeg's angle, which counts the other way; 4.7 mended that.
func metaTurn(meta float64, version string) int {
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err == nil && (major < 4 || major == 4 && minor < 7) {
		meta = -meta
	}
	return source.Quarter(meta)
}

func turnOf(deg int) gocv.RotateFlag {
	switch deg {
	case 90:
		return gocv.Rotate90Clockwise
	case 180:
		return gocv.Rotate180Clockwise
	}
	return gocv.Rotate90CounterClockwise
}

func fourCC(code string) float64 {
	return float64(uint32(code[0]) | uint32(code[1])<<8 | uint32(code[2])<<16 | uint32(code[3])<<24)
}

// matPoolLen is how many frames wait to be filled again: more than the pipeline holds.
const matPoolLen = 8

// matPool lends OpenCV's matrices, whose memory Go does not manage.
type matPool struct {
	mu     sync.Mutex
	free   []*gocv.Mat
	most   int
	closed bool
}

func (p *matPool) get() *gocv.Mat {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		m := p.free[n-1]
		p.free = p.free[:n-1]
		return m
	}
	m := gocv.NewMat()
	return &m
}

// put takes a matrix back, also after the video was closed.
func (p *matPool) put(m *gocv.Mat) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.free) >= p.most {
		_ = m.Close() // gocv's never fails
		return
	}
	p.free = append(p.free, m)
}

func (p *matPool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, m := range p.free {
		_ = m.Close()
	}
	p.free = nil
}
