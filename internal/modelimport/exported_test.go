package modelimport

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"mhp/internal/model"
	"mhp/internal/onnx"
)

// exported are the files that testdata/export_tiny.py makes with PyTorch.
func exported(tb testing.TB) map[string][]byte {
	tb.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", "*.onnx"))
	if err != nil || len(names) == 0 {
		tb.Fatalf("testdata holds no models (%v); testdata/export_tiny.py makes them", err)
	}
	files := map[string][]byte{}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		files[strings.TrimSuffix(filepath.Base(name), ".onnx")] = data
	}
	return files
}

// What PyTorch's two exporters write, with and without folding, imports with
// every PReLU rewritten, any batch, and a real score.
func TestConvertExported(t *testing.T) {
	needLibrary(t)
	for name, data := range exported(t) {
		t.Run(name, func(t *testing.T) {
			o := DefaultOptions(Unit)
			coords := strings.HasPrefix(name, "coords")
			if coords {
				o.CoordsUnit = "cells"
			}
			out, r, err := Convert(data, name, o, runORT)
			if err != nil {
				t.Fatal(err)
			}
			if r.PReLU != (onnx.PReLUReport{Channel: 2, Layer: 1}) || r.After.Operators["PRelu"] != 0 || r.Spec.FixedBatch != 0 || len(r.Notes) != 0 {
				t.Errorf("%+v, fixed batch %d, notes %v", r.PReLU, r.Spec.FixedBatch, r.Notes)
			}
			if r.Fused == coords || spec(t, out).HeatW != 32 {
				t.Errorf("fused %v, %d cells", r.Fused, r.Spec.HeatW)
			}
			// What came out is ours, and is not to be read by another convention.
			if _, _, err := Convert(out, name, o, runORT); err == nil || !strings.Contains(err.Error(), "already") {
				t.Errorf("importing twice: %v", err)
			}
		})
	}
}

// FuzzConvert: whatever the bytes, an import ends with a file that carries our
// metadata or with an error that blames the model. The library is replaced by
// one that answers with zeros, so that the proof always passes. Outputs are
// restated as coordinates, for volumes take long to compare.
func FuzzConvert(f *testing.F) {
	for name, data := range exported(f) {
		m, err := onnx.Parse(data)
		if err != nil {
			f.Fatal(name, err)
		}
		f.Add(data[:len(data)*2/3], false)
		if strings.HasPrefix(name, "volume") {
			m.Graph.Output[0].Type = onnx.FloatValue("", onnx.Dim{Size: -1, Name: "n"}, onnx.Dim{Size: 21}, onnx.Dim{Size: 3}).Type
		}
		if data, err = proto.Marshal(m); err != nil {
			f.Fatal(name, err)
		}
		f.Add(data, false)
		f.Add(data, true)
	}
	f.Fuzz(func(t *testing.T, data []byte, raw bool) {
		o := DefaultOptions(Official)
		o.CoordsUnit, o.HeatCells, o.Raw = "cells", 32, raw
		out, _, err := Convert(data, "fuzz.onnx", o, zeros)
		if err != nil {
			if !errors.Is(err, model.ErrModel) || out != nil {
				t.Fatalf("%d bytes and %v", len(out), err)
			}
			return
		}
		spec(t, out)
	})
}
