package onnx

import (
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"
)

func ints(name string, v ...int64) *AttributeProto {
	return &AttributeProto{Name: proto.String(name), Type: AttributeProto_INTS.Enum(), Ints: v}
}

// Each operator once, counted by hand.
func TestMultiplyAdds(t *testing.T) {
	g := NewGraph(&ModelProto{OpsetImport: []*OperatorSetIdProto{{Version: proto.Int64(17)}}, Graph: &GraphProto{}})
	g.model.Graph.Input = []*ValueInfoProto{FloatValue("x", Dim{Size: -1}, Dim{Size: 3}, Dim{Size: 8}, Dim{Size: 8})}
	w := g.AddInitialiser(FloatTensor("w", make([]float32, 4*3*9), 4, 3, 3, 3))
	d := g.AddInitialiser(FloatTensor("d", make([]float32, 4*9), 4, 1, 3, 3))
	scales := g.AddInitialiser(FloatTensor("scales", []float32{1, 1, 2, 2}, 4))
	shape := g.AddInitialiser(IntTensor("shape", []int64{0, 2, 4, -1}, 4))
	grid := g.AddInitialiser(FloatTensor("grid", make([]float32, 64*3), 64, 3))
	g.append(g.node("Conv", []string{"x", w}, []string{"a"}, ints("strides", 2, 2), ints("pads", 1, 1, 1, 1)))    // [1,4,4,4]: 64*27
	g.append(g.node("LeakyRelu", []string{"a"}, []string{"b"}))                                                   //
	g.append(g.node("Conv", []string{"b", d}, []string{"c"}, ints("pads", 1, 1, 1, 1), intAttribute("group", 4))) // [1,4,4,4]: 64*9
	g.append(g.node("Add", []string{"b", "c"}, []string{"e"}))                                                    //
	g.append(g.node("Concat", []string{"c", "e"}, []string{"f"}, intAttribute("axis", 1)))                        // [1,8,4,4]
	g.append(g.node("Resize", []string{"f", "", scales}, []string{"h"}))                                          // [1,8,8,8]
	g.append(g.node("Reshape", []string{"h", shape}, []string{"i"}))                                              // [1,2,4,64]
	g.append(g.reduceMax("i", "j", g.Unique, 2, 3))                                                               // [1,2,1,1]
	g.append(g.node("Sub", []string{"i", "j"}, []string{"k"}))                                                    //
	g.append(g.node("MatMul", []string{"k", grid}, []string{"l"}))                                                // [1,2,4,3]: 24*64
	got, err := MultiplyAdds(g.model, []int64{1, 3, 8, 8})
	if want := (Work{Conv: 64*27 + 64*9, MatMul: 24 * 64}); err != nil || got != want {
		t.Errorf("got %+v, error %v, want %+v", got, err, want)
	}
	if got.Total() != 64*27+64*9+24*64 {
		t.Errorf("total %d", got.Total())
	}
}

func TestMultiplyAddsSaysWhatItCannotFollow(t *testing.T) {
	g := NewGraph(chain())
	g.model.Graph.Node[0].Attribute = append(g.model.Graph.Node[0].Attribute, &AttributeProto{Name: proto.String("auto_pad"), S: []byte("SAME_UPPER")})
	if w, err := MultiplyAdds(g.model, []int64{1, 3, 8, 8}); err == nil {
		t.Errorf("an unknown shape counts as %+v", w)
	}
}

// The figure is that of onnx.shape_inference in Python. The paper's 0.257 G count the
// same network with its last enlargement before the last convolution, and all else.
func TestMultiplyAddsOfXS(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "models", "mhp-xs.onnx"))
	if err != nil {
		t.Skip("no built-in model: ", err)
	}
	m, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	w, err := MultiplyAdds(m, []int64{1, 3, 256, 256})
	if err != nil {
		t.Fatal(err)
	}
	if w.Conv != 141750272 {
		t.Errorf("%+v", w)
	}
}

func TestMatMulModel(t *testing.T) {
	data, err := MatMulModel(5, 7, 11)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if got := Summarize(m).Ports(); got != "inputs: a float32 [5,7], b float32 [7,11]; outputs: y float32 [5,11]" {
		t.Error(got)
	}
}
