package preprocess

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"mhp/internal/frame"
	"mhp/internal/geom"
	"mhp/internal/model"
	"mhp/internal/testkit"
)

// greyDetector takes grey levels as they are.
func greyDetector(width, height int, fit model.Letterbox) *model.Detector {
	return &model.Detector{InputWPx: width, InputHPx: height, ColorOrder: "rgb", InputScale: 1, InputStd: [3]float64{1, 1, 1},
		Letterbox: fit, LetterboxGrey: 114}
}

// plainLetterbox is the slow twin of Letterboxer.Fill: for every px of the
// input, each px of the picture by the area that both share, in the steps that
// weights have.
func plainLetterbox(spec *model.Detector, f *frame.Frame) []float32 {
	w, h := fitted(f.WidthPx, f.HeightPx, spec)
	padX, padY := 0, 0
	if spec.Letterbox == model.LetterboxCenter {
		padX, padY = (spec.InputWPx-w)/2, (spec.InputHPx-h)/2
	}
	bits, _ := weightBits(float64(f.WidthPx)/float64(w), float64(f.HeightPx)/float64(h))
	unit := int64(1) << bits
	edge := func(i, n, parts int) int64 {
		return int64(math.RoundToEven(float64(i) * float64(n) / float64(parts) * float64(unit)))
	}
	shared := func(i, px, n, parts int) int64 {
		return min(edge(i+1, n, parts), int64(px+1)*unit) - max(edge(i, n, parts), int64(px)*unit)
	}
	dst := make([]float32, 3*spec.InputWPx*spec.InputHPx)
	for y := range spec.InputHPx {
		for x := range spec.InputWPx {
			u, v := x-padX, y-padY
			inside := u >= 0 && v >= 0 && u < w && v < h
			var sum [3]uint64
			for py := 0; inside && py < f.HeightPx; py++ {
				wy := shared(v, py, f.HeightPx, h)
				for px := 0; wy > 0 && px < f.WidthPx; px++ {
					if wx := shared(u, px, f.WidthPx, w); wx > 0 {
						r, g, b := f.RGBAt(px, py)
						for k, grey := range [3]uint8{r, g, b} {
							sum[k] += uint64(grey) * uint64(wx) * uint64(wy)
						}
					}
				}
			}
			for k := range 3 {
				level := uint8(spec.LetterboxGrey)
				if inside {
					shareX := 1 / float64(edge(u+1, f.WidthPx, w)-edge(u, f.WidthPx, w))
					shareY := 1 / float64(edge(v+1, f.HeightPx, h)-edge(v, f.HeightPx, h))
					level = grey(sum[k], float64(shareX*shareY))
				}
				at := k
				if spec.ColorOrder == "bgr" {
					at = 2 - k
				}
				dst[(at*spec.InputHPx+y)*spec.InputWPx+x] = float32((float64(level)*spec.InputScale - spec.InputMean[at]) / spec.InputStd[at])
			}
		}
	}
	return dst
}

// Sizes of pictures and inputs: whole and odd ratios, enlarged, thin, tiny, and
// one so large that packed sums would run over.
func TestLetterboxIsItsPlainTwinToTheBit(t *testing.T) {
	official := greyDetector(32, 32, model.LetterboxCenter)
	official.InputMean, official.InputStd = [3]float64{0.485, 0.456, 0.406}, [3]float64{0.229, 0.224, 0.225}
	blue := greyDetector(24, 32, model.LetterboxTopLeft)
	blue.ColorOrder, blue.InputMean = "bgr", [3]float64{1, 2, 3}
	for _, c := range []struct {
		spec          *model.Detector
		width, height int
	}{
		{greyDetector(32, 32, model.LetterboxTopLeft), 192, 108},
		{greyDetector(32, 32, model.LetterboxTopLeft), 64, 64},
		{greyDetector(32, 32, model.LetterboxCenter), 97, 61},
		{greyDetector(32, 32, model.LetterboxCenter), 61, 97},
		{greyDetector(32, 32, model.LetterboxTopLeft), 32, 32},
		{greyDetector(32, 32, model.LetterboxTopLeft), 33, 31},
		{greyDetector(32, 32, model.LetterboxTopLeft), 20, 13},
		{greyDetector(64, 48, model.LetterboxCenter), 7, 5},
		{greyDetector(32, 32, model.LetterboxTopLeft), 1, 1},
		{greyDetector(32, 32, model.LetterboxTopLeft), 2, 300},
		{greyDetector(32, 32, model.LetterboxTopLeft), 300, 1},
		{greyDetector(32, 24, model.LetterboxStretch), 50, 170},
		{greyDetector(32, 24, model.LetterboxStretch), 20, 170},
		{greyDetector(16, 16, model.LetterboxTopLeft), 1700, 1500},
		{greyDetector(16, 16, model.LetterboxTopLeft), 40, 5000},
		{official, 101, 77},
		{blue, 101, 77},
	} {
		for _, order := range []frame.Order{frame.RGB, frame.BGR} {
			f := noise(c.width, c.height, 5)
			f.Order = order
			want := plainLetterbox(c.spec, f)
			for _, threads := range []int{1, 3} {
				l := NewLetterboxer(c.spec)
				l.Threads = threads
				got := make([]float32, 3*c.spec.InputWPx*c.spec.InputHPx)
				l.Fill(got, noise(40, 30, 1)) // leaves nothing behind
				l.Fill(got, f)
				if !slices.Equal(got, want) {
					at := 0
					for got[at] == want[at] {
						at++
					}
					t.Errorf("%d x %d into %d x %d %s, order %d, %d threads: value %d is %g, twin %g", c.width, c.height, c.spec.InputWPx, c.spec.InputHPx,
						c.spec.Letterbox, order, threads, at, got[at], want[at])
				}
			}
		}
	}
}

