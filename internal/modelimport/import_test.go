package modelimport

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"mhp/internal/model"
	"mhp/internal/onnx"
	"mhp/internal/tensor"
)

func spec(t *testing.T, data []byte) *model.Spec {
	t.Helper()
	m, err := onnx.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	s, err := model.ParseSpec(onnx.Metadata(m))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Every shape, way of stating the batch and range of operator sets that exporters write.
func TestConvertRecognises(t *testing.T) {
	needLibrary(t)
	px := func(o *Options) { o.CoordsUnit = "px" }
	cells := func(o *Options) { o.CoordsUnit = "cells" }
	raw := func(o *Options) { o.Raw = true }
	tests := []struct {
		name   string
		net    tiny
		change func(*Options)
		set    string
		side   int
		head   model.Head
		fixed  int
	}{
		{"21 joints, 32", tiny{joints: 21, side: 32}, nil, "muco21", 32, "coords", 0},
		{"18 joints, 32", tiny{joints: 18, side: 32}, nil, "h36m18", 32, "coords", 0},
		{"21 joints, 64", tiny{joints: 21, side: 64}, nil, "muco21", 64, "coords", 0},
		{"18 joints, 64", tiny{joints: 18, side: 64}, nil, "h36m18", 64, "coords", 0},
		{"fixed batch", tiny{joints: 21, side: 32, batch: 1}, nil, "muco21", 32, "coords", 0},
		{"fixed batch of 3", tiny{joints: 21, side: 32, batch: 3}, nil, "muco21", 32, "coords", 0},
		{"batch not stated", tiny{joints: 21, side: 32, batch: -1}, nil, "muco21", 32, "coords", 0},
		{"batch in a resize", tiny{joints: 21, side: 32, batch: 1, sizes: true}, nil, "muco21", 32, "coords", 0},
		{"output shape not stated", tiny{joints: 21, side: 32, noShape: true}, nil, "muco21", 32, "coords", 0},
		{"opset 9", tiny{opset: 9, ir: 4, joints: 21, side: 32}, nil, "muco21", 32, "coords", 0},
		{"opset 9, IR 3", tiny{opset: 9, ir: 3, oldInputs: true, joints: 21, side: 32}, nil, "muco21", 32, "coords", 0},
		{"opset 10", tiny{opset: 10, ir: 5, joints: 21, side: 32}, nil, "muco21", 32, "coords", 0},
		{"opset 11", tiny{opset: 11, ir: 6, joints: 21, side: 32}, nil, "muco21", 32, "coords", 0},
		{"opset 13", tiny{opset: 13, ir: 7, joints: 21, side: 32}, nil, "muco21", 32, "coords", 0},
		{"opset 18", tiny{opset: 18, joints: 21, side: 32}, nil, "muco21", 32, "coords", 0},
		{"opset 21", tiny{opset: 21, ir: 10, joints: 21, side: 32}, nil, "muco21", 32, "coords", 0},
		{"raw volume", tiny{joints: 21, side: 32}, raw, "muco21", 32, "heatmap", 0},
		{"raw volume, fixed batch", tiny{joints: 18, side: 32, batch: 1}, raw, "h36m18", 32, "heatmap", 1},
		{"coordinates in px", tiny{joints: 21, side: 32, coords: true}, px, "muco21", 32, "coords", 0},
		{"coordinates in cells", tiny{joints: 18, side: 64, coords: true}, cells, "h36m18", 64, "coords", 0},
		{"coordinates, fixed batch", tiny{joints: 18, side: 32, batch: 1, coords: true}, cells, "h36m18", 32, "coords", 0},
		{"coordinates, no softmax", tiny{joints: 18, side: 32, coords: true, sigmoid: true}, cells, "h36m18", 32, "coords", 0},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			o := DefaultOptions(Unit)
			if tc.change != nil {
				tc.change(&o)
			}
			data, result, err := Convert(tc.net.build(t), "dir/some.onnx", o, runORT)
			if err != nil {
				t.Fatal(err)
			}
			s := spec(t, data)
			if s.Set.Name != tc.set || s.HeatW != tc.side || s.DepthBins != tc.side || s.Head != tc.head {
				t.Errorf("got %s, %d cells, %d bins, head %s", s.Set.Name, s.HeatW, s.DepthBins, s.Head)
			}
			if result.Spec.FixedBatch != tc.fixed {
				t.Errorf("fixed batch %d, want %d (%v)", result.Spec.FixedBatch, tc.fixed, result.Notes)
			}
			if s.Name != "some" || s.Data != "unknown: imported from some.onnx" || !s.Trained || s.PReLU != "channel" {
				t.Errorf("name %q, data %q, trained %v, prelu %q", s.Name, s.Data, s.Trained, s.PReLU)
			}
			checkPorts(t, result, s)
			if p := result.Proof; p.Crops < 2 || p.Px > maxPx || p.MM > maxMM || p.Volume > maxVolumeError {
				t.Errorf("proof %+v", p)
			}
		})
	}
}

