package ort

import (
	"errors"
	"fmt"

	binding "github.com/yalue/onnxruntime_go"

	"mhp/internal/model"
	"mhp/internal/tensor"
)

// RunOnce runs any model with one float32 input, on the CPU with one thread,
// and returns all its float32 outputs by name. It is for looking at files that
// are not ours yet; Open is for work. Errors wrap ErrLibrary or model.ErrModel.
func RunOnce(where LibraryOptions, data []byte, input tensor.Tensor) (outputs map[string]tensor.Tensor, err error) {
	if _, _, err := acquire(where); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	session, names, err := openAny(data)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, session.Destroy()) }()
	in, err := binding.NewTensor(binding.NewShape(input.Shape...), input.Data)
	if err != nil {
		return nil, fmt.Errorf("input of shape %v: %w", input.Shape, err)
	}
	defer func() { err = errors.Join(err, in.Destroy()) }()
	values := make([]binding.Value, len(names)) // nil: the library makes them
	if err := session.Run([]binding.Value{in}, values); err != nil {
		return nil, fmt.Errorf("%w: it does not run on an input of shape %v: %v", model.ErrModel, input.Shape, err)
	}
	outputs = map[string]tensor.Tensor{}
	for i, value := range values {
		if t, ok := value.(*binding.Tensor[float32]); ok {
			outputs[names[i]] = tensor.Tensor{
				Shape: append([]int64(nil), t.GetShape()...),
				Data:  append([]float32(nil), t.GetData()...),
			}
		}
		err = errors.Join(err, value.Destroy())
	}
	return outputs, err
}

// openAny opens a session for a model of which nothing is known but its bytes.
func openAny(data []byte) (session *binding.DynamicAdvancedSession, outputs []string, err error) {
	inputInfo, outputInfo, err := binding.GetInputOutputInfoWithONNXData(data)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: ONNX Runtime does not load it: %v", model.ErrModel, err)
	}
	if len(inputInfo) != 1 {
		return nil, nil, fmt.Errorf("%w: it has %d inputs, not one", model.ErrModel, len(inputInfo))
	}
	for _, info := range outputInfo {
		outputs = append(outputs, info.Name)
	}
	options, err := binding.NewSessionOptions()
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, options.Destroy()) }()
	if err := errors.Join(options.SetIntraOpNumThreads(1), options.SetLogSeverityLevel(binding.LoggingLevelFatal)); err != nil {
		return nil, nil, err
	}
	session, err = binding.NewDynamicAdvancedSessionWithONNXData(data, []string{inputInfo[0].Name}, outputs, options)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: ONNX Runtime does not load it: %v", model.ErrModel, err)
	}
	return session, outputs, nil
}
