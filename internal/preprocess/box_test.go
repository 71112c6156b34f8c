package preprocess

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"mhp/internal/geom"
	"mhp/internal/testkit"
)

func goldenBoxes(t *testing.T, golden *testkit.File) []geom.BoxPx {
	values := golden.Values(t, "boxes", -1, 4)
	boxes := make([]geom.BoxPx, len(values)/4)
	for i := range boxes {
		boxes[i] = geom.BoxPx{X: values[4*i], Y: values[4*i+1], W: values[4*i+2], H: values[4*i+3]}
	}
	return boxes
}

func TestSquareBoxGoldens(t *testing.T) {
	golden := testkit.Golden(t, "crop")
	boxes := goldenBoxes(t, golden)
	var squares, maps []float64
	for _, box := range boxes {
		s, err := SquareBox(box, 96, 80)
		if err != nil {
			t.Fatal(err)
		}
		m := geom.SquareCrop(s, 48)
		squares = append(squares, s.X, s.Y, s.W, s.H)
		maps = append(maps, m.Scale, m.ShiftX, m.ShiftY)
	}
	label := func(i int) string { return fmt.Sprintf("number %d", i) }
	testkit.Within(t, "squares", "px", 1e-9, squares, golden.Values(t, "squares", len(boxes), 4), label)
	testkit.Within(t, "crop to image", "px", 1e-9, maps, golden.Values(t, "maps", len(boxes), 3), label)
}

func TestSquareBoxRefuses(t *testing.T) {
	for _, c := range []struct {
		name    string
		box     geom.BoxPx
		width   int
		problem string
	}{
		{"not a number", geom.BoxPx{X: math.NaN(), W: 5, H: 5}, 100, "not finite"},
		{"infinite", geom.BoxPx{W: math.Inf(1), H: 5}, 100, "not finite"},
		{"no width", geom.BoxPx{H: 5}, 100, "no area"},
		{"negative height", geom.BoxPx{W: 5, H: -5}, 100, "no area"},
		{"right of the picture", geom.BoxPx{X: 100, W: 5, H: 5}, 100, "outside"},
		{"left of the picture", geom.BoxPx{X: -10, W: 10, H: 5}, 100, "outside"},
		{"below the picture", geom.BoxPx{Y: 51, W: 5, H: 5}, 100, "outside"},
		{"one pixel", geom.BoxPx{X: 5, Y: 5, W: 1, H: 1}, 100, "single pixel"},
		{"picture of one pixel", geom.BoxPx{W: 1, H: 1}, 1, "single pixel"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := SquareBox(c.box, c.width, c.width/2+1)
			var box *BoxError
			if !errors.As(err, &box) || !strings.Contains(err.Error(), c.problem) || box.Hint() == "" {
				t.Errorf("error %v, want a BoxError that says %q", err, c.problem)
			}
		})
	}
}

// A box is either refused or becomes a finite square round what is left of it.
func FuzzSquareBox(f *testing.F) {
	f.Add(0.0, 0.0, 10.0, 20.0, 640, 480)
	f.Add(-5.5, 470.0, 1e9, 1e-9, 640, 480)
	f.Add(math.NaN(), 0.0, 1.0, 1.0, 1, 1)
	f.Add(1e308, -1e308, 1e308, 1e308, 30000, 1)
	f.Fuzz(func(t *testing.T, x, y, w, h float64, width, height int) {
		if width < 1 || height < 1 || width > 1<<20 || height > 1<<20 {
			t.Skip("no picture")
		}
		s, err := SquareBox(geom.BoxPx{X: x, Y: y, W: w, H: h}, width, height)
		if err != nil {
			return
		}
		if !s.Finite() || s.W != s.H || !(s.W > 0) {
			t.Fatalf("%v is no square", s)
		}
		inside := s.Intersect(geom.BoxPx{W: float64(width), H: float64(height)})
		if largest := 1.25 * float64(max(width, height)); s.W > largest || inside.W <= 0 || inside.H <= 0 {
			t.Fatalf("%v for a picture of %d x %d px", s, width, height)
		}
	})
}
