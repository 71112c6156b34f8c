package source

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mhp/internal/frame"
)

// ReconnectOptions says how a live source that broke is opened again.
type ReconnectOptions struct {
	Open func() (Video, error)
	// GiveUp is for how long it is tried after the last frame; 0: not at all.
	GiveUp time.Duration
	// First and Most bound the wait between two attempts, which doubles. 0: 0.5 s and 8 s.
	First, Most time.Duration
	// Broke hears of each break and of each failed attempt, Back of each frame that ends one.
	Broke func(err error, wait time.Duration)
	Back  func()
}

// Reconnecting opens a live source again when it breaks, waiting longer and
// longer in between. Frames go on counting; their times are those since the
// first frame, however long the break was.
func Reconnecting(v Video, o ReconnectOptions) Video {
	if o.First <= 0 {
		o.First = 500 * time.Millisecond
	}
	if o.Most <= 0 {
		o.Most = 8 * time.Second
	}
	return &reconnecting{current: v, opts: o, info: v.Info()}
}

type reconnecting struct {
	current Video // nil while it is broken
	opts    ReconnectOptions
	info    VideoInfo

	index int
	start time.Time     // of the first frame
	base  time.Duration // what the current connection's times are counted from
	begun bool          // the current connection gave a frame
	clock Clock
}

func (r *reconnecting) Info() VideoInfo { return r.info }

func (r *reconnecting) Close() error {
	if r.current == nil {
		return nil
	}
	return r.current.Close()
}

func (r *reconnecting) Next(ctx context.Context) (*frame.Frame, error) {
	f, err := r.current.Next(ctx)
	var bad *BadFrame
	if err != nil && ctx.Err() == nil && !errors.As(err, &bad) {
		f, err = r.again(ctx, err)
	}
	if err != nil {
		return nil, err
	}
	r.place(f)
	return f, nil
}

// place gives the frame its number and its time in the whole run.
func (r *reconnecting) place(f *frame.Frame) {
	now := time.Now()
	if r.index == 0 {
		r.start, r.clock.FPS = now, r.info.FPS
	}
	if !r.begun {
		r.begun, r.base = true, now.Sub(r.start)-f.Time
	}
	f.Index, f.Time = r.index, r.clock.Next(r.base+f.Time)
	r.index++
}

// again opens the source until it gives a frame or the time is up.
func (r *reconnecting) again(ctx context.Context, why error) (*frame.Frame, error) {
	until := time.Now().Add(r.opts.GiveUp)
	for wait := r.opts.First; ; wait = min(2*wait, r.opts.Most) {
		if r.current != nil {
			// It is broken already; what closing it says does not matter.
			_ = r.current.Close()
			r.current = nil
		}
		if left := time.Until(until); left < wait {
			if left <= 0 {
				r.current = closed{}
				return nil, fmt.Errorf("%s: gave up after %s without a frame: %w", r.info.Name, r.opts.GiveUp, why)
			}
			wait = left
		}
		if r.opts.Broke != nil {
			r.opts.Broke(why, wait)
		}
		if err := sleep(ctx, wait); err != nil {
			r.current = closed{}
			return nil, err
		}
		f, err := r.attempt(ctx)
		if err == nil {
			if r.opts.Back != nil {
				r.opts.Back()
			}
			return f, nil
		}
		why = err
	}
}

func (r *reconnecting) attempt(ctx context.Context) (*frame.Frame, error) {
	v, err := r.opts.Open()
	if err != nil {
		return nil, err
	}
	r.current, r.begun = v, false
	return v.Next(ctx)
}

// closed is what is left of a source that was given up.
type closed struct{}

func (closed) Info() VideoInfo                            { return VideoInfo{} }
func (closed) Next(context.Context) (*frame.Frame, error) { return nil, ErrBroken }
func (closed) Close() error                               { return nil }
