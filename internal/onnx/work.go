package onnx

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"
)

// Work is how many multiplications, each with its addition, a graph asks for.
type Work struct {
	Conv, MatMul int64
}

// Total is all of it.
func (w Work) Total() int64 { return w.Conv + w.MatMul }

// MultiplyAdds counts the multiply-adds of convolutions and matrix products for
// one input of the given shape. Everything else of such a network is small
// beside them. A graph whose shapes cannot be followed is an error.
func MultiplyAdds(m *ModelProto, input []int64) (Work, error) {
	g := NewGraph(m)
	ins := g.Inputs()
	if len(ins) != 1 {
		return Work{}, fmt.Errorf("the graph has %d inputs, not one", len(ins))
	}
	s := shapes{graph: g, of: map[string][]int64{ins[0].GetName(): input}}
	for _, t := range m.GetGraph().GetInitializer() {
		s.of[t.GetName()] = t.GetDims()
	}
	var w Work
	for _, n := range m.GetGraph().GetNode() {
		if len(n.GetOutput()) == 0 {
			continue
		}
		out := s.output(n)
		s.of[n.Output[0]] = out
		switch n.GetOpType() {
		case "Conv":
			kernel := s.input(n, 1)
			if out == nil || len(kernel) != 4 {
				return Work{}, unknownShape(n)
			}
			w.Conv += product(out) * product(kernel[1:])
		case "MatMul":
			inner := s.input(n, 0)
			if out == nil {
				return Work{}, unknownShape(n)
			}
			w.MatMul += product(out) * inner[len(inner)-1]
		}
	}
	return w, nil
}

func unknownShape(n *NodeProto) error {
	return fmt.Errorf("%s %s: the shape of what it works on cannot be followed", n.GetOpType(), n.GetName())
}

func product(dims []int64) int64 {
	p := int64(1)
	for _, d := range dims {
		p *= d
	}
	return p
}

// shapes follows the shapes through a graph; nil is one that is not known.
type shapes struct {
	graph *Graph
	of    map[string][]int64
}

func (s *shapes) input(n *NodeProto, i int) []int64 {
	if i >= len(n.GetInput()) {
		return nil
	}
	return s.of[n.Input[i]]
}

// output is the shape of a node's first output.
func (s *shapes) output(n *NodeProto) []int64 {
	x := s.input(n, 0)
	switch n.GetOpType() {
	case "Conv":
		return convShape(n, x, s.input(n, 1))
	case "MatMul":
		return matMulShape(x, s.input(n, 1))
	case "Resize", "Upsample":
		return s.resized(n, x)
	case "Concat":
		return s.joined(n)
	case "Reshape":
		return s.reshaped(n, x)
	case "ReduceMax", "ReduceSum":
		return s.reduced(n, x)
	case "Unsqueeze":
		return s.unsqueezed(n, x)
	case "Constant":
		if t := constantValue(n); t != nil {
			return t.GetDims()
		}
		return nil
	case "LeakyRelu", "PRelu", "Relu", "Clip", "Exp", "Identity", "Reciprocal", "BatchNormalization":
		return x
	case "Add", "Sub", "Mul", "Div":
		return broadcast(x, s.input(n, 1))
	}
	return nil
}

// convShape is that of a two-dimensional convolution with pads stated in numbers.
func convShape(n *NodeProto, x, w []int64) []int64 {
	if len(x) != 4 || len(w) != 4 {
		return nil
	}
	strides, dilations, pads := []int64{1, 1}, []int64{1, 1}, []int64{0, 0, 0, 0}
	for _, a := range n.GetAttribute() {
		switch {
		case a.GetName() == "strides" && len(a.GetInts()) == 2:
			strides = a.GetInts()
		case a.GetName() == "dilations" && len(a.GetInts()) == 2:
			dilations = a.GetInts()
		case a.GetName() == "pads" && len(a.GetInts()) == 4:
			pads = a.GetInts()
		case a.GetName() == "auto_pad" && string(a.GetS()) != "NOTSET":
			return nil
		}
	}
	out := []int64{x[0], w[0], 0, 0}
	for i := range 2 {
		if strides[i] < 1 {
			return nil
		}
		out[2+i] = (x[2+i]+pads[i]+pads[2+i]-dilations[i]*(w[2+i]-1)-1)/strides[i] + 1
	}
	return out
}

func matMulShape(a, b []int64) []int64 {
	if len(a) < 2 || len(b) < 2 || a[len(a)-1] != b[len(b)-2] {
		return nil
	}
	batch := broadcast(a[:len(a)-2], b[:len(b)-2])
	return append(slices.Clone(batch), a[len(a)-2], b[len(b)-1])
}

