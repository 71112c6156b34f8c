package render

import (
	"image"
	"math"
	"slices"
	"testing"
)

// inked counts the pixels of a colour.
func inked(img *image.RGBA, want [3]uint8) int {
	n := 0
	for i := 0; i < len(img.Pix); i += 4 {
		if img.Pix[i] == want[0] && img.Pix[i+1] == want[1] && img.Pix[i+2] == want[2] {
			n++
		}
	}
	return n
}

func TestChartDrawsTheCurveWhereItBelongs(t *testing.T) {
	flat := Chart([]Line{{Name: "a", X: []float64{0, 10}, Y: []float64{50, 50}}}, ChartOptions{Title: "t", TopY: 100})
	ink := [3]uint8{leftInk.R, leftInk.G, leftInk.B}
	if n := inked(flat, ink); n < 700 {
		t.Errorf("%d px of the curve's colour", n)
	}
	middle := (84 + chartH - 64) / 2
	found := false
	for y := middle - 2; y <= middle+2; y++ {
		c := flat.RGBAAt(300, y)
		found = found || c.R == ink[0] && c.G == ink[1] && c.B == ink[2]
	}
	if !found {
		t.Error("50 of 100 is not half way up")
	}
}

func TestChartsOfNothing(t *testing.T) {
	for _, img := range []*image.RGBA{
		Chart(nil, ChartOptions{}),
		Chart([]Line{{X: []float64{0, 0}, Y: []float64{math.NaN(), math.Inf(1)}}}, ChartOptions{}),
		Bars(nil, nil, ChartOptions{}),
		Bars([]string{"L_Hip"}, []float64{math.NaN()}, ChartOptions{}),
	} {
		if img.Bounds().Empty() {
			t.Error("no picture")
		}
	}
}

func TestBarsAreAsLongAsTheirValues(t *testing.T) {
	blue := [3]uint8{leftInk.R, leftInk.G, leftInk.B}
	orange := [3]uint8{rightInk.R, rightInk.G, rightInk.B}
	img := Bars([]string{"L_Hip", "R_Hip"}, []float64{100, 50}, ChartOptions{})
	a, b := inked(img, blue), inked(img, orange)
	if math.Abs(float64(a)/float64(b)-2) > 0.05 {
		t.Errorf("bars of 100 and 50 have %d and %d px", a, b)
	}
}

func TestTicksAreRound(t *testing.T) {
	for _, c := range []struct {
		top  float64
		want []float64
	}{
		{1, []float64{0, 0.2, 0.4, 0.6000000000000001, 0.8, 1}},
		{4, []float64{0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4}},
		{73, []float64{0, 10, 20, 30, 40, 50, 60, 70}},
		{0, []float64{0}},
		{math.NaN(), nil},
	} {
		if got := roundFigures(c.top); !slices.Equal(got, c.want) {
			t.Errorf("up to %g: %v, want %v", c.top, got, c.want)
		}
	}
}
