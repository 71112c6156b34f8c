package model

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

func detectorMeta() map[string]string {
	return map[string]string{
		"mhp.format": "1", "mhp.kind": "detector", "mhp.name": "finder", "mhp.input_width_px": "64", "mhp.input_height_px": "32",
		"mhp.color_order": "rgb", "mhp.input_scale": "1", "mhp.input_mean": "0,0,0", "mhp.input_std": "1,1,1",
		"mhp.score_threshold": "0.4", "mhp.nms_iou": "0.6", "mhp.letterbox": "topleft", "mhp.letterbox_grey": "114",
		"mhp.trained": "true", "mhp.training_data": "synthetic", "mhp.licence": "MIT", "mhp.accuracy": `{"recall":"0.8"}`, "mhp.parameters": "1000",
	}
}

func detectorFile(meta map[string]string, outputs ...Port) []byte {
	if outputs == nil {
		outputs = []Port{floats("scores", AnyDim, 42), floats("boxes", AnyDim, 42, 4)}
	}
	return onnxBytes(meta, []Port{floats("image", AnyDim, 3, 32, 64)}, outputs)
}

func TestDetector(t *testing.T) {
	f, err := ReadDetector("mhp-detector.onnx", detectorFile(detectorMeta()))
	if err != nil {
		t.Fatal(err)
	}
	d := f.Detector
	if d.Name != "finder" || d.Format != FormatMHP || d.InputWPx != 64 || d.InputHPx != 32 || d.ScoreThreshold != 0.4 || d.NMSIoU != 0.6 ||
		d.Letterbox != LetterboxTopLeft || d.LetterboxGrey != 114 || d.Input != "image" || !d.Trained || d.Accuracy["recall"] != "0.8" {
		t.Errorf("read %+v", d)
	}
	if len(d.Outputs) != 2 || d.Outputs[0].Name != "boxes" || d.Outputs[1].Name != "scores" {
		t.Errorf("outputs are %v, want boxes before scores", d.Outputs)
	}
	if f, err = ReadDetector("theirs.onnx", detectorFile(nil)); err != nil || f.Detector != nil || len(f.Graph.Outputs) != 2 {
		t.Errorf("a file without metadata is %+v, %v", f, err)
	}
}

func TestDetectorRefuses(t *testing.T) {
	for _, c := range []struct {
		name, says string
		data       []byte
	}{
		{"empty", "is empty", nil},
		{"picture", "JPEG picture", []byte("\xff\xd8\xff\xe0\x00\x10JFIF\x00")},
		{"pose network", "is a pose network", tinyHeatmap()},
		{"missing", "mhp.letterbox_grey is missing", detectorFile(with(detectorMeta(), "mhp.letterbox_grey", "-"))},
		{"two wrongs", "mhp.nms_iou is 0, not above 0", detectorFile(with(detectorMeta(), "mhp.nms_iou", "0", "mhp.input_scale", "0"))},
		{"letterbox", `mhp.letterbox is "middle"`, detectorFile(with(detectorMeta(), "mhp.letterbox", "middle"))},
		{"format", `format "2"`, detectorFile(with(detectorMeta(), "mhp.format", "2"))},
		{"output names", `no output is called "boxes"; there are a[?,42,4], b[?,42]`, detectorFile(detectorMeta(), floats("a", AnyDim, 42, 4), floats("b", AnyDim, 42))},
		{"output shape", "boxes[?,42,5] should be boxes[?,?,4]", detectorFile(detectorMeta(), floats("boxes", AnyDim, 42, 5), floats("scores", AnyDim, 42))},
		{"batch", "takes 4 pictures at a time", onnxBytes(detectorMeta(), []Port{floats("image", 4, 3, 32, 64)}, []Port{floats("boxes", 4, 42, 4), floats("scores", 4, 42)})},
	} {
		_, err := ReadDetector(c.name, c.data)
		var file *FileError
		if !errors.Is(err, ErrModel) || !errors.As(err, &file) || !strings.Contains(err.Error(), c.says) || file.Hint() == "" {
			t.Errorf("%s: error %v, want a model error with a hint that says %q", c.name, err, c.says)
		}
	}
}

// Each kind is found where it is asked for, and refused with a word about the other.
func TestStoreKeepsKindsApart(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mhp-xs.onnx"), tinyHeatmap(), 0o644); err != nil {
		t.Fatal(err)
	}
	store := Store{Dirs: []string{dir}, Builtin: fstest.MapFS{
		"mhp-detector.onnx": {Data: detectorFile(detectorMeta())},
		"mhp-broken.onnx":   {Data: detectorFile(with(detectorMeta(), "mhp.name", "-"))},
	}}
	if list := store.List(); len(list) != 1 || list[0].Name != "xs" {
		t.Errorf("pose networks are %+v, want xs alone", list)
	}
	list := store.Detectors()
	if len(list) != 2 || list[0].Name != "broken" || list[0].Err == nil || list[1].Name != "detector" || list[1].File.Detector == nil {
		t.Errorf("detectors are %+v, want broken and detector", list)
	}
	if _, err := store.Resolve("detector"); !errors.Is(err, ErrModel) || !strings.Contains(err.Error(), "finds people") {
		t.Errorf("the detector as a pose network: %v", err)
	}
	if f, err := store.ResolveDetector("detector"); err != nil || f.Path != "" {
		t.Errorf("the built-in detector: %+v, %v", f, err)
	}
	if f, err := store.ResolveDetector(filepath.Join(dir, "mhp-xs.onnx")); !errors.Is(err, ErrModel) {
		t.Errorf("a pose network as a detector: %+v, %v", f, err)
	}
	if _, err := (Store{}).ResolveDetector("detector"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no detector: %v", err)
	}
}
