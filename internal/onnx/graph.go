package onnx

import (
	"fmt"
	"sort"
	"strings"

	"google.golang.org/protobuf/proto"
)

// irInitialisersApart is the IR version from which initialisers need not be
// listed as inputs. One that is listed may be overridden by the caller, so the
// library would fold nothing that depends on it.
const irInitialisersApart = 4

// Graph edits one model in place. Node order stays topological.
type Graph struct {
	model    *ModelProto
	initial  map[string]*TensorProto
	producer map[string]*NodeProto
	taken    map[string]bool
}

// NewGraph indexes a parsed model. The Graph owns it from then on.
func NewGraph(m *ModelProto) *Graph {
	g := &Graph{model: m, initial: map[string]*TensorProto{}, producer: map[string]*NodeProto{}, taken: map[string]bool{}}
	for _, t := range m.GetGraph().GetInitializer() {
		g.initial[t.GetName()] = t
	}
	for _, n := range m.GetGraph().GetNode() {
		for _, out := range n.GetOutput() {
			g.producer[out] = n
		}
	}
	eachName(m.GetGraph(), func(name *string) { g.taken[*name] = true })
	return g
}

// Model is the model that the graph edits.
func (g *Graph) Model() *ModelProto { return g.model }

// Inputs are the graph's inputs without initialisers.
func (g *Graph) Inputs() []*ValueInfoProto { return inputs(g.model.GetGraph()) }

// Producer is the node that makes a value, nil for inputs and initialisers.
func (g *Graph) Producer(value string) *NodeProto { return g.producer[value] }

// Unique returns a value name that the graph does not use yet, and takes it.
func (g *Graph) Unique(wish string) string {
	name := wish
	for i := 1; g.taken[name]; i++ {
		name = fmt.Sprintf("%s_%d", wish, i)
	}
	g.taken[name] = true
	return name
}

// AddInitialiser stores a constant under its name, which must be unique.
func (g *Graph) AddInitialiser(t *TensorProto) string {
	g.model.Graph.Initializer = append(g.model.Graph.Initializer, t)
	g.initial[t.GetName()] = t
	return t.GetName()
}

// node makes a node of the standard domain with the name of its first output.
func (g *Graph) node(op string, in, out []string, attributes ...*AttributeProto) *NodeProto {
	n := &NodeProto{OpType: proto.String(op), Name: proto.String(out[0]), Input: in, Output: out, Attribute: attributes}
	for _, o := range out {
		g.producer[o] = n
	}
	return n
}

// Append adds a node at the end of the graph.
func (g *Graph) append(n *NodeProto) { g.model.Graph.Node = append(g.model.Graph.Node, n) }

// KeepOutputs drops every output but the named ones.
func (g *Graph) KeepOutputs(names ...string) {
	kept := g.model.Graph.Output[:0]
	for _, v := range g.model.Graph.Output {
		for _, name := range names {
			if v.GetName() == name {
				kept = append(kept, v)
				break
			}
		}
	}
	g.model.Graph.Output = kept
}

// SetOutputs replaces the graph's outputs.
func (g *Graph) SetOutputs(outputs ...*ValueInfoProto) { g.model.Graph.Output = outputs }

// AddOutput makes an inner float32 value an output too, of unstated shape.
func (g *Graph) AddOutput(name string) {
	g.model.Graph.Output = append(g.model.Graph.Output, FloatValue(name))
}

// FloatValue declares a float32 value. A Dim of Size -1 is symbolic; no dims at
// all leave the shape unstated.
func FloatValue(name string, dims ...Dim) *ValueInfoProto {
	t := &TypeProto_Tensor{ElemType: proto.Int32(int32(TensorProto_FLOAT))}
	if len(dims) > 0 {
		t.Shape = &TensorShapeProto{}
	}
	for _, d := range dims {
		dim := &TensorShapeProto_Dimension{Value: &TensorShapeProto_Dimension_DimParam{DimParam: d.Name}}
		if d.Size >= 0 {
			dim.Value = &TensorShapeProto_Dimension_DimValue{DimValue: d.Size}
		}
		t.Shape.Dim = append(t.Shape.Dim, dim)
	}
	return &ValueInfoProto{Name: proto.String(name), Type: &TypeProto{Value: &TypeProto_TensorType{TensorType: t}}}
}

// Rename gives a value another name everywhere. Whoever holds the new name
// already is renamed first.
func (g *Graph) Rename(from, to string) {
	if from == to {
		return
	}
	g.Claim(to)
	g.replace(from, to)
}

