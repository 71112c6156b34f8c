package onnx

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
)

// chain is x -> Conv -> PRelu (2 channels) -> y, as a file of operator set 17.
func chain() *ModelProto {
	g := NewGraph(&ModelProto{IrVersion: proto.Int64(3), ProducerName: proto.String("test"), ProducerVersion: proto.String("1"),
		OpsetImport: []*OperatorSetIdProto{{Domain: proto.String("other"), Version: proto.Int64(5)}, {Version: proto.Int64(17)}},
		Graph:       &GraphProto{Name: proto.String("g")}})
	w := g.AddInitialiser(FloatTensor("w", make([]float32, 6), 2, 3, 1, 1))
	s := g.AddInitialiser(FloatTensor("s", []float32{0.5, 2}, 2, 1, 1))
	g.AddInitialiser(FloatTensor("unused", make([]float32, 100), 100))
	g.append(g.node("Conv", []string{"x", w}, []string{"c"}))
	g.append(g.node("PRelu", []string{"c", s}, []string{"y"}))
	g.append(g.node("Relu", []string{"c"}, []string{"aside"}))
	batch := Dim{Size: -1, Name: "N"}
	g.model.Graph.Input = []*ValueInfoProto{FloatValue("x", batch, Dim{Size: 3}, Dim{Size: 8}, Dim{Size: 8}), FloatValue("w")}
	g.SetOutputs(FloatValue("y", batch, Dim{Size: 2}, Dim{Size: -1}, Dim{Size: 8}), FloatValue("aside"))
	return g.Model()
}

func TestSummarize(t *testing.T) {
	s := Summarize(chain())
	want := "inputs: x float32 [N,3,8,8]; outputs: y float32 [N,2,?,8], aside float32 [shape not stated]"
	if got := s.Ports(); got != want {
		t.Errorf("ports %q, want %q", got, want)
	}
	if s.Opset != 17 || s.IRVersion != 3 || s.Producer != "test 1" || s.Nodes != 3 || s.Parameters != 8 {
		t.Errorf("%+v", s)
	}
	if got := s.OperatorList(); got != "Conv 1, PRelu 1, Relu 1" {
		t.Error(got)
	}
}

func TestParseRoundTrip(t *testing.T) {
	data, err := Marshal(chain())
	if err != nil {
		t.Fatal(err)
	}
	m, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Marshal(m)
	if err != nil || string(again) != string(data) {
		t.Errorf("a file read and written again differs (%v)", err)
	}
	for cut := range len(data) {
		if _, err := Parse(data[:cut]); err != nil && !errors.Is(err, ErrFormat) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	}
}

// A chain of messages in messages must not be followed without end.
func TestParseRefusesDeepNesting(t *testing.T) {
	m := chain()
	for range 100 {
		m.Graph = &GraphProto{Node: []*NodeProto{{OpType: proto.String("If"), Attribute: []*AttributeProto{{G: m.Graph}}}}}
	}
	data, err := Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Parse(data); !errors.Is(err, ErrFormat) {
		t.Errorf("got %v", err)
	}
}

func TestClean(t *testing.T) {
	g := NewGraph(chain())
	g.KeepOutputs("y")
	g.Clean()
	s := Summarize(g.Model())
	if s.Nodes != 2 || len(g.Model().Graph.Initializer) != 2 || s.IRVersion != irInitialisersApart {
		t.Errorf("%d nodes, %d initialisers, IR %d", s.Nodes, len(g.Model().Graph.Initializer), s.IRVersion)
	}
	if n := len(g.Model().Graph.Input); n != 1 {
		t.Errorf("%d inputs are listed, want only x", n)
	}
}

// Renaming reaches nodes, outputs and the graphs inside nodes, and moves
// whoever has the name out of the way.
func TestRename(t *testing.T) {
	m := chain()
	inner := &GraphProto{Node: []*NodeProto{{OpType: proto.String("Relu"), Input: []string{"c"}, Output: []string{"in"}}}}
	m.Graph.Node = append(m.Graph.Node, &NodeProto{OpType: proto.String("If"), Input: []string{"cond"}, Output: []string{"o"}, Attribute: []*AttributeProto{{G: inner}}})
	g := NewGraph(m)
	g.Rename("c", "y")
	if got := m.Graph.Node[0].Output[0] + " " + m.Graph.Node[1].Input[0] + " " + inner.Node[0].Input[0]; got != "y y y" {
		t.Errorf("c became %s", got)
	}
	if got := m.Graph.Output[0].GetName(); got != "y_inner" || m.Graph.Node[1].Output[0] != got {
		t.Errorf("the old y became %s", got)
	}
	if g.Producer("y") != m.Graph.Node[0] || g.Producer("c") != nil || g.Producer("y_inner") != m.Graph.Node[1] {
		t.Error("the index was left behind")
	}
	if got := g.Unique("y"); got != "y_1" {
		t.Errorf("unique name %s", got)
	}
}

