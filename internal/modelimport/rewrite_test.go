package modelimport

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"mhp/internal/onnx"
	"mhp/internal/tensor"
)

// preluNet is x [1,C,7,5] -> PRelu -> y, with the slope brought in as exporters do.
func preluNet(slopes []float32, channels int64, way string, opset int64) *onnx.ModelProto {
	b := &netBuilder{m: &onnx.ModelProto{IrVersion: proto.Int64(8),
		OpsetImport: []*onnx.OperatorSetIdProto{{Version: proto.Int64(opset)}}, Graph: &onnx.GraphProto{Name: proto.String("prelu")}}}
	n := int64(len(slopes))
	slope := "slope"
	switch way {
	case "[C,1,1]":
		b.constant(onnx.FloatTensor(slope, slopes, n, 1, 1))
	case "[1,C,1,1]":
		b.constant(onnx.FloatTensor(slope, slopes, 1, n, 1, 1))
	case "[1]":
		b.constant(onnx.FloatTensor(slope, slopes, n))
	case "float_data":
		b.constant(&onnx.TensorProto{Name: proto.String(slope), DataType: proto.Int32(1), Dims: []int64{n, 1, 1}, FloatData: slopes})
	case "Constant":
		t := onnx.FloatTensor("", slopes, n, 1, 1)
		b.node("Constant", slope, nil, &onnx.AttributeProto{Name: proto.String("value"), Type: onnx.AttributeProto_TENSOR.Enum(), T: t})
	case "Identity":
		b.node("Identity", slope, []string{b.constant(onnx.FloatTensor("shared", slopes, n, 1, 1))})
	case "Unsqueeze":
		in := []string{b.constant(onnx.FloatTensor("flat", slopes, n))}
		if opset < 13 {
			b.node("Unsqueeze", slope, in, ints("axes", 1, 2))
		} else {
			b.node("Unsqueeze", slope, append(in, b.constant(onnx.IntTensor("axes", []int64{-1, -2}, 2))))
		}
	case "Reshape":
		b.node("Reshape", slope, []string{b.constant(onnx.FloatTensor("flat", slopes, n)), b.constant(onnx.IntTensor("shape", []int64{n, 1, 1}, 3))})
	}
	b.node("PRelu", "y", []string{"x", slope})
	size := func(n int64) onnx.Dim { return onnx.Dim{Size: n} }
	b.m.Graph.Input = []*onnx.ValueInfoProto{onnx.FloatValue("x", size(1), size(channels), size(7), size(5))}
	b.m.Graph.Output = []*onnx.ValueInfoProto{onnx.FloatValue("y", size(1), size(channels), size(7), size(5))}
	return b.m
}

// plainPReLU is the definition: x where x >= 0, else slope * x.
func plainPReLU(x []float32, slopes []float32, channels int) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		slope := slopes[0]
		if len(slopes) > 1 {
			slope = slopes[i/(len(x)/channels)]
		}
		out[i] = float64(v)
		if v < 0 {
			out[i] *= float64(slope)
		}
	}
	return out
}

func TestRewritePReLUIsExact(t *testing.T) {
	needLibrary(t)
	draw := func(low, high float64) func(*rand.Rand) float32 {
		return func(r *rand.Rand) float32 { return float32(low + (high-low)*r.Float64()) }
	}
	kinds := map[string]func(*rand.Rand) float32{
		"in 0..1": draw(0, 1), "above 1": draw(1.01, 9), "negative": draw(-5, -0.01), "mixed": draw(-3, 3),
		"0 and 1": func(r *rand.Rand) float32 { return float32(r.IntN(2)) },
	}
	ways := []struct {
		name  string
		opset int64
	}{{"[C,1,1]", 9}, {"[C,1,1]", 17}, {"[1,C,1,1]", 17}, {"float_data", 17}, {"Constant", 13}, {"Identity", 17}, {"Unsqueeze", 11}, {"Unsqueeze", 17}, {"Reshape", 17}}
	rng := rand.New(rand.NewPCG(3, 4))
	for kind, slope := range kinds {
		for _, way := range ways {
			for _, channels := range []int{3, 16, 24, 40} {
				slopes := make([]float32, channels)
				for i := range slopes {
					slopes[i] = slope(rng)
				}
				slopes[0] += 0.001 // never all the same, or it would be one slope for the layer
				t.Run(fmt.Sprintf("%s/%s/opset %d/%d", kind, way.name, way.opset, channels), func(t *testing.T) {
					m := preluNet(slopes, int64(channels), way.name, way.opset)
					checkRewrite(t, m, slopes, channels, "Conv 2", onnx.PReLUReport{Channel: 1})
				})
			}
		}
	}
}