func checkPorts(t *testing.T, r *Result, s *model.Spec) {
	t.Helper()
	joints := len(s.Set.Joints)
	batch := r.After.Inputs[0].Shape[0].String()
	want := fmt.Sprintf("inputs: image float32 [%s,3,256,256]; outputs: coords float32 [%s,%d,3], score float32 [%s,%d]", batch, batch, joints, batch, joints)
	if s.Head == model.HeadHeatmap {
		want = fmt.Sprintf("inputs: image float32 [%s,3,256,256]; outputs: heatmap float32 [%s,%d,%d,%d]", batch, batch, joints*s.DepthBins, s.HeatH, s.HeatW)
	}
	if got := r.After.Ports(); got != want {
		t.Errorf("ports\n%s, want\n%s", got, want)
	}
}

// The score must be the peak probability, from wherever it can be had.
func TestConvertScore(t *testing.T) {
	needLibrary(t)
	heat, _, err := Convert(tiny{joints: 21, side: 32}.build(t), "a.onnx", DefaultOptions(Unit), runORT)
	if err != nil {
		t.Fatal(err)
	}
	o := DefaultOptions(Unit)
	o.CoordsUnit = "cells"
	coords, _, err := Convert(tiny{joints: 21, side: 32, coords: true}.build(t), "b.onnx", o, runORT)
	if err != nil {
		t.Fatal(err)
	}
	blind, r, err := Convert(tiny{joints: 21, side: 32, coords: true, sigmoid: true}.build(t), "c.onnx", o, runORT)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "every score is 1") {
		t.Errorf("notes %v", r.Notes)
	}
	input := normalised(drawnPicture(), Unit)
	var scores [3][]float32
	for i, data := range [][]byte{heat, coords, blind} {
		out, err := runORT(data, input)
		if err != nil {
			t.Fatal(err)
		}
		scores[i] = out["score"].Data
	}
	for j := range scores[0] {
		if d := scores[0][j] - scores[1][j]; d > 1e-5 || d < -1e-5 {
			t.Errorf("joint %d: score %g from the volume, %g from the file's softmax", j, scores[0][j], scores[1][j])
		}
		if scores[2][j] != 1 {
			t.Errorf("joint %d: score %g, want 1", j, scores[2][j])
		}
	}
}

func TestConvertConventions(t *testing.T) {
	needLibrary(t)
	for _, c := range Conventions() {
		data, _, err := Convert(tiny{joints: 21, side: 32, wideLogits: 0.01}.build(t), "a.onnx", DefaultOptions(c), runORT)
		if err != nil {
			t.Fatal(c, err)
		}
		s := spec(t, data)
		// What the metadata says must be what the proof fed: red at grey level 200.
		grey := tensor.New(1, 3, inputPx, inputPx)
		grey.Data[0] = 200
		want := float64(normalised(grey, c).Data[0])
		got := (200*s.InputScale - s.InputMean[0]) / s.InputStd[0]
		if d := got - want; d > 1e-4 || d < -1e-4 {
			t.Errorf("%s: metadata gives %g, proof used %g", c, got, want)
		}
	}
	values := map[Convention]float64{Official: (255 - 0.485) / 0.229, Raw255: 255, Unit: 1, ImageNet: (1 - 0.485) / 0.229}
	for c, want := range values {
		scale, mean, std := c.normalisation()
		if got := (255*scale - mean[0]) / std[0]; got-want > 1e-9 || want-got > 1e-9 {
			t.Errorf("%s: white is %g, want %g", c, got, want)
		}
	}
}

