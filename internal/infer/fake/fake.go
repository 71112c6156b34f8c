// Package fake answers for a network with fixed numbers, for tests of what
// comes before and after it.
package fake

import (
	"context"
	"errors"
	"fmt"

	"mhp/internal/infer"
	"mhp/internal/model"
	"mhp/internal/tensor"
)

// Runner implements infer.Runner. Each crop gets the same answer unless Answer
// is set. It is for one goroutine, as a real one is.
type Runner struct {
	// Coords [J,3] and Score [J], or Heatmap [J*D,H,W]: what every crop gets.
	// What the model's head does not have is ignored; nil stands for zeros.
	Coords, Score, Heatmap []float32
	// Plane [J,H*W] and Depth [J,D]: marginals beside Coords; nil if the
	// network does not tell them.
	Plane, Depth []float32
	// Answer, if set, may change the output for the n crops in input, in place.
	Answer func(input tensor.Tensor, output infer.Output) error
	// Err, if set, is what Run returns.
	Err error

	// Runs and Crops count what was asked for; Closed tells whether Close was called.
	Runs, Crops int
	Closed      bool

	spec    *model.Spec
	inputs  map[int]tensor.Tensor
	outputs map[int]infer.Output
}

// New returns a runner for a network with that meaning, which answers zeros.
func New(spec *model.Spec) *Runner {
	return &Runner{spec: spec, inputs: map[int]tensor.Tensor{}, outputs: map[int]infer.Output{}}
}

// Spec is the network's meaning.
func (r *Runner) Spec() *model.Spec { return r.spec }

// Provider is "fake".
func (r *Runner) Provider() string { return "fake" }

// Marginals tells whether Plane is set.
func (r *Runner) Marginals() bool { return r.Plane != nil }

// Library is "fake 0.0.0".
func (r *Runner) Library() string { return "fake 0.0.0" }

// Input is the buffer [n,3,H,W]; the same memory for the same n.
func (r *Runner) Input(n int) (tensor.Tensor, error) {
	if r.Closed {
		return tensor.Tensor{}, errors.New("fake runner: closed")
	}
	if n < 1 {
		return tensor.Tensor{}, fmt.Errorf("fake runner: %d crops", n)
	}
	if _, ok := r.inputs[n]; !ok {
		r.inputs[n] = tensor.New(int64(n), 3, int64(r.spec.InputHPx), int64(r.spec.InputWPx))
		r.outputs[n] = r.newOutput(int64(n))
	}
	return r.inputs[n], nil
}

func (r *Runner) newOutput(n int64) infer.Output {
	joints := int64(len(r.spec.Set.Joints))
	if r.spec.Head == model.HeadHeatmap {
		return infer.Output{Heatmap: tensor.New(n, joints*int64(r.spec.DepthBins), int64(r.spec.HeatH), int64(r.spec.HeatW))}
	}
	out := infer.Output{Coords: tensor.New(n, joints, 3), Score: tensor.New(n, joints)}
	if r.Plane != nil {
		out.Plane, out.Depth = tensor.New(n, joints, int64(r.spec.HeatH*r.spec.HeatW)), tensor.New(n, joints, int64(r.spec.DepthBins))
	}
	return out
}

// Run answers with the numbers that were set.
func (r *Runner) Run(ctx context.Context, n int) (infer.Output, error) {
	input, err := r.Input(n)
	if err != nil {
		return infer.Output{}, err
	}
	r.Runs, r.Crops = r.Runs+1, r.Crops+n
	if err := ctx.Err(); err != nil {
		return infer.Output{}, err
	}
	if r.Err != nil {
		return infer.Output{}, r.Err
	}
	out := r.outputs[n]
	if err := errors.Join(repeat("coords", out.Coords, r.Coords), repeat("score", out.Score, r.Score), repeat("heatmap", out.Heatmap, r.Heatmap),
		repeat("plane", out.Plane, r.Plane), repeat("depth", out.Depth, r.Depth)); err != nil {
		return infer.Output{}, err
	}
	if r.Answer != nil {
		if err := r.Answer(input, out); err != nil {
			return infer.Output{}, err
		}
	}
	return out, nil
}

// repeat copies one crop's values to every crop of t.
func repeat(name string, t tensor.Tensor, values []float32) error {
	if len(t.Data) == 0 {
		return nil
	}
	each := len(t.Data) / int(t.Shape[0])
	if values == nil {
		clear(t.Data)
		return nil
	}
	if len(values) != each {
		return fmt.Errorf("fake runner: %s has %d values, a crop needs %d", name, len(values), each)
	}
	for at := 0; at < len(t.Data); at += each {
		copy(t.Data[at:], values)
	}
	return nil
}

// Close ends the runner.
func (r *Runner) Close() error {
	r.Closed = true
	return nil
}
