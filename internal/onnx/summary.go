package onnx

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// Dim is one dimension of a shape: a size, or -1 with the name the file gives it.
type Dim struct {
	Size int64
	Name string
}

// String is the size, the name, or "?" for a dimension without either.
func (d Dim) String() string {
	switch {
	case d.Size >= 0:
		return strconv.FormatInt(d.Size, 10)
	case d.Name != "":
		return d.Name
	}
	return "?"
}

// Value is an input or output of a graph. A nil Shape means that the file states none.
type Value struct {
	Name  string
	Type  string // "float32", "int64", ..., "?" if it is no tensor
	Shape []Dim
}

// String looks like "image float32 [N,3,256,256]".
func (v Value) String() string {
	if v.Shape == nil {
		return v.Name + " " + v.Type + " [shape not stated]"
	}
	dims := make([]string, len(v.Shape))
	for i, d := range v.Shape {
		dims[i] = d.String()
	}
	return v.Name + " " + v.Type + " [" + strings.Join(dims, ",") + "]"
}

// Summary is what a model file looks like from outside.
type Summary struct {
	Inputs     []Value // without the initialisers that old files list there
	Outputs    []Value
	Opset      int64
	IRVersion  int64
	Producer   string
	Nodes      int
	Operators  map[string]int // how many nodes of each kind
	Parameters int            // trained values, see CountParameters
}

// Summarize describes a parsed model.
func Summarize(m *ModelProto) Summary {
	s := Summary{
		Opset: Opset(m), IRVersion: m.GetIrVersion(),
		Producer:   strings.TrimSpace(m.GetProducerName() + " " + m.GetProducerVersion()),
		Nodes:      len(m.GetGraph().GetNode()),
		Operators:  map[string]int{},
		Parameters: CountParameters(m),
	}
	for _, v := range inputs(m.GetGraph()) {
		s.Inputs = append(s.Inputs, describe(v))
	}
	for _, v := range m.GetGraph().GetOutput() {
		s.Outputs = append(s.Outputs, describe(v))
	}
	for _, n := range m.GetGraph().GetNode() {
		s.Operators[n.GetOpType()]++
	}
	return s
}

// Ports lists inputs and outputs with types and shapes, for error messages.
func (s Summary) Ports() string {
	list := func(values []Value) string {
		if len(values) == 0 {
			return "none"
		}
		out := make([]string, len(values))
		for i, v := range values {
			out[i] = v.String()
		}
		return strings.Join(out, ", ")
	}
	return "inputs: " + list(s.Inputs) + "; outputs: " + list(s.Outputs)
}

// OperatorList looks like "Conv 59, PRelu 41, Add 10": the most frequent first.
func (s Summary) OperatorList() string {
	kinds := make([]string, 0, len(s.Operators))
	for kind := range s.Operators {
		kinds = append(kinds, kind)
	}
	sort.Slice(kinds, func(i, j int) bool {
		a, b := s.Operators[kinds[i]], s.Operators[kinds[j]]
		return a > b || a == b && kinds[i] < kinds[j]
	})
	for i, kind := range kinds {
		kinds[i] = fmt.Sprintf("%s %d", kind, s.Operators[kind])
	}
	return strings.Join(kinds, ", ")
}

// CountParameters counts the values a training would have moved: floating-point
// initialisers that a node uses, without batch-norm statistics and the scales of
// resizing. Batch norms that an export folded into convolutions are gone from the
// file, so the count may lie a few per cent from that of the network as trained.
func CountParameters(m *ModelProto) int {
	trained := map[string]bool{}
	for _, n := range m.GetGraph().GetNode() {
		for i, name := range n.GetInput() {
			switch {
			case n.GetOpType() == "BatchNormalization" && i >= 3, n.GetOpType() == "Resize" && i >= 1, n.GetOpType() == "Upsample" && i >= 1:
			default:
				trained[name] = true
			}
		}
	}
	total := 0
	for _, t := range m.GetGraph().GetInitializer() {
		switch TensorProto_DataType(t.GetDataType()) {
		case TensorProto_FLOAT, TensorProto_FLOAT16, TensorProto_BFLOAT16, TensorProto_DOUBLE:
			if n, err := elements(t.GetDims()); err == nil && trained[t.GetName()] {
				total += int(n)
			}
		}
	}
	return total
}

// inputs are the graph's inputs without initialisers, which files before IR 4 list too.
func inputs(g *GraphProto) []*ValueInfoProto {
	fixed := map[string]bool{}
	for _, t := range g.GetInitializer() {
		fixed[t.GetName()] = true
	}
	var out []*ValueInfoProto
	for _, v := range g.GetInput() {
		if !fixed[v.GetName()] {
			out = append(out, v)
		}
	}
	return out
}

func describe(v *ValueInfoProto) Value {
	out := Value{Name: v.GetName(), Type: "?"}
	t := v.GetType().GetTensorType()
	if t == nil {
		return out
	}
	out.Type = typeName(TensorProto_DataType(t.GetElemType()))
	if t.GetShape() == nil {
		return out
	}
	out.Shape = []Dim{}
	for _, d := range t.GetShape().GetDim() {
		dim := Dim{Size: -1, Name: d.GetDimParam()}
		if _, ok := d.GetValue().(*TensorShapeProto_Dimension_DimValue); ok && d.GetDimValue() > 0 {
			dim = Dim{Size: d.GetDimValue()}
		}
		out.Shape = append(out.Shape, dim)
	}
	return out
}

func typeName(t TensorProto_DataType) string {
	switch t {
	case TensorProto_FLOAT:
		return "float32"
	case TensorProto_DOUBLE:
		return "float64"
	}
	return strings.ToLower(t.String())
}