// A point of the picture comes back from where it was put.
func TestLetterboxWayBack(t *testing.T) {
	f := frame.New(200, 100)
	for _, c := range []struct {
		spec *model.Detector
		want geom.BoxPx // of input px 8,24 to 16,40
	}{
		{greyDetector(64, 64, model.LetterboxTopLeft), geom.BoxPx{X: 25, Y: 75, W: 25, H: 50}},
		{greyDetector(64, 64, model.LetterboxCenter), geom.BoxPx{X: 25, Y: 25, W: 25, H: 50}},
		{greyDetector(64, 64, model.LetterboxStretch), geom.BoxPx{X: 25, Y: 37.5, W: 25, H: 25}},
	} {
		back := NewLetterboxer(c.spec).Fill(make([]float32, 3*64*64), f)
		if got := back.Box(8, 24, 16, 40); got != c.want {
			t.Errorf("%s: %v, want %v", c.spec.Letterbox, got, c.want)
		}
	}
}

// The goldens are cv2.resize with INTER_AREA in a grey border.
func TestLetterboxGoldens(t *testing.T) {
	golden := testkit.Golden(t, "letterbox")
	for _, c := range []struct {
		name          string
		width, height int
		fit           model.Letterbox
	}{
		{"sixth", 288, 162, model.LetterboxTopLeft}, {"odd", 211, 97, model.LetterboxTopLeft}, {"upright", 67, 120, model.LetterboxCenter},
		{"half", 96, 64, model.LetterboxCenter}, {"enlarged", 31, 22, model.LetterboxTopLeft},
	} {
		f := frame.New(c.width, c.height)
		f.Pix = golden.Bytes(t, c.name+".picture", c.height, c.width, 3)
		planar := make([]float32, 3*48*48)
		NewLetterboxer(greyDetector(48, 48, c.fit)).Fill(planar, f)
		var got []float64
		for i := range 48 * 48 {
			for k := range 3 {
				got = append(got, float64(planar[k*48*48+i]))
			}
		}
		want := golden.Values(t, c.name+".input", 48, 48, 3)
		testkit.Within(t, c.name, "grey levels", 1, got, want, func(i int) string { return fmt.Sprintf("value %d", i) })
		// Enlarging, OpenCV rounds its weights to 1/2048.
		if d := testkit.Measure(t, got, want); d.Mean > 0.06 {
			t.Errorf("%s: mean difference %g grey levels, limit 0.06", c.name, d.Mean)
		}
	}
}

func TestLetterboxDoesNotAllocate(t *testing.T) {
	l := NewLetterboxer(greyDetector(320, 320, model.LetterboxTopLeft))
	l.Threads = 2
	f := noise(640, 361, 3)
	dst := make([]float32, 3*320*320)
	l.Fill(dst, f)
	if n := testing.AllocsPerRun(20, func() { l.Fill(dst, f) }); n != 0 {
		t.Errorf("%g allocations a picture", n)
	}
}

func BenchmarkLetterbox(b *testing.B) {
	spec := greyDetector(320, 320, model.LetterboxTopLeft)
	dst := make([]float32, 3*320*320)
	for _, size := range [][2]int{{640, 480}, {1920, 1080}, {4032, 3024}} {
		f := noise(size[0], size[1], 1)
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%dx%d/threads=%d", size[0], size[1], threads), func(b *testing.B) {
				l := NewLetterboxer(spec)
				l.Threads = threads
				for b.Loop() {
					l.Fill(dst, f)
				}
			})
		}
	}
	b.Run("naive/640x480", func(b *testing.B) {
		f := noise(640, 480, 1)
		for b.Loop() {
			plainLetterbox(spec, f)
		}
	})
}
