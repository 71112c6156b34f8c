package ort

import (
	"context"
	"errors"
	"fmt"

	binding "github.com/yalue/onnxruntime_go"

	"mhp/internal/infer"
	"mhp/internal/model"
	"mhp/internal/tensor"
)

// detector implements infer.DetectorRunner. Outputs whose size the file states
// are written into fixed memory; others the library makes anew at each run,
// and they are copied.
type detector struct {
	spec    *model.Detector
	session *Session
	stop    *binding.RunOptions
	watcher watcher
	memory  batch
	run     *binding.AdvancedSession // nil: the library makes the outputs
	image   binding.Value
	outputs []tensor.Tensor
	closed  bool
}

// OpenDetector loads a network that finds people, for one goroutine. Errors
// wrap ErrLibrary or model.ErrModel.
func OpenDetector(where LibraryOptions, data []byte, spec *model.Detector, o Options) (_ infer.DetectorRunner, err error) {
	// Of the pose network's meaning a session needs only the name, for messages.
	s := &Session{spec: &model.Spec{Name: spec.Name}, inputs: []string{spec.Input}}
	for _, port := range spec.Outputs {
		s.outputs = append(s.outputs, port.Name)
	}
	if err := s.load(where, data, o); err != nil {
		return nil, err
	}
	d := &detector{spec: spec, session: s, outputs: make([]tensor.Tensor, len(spec.Outputs))}
	if d.stop, err = binding.NewRunOptions(); err != nil {
		return nil, errors.Join(fmt.Errorf("ONNX Runtime's run options: %w", err), s.Close())
	}
	d.watcher.start(d.stop)
	if err := d.bind(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// bind makes the input's memory and, where their sizes are known, the outputs'.
func (d *detector) bind() (err error) {
	d.memory.input = d.memory.memory(1, 3, int64(d.spec.InputHPx), int64(d.spec.InputWPx))
	if d.image, err = d.memory.value(d.memory.input, 0, 1); err != nil {
		return err
	}
	shapes := make([][]int64, len(d.outputs))
	for i, port := range d.spec.Outputs {
		shapes[i] = port.Shape
		switch {
		case sizeKnown(port):
		case d.spec.Format == model.FormatMHP:
			// Ours have one size, which the file need not state: a run shows it.
			if _, err := d.Run(context.Background()); err != nil {
				return err
			}
			shapes[i] = d.outputs[i].Shape
		default:
			return nil
		}
	}
	values := make([]binding.Value, len(d.outputs))
	for i, shape := range shapes {
		d.outputs[i] = d.memory.memory(1, shape[1:]...)
		if values[i], err = d.memory.value(d.outputs[i], 0, 1); err != nil {
			return err
		}
	}
	d.run, err = bind(d.session.native, []binding.Value{d.image}, values)
	return err
}

// sizeKnown tells whether an output is float32 and of one size for one picture.
func sizeKnown(port model.Port) bool {
	const elemFloat = 1 // TensorProto.DataType FLOAT of onnx.proto
	if port.ElemType != elemFloat || len(port.Shape) < 2 || port.Shape[0] != 1 && port.Shape[0] != model.AnyDim {
		return false
	}
	for _, dim := range port.Shape[1:] {
		if dim < 1 {
			return false
		}
	}
	return true
}

func (d *detector) Spec() *model.Detector { return d.spec }

func (d *detector) Provider() string { return d.session.provider }

func (d *detector) Input() tensor.Tensor { return d.memory.input }

// Run allocates nothing where the file states the outputs' sizes.
func (d *detector) Run(ctx context.Context) ([]tensor.Tensor, error) {
	if d.closed {
		return nil, errors.New("infer/ort: the detector is closed")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	watched := d.watcher.begin(ctx)
	var made []binding.Value
	var err error
	if d.run != nil {
		err = d.run.RunWithOptions(d.stop)
	} else {
		made = make([]binding.Value, len(d.outputs)) // nil: the library makes them
		err = d.session.native.RunWithOptions([]binding.Value{d.image}, made, d.stop)
	}
	if watched && d.watcher.end() {
		// The library has stopped; the next run may go on.
		return nil, errors.Join(ctx.Err(), d.stop.UnsetTerminate(), destroy(made))
	}
	if err != nil {
		return nil, errors.Join(d.session.runError(err), destroy(made))
	}
	for i, v := range made {
		if d.outputs[i], err = copied(v, d.outputs[i].Data[:0]); err != nil {
			err = fmt.Errorf("%w %s: output %s: %w", model.ErrModel, d.spec.Name, d.spec.Outputs[i].Name, err)
			break
		}
	}
	return d.outputs, errors.Join(err, destroy(made))
}

func destroy(values []binding.Value) error {
	var errs []error
	for _, v := range values {
		if v != nil {
			errs = append(errs, v.Destroy())
		}
	}
	return errors.Join(errs...)
}

// copied is what the library made, as float32, in the memory of into if it fits.
func copied(v binding.Value, into []float32) (tensor.Tensor, error) {
	switch t := v.(type) {
	case *binding.Tensor[float32]:
		return tensor.Tensor{Shape: t.GetShape(), Data: append(into, t.GetData()...)}, nil
	case *binding.Tensor[float64]:
		return tensor.Tensor{Shape: t.GetShape(), Data: converted(into, t.GetData())}, nil
	case *binding.Tensor[int64]:
		return tensor.Tensor{Shape: t.GetShape(), Data: converted(into, t.GetData())}, nil
	case *binding.Tensor[int32]:
		return tensor.Tensor{Shape: t.GetShape(), Data: converted(into, t.GetData())}, nil
	}
	return tensor.Tensor{}, fmt.Errorf("holds %T, not float32, float64, int32 or int64", v)
}

func converted[T float64 | int32 | int64](into []float32, values []T) []float32 {
	for _, v := range values {
		into = append(into, float32(v))
	}
	return into
}

// Close frees the memory and the session.
func (d *detector) Close() error {
	if d.closed {
		return nil
	}
	d.closed = true
	d.watcher.stop()
	return errors.Join(d.memory.free(), d.stop.Destroy(), d.session.Close())
}