// A wrong result must never be written: the run function of the new file lies.
func TestConvertRefusesWhatItCannotProve(t *testing.T) {
	needLibrary(t)
	original := tiny{joints: 21, side: 32}.build(t)
	lie := func(change func(out map[string]tensor.Tensor)) RunFunc {
		return func(data []byte, input tensor.Tensor) (map[string]tensor.Tensor, error) {
			out, err := runORT(data, input)
			if err == nil && len(data) != len(original) {
				change(out)
			}
			return out, err
		}
	}
	add := func(name string, index int, delta float32) func(map[string]tensor.Tensor) {
		return func(out map[string]tensor.Tensor) {
			if t, ok := out[name]; ok {
				t.Data[index] += delta
			}
		}
	}
	tests := []struct {
		name, says string
		change     func(map[string]tensor.Tensor)
	}{
		{"x off by 0.02 px", "positions", add("coords", 3, 0.02/8)},
		{"z off by 0.2 mm", "depths", add("coords", 5, 0.2/62.5)},
		{"score", "scores", add("score", 0, 0.05)},
		{"volume", "volumes", add("heatmap", 1000, 1)},
		{"NaN", "positions", func(out map[string]tensor.Tensor) { nan(out["coords"].Data) }},
		{"missing", "positions", func(out map[string]tensor.Tensor) { delete(out, "coords") }},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			data, result, err := Convert(original, "a.onnx", DefaultOptions(Unit), lie(tc.change))
			if data != nil || result != nil || !errors.Is(err, model.ErrModel) {
				t.Fatalf("got %d bytes, %v, %v", len(data), result, err)
			}
			if !strings.Contains(err.Error(), "disagree") || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("message %q does not speak of %s", err, tc.says)
			}
		})
	}
}

func nan(v []float32) {
	var zero float32
	v[0] = zero / zero
}

func TestConvertKeepsABatchThatCannotBeFreed(t *testing.T) {
	needLibrary(t)
	original := tiny{joints: 21, side: 32, batch: 1}.build(t)
	onlyOne := func(data []byte, input tensor.Tensor) (map[string]tensor.Tensor, error) {
		if input.Shape[0] != 1 {
			return nil, errors.New("batch baked in")
		}
		return runORT(data, input)
	}
	data, result, err := Convert(original, "a.onnx", DefaultOptions(Unit), onlyOne)
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if got := onnx.Metadata(m)["mhp.fixed_batch"]; got != "1" || result.Spec.FixedBatch != 1 {
		t.Errorf("mhp.fixed_batch = %q, result %d", got, result.Spec.FixedBatch)
	}
	if len(result.Notes) != 1 || !strings.Contains(result.Notes[0], "batch baked in") {
		t.Errorf("notes %v", result.Notes)
	}
	if got := result.After.Inputs[0].String(); got != "image float32 [1,3,256,256]" {
		t.Error(got)
	}
}

// With Raw every node and every weight stays; only names and metadata change.
func TestConvertRawKeepsTheGraph(t *testing.T) {
	needLibrary(t)
	original := tiny{joints: 21, side: 32, batch: 1}.build(t)
	o := DefaultOptions(Official)
	o.Raw = true
	data, result, err := Convert(original, "a.onnx", o, runORT)
	if err != nil {
		t.Fatal(err)
	}
	if result.Before.OperatorList() != result.After.OperatorList() || result.Before.Parameters != result.After.Parameters {
		t.Errorf("before %v, after %v", result.Before, result.After)
	}
	if s := spec(t, data); s.PReLU != "channel" || s.Head != model.HeadHeatmap {
		t.Errorf("prelu %s, head %s", s.PReLU, s.Head)
	}
	if result.PReLU.Channel != 2 || result.Fused {
		t.Errorf("%+v", result)
	}
}

