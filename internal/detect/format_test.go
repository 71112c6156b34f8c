package detect

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"mhp/internal/frame"
	"mhp/internal/geom"
	"mhp/internal/infer/ort"
	"mhp/internal/model"
)

func port(name string, kind int, shape ...int64) model.Port {
	return model.Port{Name: name, ElemType: kind, Shape: shape}
}

// graph has an input of 640 x 640 px.
func graph(outputs ...model.Port) *model.Graph {
	return &model.Graph{Inputs: []model.Port{port("images", 1, 1, 3, 640, 640)}, Outputs: outputs}
}

// The shapes are those of the projects' own exports.
func TestRecognise(t *testing.T) {
	any := int64(model.AnyDim)
	p6 := graph(port("output", 1, 1, 25500, 85))
	for _, c := range []struct {
		name   string
		graph  *model.Graph
		format string
		want   model.DetectorFormat
		first  string // of the outputs taken
	}{
		{"yolox_s", graph(port("output", 1, 1, 8400, 85)), "", model.FormatYOLOX, "output"},
		{"yolox, one class", graph(port("output", 1, 1, 8400, 6)), "auto", model.FormatYOLOX, "output"},
		{"yolov5s", graph(port("output0", 1, 1, 25200, 85)), "", model.FormatYOLOv5, "output0"},
		{"yolov5s with its heads", graph(port("output", 1, 1, 25200, 85), port("327", 1, 1, 3, 80, 80, 85)), "", model.FormatYOLOv5, "output"},
		{"yolov5s6", p6, "", model.FormatYOLOv5, "output"},
		{"yolov8n", graph(port("output0", 1, 1, 84, 8400)), "", model.FormatYOLOv8, "output0"},
		{"yolo11n, dynamic", graph(port("output0", 1, any, 84, any)), "", model.FormatYOLOv8, "output0"},
		{"yolov8n, people alone", graph(port("output0", 1, 1, 5, 8400)), "", model.FormatYOLOv8, "output0"},
		{"yolov10n", graph(port("output0", 1, 1, 300, 6)), "", model.FormatYOLOv10, "output0"},
		{"yolov5, dynamic, told", graph(port("output0", 1, 1, any, 85)), "yolov5", model.FormatYOLOv5, "output0"},
		{"mmdeploy", graph(port("dets", 1, 1, any, 5), port("labels", 7, 1, any)), "", model.FormatMMDeploy, "dets"},
		{"torchvision", graph(port("boxes", 1, any, 4), port("labels", 7, any), port("scores", 1, any)), "", model.FormatSSD, "boxes"},
		{"ultraface", graph(port("scores", 1, 1, 4420, 2), port("boxes", 1, 1, 4420, 4)), "", model.FormatSSD, "boxes"},
	} {
		d, err := Recognise(c.name, c.graph, c.format, 0)
		if err != nil || d.Format != c.want || d.Outputs[0].Name != c.first || d.ColorOrder == "" || d.InputScale == 0 || d.Letterbox == "" {
			t.Errorf("%s is taken for %+v, %v; want %s", c.name, d, err, c.want)
		}
	}
}

func TestRecogniseRefuses(t *testing.T) {
	any := int64(model.AnyDim)
	for _, c := range []struct {
		graph  *model.Graph
		format string
		says   string
	}{
		{graph(port("heat", 1, 1, 17, 64, 48), port("depth", 1, 1, 64)), "", "its outputs heat[1,17,64,48], depth[1,64] are not of any known form"},
		{graph(port("output", 1, 1, 8400, 85)), "ssd", "its outputs output[1,8400,85] do not look like those of ssd"},
		{graph(port("output", 1, 1, any, 85)), "", "output[1,?,85] may be those of yolox or yolov5"},
		{graph(), "", "its outputs none are not"},
		{&model.Graph{Inputs: []model.Port{port("a", 1, 1, 3, 8, 8), port("b", 1, 1)}}, "", "it has 2 inputs (a[1,3,8,8], b[1])"},
		{&model.Graph{Inputs: []model.Port{port("a", 10, 1, 3, 64, 64)}}, "", "its input a[1,3,64,64] is not float32"},
		{&model.Graph{Inputs: []model.Port{port("a", 1, 1, 64, 64, 3)}}, "", "a[1,64,64,3] is not [N,3,height,width]"},
		{&model.Graph{Inputs: []model.Port{port("a", 1, 4, 3, 64, 64)}}, "", "takes several pictures"},
		{&model.Graph{Inputs: []model.Port{port("a", 1, 1, 3, 8, 9000)}}, "", "not between 16 and 4096 px"},
	} {
		_, err := Recognise("x.onnx", c.graph, c.format, 0)
		wantError(t, err, c.says)
		if !errors.Is(err, model.ErrModel) {
			t.Errorf("%v does not wrap ErrModel", err)
		}
	}
}

