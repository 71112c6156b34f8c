package cli

import (
	"io"
	"iter"

	"mhp/internal/frame"
	"mhp/internal/pipeline"
	"mhp/internal/sink"
	"mhp/internal/source"
)

// images is the pipeline's view of the pictures that the command line names.
type images struct {
	total int // -1 while they arrive on standard input
	next  func() (source.Input, error, bool)
	stop  func()
	opts  source.Options
	known *sink.Inputs // what no output may overwrite
}

// newImages lists the inputs. Paths on standard input are taken as they
// arrive; all others are listed at once, so that the progress has an end.
func newImages(args []string, f *predictFlags, stdin io.Reader) *images {
	s := &images{total: -1, opts: source.Options{MaxPixels: f.maxPixels, Pool: &source.Pool{}}, known: sink.NewInputs()}
	inputs := source.Inputs(args, f.list, stdin)
	if !f.list {
		inputs, s.total = collect(inputs, s.known)
	}
	s.next, s.stop = iter.Pull2(inputs)
	return s
}

func collect(inputs iter.Seq2[source.Input, error], known *sink.Inputs) (iter.Seq2[source.Input, error], int) {
	type entry struct {
		in  source.Input
		err error
	}
	var all []entry
	for in, err := range inputs {
		all = append(all, entry{in, err})
		if err == nil {
			known.Add(in.Path)
		}
	}
	return func(yield func(source.Input, error) bool) {
		for _, e := range all {
			if !yield(e.in, e.err) {
				return
			}
		}
	}, len(all)
}

// Next implements pipeline.Source.
func (s *images) Next() (pipeline.Job, error) {
	in, err, ok := s.next()
	if !ok {
		return pipeline.Job{}, io.EOF
	}
	if err != nil {
		return pipeline.Job{}, err
	}
	return pipeline.Job{Name: in.Name, Decode: func() (*frame.Frame, error) {
		f, err := in.Decode(s.opts)
		if err == nil {
			fitHeap(f, s.decodeWorkers())
		}
		return f, err
	}}, nil
}

// Close ends the listing.
func (s *images) Close() { s.stop() }