func TestConvertRefuses(t *testing.T) {
	good := tiny{joints: 21, side: 32}
	build := func(change func(*onnx.ModelProto)) []byte {
		m := good.proto()
		change(m)
		data, err := onnx.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	shape := func(v *onnx.ValueInfoProto, dims ...onnx.Dim) { v.Type = onnx.FloatValue("", dims...).Type }
	n, three := onnx.Dim{Size: -1, Name: "n"}, onnx.Dim{Size: 3}
	tests := []struct {
		name string
		data []byte
		o    Options
		says []string
	}{
		{"empty", nil, Options{}, []string{"empty"}},
		{"text", []byte("<html>not found</html>"), Options{}, []string{"not a usable ONNX model"}},
		{"truncated", good.build(t)[:3000], Options{}, []string{"truncated"}},
		{"LFS pointer", []byte("version https://git-lfs.github.com/spec/v1\n"), Options{}, []string{"git lfs pull"}},
		{"ours already", build(func(m *onnx.ModelProto) { onnx.SetMetadata(m, "mhp.", map[string]string{"mhp.format": "1"}) }), Options{}, []string{"already"}},
		{"opset 8", build(func(m *onnx.ModelProto) { *m.OpsetImport[0].Version = 8 }), Options{}, []string{"operator set 8"}},
		{"two inputs", build(func(m *onnx.ModelProto) { m.Graph.Input = append(m.Graph.Input, onnx.FloatValue("y", three)) }), Options{}, []string{"2 inputs", "x float32 [b,3,256,256], y float32 [3]", "heat float32 [b,672,32,32]"}},
		{"channels last", build(func(m *onnx.ModelProto) {
			shape(m.Graph.Input[0], n, onnx.Dim{Size: 256}, onnx.Dim{Size: 256}, three)
		}), Options{}, []string{"[n,256,256,3]"}},
		{"half precision", build(func(m *onnx.ModelProto) { *m.Graph.Input[0].Type.GetTensorType().ElemType = 10 }), Options{}, []string{"float16"}},
		{"batch of a million", build(func(m *onnx.ModelProto) {
			shape(m.Graph.Input[0], onnx.Dim{Size: 1e6}, three, onnx.Dim{Size: 256}, onnx.Dim{Size: 256})
		}), Options{}, []string{"1000000"}},
		{"other output", build(func(m *onnx.ModelProto) {
			shape(m.Graph.Output[0], n, onnx.Dim{Size: 17}, onnx.Dim{Size: 64}, onnx.Dim{Size: 64})
		}), Options{}, []string{"no output has a known shape", "heat float32 [n,17,64,64]"}},
		{"17 joints", build(func(m *onnx.ModelProto) { shape(m.Graph.Output[0], n, onnx.Dim{Size: 17}, three) }), Options{}, []string{"17 joints", "muco21 has 21"}},
		{"coordinates without unit", build(func(m *onnx.ModelProto) { shape(m.Graph.Output[0], n, onnx.Dim{Size: 21}, three) }), Options{}, []string{"unit"}},
		{"other joint set", good.build(t), Options{Joints: "h36m18"}, []string{"21 joints", "h36m18"}},
		{"weights elsewhere", build(func(m *onnx.ModelProto) {
			m.Graph.Initializer[0].DataLocation = onnx.TensorProto_EXTERNAL.Enum()
		}), Options{}, []string{"second file"}},
		{"claims too much", build(func(m *onnx.ModelProto) { m.Graph.Initializer[0].Dims = []int64{1 << 40, 1 << 40} }), Options{}, []string{"larger than"}},
		{"claims more than it holds", build(func(m *onnx.ModelProto) { m.Graph.Initializer[0].Dims = []int64{6, 3, 3, 300} }), Options{}, []string{"claims"}},
	}
	never := func([]byte, tensor.Tensor) (map[string]tensor.Tensor, error) {
		return nil, errors.New("must not be run")
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			tc.o.Convention = Official
			data, _, err := Convert(tc.data, "strange.onnx", tc.o, never)
			if err == nil || data != nil || !errors.Is(err, model.ErrModel) {
				t.Fatalf("got %d bytes and %v", len(data), err)
			}
			for _, want := range append(tc.says, "strange.onnx") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("message lacks %q: %v", want, err)
				}
			}
		})
	}
}

func TestOptionsValidate(t *testing.T) {
	good := DefaultOptions(Official)
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Options){
		"convention": func(o *Options) { o.Convention = "bgr" },
		"joints":     func(o *Options) { o.Joints = "coco17" },
		"unit":       func(o *Options) { o.CoordsUnit = "mm" },
		"cells":      func(o *Options) { o.HeatCells = 48 },
		"picture":    func(o *Options) { o.Picture = tensor.New(1, 3, 8, 8) },
	} {
		o := good
		change(&o)
		err := o.Validate()
		if err == nil || errors.Is(err, model.ErrModel) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
