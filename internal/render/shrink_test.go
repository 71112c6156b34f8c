package render

import (
	"image/color"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"mhp/internal/frame"
)

func noise(widthPx, heightPx, padding int, order frame.Order) *frame.Frame {
	random := rand.New(rand.NewPCG(uint64(widthPx), uint64(heightPx)))
	f := frame.New(widthPx, heightPx)
	f.Stride, f.Order = 3*widthPx+padding, order
	f.Pix = make([]uint8, f.Stride*heightPx)
	for i := range f.Pix {
		f.Pix[i] = uint8(random.UintN(256))
	}
	return f
}

// areaMean is the plain twin: the mean over the area that pixel x, y of w x h covers.
func areaMean(f *frame.Frame, x, y, w, h int) [3]float64 {
	var sum [3]float64
	x1, x2 := float64(x)*float64(f.WidthPx)/float64(w), float64(x+1)*float64(f.WidthPx)/float64(w)
	y1, y2 := float64(y)*float64(f.HeightPx)/float64(h), float64(y+1)*float64(f.HeightPx)/float64(h)
	for sy := range f.HeightPx {
		for sx := range f.WidthPx {
			part := math.Max(0, math.Min(x2, float64(sx+1))-math.Max(x1, float64(sx))) *
				math.Max(0, math.Min(y2, float64(sy+1))-math.Max(y1, float64(sy)))
			r, g, b := f.RGBAt(sx, sy)
			for i, v := range [3]uint8{r, g, b} {
				sum[i] += part * float64(v) / ((x2 - x1) * (y2 - y1))
			}
		}
	}
	return sum
}

func TestCopyWithinAveragesAreas(t *testing.T) {
	for _, c := range []struct {
		w, h, max, wantW, wantH int
		order                   frame.Order
	}{
		{30, 20, 15, 15, 10, frame.RGB}, {31, 17, 20, 20, 11, frame.BGR}, {40, 39, 39, 39, 38, frame.RGB},
		{100, 3, 10, 10, 1, frame.BGR}, {2, 90, 7, 1, 7, frame.RGB}, {50, 50, 1, 1, 1, frame.RGB},
		{20, 10, 20, 20, 10, frame.BGR}, {20, 10, 0, 20, 10, frame.RGB}, {20, 10, 99, 20, 10, frame.RGB},
	} {
		f := noise(c.w, c.h, 5, c.order)
		img := copyWithin(f, c.max)
		if img.Rect.Dx() != c.wantW || img.Rect.Dy() != c.wantH {
			t.Errorf("%dx%d within %d is %v", c.w, c.h, c.max, img.Rect)
			continue
		}
		for y := range c.wantH {
			for x := range c.wantW {
				want, got := areaMean(f, x, y, c.wantW, c.wantH), img.RGBAAt(x, y)
				for i, v := range [3]uint8{got.R, got.G, got.B} {
					if math.Abs(float64(v)-want[i]) > 0.51 || got.A != 255 {
						t.Fatalf("%dx%d within %d: pixel %d,%d is %v, want %.2f", c.w, c.h, c.max, x, y, got, want)
					}
				}
			}
		}
	}
}

// A padded BGR frame must give the same picture as the tight RGB one.
func TestCopyReadsStrideAndOrder(t *testing.T) {
	want := Copy(scenery(31, 17))
	rgb := scenery(31, 17)
	bgr := &frame.Frame{Pix: make([]uint8, 17*100), Stride: 100, WidthPx: 31, HeightPx: 17, Order: frame.BGR}
	for y := 0; y < 17; y++ {
		for x := 0; x < 31; x++ {
			r, g, b := rgb.RGBAt(x, y)
			copy(bgr.Pix[y*100+3*x:], []uint8{b, g, r})
		}
	}
	if string(Copy(bgr).Pix) != string(want.Pix) {
		t.Error("BGR with padding differs from RGB")
	}
	r, g, b := rgb.RGBAt(30, 16)
	if got := want.RGBAAt(30, 16); got != (color.RGBA{r, g, b, 255}) {
		t.Errorf("last pixel %v, want %v %v %v", got, r, g, b)
	}
}

// Embedding a large photograph must not need a copy of it.
func TestShrinkingALargePictureTakesLittleMemory(t *testing.T) {
	f := scenery(4000, 3000)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	copyWithin(f, 1600)
	runtime.ReadMemStats(&after)
	bytes := after.TotalAlloc - before.TotalAlloc
	if limit := uint64(1600*1200*4 + 1<<20); bytes > limit {
		t.Errorf("%d bytes allocated, the result and a little are %d", bytes, limit)
	}
}
