package render

import (
	"image/color"
	"math"
	"testing"

	"mhp/internal/geom"
)

func TestViewsKeepDirections(t *testing.T) {
	right, nearer, higher := mm3{1, 0, 0}, mm3{0, 0, -1}, mm3{0, -1, 0}
	for _, c := range []struct {
		v       view
		p       mm3
		x, y    float64
		meaning string
	}{
		{frontView, right, 1, 0, "x runs right in the front view"},
		{frontView, higher, 0, -1, "up is up in the front view"},
		{frontView, nearer, 0, 0, "depth is not seen in the front view"},
		{sideView, nearer, -1, 0, "the camera is on the left of the side view"},
		{sideView, higher, 0, -1, "up is up in the side view"},
		{topView, right, 1, 0, "x runs right in the top view"},
		{topView, nearer, 0, 1, "the camera is at the bottom of the top view"},
	} {
		x, y, _ := c.v.flat(c.p)
		if math.Abs(x-c.x) > 1e-9 || math.Abs(y-c.y) > 1e-9 {
			t.Errorf("%s: got %.3f, %.3f", c.meaning, x, y)
		}
	}
	_, _, camera := sideView.flat(right)
	if camera >= 0 {
		t.Error("from the side, what is on the picture's right must be nearer")
	}
}

func TestRoomHoldsEverybodyInWholeSteps(t *testing.T) {
	p := group(t)
	var figures []figure
	for i := range p.People {
		figures = append(figures, figureOf(&p.People[i], false, ""))
	}
	r := roomFor(figures, 7)
	for _, f := range figures {
		for _, mm := range f.mm {
			for i := range mm {
				if mm[i] < r.lo[i]-1e-9 || mm[i] > r.hi[i]+1e-9 {
					t.Fatalf("joint %v lies outside %v..%v", mm, r.lo, r.hi)
				}
			}
		}
	}
	for _, i := range []int{0, 2} {
		for _, v := range []float64{r.lo[i], r.hi[i]} {
			if s := v / r.stepMM; math.Abs(s-math.Round(s)) > 1e-9 {
				t.Errorf("the floor ends at %v mm, not at a grid line of %v", v, r.stepMM)
			}
		}
	}
	lo, hi, _ := bounds(figures)
	if r.hi[1] != hi[1] || hi[1] <= lo[1] {
		t.Errorf("the floor is at %v, the lowest joint at %v", r.hi[1], hi[1])
	}
	if lines := (r.hi[2] - r.lo[2]) / r.stepMM; lines > 9 {
		t.Errorf("%v grid lines, too many to label", lines)
	}
}

func TestSteps(t *testing.T) {
	for _, c := range [][2]float64{{0, 10}, {10, 10}, {11, 25}, {26, 50}, {240, 250}, {251, 500}, {900, 1000}, {3000, 5000}, {1e300, 1e9}} {
		if got := stepFor(c[0]); got != c[1] {
			t.Errorf("stepFor(%v) = %v, want %v", c[0], got, c[1])
		}
	}
}

func TestMetres(t *testing.T) {
	for mm, want := range map[float64]string{0: "0", 250: "0.25", -1500: "-1.5", 3000: "3", -0.2: "0"} {
		if got := metres(mm); got != want {
			t.Errorf("metres(%v) = %q, want %q", mm, got, want)
		}
	}
}

// A joint's place on the paper, found by hand, must carry its colour.
func TestPlotDrawsJointsWhereTheyAre(t *testing.T) {
	one := person(t, "muco21", testCamera, geom.CameraPointMM{Z: 2800}, 0)
	figures := []figure{figureOf(&one, true, "")}
	img := Plot(picture(one), PlotOptions{})
	count := map[color.NRGBA]int{}
	for y := 110; y < 640; y++ {
		for x := 0; x < 400; x++ { // the front view's quarter
			count[colourAt(img, geom.ImagePoint{X: float64(x), Y: float64(y)})]++
		}
	}
	if count[leftInk] < 500 || count[rightInk] < 500 || count[middleInk] < 300 {
		t.Errorf("the front view has %d blue, %d orange and %d grey px", count[leftInk], count[rightInk], count[middleInk])
	}
	// Facing the camera, the person's left hand is on the right of the front view.
	p := panel{view: frontView, room: roomFor(figures, 7)}
	p.place(0, 0, 400, 400, 0.1)
	left, right := p.at(figures[0].mm[one.Set.Index("L_Wrist")]), p.at(figures[0].mm[one.Set.Index("R_Wrist")])
	if math.Abs((left.x-right.x)-45) > 0.01 { // 450 mm at 0.1 px/mm
		t.Errorf("the wrists are %.2f px apart, want 45", left.x-right.x)
	}
}

func TestPlotSizes(t *testing.T) {
	if b := Plot(picture(), PlotOptions{}).Bounds(); b.Dx() != 1600 {
		t.Errorf("default width %d", b.Dx())
	}
	if b := Plot(group(t), PlotOptions{WidthPx: 10}).Bounds(); b.Dx() != 400 {
		t.Errorf("least width %d", b.Dx())
	}
	crowd := group(t)
	for len(crowd.People) < 12 {
		crowd.People = append(crowd.People, crowd.People[0])
	}
	if b := Plot(crowd, PlotOptions{}).Bounds(); b.Dy() > 1500 {
		t.Errorf("a crowd's plot is %d px high", b.Dy())
	}
}

func TestFitKeepsTheEndsOfLongNames(t *testing.T) {
	l := newLettering(regularFont(), 16)
	long := "/home/someone/pictures/of/a/very/long/holiday/with/many/folders/IMG_20240102_030405.jpg"
	short := l.fit(long, 300)
	if l.widthPx(short) > 300 || short[:6] != long[:6] || short[len(short)-10:] != long[len(long)-10:] {
		t.Errorf("%q does not fit or lost an end", short)
	}
	if got := l.fit("a\nb\x1b[31m", 300); got != "a b [31m" {
		t.Errorf("control characters stay: %q", got)
	}
}
