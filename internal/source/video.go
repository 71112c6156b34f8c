package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"mhp/internal/frame"
)

// VideoInfo is what is known of a video before its end.
type VideoInfo struct {
	Name              string
	WidthPx, HeightPx int     // as shown; 0 until the first frame tells
	FPS               float64 // on average; 0: unknown
	Frames            int     // -1: unknown, as of all that is live
	Live              bool    // what is not taken in time is lost
	Note              string  // what the user should know, such as that the file is cut off
}

// Video gives frames that follow each other in time. It is for one goroutine.
//
//	file, device, URL --source/gocv--+
//	folder, pattern   --Sequence-----+--> Video --Paced, Reconnecting--> Video
//	standard input    --Stream-------+
type Video interface {
	Info() VideoInfo
	// Next waits for the next frame, whose Index counts from 0 and whose Time
	// rises from frame to frame. io.EOF is the end; a *BadFrame costs one frame
	// and the video goes on; any other error ends it.
	Next(ctx context.Context) (*frame.Frame, error)
	// Close frees the video. Frames that are still out stay valid.
	Close() error
}

// ErrBroken says that a live source stopped giving frames; it may come back.
var ErrBroken = errors.New("the source stopped")

// BadFrame is one frame of a video that cannot be had.
type BadFrame struct{ Err error }

// Error says what is wrong with it.
func (e *BadFrame) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *BadFrame) Unwrap() error { return e.Err }

// Clock turns what a file says of its frames' times into times that begin at 0
// and rise: some decoders give 0 for the last frames, some streams go back.
type Clock struct {
	FPS float64 // 0: unknown, taken for 30

	first, last, step time.Duration
	begun             bool
}

// usualFPS is the frame rate where nothing is known of it.
const usualFPS = 30

// Next is the frame's time since the first, where the source puts it at stamp.
func (c *Clock) Next(stamp time.Duration) time.Duration {
	if !c.begun {
		c.begun, c.first = true, stamp
		c.step = framePeriod(c.FPS)
		return 0
	}
	at := stamp - c.first
	if at <= c.last {
		at = c.last + c.step
	} else if at-c.last < time.Second {
		c.step = at - c.last
	}
	c.last = at
	return at
}

// framePeriod is the time between two frames.
func framePeriod(fps float64) time.Duration {
	if !(fps > 0) {
		fps = usualFPS
	}
	return time.Duration(float64(time.Second) / fps)
}

// Paced plays a video at its own speed: no frame comes before its time. It is
// live: what comes late is late.
func Paced(v Video) Video { return &paced{Video: v} }

type paced struct {
	Video
	start time.Time
}

func (p *paced) Info() VideoInfo {
	i := p.Video.Info()
	i.Live = true
	return i
}

func (p *paced) Next(ctx context.Context) (*frame.Frame, error) {
	f, err := p.Video.Next(ctx)
	if err != nil {
		return nil, err
	}
	if p.start.IsZero() {
		p.start = time.Now().Add(-f.Time)
	}
	due := p.start.Add(f.Time)
	if err := sleep(ctx, time.Until(due)); err != nil {
		f.Release()
		return nil, err
	}
	f.Captured = due
	return f, nil
}

// sleep waits unless ctx ends before.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Sequence plays pictures as the frames of a video: all that Inputs lists for
// the arguments, at fps frames a second. A picture that cannot be read is a *BadFrame.
func Sequence(args []string, fps float64, o Options) (Video, error) {
	inputs, errs := Expand(args, false, nil)
	if len(inputs) == 0 {
		return nil, errors.Join(errs...)
	}
	return &sequence{inputs: inputs, fps: fps, opts: o, name: args[0]}, nil
}

type sequence struct {
	name   string
	inputs []Input
	fps    float64
	opts   Options
	next   int
}

func (s *sequence) Info() VideoInfo {
	return VideoInfo{Name: s.name, FPS: s.fps, Frames: len(s.inputs)}
}

// Paths are the files that the frames come from.
func (s *sequence) Paths() []string {
	var paths []string
	for _, in := range s.inputs {
		paths = append(paths, in.Path)
	}
	return paths
}

func (s *sequence) Next(ctx context.Context) (*frame.Frame, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.next == len(s.inputs) {
		return nil, io.EOF
	}
	i := s.next
	s.next++
	f, err := s.inputs[i].Decode(s.opts)
	if err != nil {
		return nil, &BadFrame{err}
	}
	f.Index = i
	f.Time = time.Duration(float64(i) / s.fps * float64(time.Second))
	return f, nil
}

func (s *sequence) Close() error { return nil }

// CheckFPS refuses a frame rate that cannot be meant.
func CheckFPS(fps float64) error {
	if !(fps > 0 && fps <= 1000) {
		return fmt.Errorf("a frame rate of %g a second is not between 0 and 1000", fps)
	}
	return nil
}