// replace renames a value to a name that nobody else has.
func (g *Graph) replace(from, to string) {
	eachName(g.model.GetGraph(), func(name *string) {
		if *name == from {
			*name = to
		}
	})
	g.taken[to] = true
	delete(g.taken, from)
	if t, ok := g.initial[from]; ok {
		g.initial[to] = t
		delete(g.initial, from)
	}
	if n, ok := g.producer[from]; ok {
		g.producer[to] = n
		delete(g.producer, from)
	}
}

// Claim makes sure that no value has the given name: whoever has it is renamed.
func (g *Graph) Claim(name string) {
	if g.taken[name] {
		g.replace(name, g.Unique(name+"_inner"))
	}
}

// Upstream lists the nodes that a value depends on and that match, nearest first.
func (g *Graph) Upstream(value string, match func(*NodeProto) bool) []*NodeProto {
	var found []*NodeProto
	seen := map[*NodeProto]bool{}
	queue := []string{value}
	for len(queue) > 0 {
		n := g.producer[queue[0]]
		queue = queue[1:]
		if n == nil || seen[n] {
			continue
		}
		seen[n] = true
		if match(n) {
			found = append(found, n)
		}
		queue = append(queue, n.GetInput()...)
	}
	return found
}

// Clean takes initialisers out of the input list, drops the shapes stated for
// inner values (they are optional and may no longer be true), and removes nodes
// and initialisers that no output needs.
func (g *Graph) Clean() {
	graph := g.model.Graph
	graph.Input = inputs(graph)
	if g.model.GetIrVersion() < irInitialisersApart {
		g.model.IrVersion = proto.Int64(irInitialisersApart)
	}
	graph.ValueInfo = nil
	needed := map[string]bool{}
	for _, v := range graph.GetOutput() {
		needed[v.GetName()] = true
	}
	var kept []*NodeProto
	for i := len(graph.Node) - 1; i >= 0; i-- {
		n := graph.Node[i]
		for _, out := range n.GetOutput() {
			if needed[out] {
				kept = append(kept, n)
				eachNodeName(n, func(name *string) { needed[*name] = true })
				break
			}
		}
	}
	for i, j := 0, len(kept)-1; i < j; i, j = i+1, j-1 {
		kept[i], kept[j] = kept[j], kept[i]
	}
	graph.Node = kept
	var constants []*TensorProto
	for _, t := range graph.Initializer {
		if needed[t.GetName()] {
			constants = append(constants, t)
		}
	}
	graph.Initializer = constants
}

// Metadata is the model's key-value list as a map.
func Metadata(m *ModelProto) map[string]string {
	out := map[string]string{}
	for _, p := range m.GetMetadataProps() {
		out[p.GetKey()] = p.GetValue()
	}
	return out
}

// SetMetadata replaces all keys that start with prefix by the given ones, in alphabetical order.
func SetMetadata(m *ModelProto, prefix string, values map[string]string) {
	var kept []*StringStringEntryProto
	for _, p := range m.GetMetadataProps() {
		if !strings.HasPrefix(p.GetKey(), prefix) {
			kept = append(kept, p)
		}
	}
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for _, key := range keys {
		kept = append(kept, &StringStringEntryProto{Key: proto.String(key), Value: proto.String(values[key])})
	}
	m.MetadataProps = kept
}

// eachName visits every value name in a graph and the graphs inside it.
func eachName(g *GraphProto, visit func(*string)) {
	for _, t := range g.GetInitializer() {
		visitName(&t.Name, visit)
	}
	for _, list := range [][]*ValueInfoProto{g.GetInput(), g.GetOutput(), g.GetValueInfo()} {
		for _, v := range list {
			visitName(&v.Name, visit)
		}
	}
	for _, n := range g.GetNode() {
		eachNodeName(n, visit)
	}
}

func eachNodeName(n *NodeProto, visit func(*string)) {
	for i := range n.Input {
		if n.Input[i] != "" { // an empty name is an input left out
			visit(&n.Input[i])
		}
	}
	for i := range n.Output {
		if n.Output[i] != "" {
			visit(&n.Output[i])
		}
	}
	for _, a := range n.GetAttribute() {
		if a.GetG() != nil {
			eachName(a.GetG(), visit)
		}
		for _, inner := range a.GetGraphs() {
			eachName(inner, visit)
		}
	}
}

func visitName(name **string, visit func(*string)) {
	if *name != nil {
		visit(*name)
	}
}

// ConvChannels is the number of output channels of a Conv with constant weights, 0 for any other node.
func (g *Graph) ConvChannels(n *NodeProto) int64 {
	if n.GetOpType() != "Conv" || len(n.GetInput()) < 2 {
		return 0
	}
	if t := g.constant(n.GetInput()[1]); t != nil && len(t.GetDims()) == 4 {
		return t.GetDims()[0]
	}
	return 0
}
