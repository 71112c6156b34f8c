package ort

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"mhp/internal/infer"
	"mhp/internal/model"
)

// bright opens detect's tiny detector, which scores the mean red of 84 cells,
// changed by change.
func bright(t *testing.T, change func(*model.Detector)) infer.DetectorRunner {
	t.Helper()
	where := library(t)
	f, err := model.OpenDetector(filepath.Join("..", "..", "detect", "testdata", "mhp.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(f.Detector)
	}
	d, err := OpenDetector(where, f.Bytes, f.Detector, Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// Outputs are the same whether the file states their sizes or not; in the
// second case a first run tells them.
func TestDetectorRuns(t *testing.T) {
	for name, change := range map[string]func(*model.Detector){
		"sizes stated": nil,
		"sizes open":   func(d *model.Detector) { d.Outputs[0].Shape, d.Outputs[1].Shape = []int64{-1, -1, -1}, nil },
		"made anew":    func(d *model.Detector) { d.Format, d.Outputs[0].Shape = model.FormatSSD, []int64{-1, -1, 4} },
	} {
		t.Run(name, func(t *testing.T) {
			d := bright(t, change)
			for _, grey := range []float32{51, 255} {
				in := d.Input()
				for i := range in.Data {
					in.Data[i] = grey
				}
				out, err := d.Run(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				if len(out) != 2 || len(out[0].Data) != 84*4 || len(out[1].Data) != 84 || out[0].Shape[2] != 4 || out[1].Shape[1] != 84 {
					t.Fatalf("outputs %v", out)
				}
				if want := grey / 255; out[1].Data[83] < want-1e-5 || out[1].Data[83] > want+1e-5 || out[0].Data[4*83+2] != 64 {
					t.Errorf("grey %g scores %g, the last box ends at %g", grey, out[1].Data[83], out[0].Data[4*83+2])
				}
			}
			if d.Provider() != CPU || d.Spec().Name != "bright" {
				t.Errorf("%s runs on %s", d.Spec().Name, d.Provider())
			}
		})
	}
}

func TestDetectorDoesNotAllocate(t *testing.T) {
	d := bright(t, func(d *model.Detector) { d.Outputs[0].Shape = nil })
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if n := testing.AllocsPerRun(20, func() {
		if _, err := d.Run(ctx); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%g allocations a run", n)
	}
}

func TestDetectorCancelAndClose(t *testing.T) {
	d := bright(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := d.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancelling: %v", err)
	}
	if _, err := d.Run(context.Background()); err != nil {
		t.Errorf("the run after: %v", err)
	}
	if err := errors.Join(d.Close(), d.Close()); err != nil {
		t.Error(err)
	}
	if _, err := d.Run(context.Background()); err == nil {
		t.Error("a closed detector runs")
	}
}

func TestDetectorRefuses(t *testing.T) {
	where := library(t)
	f, err := model.OpenDetector(filepath.Join("..", "..", "detect", "testdata", "mhp.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenDetector(where, f.Bytes[:len(f.Bytes)/2], f.Detector, Options{}); !errors.Is(err, model.ErrModel) {
		t.Errorf("half a file: %v", err)
	}
}