func TestRewritePReLUOneSlope(t *testing.T) {
	needLibrary(t)
	tests := []struct {
		way    string
		slopes []float32
	}{
		{"[1]", []float32{0.25}}, {"[1]", []float32{1.5}}, {"[1]", []float32{-0.5}},
		{"[C,1,1]", []float32{0.25}}, {"[1,C,1,1]", []float32{0.25}},
		{"[C,1,1]", []float32{0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3}}, {"Identity", []float32{0.1}},
	}
	for _, tc := range tests {
		t.Run(fmt.Sprint(tc.way, tc.slopes), func(t *testing.T) {
			checkRewrite(t, preluNet(tc.slopes, 8, tc.way, 17), tc.slopes, 8, "LeakyRelu 1", onnx.PReLUReport{Layer: 1})
		})
	}
}

// A PReLU before a depthwise convolution vanishes into it, whatever its stride,
// padding, bias and channel multiplier; one that somebody else reads too does not.
func TestRewritePReLUFoldsIntoDepthwise(t *testing.T) {
	needLibrary(t)
	for _, multiplier := range []int64{1, 2} {
		for _, bias := range []bool{false, true} {
			for _, shared := range []bool{false, true} {
				t.Run(fmt.Sprintf("multiplier %d/bias %v/shared %v", multiplier, bias, shared), func(t *testing.T) {
					const channels = 24
					rng := rand.New(rand.NewPCG(8, 8))
					slopes := make([]float32, channels)
					for i := range slopes {
						slopes[i] = float32(rng.NormFloat64() * 2)
					}
					m := preluNet(slopes, channels, "[C,1,1]", 17)
					b := &netBuilder{m: m, rng: rng}
					in := []string{"y", b.weights("w", 1, channels*multiplier, 1, 3, 3)}
					if bias {
						in = append(in, b.weights("b", 1, channels*multiplier))
					}
					b.node("Conv", "z", in, integer("group", channels), ints("kernel_shape", 3, 3), ints("strides", 2, 1), ints("pads", 1, 1, 1, 1))
					outputs := []*onnx.ValueInfoProto{onnx.FloatValue("z")}
					if shared {
						outputs = append(outputs, onnx.FloatValue("y"))
					}
					m.Graph.Output = outputs
					checkFolded(t, m, map[bool]string{false: "Conv 2", true: "Conv 3"}[shared])
				})
			}
		}
	}
}

// checkFolded rewrites and compares with the graph as it was, both run by the library.
func checkFolded(t *testing.T, m *onnx.ModelProto, operators string) {
	t.Helper()
	before, err := onnx.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	g := onnx.NewGraph(m)
	if got := g.RewritePReLU(); got != (onnx.PReLUReport{Channel: 1}) {
		t.Fatalf("rewrote %+v", got)
	}
	g.Clean()
	if got := onnx.Summarize(m).OperatorList(); !strings.Contains(got, operators) || strings.Contains(got, "PRelu") {
		t.Errorf("operators: %s", got)
	}
	compareGraphs(t, before, m)
}

// compareGraphs runs a file and its rewrite on the same noise [1,24,7,5].
func compareGraphs(t *testing.T, before []byte, m *onnx.ModelProto) {
	t.Helper()
	after, err := onnx.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	x := tensor.New(1, 24, 7, 5)
	rng := rand.New(rand.NewPCG(5, 6))
	for i := range x.Data {
		x.Data[i] = float32(rng.NormFloat64())
	}
	old, err := runORT(before, x)
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := runORT(after, x)
	if err != nil {
		t.Fatal(err)
	}
	for name := range old {
		if e := volumeError(old[name].Data, fresh[name].Data); e > 1e-6 {
			t.Errorf("%s differs by %g of its largest value", name, e)
		}
	}
}

