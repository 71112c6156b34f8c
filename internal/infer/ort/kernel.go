package ort

import (
	"errors"
	"fmt"
	"strings"

	binding "github.com/yalue/onnxruntime_go"

	"mhp/internal/model"
	"mhp/internal/tensor"
)

// Kernel is any graph with fixed float32 inputs, ready to be run again and
// again: for measuring what Open would not take, such as a single operator.
// It is for one goroutine.
type Kernel struct {
	session *binding.DynamicAdvancedSession
	inputs  []binding.Value
	outputs []binding.Value
}

// OpenKernel loads a model from memory. Its inputs are taken in the graph's
// order, and read anew at each run. Errors wrap ErrLibrary or model.ErrModel.
func OpenKernel(where LibraryOptions, data []byte, inputs []tensor.Tensor, o Options) (kernel *Kernel, err error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	library, img, err := acquire(where)
	if err != nil {
		return nil, err
	}
	k := &Kernel{}
	defer func() {
		if err != nil {
			err = errors.Join(err, k.Close())
		}
	}()
	inputInfo, outputInfo, err := binding.GetInputOutputInfoWithONNXData(data)
	if err != nil {
		return nil, fmt.Errorf("%w: ONNX Runtime does not load it: %v", model.ErrModel, err)
	}
	if len(inputInfo) != len(inputs) {
		return nil, fmt.Errorf("%w: it has %d inputs, not %d", model.ErrModel, len(inputInfo), len(inputs))
	}
	s := &Session{spec: &model.Spec{Name: "kernel"}, library: library, threads: o.Threads}
	for i, info := range inputInfo {
		s.inputs = append(s.inputs, info.Name)
		v, err := binding.NewTensor(binding.NewShape(inputs[i].Shape...), inputs[i].Data)
		if err != nil {
			return nil, fmt.Errorf("input %s of shape %v: %w", info.Name, inputs[i].Shape, err)
		}
		k.inputs = append(k.inputs, v)
	}
	for _, info := range outputInfo {
		s.outputs = append(s.outputs, info.Name)
	}
	k.outputs = make([]binding.Value, len(outputInfo)) // the library makes them at the first run
	plans, err := o.plans(library)
	if err != nil {
		return nil, err
	}
	k.session, err = s.start(img, data, plans[len(plans)-1], o)
	return k, err
}

// Run runs the graph once. The outputs of the last run stay in memory.
func (k *Kernel) Run() error {
	if err := k.session.Run(k.inputs, k.outputs); err != nil {
		return fmt.Errorf("%w: it does not run: %v", model.ErrModel, strings.TrimSpace(err.Error()))
	}
	return nil
}

// Close frees the session and its memory.
func (k *Kernel) Close() error {
	var errs []error
	for _, v := range append(k.inputs, k.outputs...) {
		if v != nil {
			errs = append(errs, v.Destroy())
		}
	}
	if k.session != nil {
		errs = append(errs, k.session.Destroy())
	}
	return errors.Join(append(errs, release())...)
}
