package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"mhp/internal/frame"
	"mhp/internal/sink"
	"mhp/internal/source"
	"mhp/internal/source/gocv"
)

// sourceFlags say where the frames come from.
type sourceFlags struct {
	webcam      string
	size        string
	fps         float64
	pixelFormat string
	realtime    bool
	reconnect   time.Duration
	maxPixels   int64

	args []string // the SOURCE, or what a pattern stood for
}

func (s *sourceFlags) bind(f *pflag.FlagSet) {
	f.StringVar(&s.webcam, "webcam", "", "take a camera: its number or device, such as 0 or /dev/video0")
	f.Lookup("webcam").NoOptDefVal = "0"
	f.StringVar(&s.size, "size", "", "WIDTHxHEIGHT: what the camera is asked for; on standard input, the size of raw frames")
	f.Float64Var(&s.fps, "fps", 0, "frames a second: what the camera is asked for; of pictures and standard input, what they are (default 30)")
	f.StringVar(&s.pixelFormat, "pixel-format", "rgb24", "of raw frames: rgb24 or bgr24")
	f.BoolVar(&s.realtime, "realtime", false, "play a file at its own speed, take standard input as it comes; drop frames rather than fall behind")
	f.DurationVar(&s.reconnect, "reconnect", time.Minute, "try for this long to reopen a camera or stream that broke; 0 = end")
	f.Int64Var(&s.maxPixels, "max-pixels", source.DefaultMaxPixels, "refuse pictures with more pixels than this")
}

// take notes the arguments. "--webcam 1" leaves the 1 among them, since the
// flag may stand alone.
func (s *sourceFlags) take(args []string) error {
	s.args = args
	switch {
	case s.webcam != "" && len(args) == 1 && s.webcam == "0":
		if _, err := source.DevicePath(args[0]); err != nil {
			return usagef("--webcam: %w", err)
		}
		s.webcam, s.args = args[0], nil
	case s.webcam != "" && len(args) > 0:
		return usagef("give a SOURCE or --webcam, not both")
	case s.webcam == "" && len(args) == 0:
		return usagef("video needs a SOURCE (a file, a URL, a folder, a pattern, or -) or --webcam")
	case len(args) > 1 && source.KindOf(args[0]) != source.ArgumentPictures:
		return usagef("video takes one SOURCE, got %q; several pictures make a video, several videos do not", args)
	}
	return nil
}

// kind is what the SOURCE is; it must not be asked for a camera.
func (s *sourceFlags) kind() source.ArgumentKind { return source.KindOf(s.args[0]) }

// live tells whether frames that are not taken in time are lost, as far as
// that can be told without opening the source.
func (s *sourceFlags) live() bool {
	return s.realtime || s.webcam != "" || s.kind() == source.ArgumentURL
}

// once tells whether the source can be read only once.
func (s *sourceFlags) once() bool {
	return s.live() || s.kind() == source.ArgumentStdin
}

// shown names the source in messages.
func (s *sourceFlags) shown() string {
	switch {
	case s.webcam != "":
		return "camera " + s.webcam
	case s.kind() == source.ArgumentURL:
		return source.PublicURL(s.args[0])
	case s.kind() == source.ArgumentStdin:
		return "standard input"
	}
	return s.args[0]
}

func (s *sourceFlags) validate() error {
	if _, _, err := s.frameSize(); err != nil {
		return err
	}
	if s.fps != 0 {
		if err := source.CheckFPS(s.fps); err != nil {
			return usagef("--fps: %w", err)
		}
	}
	if s.reconnect < 0 {
		return usagef("--reconnect must be 0 or more, not %s", s.reconnect)
	}
	if _, err := s.order(); err != nil {
		return err
	}
	if s.webcam != "" {
		if _, err := source.DevicePath(s.webcam); err != nil {
			return usagef("--webcam: %w", err)
		}
		return nil
	}
	if kind := s.kind(); s.size != "" && kind != source.ArgumentStdin {
		return usagef("--size is for --webcam and for raw frames on standard input")
	} else if s.fps != 0 && (kind == source.ArgumentFile || kind == source.ArgumentURL) {
		return usagef("--fps is for --webcam, pictures and standard input; %s has a frame rate of its own", s.shown())
	}
	return nil
}

// frameSize reads --size; 0 without it.
func (s *sourceFlags) frameSize() (widthPx, heightPx int, err error) {
	if s.size == "" {
		return 0, 0, nil
	}
	w, h, ok := strings.Cut(strings.ToLower(s.size), "x")
	widthPx, err1 := strconv.Atoi(w)
	heightPx, err2 := strconv.Atoi(h)
	if !ok || err1 != nil || err2 != nil || widthPx < 1 || heightPx < 1 || widthPx > 1<<15 || heightPx > 1<<15 {
		return 0, 0, usagef("--size %q is not WIDTHxHEIGHT in px, such as 1280x720", s.size)
	}
	return widthPx, heightPx, nil
}