// An enlargement and the 1x1 convolution behind it change places where, and
// only where, that changes nothing; old and new are run and compared.
func TestConvBeforeResize(t *testing.T) {
	needLibrary(t)
	corners := text("coordinate_transformation_mode", "align_corners")
	tests := []struct {
		name       string
		opset      int64
		scales     []float32
		attributes []*onnx.AttributeProto
		kernel     int64
		conv       []*onnx.AttributeProto
		shared     bool
		want       int
	}{
		{"linear, corners aligned", 17, []float32{1, 1, 2, 2}, []*onnx.AttributeProto{text("mode", "linear"), corners}, 1, nil, false, 1},
		{"linear, half pixel", 13, []float32{1, 1, 3, 2}, []*onnx.AttributeProto{text("mode", "linear")}, 1, nil, false, 1},
		{"nearest", 17, []float32{1, 1, 2, 2}, []*onnx.AttributeProto{text("mode", "nearest")}, 1, nil, false, 1},
		{"old operator", 9, []float32{1, 1, 2, 2}, []*onnx.AttributeProto{text("mode", "linear")}, 1, nil, false, 1},
		{"cubic", 17, []float32{1, 1, 2, 2}, []*onnx.AttributeProto{text("mode", "cubic")}, 1, nil, false, 0},
		{"smaller", 17, []float32{1, 1, 0.5, 0.5}, []*onnx.AttributeProto{text("mode", "linear")}, 1, nil, false, 0},
		{"3x3", 17, []float32{1, 1, 2, 2}, []*onnx.AttributeProto{text("mode", "linear")}, 3, nil, false, 0},
		{"strides", 17, []float32{1, 1, 2, 2}, []*onnx.AttributeProto{text("mode", "linear")}, 1, []*onnx.AttributeProto{ints("strides", 2, 2)}, false, 0},
		{"pads", 17, []float32{1, 1, 2, 2}, []*onnx.AttributeProto{text("mode", "linear")}, 1, []*onnx.AttributeProto{ints("pads", 1, 1, 1, 1)}, false, 0},
		{"read elsewhere", 17, []float32{1, 1, 2, 2}, []*onnx.AttributeProto{text("mode", "linear")}, 1, nil, true, 0},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			b := &netBuilder{rng: rand.New(rand.NewPCG(2, 2)), m: preluNet([]float32{0.5}, 24, "[1]", tc.opset)}
			in := []string{"y", b.constant(onnx.FloatTensor("scales", tc.scales, 4))}
			op := "Upsample"
			if tc.opset >= 11 {
				op, in = "Resize", []string{"y", b.constant(onnx.FloatTensor("roi", nil, 0)), "scales"}
			}
			b.node(op, "up", in, tc.attributes...)
			b.node("Conv", "z", []string{"up", b.weights("w", 1, 9, 24, tc.kernel, tc.kernel), b.weights("b", 1, 9)}, tc.conv...)
			b.m.Graph.Output = []*onnx.ValueInfoProto{onnx.FloatValue("z")}
			if tc.shared {
				b.m.Graph.Output = append(b.m.Graph.Output, onnx.FloatValue("up"))
			}
			before, err := onnx.Marshal(b.m)
			if err != nil {
				t.Fatal(err)
			}
			if got := onnx.NewGraph(b.m).ConvBeforeResize(); got != tc.want {
				t.Fatalf("swapped %d, want %d", got, tc.want)
			}
			compareGraphs(t, before, b.m)
		})
	}
}

// A slope along the width, or one that is computed, is not ours to rewrite.
func TestRewritePReLULeavesOthers(t *testing.T) {
	wide := preluNet([]float32{1, 2, 3, 4, 5}, 8, "[1]", 17)
	computed := preluNet([]float32{1, 2}, 2, "[C,1,1]", 17)
	computed.Graph.Node[0].Input[1] = "x"
	for name, m := range map[string]*onnx.ModelProto{"width": wide, "computed": computed} {
		g := onnx.NewGraph(m)
		if got := g.RewritePReLU(); got != (onnx.PReLUReport{Kept: 1}) {
			t.Errorf("%s: %+v", name, got)
		}
		if got := onnx.Summarize(m).Operators["PRelu"]; got != 1 {
			t.Errorf("%s: %d PRelu left", name, got)
		}
	}
}

func checkRewrite(t *testing.T, m *onnx.ModelProto, slopes []float32, channels int, operator string, want onnx.PReLUReport) {
	t.Helper()
	g := onnx.NewGraph(m)
	if got := g.CountPReLU(); got != want {
		t.Fatalf("counted %+v, want %+v", got, want)
	}
	if got := g.RewritePReLU(); got != want {
		t.Fatalf("rewrote %+v, want %+v", got, want)
	}
	g.Clean()
	operators := onnx.Summarize(m).OperatorList()
	if !strings.Contains(operators, operator) || strings.Contains(operators, "PRelu") {
		t.Errorf("operators: %s", operators)
	}
	data, err := onnx.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(5, 6))
	x := tensor.New(1, int64(channels), 7, 5)
	for i := range x.Data {
		x.Data[i] = float32(rng.NormFloat64() * 10)
	}
	out, err := runORT(data, x)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range plainPReLU(x.Data, slopes, channels) {
		// a x + (1-a) x rounds at the size of its parts, not of their sum.
		limit := 4e-7 * math.Abs(float64(x.Data[i])) * 12
		if got := float64(out["y"].Data[i]); math.Abs(got-want) > limit {
			t.Fatalf("x %g: %g, want %g", x.Data[i], got, want)
		}
	}
}

