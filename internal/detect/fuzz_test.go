package detect

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"mhp/internal/model"
	"mhp/internal/tensor"
)

// Whatever a file says of itself, it is refused with an error of its own kind
// or its outputs can be decoded: whatever numbers come, in any size that the
// file leaves open, they give people with a score and an area, or an error.
func FuzzDetectorFile(f *testing.F) {
	seeds, err := filepath.Glob("testdata/*.onnx")
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds in testdata: %v", err)
	}
	for i, seed := range seeds {
		data, err := os.ReadFile(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, uint8(i), uint64(i))
	}
	f.Fuzz(func(t *testing.T, data []byte, open uint8, seed uint64) {
		file, err := model.ReadDetector("fuzz.onnx", data)
		if err == nil && file.Detector == nil {
			file.Detector, err = Recognise("fuzz", file.Graph, FormatAuto, int(open%3))
		}
		if err != nil {
			if !errors.Is(err, model.ErrModel) {
				t.Errorf("%v does not wrap ErrModel", err)
			}
			return
		}
		var outputs []tensor.Tensor
		for _, port := range file.Detector.Outputs {
			shape, size := []int64{}, 1.0
			for _, dim := range port.Shape {
				if dim == model.AnyDim {
					dim = int64(open % 9)
				}
				shape, size = append(shape, dim), size*float64(dim)
			}
			if size > 1e6 {
				return
			}
			out := tensor.New(shape...)
			for i := range out.Data {
				seed = seed*6364136223846793005 + 1442695040888963407
				out.Data[i] = float32(int64(seed)>>40) / (1 << 20)
			}
			outputs = append(outputs, out)
		}
		found, err := decode(nil, file.Detector, outputs, 0.1)
		if err != nil {
			return
		}
		for _, c := range found {
			if !(c.score >= 0.1 && c.score <= 1 && c.x2 > c.x1 && c.y2 > c.y1) {
				t.Errorf("%+v is no person", c)
			}
		}
	})
}
