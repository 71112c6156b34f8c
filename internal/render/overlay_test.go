package render

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"testing"

	"mhp/internal/geom"
)

func colourAt(img *image.RGBA, p geom.ImagePoint) color.NRGBA {
	return color.NRGBAModel.Convert(img.RGBAAt(int(math.Round(p.X)), int(math.Round(p.Y)))).(color.NRGBA)
}

// apart is the largest difference of a channel in grey levels.
func apart(a, b color.NRGBA) int {
	d := 0
	for _, v := range [][2]uint8{{a.R, b.R}, {a.G, b.G}, {a.B, b.B}} {
		d = max(d, int(math.Abs(float64(v[0])-float64(v[1]))))
	}
	return d
}

// Large people's joints lie on full coverage, so each joint's pixel has its side's colour.
func TestOverlayColoursJointsBySide(t *testing.T) {
	k := geom.Intrinsics{FxPx: 4000, FyPx: 4000, CxPx: 999.5, CyPx: 999.5}
	for _, set := range []string{"muco21", "h36m18"} {
		one := person(t, set, k, geom.CameraPointMM{Z: 4500}, 0)
		for i := range one.Joints {
			one.Joints[i].Score = 1
		}
		p := picture(one)
		img := Overlay(scenery(2000, 2000), p, OverlayOptions{})
		for _, name := range []string{"L_Wrist", "R_Wrist", "L_Knee", "R_Knee", "Head"} {
			i := one.Set.Index(name)
			want := photoColor(one.Set.SideOf(i))
			if got := colourAt(img, one.Joints[i].Image); apart(got, want) > 2 {
				t.Errorf("%s %s is %v, want %v", set, name, got, want)
			}
		}
	}
}

func TestOverlayUnsureJointsAreFaint(t *testing.T) {
	k := geom.Intrinsics{FxPx: 4000, FyPx: 4000, CxPx: 999.5, CyPx: 999.5}
	one := person(t, "muco21", k, geom.CameraPointMM{Z: 4500}, 0)
	i := one.Set.Index("L_Wrist")
	plain := colourAt(Copy(scenery(2000, 2000)), one.Joints[i].Image)
	before := -1
	for _, score := range []float64{math.NaN(), 0, 0.1, 0.2, 0.9} {
		one.Joints[i].Score = score
		img := Overlay(scenery(2000, 2000), picture(one), OverlayOptions{SureScore: 0.2})
		d := apart(colourAt(img, one.Joints[i].Image), plain)
		if d < before || (score == 0.1 && d == before) {
			t.Errorf("at score %v the joint stands out by %d grey levels, less than at a lower score (%d)", score, d, before)
		}
		before = d
	}
	if before < 60 {
		t.Errorf("a sure joint stands out by %d grey levels only", before)
	}
}

func TestOverlayLineWidthFollowsThePerson(t *testing.T) {
	near := person(t, "muco21", testCamera, geom.CameraPointMM{Z: 2800}, 0)
	far := person(t, "muco21", testCamera, geom.CameraPointMM{Z: 8400}, 0)
	at := func(scale float64) overlay {
		img := image.NewRGBA(image.Rect(0, 0, int(640*scale), int(480*scale)))
		return overlay{canvas: newCanvas(img), scaleX: scale, scaleY: scale}
	}
	one, four := at(1), at(4)
	if r := four.strokePx(&near) / one.strokePx(&near); math.Abs(r-4) > 0.1 {
		t.Errorf("at four times the size the line is %.2f times as wide", r)
	}
	if r := four.strokePx(&near) / four.strokePx(&far); math.Abs(r-3) > 0.2 {
		t.Errorf("three times as near the line is %.2f times as wide", r)
	}
	tiny := at(0.1)
	if w := tiny.strokePx(&far); w < 1 {
		t.Errorf("on a thumbnail the line is %.2f px, too thin to see", w)
	}
}

func TestOverlayLeavesTheFrameAlone(t *testing.T) {
	f := scenery(320, 240)
	before := string(f.Pix)
	img := Overlay(f, group(t), OverlayOptions{Boxes: true})
	if string(f.Pix) != before {
		t.Error("the frame's own pixels were drawn on")
	}
	if img.Bounds() != image.Rect(0, 0, 320, 240) {
		t.Errorf("the result is %v", img.Bounds())
	}
}

