package preprocess

import (
	"math/rand/v2"
	"testing"

	"mhp/internal/frame"
	"mhp/internal/geom"
	"mhp/internal/model"
	"mhp/internal/skeleton"
)

func BenchmarkCrop(b *testing.B) {
	spec := testSpec(b)
	for _, size := range []struct {
		name string
		w, h int
	}{{"person640", 640, 480}, {"12MP", 4000, 3000}} {
		f := noise(size.w, size.h)
		square, err := SquareBox(geom.BoxPx{W: float64(size.w), H: float64(size.h)}, size.w, size.h)
		if err != nil {
			b.Fatal(err)
		}
		m := geom.SquareCrop(square, spec.InputWPx)
		small := geom.SquareCrop(geom.BoxPx{X: 100, Y: 100, W: 300, H: 300}, spec.InputWPx)
		dst := make([]float32, 3*spec.InputWPx*spec.InputHPx)
		c := New(spec)
		b.Run(size.name+"/whole", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Crop(dst, f, m)
			}
		})
		b.Run(size.name+"/box300", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Crop(dst, f, small)
			}
		})
	}
}

func testSpec(t testing.TB) *model.Spec {
	set, err := skeleton.Named("muco21")
	if err != nil {
		t.Fatal(err)
	}
	return &model.Spec{
		Set: set, InputWPx: 256, InputHPx: 256, HeatW: 32, HeatH: 32, DepthBins: 32,
		DepthMinMM: -1000, DepthMaxMM: 1000, ColorOrder: "rgb", InputScale: 1,
		InputMean: [3]float64{0.485, 0.456, 0.406}, InputStd: [3]float64{0.229, 0.224, 0.225},
	}
}

func noise(w, h int) *frame.Frame {
	rng := rand.New(rand.NewPCG(1, 2))
	f := frame.New(w, h)
	for i := range f.Pix {
		f.Pix[i] = uint8(rng.UintN(256))
	}
	return f
}