// Every form of output, run by ONNX Runtime on the tiny detectors of testdata,
// which find what is bright.
func TestEveryFormatFindsTheSame(t *testing.T) {
	where := ort.LibraryOptions{Env: os.Getenv("MHP_ORT_LIBRARY")}
	if _, err := ort.FindLibrary(where); err != nil {
		t.Skipf("no ONNX Runtime: %v", err)
	}
	for _, c := range []struct {
		file  string
		class int
		want  model.DetectorFormat
	}{
		{"mhp", 0, model.FormatMHP}, {"yolox", 0, model.FormatYOLOX}, {"yolov5", 0, model.FormatYOLOv5}, {"yolov8", 0, model.FormatYOLOv8},
		{"yolov10", 0, model.FormatYOLOv10}, {"mmdeploy", 0, model.FormatMMDeploy}, {"ssd", 1, model.FormatSSD}, {"torchvision", 1, model.FormatSSD},
	} {
		t.Run(c.file, func(t *testing.T) {
			f, err := model.OpenDetector(filepath.Join("testdata", c.file+".onnx"))
			if err != nil {
				t.Fatal(err)
			}
			spec := f.Detector
			if spec == nil {
				if spec, err = Recognise(f.Name, f.Graph, FormatAuto, c.class); err != nil {
					t.Fatal(err)
				}
			}
			if spec.Format != c.want {
				t.Fatalf("taken for %s, want %s", spec.Format, c.want)
			}
			runner, err := ort.OpenDetector(where, f.Bytes, spec, ort.Options{Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer runner.Close()
			n, err := NewNetwork(runner, NetworkOptions{MinScore: 0.7})
			if err != nil {
				t.Fatal(err)
			}
			picture := frame.New(128, 128)
			search := func() []Box {
				boxes, err := n.Find(context.Background(), picture)
				if err != nil {
					t.Fatal(err)
				}
				return boxes
			}
			if got := search(); len(got) != 0 {
				t.Errorf("in the dark: %v", got)
			}
			paint(picture, 64, 32, 96, 64) // one cell of 16 px, at twice the size, and four of 8 px
			if got := search(); !anyNear(got, geom.BoxPx{X: 64, Y: 32, W: 32, H: 32}) || got[0].Score < 0.99 {
				t.Errorf("one: %v", got)
			}
			paint(picture, 0, 112, 16, 128)
			if got := search(); !anyNear(got, geom.BoxPx{X: 64, Y: 32, W: 32, H: 32}) || !anyNear(got, geom.BoxPx{X: 0, Y: 112, W: 16, H: 16}) {
				t.Errorf("two: %v", got)
			}
		})
	}
}

func anyNear(boxes []Box, want geom.BoxPx) bool {
	for _, b := range boxes {
		if math.Abs(b.X-want.X)+math.Abs(b.Y-want.Y)+math.Abs(b.W-want.W)+math.Abs(b.H-want.H) < 1 {
			return true
		}
	}
	return false
}

func TestUnknownOutputsAreListed(t *testing.T) {
	f, err := model.OpenDetector(filepath.Join("testdata", "unknown.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Recognise(f.Name, f.Graph, FormatAuto, 0)
	wantError(t, err, "heat[1,1,8,8], belief[1,84]")
}
