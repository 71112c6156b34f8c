package pipeline

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"mhp/internal/detect"
	"mhp/internal/frame"
	"mhp/internal/pose"
	"mhp/internal/source"
)

// VideoSource gives frames that follow each other; source.Video is one.
type VideoSource interface {
	// Next waits for the next frame; io.EOF is the end, a *source.BadFrame
	// costs one frame, any other error ends the video.
	Next(ctx context.Context) (*frame.Frame, error)
}

// VideoOptions configures Video.
type VideoOptions struct {
	// Live drops old frames instead of letting them wait. Else every frame is worked on.
	Live bool
	// Pixels says that the sink looks at frames; without it gets none.
	Pixels bool
	// Hold may make a source wait before each frame; may be nil.
	Hold func(ctx context.Context) error
	// Failed hears of each frame that could not be read; may be nil.
	Failed func(err error)
	// Finish completes a result with what only the program knows; may be nil.
	Finish func(p *pose.Picture)
	// Done hears of each frame that is written; may be nil.
	Done func(p *pose.Picture)
	// Delay is set to the newest delay from capture to result, in nanoseconds; may be nil.
	Delay *atomic.Int64
}

// VideoSummary says what Video did. Frames that were read are written, dropped or failed.
type VideoSummary struct {
	Frames, Dropped, Failed int
	People                  int           // ids given
	Took                    time.Duration // from the beginning to the last result
	Length                  time.Duration // of the video's own time, first to last written
	ToResult, ToWritten     Delays        // from capture, live sources only
	Read, Write             time.Duration // in the source (waiting included) and in the sink
	Follow                  FollowTimings
	// Hung says that the source did not come back from its last call, so that it must not be closed.
	Hung bool
}

// seenFrame is a frame with what was found in it ahead of time.
type seenFrame struct {
	frame *frame.Frame
	boxes []detect.Box
	asked bool
	err   error
}

type videoResult struct {
	frame   *frame.Frame
	picture *pose.Picture
}

// Video runs a video through a follower into a sink, each stage in a goroutine of its own:
//
//	capture --newest--> find --> follow --> write
//
// Of a live source the newest frame is taken and older ones are dropped where a
// stage is busy, so that nothing queues up; of any other every frame is worked on.
//
// It returns when the source ends (nil, or the source's error), when a sink
// fails, or when ctx does: then what is under way is written and ctx's error
// returned. The sink is left to the caller to close.
func Video(ctx context.Context, src VideoSource, f *Follower, sink Sink, opts VideoOptions) (VideoSummary, error) {
	stop, cancel := context.WithCancel(ctx)
	defer cancel()
	v := &videoRun{src: src, follower: f, sink: sink, opts: opts, stop: stop, cancel: cancel, start: time.Now()}
	queue := 2
	if opts.Live {
		queue = 1
	}
	captured := make(chan *frame.Frame, queue)
	found := make(chan seenFrame)
	results := make(chan videoResult, 1)

	ended := make(chan error, 1)
	go func() { ended <- v.capture(captured) }()
	var group sync.WaitGroup
	group.Go(func() { v.find(captured, found) })
	group.Go(func() { v.follow(found, results) })
	v.write(context.WithoutCancel(ctx), results)
	group.Wait()
	err := v.await(ended, captured)
	v.summary.People, v.summary.Follow = f.People(), f.Timings()
	v.summary.Dropped, v.summary.Failed = int(v.dropped.Load()), int(v.failed.Load())
	switch failure := v.failure.Load(); {
	case failure != nil:
		return v.summary, *failure
	case ctx.Err() != nil:
		return v.summary, ctx.Err()
	}
	return v.summary, err
}

// videoRun is what the stages share.
type videoRun struct {
	src      VideoSource
	follower *Follower
	sink     Sink
	opts     VideoOptions
	stop     context.Context
	cancel   context.CancelFunc
	start    time.Time

	dropped, failed atomic.Int64
	read            atomic.Int64
	summary         VideoSummary // written by write, then by Video

	failure atomic.Pointer[error] // the first of find, follow or write
}

// fail ends the run with an error.
func (v *videoRun) fail(err error) {
	v.failure.CompareAndSwap(nil, &err)
	v.cancel()
}

// patience is how long a source may take to come back after the run was
// stopped: OpenCV cannot be interrupted.
const patience = 3 * time.Second

// await waits for the source's last call and hands back what it still gave.
func (v *videoRun) await(ended <-chan error, captured <-chan *frame.Frame) error {
	v.cancel()
	select {
	case err := <-ended:
		for f := range captured {
			f.Release()
		}
		v.summary.Read = time.Duration(v.read.Load())
		return err
	case <-time.After(patience):
		v.summary.Hung = true
		return nil
	}
}