func TestUpstream(t *testing.T) {
	g := NewGraph(chain())
	nodes := g.Upstream("y", func(n *NodeProto) bool { return n.GetOpType() == "Conv" })
	if len(nodes) != 1 || g.ConvChannels(nodes[0]) != 2 {
		t.Errorf("got %v", nodes)
	}
}

func TestMetadata(t *testing.T) {
	m := chain()
	SetMetadata(m, "mhp.", map[string]string{"mhp.a": "old", "mhp.b": "old", "author": "them"})
	SetMetadata(m, "mhp.", map[string]string{"mhp.a": "new"})
	if got, want := Metadata(m), map[string]string{"author": "them", "mhp.a": "new"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestUnsqueezed(t *testing.T) {
	tests := []struct {
		dims, axes, want []int64
	}{
		{[]int64{5}, []int64{1, 2}, []int64{5, 1, 1}},
		{[]int64{5}, []int64{-1, -2}, []int64{5, 1, 1}},
		{[]int64{5}, []int64{0, 2, 3}, []int64{1, 5, 1, 1}},
		{[]int64{5}, []int64{1, 1}, nil},
		{[]int64{5}, []int64{7}, nil},
		{[]int64{5}, nil, nil},
	}
	for _, tc := range tests {
		got, ok := unsqueezed(tc.dims, tc.axes)
		if ok != (tc.want != nil) || ok && !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%v with axes %v: %v, want %v", tc.dims, tc.axes, got, tc.want)
		}
	}
}

func TestFreeBatch(t *testing.T) {
	tests := []struct{ shape, want []int64 }{
		{[]int64{1, 21, 32}, []int64{-1, 21, 32}},
		{[]int64{1, 21, -1}, []int64{0, 21, -1}},
		{[]int64{-1, 21, 32}, []int64{-1, 21, 32}},
		{[]int64{672}, []int64{672}},
	}
	for _, tc := range tests {
		m := chain()
		g := NewGraph(m)
		shape := g.AddInitialiser(IntTensor("shape", tc.shape, int64(len(tc.shape))))
		n := g.node("Reshape", []string{"y", shape}, []string{"z"})
		g.append(n)
		g.FreeBatch(1)
		got, err := Ints(g.constant(n.Input[1]))
		if err != nil || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%v became %v, want %v (%v)", tc.shape, got, tc.want, err)
		}
	}
}

func TestScaleResize(t *testing.T) {
	tests := []struct {
		sizes, in []int64
		want      []float32
	}{
		{[]int64{1, 8, 16, 32}, []int64{1, 8, 8, 8}, []float32{1, 1, 2, 4}},
		{[]int64{1, 8, 15, 16}, []int64{1, 8, 8, 8}, nil}, // no whole multiple
		{[]int64{1, 9, 16, 16}, []int64{1, 8, 8, 8}, nil}, // would resize the channels
		{[]int64{1, 8, 16, 16}, []int64{1, 8, 0, 8}, nil},
	}
	for _, tc := range tests {
		g := NewGraph(chain())
		sizes := g.AddInitialiser(IntTensor("sizes", tc.sizes, 4))
		n := g.node("Resize", []string{"y", "", "", sizes}, []string{"z"})
		g.append(n)
		if found := g.FreeBatch(1); len(found) != 1 || found[0] != n {
			t.Fatalf("found %v", found)
		}
		if ok := g.ScaleResize(n, tc.in); ok != (tc.want != nil) {
			t.Fatalf("%v from %v: %v", tc.sizes, tc.in, ok)
		}
		if tc.want == nil {
			continue
		}
		got, err := Floats(g.constant(n.Input[2]))
		if err != nil || !reflect.DeepEqual(got, tc.want) || len(n.Input) != 3 {
			t.Errorf("scales %v, want %v (%v)", got, tc.want, err)
		}
	}
}

// The generated types are those of the proto file that lies beside them.
func TestGeneratedFromProto(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(".", "onnx.proto"))
	if err != nil {
		t.Fatal(err)
	}
	messages := File_onnx_proto.Messages()
	for i := range messages.Len() {
		if name := string(messages.Get(i).Name()); !strings.Contains(string(text), "message "+name+" {") {
			t.Errorf("onnx.proto has no message %s", name)
		}
	}
	if messages.Len() < 10 {
		t.Errorf("only %d messages", messages.Len())
	}
}