func (s *sourceFlags) order() (frame.Order, error) {
	switch s.pixelFormat {
	case "rgb24":
		return frame.RGB, nil
	case "bgr24":
		return frame.BGR, nil
	}
	return 0, usagef("--pixel-format %q is not rgb24 or bgr24", s.pixelFormat)
}

// opened is a source that is ready, with how to have it once more.
type opened struct {
	source.Video
	again func() (source.Video, error) // nil: cannot be read twice
	// numbered says that frames have no names of their own, only numbers.
	numbered bool
	inputs   *sink.Inputs
}

// usualFPS is taken for pictures and standard input where --fps says nothing.
const usualFPS = 30

// open opens the source; say tells the user what happens to a live one later on.
func (s *sourceFlags) open(stdin io.Reader, say func(format string, args ...any)) (*opened, error) {
	o := &opened{numbered: true, inputs: sink.NewInputs()}
	var err error
	switch {
	case s.webcam != "":
		return o, s.openLive(o, say, func() (source.Video, error) {
			w, h, err := s.frameSize()
			if err != nil {
				return nil, err
			}
			return gocv.OpenDevice(s.webcam, gocv.DeviceOptions{WidthPx: w, HeightPx: h, FPS: s.fps})
		})
	case s.kind() == source.ArgumentURL:
		return o, s.openLive(o, say, func() (source.Video, error) { return gocv.OpenURL(s.args[0]) })
	case s.kind() == source.ArgumentStdin:
		o.Video, err = s.stream(stdin)
		return o, err
	case s.kind() == source.ArgumentPictures:
		o.numbered = false
		fps := s.rate()
		pool := &source.Pool{}
		o.again = func() (source.Video, error) {
			return source.Sequence(s.args, fps, source.Options{MaxPixels: s.maxPixels, Pool: pool})
		}
	default:
		o.inputs.Add(s.args[0])
		o.again = func() (source.Video, error) { return gocv.OpenFile(s.args[0]) }
	}
	if o.Video, err = o.again(); err != nil {
		return nil, err
	}
	if files, ok := o.Video.(interface{ Paths() []string }); ok {
		for _, path := range files.Paths() {
			o.inputs.Add(path)
		}
	}
	if s.realtime {
		o.Video, o.again = source.Paced(o.Video), nil
	}
	return o, nil
}

func (s *sourceFlags) rate() float64 {
	if s.fps == 0 {
		return usualFPS
	}
	return s.fps
}

func (s *sourceFlags) stream(stdin io.Reader) (source.Video, error) {
	w, h, err := s.frameSize()
	if err != nil {
		return nil, err
	}
	order, err := s.order()
	if err != nil {
		return nil, err
	}
	return source.Stream(stdin, source.StdinName, source.StreamOptions{
		Options: source.Options{MaxPixels: s.maxPixels}, WidthPx: w, HeightPx: h, Order: order, FPS: s.rate(), Arrival: s.realtime,
	})
}

// openLive opens what may break and come back. A file on a server that has an
// end is no such thing.
func (s *sourceFlags) openLive(o *opened, say func(format string, args ...any), open func() (source.Video, error)) error {
	v, err := open()
	if err != nil {
		return err
	}
	o.Video = v
	if !v.Info().Live {
		if s.realtime {
			o.Video = source.Paced(v)
		}
		return nil
	}
	o.Video = source.Reconnecting(v, source.ReconnectOptions{
		Open: open, GiveUp: s.reconnect,
		Broke: func(err error, wait time.Duration) { say("%v; trying again in %s", err, wait.Round(time.Millisecond)) },
		Back:  func() { say("%s is back", s.shown()) },
	})
	return nil
}

// described is the source in one line.
func (o *opened) described() string {
	i := o.Info()
	parts := []string{i.Name}
	if i.WidthPx > 0 {
		parts = append(parts, fmt.Sprintf("%d x %d px", i.WidthPx, i.HeightPx))
	}
	if i.FPS > 0 {
		parts = append(parts, fmt.Sprintf("%.4g frames/s", i.FPS))
	}
	if i.Frames > 0 {
		parts = append(parts, fmt.Sprintf("%d frames", i.Frames))
	}
	if i.Live {
		parts = append(parts, "live")
	}
	return strings.Join(parts, ", ")
}
