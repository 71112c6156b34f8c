package pipeline

import (
	"context"
	"errors"
	"testing"

	"mhp/internal/detect"
	"mhp/internal/frame"
	"mhp/internal/geom"
	"mhp/internal/infer/fake"
)

// reduced is a picture of 4096 x 4096 px at 1/r of its size that counts second looks.
func reduced(r int, looks *[]int, released *int) *frame.Frame {
	f := frame.New(4096/r, 4096/r)
	f.WidthPx, f.HeightPx, f.Reduce = 4096, 4096, r
	f.Sharper = func(reduce int) (*frame.Frame, error) {
		*looks = append(*looks, reduce)
		s := reduced(reduce, looks, released)
		s.ReleaseFunc = func() { *released++ }
		return s, nil
	}
	return f
}

func TestReducedPicturesGetASecondLookWherePeopleAreSmall(t *testing.T) {
	for name, c := range map[string]struct {
		sidesPx []float64 // of the boxes; a square is 1.25 times as large
		looks   []int
	}{
		"large enough":       {[]float64{1700}, nil},
		"half":               {[]float64{500}, []int{2}},
		"whole":              {[]float64{300}, []int{1}},
		"the smallest rules": {[]float64{1700, 500, 300}, []int{1}},
	} {
		t.Run(name, func(t *testing.T) {
			var boxes []geom.BoxPx
			for _, side := range c.sidesPx {
				boxes = append(boxes, geom.BoxPx{X: 100, Y: 100, W: side, H: side})
			}
			spec := testSpec(t)
			runner := fake.New(spec)
			runner.Coords, runner.Score = constant(spec, 16, 16, 16)
			e := newTestEstimator(t, runner, detect.Given(boxes), EstimatorOptions{})
			var looks []int
			released := 0
			p, err := e.Picture(context.Background(), reduced(4, &looks, &released))
			if err != nil {
				t.Fatal(err)
			}
			if len(looks) != len(c.looks) || len(looks) > 0 && looks[0] != c.looks[0] || released != len(looks) {
				t.Errorf("second looks %v, want %v; %d released", looks, c.looks, released)
			}
			// Results speak of the whole picture's px: heat cell 16 is the square's middle.
			near(t, "image x", p.People[0].Joints[0].Image.X, 100+(c.sidesPx[0]-1)/2, 1e-6)
		})
	}
}

func TestASecondLookThatFailsIsThePicturesError(t *testing.T) {
	f := frame.New(100, 100)
	f.WidthPx, f.HeightPx, f.Reduce = 800, 800, 8
	gone := errors.New("gone")
	f.Sharper = func(int) (*frame.Frame, error) { return nil, gone }
	e := newTestEstimator(t, fake.New(testSpec(t)), detect.Given([]geom.BoxPx{{X: 1, Y: 1, W: 50, H: 50}}), EstimatorOptions{})
	if _, err := e.Picture(context.Background(), f); !errors.Is(err, gone) {
		t.Errorf("error %v, want the second look's", err)
	}
}

func TestReduction(t *testing.T) {
	for _, c := range []struct {
		sidePx float64
		want   int
	}{{100, 1}, {511, 1}, {512, 2}, {1024, 4}, {2047.9, 4}, {2048, 8}, {1e6, 8}} {
		if got := Reduction(c.sidePx, 256); got != c.want {
			t.Errorf("a square of %g px may be reduced %d times, want %d", c.sidePx, got, c.want)
		}
	}
}
