package modelimport

import (
	"math"
	"path/filepath"
	"testing"

	"mhp/internal/model"
	"mhp/internal/onnx"
	"mhp/internal/tensor"
)

// The plain file's volume, decoded by the slow twin, gives the file's own joints.
func TestPlainComputesTheSame(t *testing.T) {
	needLibrary(t)
	f, err := model.Open(filepath.Join("..", "..", "models", "mhp-xs.onnx"))
	if err != nil {
		t.Skip("no built-in model: ", err)
	}
	plain, err := Plain(f)
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Parse(plain.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if r := onnx.NewGraph(m).CountPReLU(); r.Channel+r.Layer == 0 || plain.Spec.Head != model.HeadHeatmap {
		t.Errorf("%+v, head %s", r, plain.Spec.Head)
	}
	input := normalised(drawnPicture(), Raw255)
	run := func(data []byte) map[string]tensor.Tensor {
		out, err := runORT(data, input)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	want := run(f.Bytes)["coords"].Data
	volume := run(plain.Bytes)[heatName].Data
	got, _ := softArgmax(volume, len(f.Spec.Set.Joints), f.Spec.HeatW)
	for i := range want {
		if off := math.Abs(got[i] - float64(want[i])); !(off < 0.01) {
			t.Errorf("coordinate %d of joint %d differs by %g cells", i%3, i/3, off)
		}
	}
	if again, err := Plain(plain); err != nil || again != plain {
		t.Errorf("a plain file does not come back as it is (%v)", err)
	}
}