// The fused soft-argmax against the plain loop, for volumes that are flat,
// peaked, huge and tiny, at either way of naming the axes.
func TestSoftArgmaxAgainstPlain(t *testing.T) {
	needLibrary(t)
	for _, opset := range []int64{9, 13, 17, 18, 21} {
		for _, scale := range []float64{0, 1, 30, 1e4} {
			for _, side := range []int{8, 32, 64} {
				t.Run(fmt.Sprintf("opset %d/scale %g/side %d", opset, scale, side), func(t *testing.T) {
					checkSoftArgmax(t, opset, scale, side)
				})
			}
		}
	}
}

func checkSoftArgmax(t *testing.T, opset int64, scale float64, side int) {
	t.Helper()
	const joints, people = 3, 2
	b := &netBuilder{m: &onnx.ModelProto{IrVersion: proto.Int64(8),
		OpsetImport: []*onnx.OperatorSetIdProto{{Version: proto.Int64(opset)}}, Graph: &onnx.GraphProto{Name: proto.String("soft")}}}
	s := int64(side)
	b.node("Identity", "heat", []string{"x"})
	size := func(n int64) onnx.Dim { return onnx.Dim{Size: n} }
	b.m.Graph.Input = []*onnx.ValueInfoProto{onnx.FloatValue("x", onnx.Dim{Size: -1, Name: "N"}, size(joints*s), size(s), size(s))}
	g := onnx.NewGraph(b.m)
	g.SoftArgmax("heat", onnx.Volume{Joints: joints, Depth: s, Height: s, Width: s}, "coords", "score")
	g.SetOutputs(onnx.FloatValue("coords"), onnx.FloatValue("score"))
	data, err := onnx.Marshal(b.m)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(uint64(side), 9))
	x := tensor.New(people, joints*s, s, s)
	for i := range x.Data {
		x.Data[i] = float32(rng.NormFloat64() * scale)
	}
	out, err := runORT(data, x)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(out["coords"].Shape, out["score"].Shape); got != "[2 3 3] [2 3]" {
		t.Fatalf("shapes %s", got)
	}
	for p := range people {
		n := len(x.Data) / people
		cells, score := softArgmax(x.Data[p*n:(p+1)*n], joints, side)
		for i, want := range cells {
			if got := float64(out["coords"].Data[p*joints*3+i]); math.Abs(got-want) > 2e-4 {
				t.Errorf("person %d, value %d: %g cells, want %g", p, i, got, want)
			}
		}
		for i, want := range score {
			if got := float64(out["score"].Data[p*joints+i]); math.Abs(got-want) > 1e-5*want {
				t.Errorf("person %d, joint %d: score %g, want %g", p, i, got, want)
			}
		}
	}
}

// The plain rule itself, on a volume whose answer is known by hand.
func TestSoftArgmaxPlain(t *testing.T) {
	const side = 4
	volume := make([]float32, 2*side*side*side)
	for i := range volume {
		volume[i] = -1000
	}
	volume[(3*side+2)*side+1] = 50    // joint 0: all of it at x 1, y 2, z 3
	second := volume[side*side*side:] // joint 1: half at x 0, half at x 2, y 1, z 0
	second[side+0], second[side+2] = -10, -10
	cells, score := softArgmax(volume, 2, side)
	want := []float64{1, 2, 3, 1, 1, 0}
	for i := range want {
		if math.Abs(cells[i]-want[i]) > 1e-9 {
			t.Errorf("value %d: %g, want %g", i, cells[i], want[i])
		}
	}
	if math.Abs(score[0]-1) > 1e-9 || math.Abs(score[1]-0.5) > 1e-9 {
		t.Errorf("scores %v, want 1 and 0.5", score)
	}
}

// A network whose second PReLU has one slope for the layer gets both rewrites,
// and every operator in it that ONNX Runtime's blocked layout lacks is gone.
func TestConvertRewritesBothKinds(t *testing.T) {
	needLibrary(t)
	_, r, err := Convert(tiny{joints: 21, side: 32, layer: true}.build(t), "a.onnx", DefaultOptions(Unit), runORT)
	if err != nil {
		t.Fatal(err)
	}
	if r.PReLU != (onnx.PReLUReport{Channel: 1, Layer: 1}) || r.After.Operators["PRelu"] != 0 || r.After.Operators["LeakyRelu"] != 1 {
		t.Errorf("%+v, %s", r.PReLU, r.After.OperatorList())
	}
	if r.Spec.Parameters != r.Before.Parameters {
		t.Errorf("%d parameters, the file had %d", r.Spec.Parameters, r.Before.Parameters)
	}
}