// Positions from a broken model may be anything; drawing must end, and end quickly.
func TestDrawingSurvivesAbsurdPositions(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e12, -1e12, 1e300} {
		one := person(t, "muco21", testCamera, geom.CameraPointMM{Z: 2800}, 0)
		for i := 0; i < 10; i++ {
			one.Joints[2*i].Image.X, one.Joints[2*i].Camera.Z, one.Joints[2*i].RootRelative.Y = v, v, v
		}
		one.Box.W = v
		p := picture(one, one)
		Overlay(scenery(64, 48), p, OverlayOptions{Boxes: true})
		Plot(p, PlotOptions{WidthPx: 400})
		Plot(picture(one), PlotOptions{WidthPx: 400})
	}
	empty := picture(person(t, "muco21", testCamera, geom.CameraPointMM{Z: 2800}, 0))
	empty.People[0].Joints, empty.People[0].Set = nil, nil
	Overlay(scenery(1, 1), empty, OverlayOptions{MaxSidePx: 1})
	Plot(empty, PlotOptions{WidthPx: 400})
}

func TestUntrainedModelIsMarked(t *testing.T) {
	p := group(t)
	good := Overlay(scenery(640, 480), p, OverlayOptions{})
	p.Model.Trained = false
	bad := Overlay(scenery(640, 480), p, OverlayOptions{})
	corner := geom.ImagePoint{X: 2, Y: 477}
	if apart(colourAt(good, corner), colourAt(bad, corner)) < 50 {
		t.Error("an overlay from an untrained model carries no banner")
	}
}

// The polygon clipper against a plain count of covered sample points.
func TestFillMatchesSampling(t *testing.T) {
	for _, tri := range [][]pt{
		{{2, 3}, {17, 5}, {9, 18}},
		{{-30, 5}, {40, -2}, {12, 60}}, // reaches out on three sides
		{{5, 5}, {6, 5}, {5.5, 200}},
	} {
		img := image.NewRGBA(image.Rect(0, 0, 20, 20))
		newCanvas(img).fill(tri, color.NRGBA{255, 255, 255, 255})
		for y := 0; y < 20; y++ {
			for x := 0; x < 20; x++ {
				want := 255 * sampled(tri, x, y)
				if got := float64(img.RGBAAt(x, y).A); math.Abs(got-want) > 8 { // two of the 64 columns of points
					t.Fatalf("%v at %d,%d: coverage %.0f, sampling says %.0f", tri, x, y, got, want)
				}
			}
		}
	}
}

// sampled is the part of a pixel that lies in the triangle, by 64 x 64 points.
func sampled(tri []pt, x, y int) float64 {
	hits := 0
	for s := 0; s < 64*64; s++ {
		p := pt{float64(x) + (float64(s%64)+0.5)/64, float64(y) + (float64(s/64)+0.5)/64}
		pos, neg := 0, 0
		for i, a := range tri {
			b := tri[(i+1)%3]
			if (b.x-a.x)*(p.y-a.y)-(b.y-a.y)*(p.x-a.x) >= 0 {
				pos++
			} else {
				neg++
			}
		}
		if pos == 0 || neg == 0 {
			hits++
		}
	}
	return float64(hits) / (64 * 64)
}

// Shapes across every edge: cut corners may land a rounding error outside.
func TestFillStaysInside(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		img := image.NewRGBA(image.Rect(0, 0, 1+random.IntN(40), 1+random.IntN(40)))
		c := newCanvas(img)
		at := func() pt { return pt{60*random.Float64() - 10, 60*random.Float64() - 10} }
		c.disc(at(), 20*random.Float64(), haloColor)
		c.line(at(), at(), 9*random.Float64(), haloColor)
	}
}

func BenchmarkOverlay12Megapixels(b *testing.B) {
	k := geom.Intrinsics{FxPx: 4000, FyPx: 4000, CxPx: 1999.5, CyPx: 1499.5}
	f, p := scenery(4000, 3000), picture(person(b, "muco21", k, geom.CameraPointMM{Z: 2900}, 0))
	for b.Loop() {
		Overlay(f, p, OverlayOptions{})
	}
}
