package onnx

import (
	"bytes"
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/proto"
)

// ErrFormat marks bytes that are no usable ONNX model.
var ErrFormat = errors.New("not a usable ONNX model")

// maxNesting bounds how deep messages may lie in each other; real files need about ten.
const maxNesting = 64

// Parse decodes a model and checks what the rest of this package relies on:
// there is a graph with nodes, an operator set, and every initialiser holds as
// many bytes as its shape claims, inside the file. Errors wrap ErrFormat.
func Parse(data []byte) (*ModelProto, error) {
	if len(data) == 0 {
		return nil, fmt.Errorf("%w: the file is empty", ErrFormat)
	}
	if bytes.HasPrefix(data, []byte("version https://git-lfs")) {
		return nil, fmt.Errorf("%w: it is a Git LFS pointer, the model itself was never fetched (git lfs pull)", ErrFormat)
	}
	m := &ModelProto{}
	if err := (proto.UnmarshalOptions{RecursionLimit: maxNesting}).Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("%w: truncated, damaged or of another kind (%v)", ErrFormat, err)
	}
	if m.GetGraph() == nil || len(m.GetGraph().GetNode()) == 0 {
		return nil, fmt.Errorf("%w: it holds no graph with nodes: truncated, or of another kind", ErrFormat)
	}
	if Opset(m) == 0 {
		return nil, fmt.Errorf("%w: it names no operator set", ErrFormat)
	}
	for _, t := range m.GetGraph().GetInitializer() {
		if err := checkTensor(t); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Opset is the version of the standard operators that a model asks for, 0 if it names none.
func Opset(m *ModelProto) int64 {
	for _, o := range m.GetOpsetImport() {
		if isStandard(o.GetDomain()) {
			return o.GetVersion()
		}
	}
	return 0
}

// Marshal encodes a model; the same model gives the same bytes.
func Marshal(m *ModelProto) ([]byte, error) {
	return proto.MarshalOptions{Deterministic: true}.Marshal(m)
}

// Clone copies a model deeply.
func Clone(m *ModelProto) *ModelProto { return proto.Clone(m).(*ModelProto) }

func isStandard(domain string) bool { return domain == "" || domain == "ai.onnx" }

func checkTensor(t *TensorProto) error {
	if t.GetDataLocation() == TensorProto_EXTERNAL || len(t.GetExternalData()) > 0 {
		return fmt.Errorf("%w: the weights (%s) lie in a second file, %q; join them first: python3 -c \"import onnx; onnx.save(onnx.load('IN.onnx'), 'OUT.onnx')\"",
			ErrFormat, t.GetName(), externalFile(t))
	}
	n, err := elements(t.GetDims())
	if err != nil {
		return fmt.Errorf("%w: initialiser %q: %v", ErrFormat, t.GetName(), err)
	}
	have, known := storedElements(t)
	if known && have != n {
		return fmt.Errorf("%w: initialiser %q claims %d values (shape %v) and holds %d", ErrFormat, t.GetName(), n, t.GetDims(), have)
	}
	return nil
}

func externalFile(t *TensorProto) string {
	for _, e := range t.GetExternalData() {
		if e.GetKey() == "location" {
			return e.GetValue()
		}
	}
	return "?"
}

// elements is the product of the dimensions; negative ones and overflow are errors.
func elements(dims []int64) (int64, error) {
	n := int64(1)
	for _, d := range dims {
		if d < 0 {
			return 0, fmt.Errorf("negative dimension in shape %v", dims)
		}
		if d != 0 && n > math.MaxInt32/d {
			return 0, fmt.Errorf("shape %v is larger than an ONNX file can be", dims)
		}
		n *= d
	}
	return n, nil
}

// storedElements counts the values that lie in a tensor of one of the common
// types; known is false for the others.
func storedElements(t *TensorProto) (n int64, known bool) {
	size := map[TensorProto_DataType]int64{
		TensorProto_FLOAT: 4, TensorProto_INT32: 4, TensorProto_INT64: 8, TensorProto_DOUBLE: 8,
	}[TensorProto_DataType(t.GetDataType())]
	if size == 0 {
		return 0, false
	}
	if len(t.GetRawData()) > 0 {
		if int64(len(t.GetRawData()))%size != 0 {
			return -1, true
		}
		return int64(len(t.GetRawData())) / size, true
	}
	return int64(len(t.GetFloatData()) + len(t.GetInt32Data()) + len(t.GetInt64Data()) + len(t.GetDoubleData())), true
}
