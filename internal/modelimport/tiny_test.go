package modelimport

import (
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"mhp/internal/onnx"
)

// tiny describes a network of a few KB with the shapes of MobileHumanPose:
// conv -> PReLU -> 1x1 conv -> PReLU -> 2x resize -> 1x1 conv -> heat volume.
type tiny struct {
	opset, ir    int64
	joints, side int64
	batch        int64     // 0 symbolic, -1 neither size nor name, else fixed
	slopes       []float32 // of the 6 channels of the first PReLU; nil = random in 0..1
	slopeShape   []int64   // nil = [6,1,1]
	layer        bool      // the second PReLU has one slope, else 4
	sizes        bool      // the resize states its output size, else its factor
	oldInputs    bool      // initialisers are listed as inputs too
	coords       bool      // softmax and expectation in the graph
	sigmoid      bool      // with coords: no softmax that a score could come from
	noShape      bool      // the output's shape is not stated
	wideLogits   float32   // scale of the last weights; 0 = 1
}

type netBuilder struct {
	m   *onnx.ModelProto
	rng *rand.Rand
}

func (b *netBuilder) weights(name string, scale float32, shape ...int64) string {
	n := int64(1)
	for _, d := range shape {
		n *= d
	}
	values := make([]float32, n)
	for i := range values {
		values[i] = scale * float32(b.rng.NormFloat64())
	}
	return b.constant(onnx.FloatTensor(name, values, shape...))
}

func (b *netBuilder) constant(t *onnx.TensorProto) string {
	b.m.Graph.Initializer = append(b.m.Graph.Initializer, t)
	return t.GetName()
}

func (b *netBuilder) node(op string, out string, in []string, attributes ...*onnx.AttributeProto) string {
	b.m.Graph.Node = append(b.m.Graph.Node, &onnx.NodeProto{OpType: proto.String(op), Input: in, Output: []string{out}, Attribute: attributes})
	return out
}

func ints(name string, v ...int64) *onnx.AttributeProto {
	return &onnx.AttributeProto{Name: proto.String(name), Type: onnx.AttributeProto_INTS.Enum(), Ints: v}
}

func integer(name string, v int64) *onnx.AttributeProto {
	return &onnx.AttributeProto{Name: proto.String(name), Type: onnx.AttributeProto_INT.Enum(), I: proto.Int64(v)}
}

func text(name, v string) *onnx.AttributeProto {
	return &onnx.AttributeProto{Name: proto.String(name), Type: onnx.AttributeProto_STRING.Enum(), S: []byte(v)}
}