// capture reads the source to its end.
func (v *videoRun) capture(out chan *frame.Frame) error {
	defer close(out)
	for v.stop.Err() == nil {
		if v.opts.Hold != nil {
			if err := v.opts.Hold(v.stop); err != nil {
				return err
			}
		}
		start := time.Now()
		f, err := v.src.Next(v.stop)
		v.read.Add(int64(time.Since(start)))
		var bad *source.BadFrame
		switch {
		case errors.As(err, &bad):
			v.failed.Add(1)
			if v.opts.Failed != nil {
				v.opts.Failed(err)
			}
			continue
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if v.opts.Live {
			v.post(out, f)
			continue
		}
		select {
		case out <- f:
		case <-v.stop.Done():
			f.Release()
		}
	}
	return v.stop.Err()
}

// post puts a frame in the place of an older one that nobody took.
func (v *videoRun) post(out chan *frame.Frame, f *frame.Frame) {
	for {
		select {
		case out <- f:
			return
		default:
		}
		select {
		case old := <-out:
			v.drop(old)
		default:
		}
	}
}

func (v *videoRun) drop(f *frame.Frame) {
	f.Release()
	v.dropped.Add(1)
}

// find asks the finder every few frames, while follow works on the frame before.
func (v *videoRun) find(in <-chan *frame.Frame, out chan<- seenFrame) {
	defer close(out)
	every := v.follower.opts.DetectEvery
	since := every
	for {
		f := v.next(in)
		if f == nil {
			return
		}
		s := seenFrame{frame: f}
		if since++; v.follower.Ahead() && since > every {
			since = 1
			s.boxes, s.err = v.follower.Find(context.WithoutCancel(v.stop), f)
			s.asked = true
		}
		v.hand(s, in, out)
	}
}

// next waits for a frame; nil is the end. A source that hangs closes nothing.
func (v *videoRun) next(in <-chan *frame.Frame) *frame.Frame {
	if v.stop.Err() != nil {
		return nil
	}
	select {
	case f := <-in:
		return f
	case <-v.stop.Done():
		return nil
	}
}

// hand waits for follow to take the frame. A live one that was not searched
// gives way to a newer one.
func (v *videoRun) hand(s seenFrame, in <-chan *frame.Frame, out chan<- seenFrame) {
	newer := in
	if !v.opts.Live || s.asked {
		newer = nil
	}
	for {
		select {
		case out <- s:
			return
		case f, ok := <-newer:
			if !ok {
				newer = nil
				continue
			}
			v.drop(s.frame)
			s.frame = f
		}
	}
}

func (v *videoRun) follow(in <-chan seenFrame, out chan<- videoResult) {
	defer close(out)
	for s := range in {
		err := s.err
		var p *pose.Picture
		if err == nil && v.stop.Err() == nil {
			p, err = v.follower.Picture(context.WithoutCancel(v.stop), s.frame, s.boxes, s.asked)
		}
		if err != nil {
			v.fail(err)
		}
		if p == nil {
			s.frame.Release()
			continue
		}
		v.arrived(s.frame)
		out <- videoResult{s.frame, p}
	}
}

// arrived notes how old the frame is now that its result is there.
func (v *videoRun) arrived(f *frame.Frame) {
	if f.Captured.IsZero() {
		return
	}
	d := time.Since(f.Captured)
	v.summary.ToResult.Add(d)
	if v.opts.Delay != nil {
		v.opts.Delay.Store(int64(d))
	}
}

// write drains results to their end, also after an error, so that no stage hangs.
func (v *videoRun) write(ctx context.Context, in <-chan videoResult) {
	first := time.Duration(-1)
	for r := range in {
		if first < 0 {
			first = r.picture.Time
		}
		if v.failure.Load() == nil {
			v.writeOne(ctx, r)
		}
		v.summary.Took = time.Since(v.start)
		v.summary.Length = r.picture.Time - first
		r.frame.Release()
	}
}

func (v *videoRun) writeOne(ctx context.Context, r videoResult) {
	if v.opts.Finish != nil {
		v.opts.Finish(r.picture)
	}
	pixels := r.frame
	if !v.opts.Pixels {
		pixels = nil
	}
	begun := time.Now()
	if err := v.sink.Write(ctx, pixels, r.picture); err != nil {
		v.fail(err)
		return
	}
	v.summary.Write += time.Since(begun)
	v.summary.Frames++
	if !r.frame.Captured.IsZero() {
		v.summary.ToWritten.Add(time.Since(r.frame.Captured))
	}
	if v.opts.Done != nil {
		v.opts.Done(r.picture)
	}
}