func (s *shapes) resized(n *NodeProto, x []int64) []int64 {
	if sizes := s.graph.resizeSizes(n); sizes != nil {
		return sizes
	}
	at := 2
	if len(n.GetInput()) == 2 {
		at = 1
	}
	if len(n.GetInput()) <= at || len(x) != 4 {
		return nil
	}
	t := s.graph.constant(n.Input[at])
	if t == nil {
		return nil
	}
	scales, err := Floats(t)
	if err != nil || len(scales) != 4 {
		return nil
	}
	out := make([]int64, 4)
	for i := range out {
		out[i] = int64(float32(x[i]) * scales[i])
	}
	return out
}

func (s *shapes) joined(n *NodeProto) []int64 {
	out := slices.Clone(s.input(n, 0))
	axis := intOf(n, "axis", 0)
	if axis < 0 {
		axis += int64(len(out))
	}
	if axis < 0 || axis >= int64(len(out)) {
		return nil
	}
	for i := 1; i < len(n.GetInput()); i++ {
		x := s.input(n, i)
		if len(x) != len(out) {
			return nil
		}
		out[axis] += x[axis]
	}
	return out
}

// reshaped reads 0 as "as before" and -1 as "what is left".
func (s *shapes) reshaped(n *NodeProto, x []int64) []int64 {
	if len(n.GetInput()) != 2 || x == nil {
		return nil
	}
	t := s.graph.constant(n.Input[1])
	if t == nil {
		return nil
	}
	list, err := Ints(t)
	if err != nil {
		return nil
	}
	out, rest := slices.Clone(list), -1
	for i, v := range out {
		switch {
		case v == 0 && i < len(x):
			out[i] = x[i]
		case v == -1:
			rest, out[i] = i, 1
		}
	}
	if known := product(out); rest >= 0 && known > 0 {
		out[rest] = product(x) / known
	}
	if product(out) != product(x) {
		return nil
	}
	return out
}

// reduced sets the axes of a maximum to 1; without kept dimensions nothing is said.
func (s *shapes) reduced(n *NodeProto, x []int64) []int64 {
	axes := s.axes(n, len(x))
	if len(axes) == 0 {
		return nil
	}
	var out []int64
	for at, size := range x {
		switch {
		case !slices.Contains(axes, int64(at)):
			out = append(out, size)
		case intOf(n, "keepdims", 1) != 0:
			out = append(out, 1)
		}
	}
	return out
}

func (s *shapes) unsqueezed(n *NodeProto, x []int64) []int64 {
	axes := s.axes(n, len(x)+1) // of one new axis
	if x == nil || len(axes) != 1 {
		return nil
	}
	return slices.Insert(slices.Clone(x), int(axes[0]), 1)
}

// axes are those of a node, by attribute or second input, counted from the
// first of so many; nil where they are not known.
func (s *shapes) axes(n *NodeProto, of int) []int64 {
	var axes []int64
	if len(n.GetInput()) > 1 {
		if t := s.graph.constant(n.Input[1]); t != nil {
			axes, _ = Ints(t) // not integers: no axes, and no shape
		}
	}
	for _, a := range n.GetAttribute() {
		if a.GetName() == "axes" {
			axes = a.GetInts()
		}
	}
	axes = slices.Clone(axes)
	for i := range axes {
		if axes[i] < 0 {
			axes[i] += int64(of)
		}
		if axes[i] < 0 || axes[i] >= int64(of) {
			return nil
		}
	}
	return axes
}

// broadcast is the common shape of two, ONNX's way; nil if one is not known.
func broadcast(a, b []int64) []int64 {
	if a == nil || b == nil {
		return nil
	}
	if len(a) < len(b) {
		a, b = b, a
	}
	out := slices.Clone(a)
	for i, v := range b {
		at := len(a) - len(b) + i
		out[at] = max(out[at], v)
	}
	return out
}

func intOf(n *NodeProto, name string, absent int64) int64 {
	for _, a := range n.GetAttribute() {
		if a.GetName() == name {
			return a.GetI()
		}
	}
	return absent
}

// MatMulModel is a model of one matrix product, a [m,k] x b [k,n] -> y [m,n]:
// what a library makes of it is the most that can be hoped for.
func MatMulModel(m, k, n int64) ([]byte, error) {
	const opset, ir = 13, 7
	g := NewGraph(&ModelProto{
		IrVersion: proto.Int64(ir), OpsetImport: []*OperatorSetIdProto{{Version: proto.Int64(opset)}},
		Graph: &GraphProto{Name: proto.String("matmul")},
	})
	g.append(g.node("MatMul", []string{"a", "b"}, []string{"y"}))
	g.model.Graph.Input = []*ValueInfoProto{FloatValue("a", Dim{Size: m}, Dim{Size: k}), FloatValue("b", Dim{Size: k}, Dim{Size: n})}
	g.SetOutputs(FloatValue("y", Dim{Size: m}, Dim{Size: n}))
	return Marshal(g.Model())
}
