package pipeline

import (
	"context"
	"errors"
	"io"
	"time"

	"mhp/internal/frame"
	"mhp/internal/pose"
	"mhp/internal/source"
	"mhp/internal/track"
)

// TakeOptions say what is made of a whole take, once all of it was seen.
type TakeOptions struct {
	FillGap  time.Duration // people out of sight for at most this long are filled in; 0: nobody
	CutoffHz float64       // of the low-pass that looks ahead; 0: none
	Floor    bool          // one floor for all frames
}

// Take keeps the results of a video that look ahead: Video writes into it, Finish makes
// what can be made of all of them, and Replay writes them on.
type Take struct {
	pictures []*pose.Picture
	Filled   int // poses that were filled in
}

// Write keeps the result. The frame is not looked at.
func (t *Take) Write(_ context.Context, _ *frame.Frame, p *pose.Picture) error {
	t.pictures = append(t.pictures, p)
	return nil
}

// Close has nothing to do.
func (t *Take) Close() error { return nil }

// Frames is how many results there are.
func (t *Take) Frames() int { return len(t.pictures) }

// Finish looks at all results together.
func (t *Take) Finish(o TakeOptions) {
	if o.FillGap > 0 {
		t.Filled = track.FillGaps(t.pictures, o.FillGap)
	}
	if o.CutoffHz > 0 {
		track.Offline(t.pictures, o.CutoffHz)
	}
	if o.Floor {
		floor := track.NewFloor()
		for _, p := range t.pictures {
			floor.Add(p)
		}
		level := floor.Estimate()
		for _, p := range t.pictures {
			p.Level = level
		}
	}
}

// Replay writes the results to a sink. With src, the same video once more,
// each goes with its frame; without, none has one. done hears of each; it may be nil.
func (t *Take) Replay(ctx context.Context, src VideoSource, sink Sink, done func()) error {
	for _, p := range t.pictures {
		if err := ctx.Err(); err != nil {
			return err
		}
		f, err := frameOf(ctx, src, p.Index)
		if err != nil {
			return err
		}
		err = sink.Write(context.WithoutCancel(ctx), f, p)
		release(f)
		if err != nil {
			return err
		}
		if done != nil {
			done()
		}
	}
	return nil
}

// frameOf reads on to the frame of that index; nil without a source.
func frameOf(ctx context.Context, src VideoSource, index int) (*frame.Frame, error) {
	if src == nil {
		return nil, nil
	}
	for {
		f, err := src.Next(ctx)
		var bad *source.BadFrame
		switch {
		case errors.As(err, &bad):
			continue
		case errors.Is(err, io.EOF):
			return nil, errors.New("the video is shorter than when it was read first: was it changed meanwhile?")
		case err != nil:
			return nil, err
		case f.Index == index:
			return f, nil
		}
		f.Release()
	}
}
