package ort

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"

	binding "github.com/yalue/onnxruntime_go"

	"mhp/internal/infer"
	"mhp/internal/model"
	"mhp/internal/tensor"
)

// MaxBatch is the largest number of crops in one run. At 256 x 256 px they are 200 MB of input.
const MaxBatch = 256

// runner implements infer.Runner.
type runner struct {
	session *Session
	batches []*batch // by number of crops; nil until asked for
	stop    *binding.RunOptions
	watcher watcher
	closed  bool
}

// batch is the memory for n crops, which the library reads and writes in
// place, and the runs that it takes.
type batch struct {
	input  tensor.Tensor
	output infer.Output
	runs   []*binding.AdvancedSession // one, or one each for as many crops as the graph takes
	values []binding.Value
	pins   runtime.Pinner
}

func newRunner(s *Session, stop *binding.RunOptions) *runner {
	r := &runner{session: s, stop: stop}
	r.watcher.start(stop)
	return r
}

func (r *runner) Spec() *model.Spec { return r.session.spec }

func (r *runner) Provider() string { return r.session.provider }

// Marginals tells whether the file has outputs for them.
func (r *runner) Marginals() bool { return r.session.ports.Plane != "" }

func (r *runner) Library() string { return "onnxruntime " + r.session.library.Version }

// Input returns the memory [n,3,H,W] that the library reads. It is made at the
// first call for n, kept until Close, and another for each n.
func (r *runner) Input(n int) (tensor.Tensor, error) {
	b, err := r.batch(n)
	if err != nil {
		return tensor.Tensor{}, err
	}
	return b.input, nil
}

func (r *runner) batch(n int) (*batch, error) {
	switch {
	case r.closed:
		return nil, errors.New("infer/ort: the runner is closed")
	case n < 1 || n > MaxBatch:
		return nil, fmt.Errorf("infer/ort: a run takes 1 to %d crops, not %d", MaxBatch, n)
	case n < len(r.batches) && r.batches[n] != nil:
		return r.batches[n], nil
	}
	b, err := r.session.newBatch(n)
	if err != nil {
		return nil, err
	}
	for len(r.batches) <= n {
		r.batches = append(r.batches, nil)
	}
	r.batches[n] = b
	return b, nil
}

// Run infers from the n crops in Input(n). The output's memory is the same at
// each call for the same n. It allocates nothing once Input(n) was called.
func (r *runner) Run(ctx context.Context, n int) (infer.Output, error) {
	b, err := r.batch(n)
	if err != nil {
		return infer.Output{}, err
	}
	if err := ctx.Err(); err != nil {
		return infer.Output{}, err
	}
	watched := r.watcher.begin(ctx)
	for _, run := range b.runs {
		if err = run.RunWithOptions(r.stop); err != nil {
			break
		}
	}
	if watched && r.watcher.end() {
		// The library has stopped; the next run may go on.
		return infer.Output{}, errors.Join(ctx.Err(), r.stop.UnsetTerminate())
	}
	if err != nil {
		return infer.Output{}, r.session.runError(err)
	}
	return b.output, nil
}

// runError tells a graph that lies about its shapes from a run that failed.
func (s *Session) runError(err error) error {
	text := err.Error()
	if strings.Contains(text, "shape") || strings.Contains(text, "dimension") {
		return fmt.Errorf("%w %s: what it computes is not what its metadata says: %v", model.ErrModel, s.spec.Name, err)
	}
	return fmt.Errorf("model %s on ONNX Runtime %s: %w", s.spec.Name, s.library.Version, err)
}

// Close frees the runner's memory, after any cancelled run has stopped, and
// the session if it was closed already.
func (r *runner) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	r.watcher.stop()
	var errs []error
	for _, b := range r.batches {
		if b != nil {
			errs = append(errs, b.free())
		}
	}
	errs = append(errs, r.stop.Destroy(), r.session.drop())
	return errors.Join(errs...)
}

// newBatch makes the memory for n crops and binds the graph to it.
func (s *Session) newBatch(n int) (_ *batch, err error) {
	perRun := n // crops
	if s.ports.Batch != 0 {
		if perRun = s.ports.Batch; n%perRun != 0 {
			return nil, fmt.Errorf("%w %s takes %d crops at a time, so %d cannot be run", model.ErrModel, s.spec.Name, perRun, n)
		}
	}
	b := &batch{}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.free())
		}
	}()
	joints := int64(len(s.spec.Set.Joints))
	b.input = b.memory(n, 3, int64(s.spec.InputHPx), int64(s.spec.InputWPx))
	outputs := make([]tensor.Tensor, 0, 4) // in the order of s.outputs
	if s.ports.Heatmap != "" {
		b.output.Heatmap = b.memory(n, joints*int64(s.spec.DepthBins), int64(s.spec.HeatH), int64(s.spec.HeatW))
		outputs = append(outputs, b.output.Heatmap)
	} else {
		b.output.Coords = b.memory(n, joints, 3)
		outputs = append(outputs, b.output.Coords)
		b.output.Score = b.memory(n, joints)
		if s.ports.Score != "" {
			outputs = append(outputs, b.output.Score)
		} else {
			for i := range b.output.Score.Data {
				b.output.Score.Data[i] = 1 // the network does not say how sure it is
			}
		}
		if s.ports.Plane != "" {
			b.output.Plane = b.memory(n, joints, int64(s.spec.HeatH*s.spec.HeatW))
			b.output.Depth = b.memory(n, joints, int64(s.spec.DepthBins))
			outputs = append(outputs, b.output.Plane, b.output.Depth)
		}
	}
	for first := 0; first < n; first += perRun {
		if err := s.bindRun(b, outputs, first, perRun); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// bindRun adds a run over crops first .. first+count.
func (s *Session) bindRun(b *batch, outputs []tensor.Tensor, first, count int) error {
	input, err := b.value(b.input, first, count)
	if err != nil {
		return err
	}
	values := make([]binding.Value, len(outputs))
	for i, out := range outputs {
		if values[i], err = b.value(out, first, count); err != nil {
			return err
		}
	}
	run, err := bind(s.native, []binding.Value{input}, values)
	if err != nil {
		return err
	}
	b.runs = append(b.runs, run)
	return nil
}

// memory makes a tensor [n, dims...] that the library may keep a pointer to.
func (b *batch) memory(n int, dims ...int64) tensor.Tensor {
	t := tensor.New(append([]int64{int64(n)}, dims...)...)
	b.pins.Pin(&t.Data[0])
	return t
}

// value is the library's view of crops first .. first+count of t.
func (b *batch) value(t tensor.Tensor, first, count int) (binding.Value, error) {
	each := len(t.Data) / int(t.Shape[0])
	shape := append(binding.Shape{int64(count)}, t.Shape[1:]...)
	v, err := binding.NewTensor(shape, t.Data[first*each:(first+count)*each])
	if err != nil {
		return nil, fmt.Errorf("ONNX Runtime tensor %v: %w", shape, err)
	}
	b.values = append(b.values, v)
	return v, nil
}

// free lets go of the library's views first, then of the memory below them.
func (b *batch) free() error {
	var errs []error
	for _, v := range b.values {
		errs = append(errs, v.Destroy())
	}
	b.pins.Unpin()
	return errors.Join(errs...)
}
