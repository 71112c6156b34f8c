// Package pipeline joins the stages with bounded queues and owns goroutines and timings.
//
//	Source --jobs--> decode (workers) --frames, in order--> Estimator --results--> Sink
//
// Every queue is short: a fast decoder waits for a slow network instead of
// filling the memory with pictures.
package pipeline

import (
	"context"
	"errors"
	"io"
	"sync"

	"mhp/internal/frame"
	"mhp/internal/pose"
)

// Job is one picture that waits to be decoded.
type Job struct {
	Name   string
	Decode func() (*frame.Frame, error)
}

// Source lists the pictures; it need not be safe for several goroutines.
type Source interface {
	// Next gives the next picture, io.EOF after the last. Any other error is
	// one input that cannot be had; the source may go on after it.
	Next() (Job, error)
}

// Sink takes results in the order of their index, one call at a time. The
// frame must not be kept: it goes back to its source when Write returns.
type Sink interface {
	Write(ctx context.Context, f *frame.Frame, p *pose.Picture) error
	// Close ends the output; what was written stays readable.
	Close() error
}

// BatchOptions configures Batch.
type BatchOptions struct {
	DecodeWorkers int // pictures decoded at the same time, at least 1
	Queue         int // decoded pictures that may wait, at least 1
	// Failed hears of each picture that could not be done; the rest go on.
	Failed func(err error)
	// Done hears of each picture that is finished, failed or not.
	Done func(name string, p *pose.Picture)
	// Finish completes a result with what only the program knows, such as the model's hash.
	Finish func(p *pose.Picture)
}

// Summary counts what Batch did.
type Summary struct{ Pictures, Failed, People int }

// slot is a picture on its way; its channel holds the outcome of decoding.
type slot struct {
	job     Job
	decoded chan decoded
}

type decoded struct {
	frame *frame.Frame
	err   error
}

type finished struct {
	name    string
	frame   *frame.Frame
	picture *pose.Picture
	err     error
}

// Batch runs every picture of src through the estimator into the sink. One bad
// picture is reported and the rest go on; a sink that fails ends the batch,
// since everything after it would be lost.
//
// When ctx ends, the picture at hand is finished and written, no new one is
// begun, and Batch returns ctx's error.
func Batch(ctx context.Context, src Source, e *Estimator, sink Sink, opts BatchOptions) (Summary, error) {
	stop, cancel := context.WithCancel(ctx)
	defer cancel()
	slots := make(chan *slot, max(1, opts.Queue))
	work := make(chan *slot)
	results := make(chan finished, 1)

	var group sync.WaitGroup
	group.Go(func() { list(stop, src, slots, work) })
	for range max(1, opts.DecodeWorkers) {
		group.Go(func() { decode(work) })
	}
	group.Go(func() { estimate(stop, e, slots, results) })

	summary, err := write(context.WithoutCancel(ctx), results, sink, opts, cancel)
	group.Wait()
	if err == nil {
		err = ctx.Err()
	}
	return summary, err
}

// list hands every job to a decoder and, in the source's order, to the estimator.
func list(stop context.Context, src Source, slots, work chan<- *slot) {
	defer close(slots)
	defer close(work)
	for {
		job, err := src.Next()
		if errors.Is(err, io.EOF) || stop.Err() != nil {
			return
		}
		if err != nil {
			job.Decode = func() (*frame.Frame, error) { return nil, err }
		}
		s := &slot{job: job, decoded: make(chan decoded, 1)}
		// Work first: a slot in the ordered queue must always get decoded.
		select {
		case work <- s:
		case <-stop.Done():
			return
		}
		slots <- s
	}
}

func decode(work <-chan *slot) {
	for s := range work {
		f, err := s.job.Decode()
		s.decoded <- decoded{f, err}
	}
}

func estimate(stop context.Context, e *Estimator, slots <-chan *slot, results chan<- finished) {
	defer close(results)
	index := 0
	for s := range slots {
		d := <-s.decoded
		if stop.Err() != nil && index > 0 {
			release(d.frame)
			continue
		}
		done := finished{name: s.job.Name, frame: d.frame, err: d.err}
		if d.err == nil {
			d.frame.Index = index
			done.picture, done.err = e.Picture(context.WithoutCancel(stop), d.frame)
		}
		index++
		results <- done
	}
}

// write drains results to their end, also after an error, so that no stage hangs.
func write(ctx context.Context, results <-chan finished, sink Sink, opts BatchOptions, cancel func()) (Summary, error) {
	var summary Summary
	var failure error
	for r := range results {
		if failure == nil && r.err == nil {
			if opts.Finish != nil {
				opts.Finish(r.picture)
			}
			if failure = sink.Write(ctx, r.frame, r.picture); failure != nil {
				cancel()
			}
		}
		release(r.frame)
		if failure != nil {
			continue
		}
		if r.err != nil {
			summary.Failed++
			if opts.Failed != nil {
				opts.Failed(r.err)
			}
		} else {
			summary.Pictures++
			summary.People += len(r.picture.People)
		}
		if opts.Done != nil {
			opts.Done(r.name, r.picture)
		}
	}
	return summary, failure
}

func release(f *frame.Frame) {
	if f != nil {
		f.Release()
	}
}
