package onnx

import "google.golang.org/protobuf/proto"

// maxConstantSteps bounds how many nodes lie between a constant and its use.
const maxConstantSteps = 8

// constant follows a value back to a constant: an initialiser, a Constant node,
// or one of them behind Identity, Unsqueeze or Reshape. The tensor returned has
// the shape the value has there; nil if it is no constant.
func (g *Graph) constant(value string) *TensorProto {
	return g.constantWithin(value, maxConstantSteps)
}

func (g *Graph) constantWithin(value string, steps int) *TensorProto {
	if t, ok := g.initial[value]; ok {
		return t
	}
	n := g.producer[value]
	if n == nil || steps == 0 || !isStandard(n.GetDomain()) {
		return nil
	}
	if n.GetOpType() == "Constant" {
		return constantValue(n)
	}
	if len(n.GetInput()) == 0 {
		return nil
	}
	switch n.GetOpType() {
	case "Identity":
		return g.constantWithin(n.GetInput()[0], steps-1)
	case "Unsqueeze", "Reshape":
		inner := g.constantWithin(n.GetInput()[0], steps-1)
		if inner == nil {
			return nil
		}
		dims, ok := g.reshaped(n, inner.GetDims(), steps-1)
		if !ok {
			return nil
		}
		out := proto.Clone(inner).(*TensorProto)
		out.Dims = dims
		return out
	}
	return nil
}

// constantValue is what a Constant node holds.
func constantValue(n *NodeProto) *TensorProto {
	for _, a := range n.GetAttribute() {
		switch a.GetName() {
		case "value":
			return a.GetT()
		case "value_float":
			return FloatTensor("", []float32{a.GetF()})
		case "value_floats":
			return FloatTensor("", a.GetFloats(), int64(len(a.GetFloats())))
		case "value_int":
			return IntTensor("", []int64{a.GetI()})
		case "value_ints":
			return IntTensor("", a.GetInts(), int64(len(a.GetInts())))
		}
	}
	return nil
}

// reshaped is the shape that an Unsqueeze or a Reshape gives to a constant of shape dims.
func (g *Graph) reshaped(n *NodeProto, dims []int64, steps int) ([]int64, bool) {
	var list []int64
	if len(n.GetInput()) > 1 {
		t := g.constantWithin(n.GetInput()[1], steps)
		if t == nil {
			return nil, false
		}
		values, err := Ints(t)
		if err != nil {
			return nil, false
		}
		list = values
	} else {
		for _, a := range n.GetAttribute() {
			if a.GetName() == "axes" {
				list = a.GetInts()
			}
		}
	}
	if n.GetOpType() == "Reshape" {
		want, err := elements(list)
		have, err2 := elements(dims)
		return list, err == nil && err2 == nil && want == have && len(list) > 0
	}
	return unsqueezed(dims, list)
}

// unsqueezed inserts dimensions of 1 at the given positions of the result.
func unsqueezed(dims, axes []int64) ([]int64, bool) {
	rank := int64(len(dims) + len(axes))
	if len(axes) == 0 || len(axes) > 8 {
		return nil, false
	}
	out := make([]int64, rank)
	for _, axis := range axes {
		if axis < 0 {
			axis += rank
		}
		if axis < 0 || axis >= rank || out[axis] != 0 {
			return nil, false
		}
		out[axis] = 1
	}
	next := 0
	for i := range out {
		if out[i] == 0 {
			if next == len(dims) {
				return nil, false
			}
			out[i] = dims[next]
			next++
		}
	}
	return out, true
}
