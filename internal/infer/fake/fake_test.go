package fake

import (
	"context"
	"errors"
	"slices"
	"testing"

	"mhp/internal/infer"
	"mhp/internal/model"
	"mhp/internal/skeleton"
	"mhp/internal/tensor"
)

var _ infer.Runner = (*Runner)(nil)

func spec(t *testing.T, head model.Head) *model.Spec {
	set, err := skeleton.Custom([]string{"Pelvis", "Head"}, []int{-1, 0})
	if err != nil {
		t.Fatal(err)
	}
	return &model.Spec{Set: set, Head: head, InputWPx: 8, InputHPx: 4, HeatW: 2, HeatH: 2, DepthBins: 3}
}

func TestCoords(t *testing.T) {
	r := New(spec(t, model.HeadCoords))
	r.Coords = []float32{1, 2, 3, 4, 5, 6}
	r.Score = []float32{0.5, 1}
	r.Answer = func(in tensor.Tensor, out infer.Output) error {
		out.Score.Data[3] = in.Data[len(in.Data)-1]
		return nil
	}
	in, err := r.Input(2)
	if err != nil || !slices.Equal(in.Shape, []int64{2, 3, 4, 8}) {
		t.Fatalf("input %v, %v", in.Shape, err)
	}
	in.Data[len(in.Data)-1] = 0.25
	out, err := r.Run(context.Background(), 2)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(out.Coords.Data, []float32{1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6}) || !slices.Equal(out.Score.Data, []float32{0.5, 1, 0.5, 0.25}) {
		t.Errorf("got %v, %v", out.Coords.Data, out.Score.Data)
	}
	if r.Runs != 1 || r.Crops != 2 {
		t.Errorf("%d runs, %d crops", r.Runs, r.Crops)
	}
}

func TestHeatmap(t *testing.T) {
	r := New(spec(t, model.HeadHeatmap))
	out, err := r.Run(context.Background(), 3)
	if err != nil || !slices.Equal(out.Heatmap.Shape, []int64{3, 6, 2, 2}) || out.Coords.Data != nil {
		t.Errorf("got %+v, %v", out, err)
	}
	r.Heatmap = []float32{1}
	if _, err := r.Run(context.Background(), 3); err == nil {
		t.Error("a volume of the wrong size should fail")
	}
}

func TestErrors(t *testing.T) {
	r := New(spec(t, model.HeadCoords))
	if _, err := r.Run(context.Background(), 0); err == nil {
		t.Error("no crops should fail")
	}
	r.Err = errors.New("broken")
	if _, err := r.Run(context.Background(), 1); !errors.Is(err, r.Err) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := r.Run(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := r.Input(1); err == nil {
		t.Error("a closed runner should fail")
	}
}
