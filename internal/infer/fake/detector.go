package fake

import (
	"context"

	"mhp/internal/model"
	"mhp/internal/tensor"
)

// Detector implements infer.DetectorRunner: it answers every picture with
// Outputs, or with what Answer makes of the input.
type Detector struct {
	Outputs []tensor.Tensor
	Answer  func(input tensor.Tensor) ([]tensor.Tensor, error)
	Err     error // if set, what Run returns

	Runs   int
	Closed bool

	spec  *model.Detector
	input tensor.Tensor
}

// NewDetector returns a runner for a detector with that meaning.
func NewDetector(spec *model.Detector) *Detector {
	return &Detector{spec: spec, input: tensor.New(1, 3, int64(spec.InputHPx), int64(spec.InputWPx))}
}

// Spec is the network's meaning.
func (d *Detector) Spec() *model.Detector { return d.spec }

// Input is the buffer [1,3,H,W].
func (d *Detector) Input() tensor.Tensor { return d.input }

// Run answers with the numbers that were set.
func (d *Detector) Run(ctx context.Context) ([]tensor.Tensor, error) {
	d.Runs++
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if d.Err != nil || d.Answer == nil {
		return d.Outputs, d.Err
	}
	return d.Answer(d.input)
}

// Provider is "fake".
func (d *Detector) Provider() string { return "fake" }

// Close ends the runner.
func (d *Detector) Close() error {
	d.Closed = true
	return nil
}