// build makes the file's bytes; the same tiny gives the same bytes.
func (c tiny) build(t testing.TB) []byte {
	t.Helper()
	data, err := onnx.Marshal(c.proto())
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (c tiny) proto() *onnx.ModelProto {
	if c.opset == 0 {
		c.opset = 17
	}
	if c.ir == 0 {
		c.ir = 8
	}
	if c.wideLogits == 0 {
		c.wideLogits = 1
	}
	b := &netBuilder{rng: rand.New(rand.NewPCG(7, 7)), m: &onnx.ModelProto{
		IrVersion: proto.Int64(c.ir), ProducerName: proto.String("tiny"),
		OpsetImport: []*onnx.OperatorSetIdProto{{Version: proto.Int64(c.opset)}},
		Graph:       &onnx.GraphProto{Name: proto.String("tiny")},
	}}
	heat := c.body(b)
	batch := onnx.Dim{Size: -1, Name: "b"}
	switch {
	case c.batch < 0:
		batch.Name = ""
	case c.batch > 0:
		batch = onnx.Dim{Size: c.batch}
	}
	size := func(n int64) onnx.Dim { return onnx.Dim{Size: n} }
	out := onnx.FloatValue(heat, batch, size(c.joints*c.side), size(c.side), size(c.side))
	if c.coords {
		out = onnx.FloatValue(c.expectation(b, heat), batch, size(c.joints), size(3))
	}
	if c.noShape {
		out = onnx.FloatValue(out.GetName())
	}
	b.m.Graph.Input = []*onnx.ValueInfoProto{onnx.FloatValue("x", batch, size(3), size(inputPx), size(inputPx))}
	b.m.Graph.Output = []*onnx.ValueInfoProto{out}
	if c.oldInputs {
		c.listInitialisers(b)
	}
	return b.m
}

// body ends at the heat volume and returns its name.
func (c tiny) body(b *netBuilder) string {
	stride := inputPx / c.side * 2
	x := b.node("Conv", "c0", []string{"x", b.weights("w0", 0.1, 6, 3, 3, 3), b.weights("b0", 1, 6)},
		ints("kernel_shape", 3, 3), ints("strides", stride, stride), ints("pads", 1, 1, 1, 1))
	slopes := c.slopes
	if slopes == nil {
		for range 6 {
			slopes = append(slopes, b.rng.Float32())
		}
	}
	shape := c.slopeShape
	if shape == nil {
		shape = []int64{6, 1, 1}
	}
	x = b.node("PRelu", "p0", []string{x, b.constant(onnx.FloatTensor("s0", slopes, shape...))})
	x = b.node("Conv", "c1", []string{x, b.weights("w1", 0.5, 4, 6, 1, 1)}, ints("kernel_shape", 1, 1))
	second := []float32{0.1, -0.4, 1.7, 0.9}
	if c.layer {
		second = second[:1]
	}
	slope := b.constant(onnx.FloatTensor("s1", second, int64(len(second)), 1, 1))
	x = b.node("PRelu", "p1", []string{x, slope})
	x = c.resize(b, x)
	return b.node("Conv", "heat", []string{x, b.weights("w2", 0.3*c.wideLogits, c.joints*c.side, 4, 1, 1)}, ints("kernel_shape", 1, 1))
}

func (c tiny) resize(b *netBuilder, x string) string {
	scales := func() string { return b.constant(onnx.FloatTensor("scales", []float32{1, 1, 2, 2}, 4)) }
	switch {
	case c.opset < 10:
		return b.node("Upsample", "up", []string{x, scales()}, text("mode", "linear"))
	case c.opset < 11:
		return b.node("Resize", "up", []string{x, scales()}, text("mode", "linear"))
	}
	roi := ""
	if c.opset < 13 {
		roi = b.constant(onnx.FloatTensor("roi", nil, 0))
	}
	mode := []*onnx.AttributeProto{text("mode", "linear"), text("coordinate_transformation_mode", "align_corners")}
	if c.sizes {
		sizes := b.constant(onnx.IntTensor("sizes", []int64{max(c.batch, 1), 4, c.side, c.side}, 4))
		none := ""
		if c.opset < 13 {
			none = b.constant(onnx.FloatTensor("none", nil, 0))
		}
		return b.node("Resize", "up", []string{x, roi, none, sizes}, mode...)
	}
	return b.node("Resize", "up", []string{x, roi, scales()}, mode...)
}

// expectation decodes in the graph, as some exports do.
func (c tiny) expectation(b *netBuilder, heat string) string {
	voxels := c.side * c.side * c.side
	lead := max(c.batch, 0) // a fixed batch is written into the shape, as tracing exporters do
	flat := b.node("Reshape", "flat", []string{heat, b.constant(onnx.IntTensor("flat_shape", []int64{lead, c.joints, voxels}, 3))})
	weights := ""
	if c.sigmoid {
		peaked := b.node("Sigmoid", "sigmoid", []string{flat})
		axes := []*onnx.AttributeProto{ints("axes", 2), integer("keepdims", 1)}
		total := b.node("ReduceMean", "total", []string{peaked}, axes...)
		ratio := b.node("Div", "ratio", []string{peaked, total})
		weights = b.node("Mul", "weights", []string{ratio, b.constant(onnx.FloatTensor("share", []float32{1 / float32(voxels)}))})
	} else {
		weights = b.node("Softmax", "soft", []string{flat}, integer("axis", 2))
	}
	var positions []float32
	for i := range voxels {
		positions = append(positions, float32(i%c.side), float32(i/c.side%c.side), float32(i/c.side/c.side))
	}
	return b.node("MatMul", "joints", []string{weights, b.constant(onnx.FloatTensor("positions", positions, voxels, 3))})
}

func (c tiny) listInitialisers(b *netBuilder) {
	for _, t := range b.m.Graph.Initializer {
		v := onnx.FloatValue(t.GetName())
		tensorType := v.GetType().GetTensorType()
		tensorType.ElemType = t.DataType
		tensorType.Shape = &onnx.TensorShapeProto{}
		for _, d := range t.GetDims() {
			tensorType.Shape.Dim = append(tensorType.Shape.Dim,
				&onnx.TensorShapeProto_Dimension{Value: &onnx.TensorShapeProto_Dimension_DimValue{DimValue: d}})
		}
		b.m.Graph.Input = append(b.m.Graph.Input, v)
	}
}
