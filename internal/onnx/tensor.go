package onnx

import (
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/proto"
)

// FloatTensor makes a float32 initialiser; the shape's product must be len(values).
func FloatTensor(name string, values []float32, shape ...int64) *TensorProto {
	raw := make([]byte, 4*len(values))
	for i, v := range values {
		binary.LittleEndian.PutUint32(raw[4*i:], math.Float32bits(v))
	}
	return &TensorProto{Name: proto.String(name), DataType: proto.Int32(int32(TensorProto_FLOAT)), Dims: shape, RawData: raw}
}

// IntTensor makes an int64 initialiser; no shape at all makes a scalar of one value.
func IntTensor(name string, values []int64, shape ...int64) *TensorProto {
	raw := make([]byte, 8*len(values))
	for i, v := range values {
		binary.LittleEndian.PutUint64(raw[8*i:], uint64(v))
	}
	return &TensorProto{Name: proto.String(name), DataType: proto.Int32(int32(TensorProto_INT64)), Dims: shape, RawData: raw}
}

// Floats are the values of a float32 tensor.
func Floats(t *TensorProto) ([]float32, error) {
	if err := readable(t, TensorProto_FLOAT); err != nil {
		return nil, err
	}
	raw := t.GetRawData()
	if len(raw) == 0 {
		return t.GetFloatData(), nil
	}
	out := make([]float32, len(raw)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return out, nil
}

// Ints are the values of an int64 tensor.
func Ints(t *TensorProto) ([]int64, error) {
	if err := readable(t, TensorProto_INT64); err != nil {
		return nil, err
	}
	raw := t.GetRawData()
	if len(raw) == 0 {
		return t.GetInt64Data(), nil
	}
	out := make([]int64, len(raw)/8)
	for i := range out {
		out[i] = int64(binary.LittleEndian.Uint64(raw[8*i:]))
	}
	return out, nil
}

// readable also guards tensors that lie in nodes, which Parse does not look at.
func readable(t *TensorProto, kind TensorProto_DataType) error {
	if TensorProto_DataType(t.GetDataType()) != kind {
		return fmt.Errorf("tensor %q is %s, not %s", t.GetName(), typeName(TensorProto_DataType(t.GetDataType())), typeName(kind))
	}
	return checkTensor(t)
}
