package preprocess

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"mhp/internal/frame"
	"mhp/internal/geom"
	"mhp/internal/model"
	"mhp/internal/skeleton"
	"mhp/internal/testkit"
)

// greySpec is a network of the given input size that takes grey levels as they are.
func greySpec(t testing.TB, width, height int) *model.Spec {
	set, err := skeleton.Named("muco21")
	if err != nil {
		t.Fatal(err)
	}
	return &model.Spec{
		Set: set, InputWPx: width, InputHPx: height, HeatW: 32, HeatH: 32, DepthBins: 32,
		DepthMinMM: -1000, DepthMaxMM: 1000, ColorOrder: "rgb", InputScale: 1, InputStd: [3]float64{1, 1, 1},
	}
}

// officialSpec has the official normalisation.
func officialSpec(t testing.TB, size int) *model.Spec {
	spec := greySpec(t, size, size)
	spec.InputMean = [3]float64{0.485, 0.456, 0.406}
	spec.InputStd = [3]float64{0.229, 0.224, 0.225}
	return spec
}

// noise is the hardest picture: neighbours have nothing in common. Its rows
// are longer than its pixels need.
func noise(width, height int, seed uint64) *frame.Frame {
	rng := rand.New(rand.NewPCG(seed, 2))
	f := &frame.Frame{Stride: width*3 + 5, WidthPx: width, HeightPx: height}
	f.Pix = make([]uint8, f.Stride*(height-1)+width*3)
	for i := range f.Pix {
		f.Pix[i] = uint8(rng.UintN(256))
	}
	return f
}

// plainCrop is the slow twin of Cropper.Crop: every pixel on its own, the
// blend in float64, the rounding of OpenCV's fixed point written out.
func plainCrop(spec *model.Spec, f *frame.Frame, m geom.CropToImage, view geom.View) []float32 {
	at := func(step, start float64, i int) (int, float64) {
		thousandths := math.RoundToEven(start*1024) + math.RoundToEven(step*float64(i)*1024)
		v := math.Floor((thousandths+16)/32) / 32
		return int(math.Floor(v)), v - math.Floor(v)
	}
	middle := func(px, cells int) float64 { return float64(px) / 2 * float64(cells-1) / float64(cells) }
	mx, my := middle(spec.InputWPx, spec.HeatW), middle(spec.InputHPx, spec.HeatH)
	// place is where px (i, j) of the crop lies in the picture.
	place := func(i, j int) (x int, fx float64, y int, fy float64) {
		sin, cos := math.Sincos(view.TurnDeg * math.Pi / 180)
		switch {
		case view.TurnDeg == 0 && view.Mirrored:
			cell := float64(spec.InputWPx) / float64(spec.HeatW)
			x, fx = at(m.Scale, m.ShiftX-(cell-1)*m.Scale, spec.InputWPx-1-i)
			y, fy = at(m.Scale, m.ShiftY, j)
		case view.TurnDeg == 0:
			x, fx = at(m.Scale, m.ShiftX, i)
			y, fy = at(m.Scale, m.ShiftY, j)
		default:
			side := map[bool]float64{true: -1, false: 1}[view.Mirrored]
			start := func(dx, dy float64) (float64, float64) { // of a place in crop px from the middle
				return m.Scale*(cos*dx-sin*dy+mx) + m.ShiftX, m.Scale*(sin*dx+cos*dy+my) + m.ShiftY
			}
			x0, y0 := start(-side*mx, float64(j)-my)
			x, fx = at(m.Scale*cos*side, x0, i)
			y, fy = at(m.Scale*sin*side, y0, i)
		}
		return x, fx, y, fy
	}
	grey := func(x, y, plane int) float64 {
		if x < 0 || y < 0 || x >= f.WidthPx || y >= f.HeightPx {
			return 0
		}
		r, g, b := f.RGBAt(x, y)
		if spec.ColorOrder == "bgr" {
			r, b = b, r
		}
		return float64([3]uint8{r, g, b}[plane])
	}
	dst := make([]float32, 0, 3*spec.InputWPx*spec.InputHPx)
	for plane := range 3 {
		for j := range spec.InputHPx {
			for i := range spec.InputWPx {
				x, fx, y, fy := place(i, j)
				v := (1-fy)*((1-fx)*grey(x, y, plane)+fx*grey(x+1, y, plane)) +
					fy*((1-fx)*grey(x, y+1, plane)+fx*grey(x+1, y+1, plane))
				level := math.Floor(v + 0.5)
				dst = append(dst, float32((level*spec.InputScale-spec.InputMean[plane])/spec.InputStd[plane]))
			}
		}
	}
	return dst
}

// mapFor is the crop's map of a box in a picture.
func mapFor(t testing.TB, box geom.BoxPx, f *frame.Frame, size int) geom.CropToImage {
	t.Helper()
	square, err := SquareBox(box, f.WidthPx, f.HeightPx)
	if err != nil {
		t.Fatal(err)
	}
	return geom.SquareCrop(square, size)
}

func wantEqual(t *testing.T, got, want []float32) {
	t.Helper()
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("value %d of %d is %g, want %g", i, len(want), got[i], want[i])
		}
	}
}

func TestCropEqualsItsPlainTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	sizes := [][2]int{{1, 1}, {2, 3}, {3, 1}, {1, 200}, {200, 2}, {64, 48}, {301, 200}, {9000, 3}}
	for _, size := range sizes {
		f := noise(size[0], size[1], 7)
		for _, order := range []frame.Order{frame.RGB, frame.BGR} {
			f.Order = order
			for n := range 12 {
				spec := officialSpec(t, 40)
				spec.InputWPx, spec.InputHPx = []int{40, 37, 300, 1}[n%4], 40
				spec.ColorOrder = []string{"rgb", "bgr"}[n%2]
				// Squares from inside to wholly outside, from under a pixel to ten pictures.
				side := math.Exp(rng.Float64()*8-2) + 0.01
				square := geom.BoxPx{
					X: (rng.Float64()*1.6-0.3)*float64(size[0]) - side/2,
					Y: (rng.Float64()*1.6-0.3)*float64(size[1]) - side/2,
					W: side, H: side,
				}
				m := geom.SquareCrop(square, 40)
				t.Run(fmt.Sprintf("%dx%d order %d crop %d", size[0], size[1], order, n), func(t *testing.T) {
					c := New(spec)
					c.Threads = 1 + n%3
					got := make([]float32, 3*spec.InputWPx*spec.InputHPx)
					for _, view := range []geom.View{{}, {Mirrored: true}, {TurnDeg: 25}, {TurnDeg: -160, Mirrored: true}} {
						c.Crop(got, f, m, view)
						wantEqual(t, got, plainCrop(spec, f, m, view))
					}
				})
			}
		}
	}
}

func TestCropMirroredIsTheCropFromRightToLeft(t *testing.T) {
	f := noise(150, 90, 3)
	spec := officialSpec(t, 64)
	c := New(spec)
	m := mapFor(t, geom.BoxPx{X: 100, Y: -10, W: 70, H: 60}, f, 64)
	crop, mirrored := make([]float32, 3*64*64), make([]float32, 3*64*64)
	c.Crop(mirrored, f, m, geom.View{Mirrored: true})
	if cellPx := 64 / spec.HeatW; cellPx > 1 { // the first px of the first cell is that of the last one
		m.ShiftX -= float64(cellPx-1) * m.Scale
	} else {
		t.Fatalf("cells of %d px test nothing", cellPx)
	}
	c.Crop(crop, f, m, geom.View{})
	for row := range 3 * 64 {
		for x := range 64 {
			if got, want := mirrored[row*64+x], crop[row*64+63-x]; got != want {
				t.Fatalf("row %d column %d is %g, want %g", row, x, got, want)
			}
		}
	}
}

// What the fixed point costs: on a slope of 2 grey levels a px, rounding to
// 1/32 px and to whole levels stays within one level of the exact value.
func TestCropIsTrueToASlope(t *testing.T) {
	f := frame.New(120, 120)
	for y := range 120 {
		for x := range 120 {
			f.Pix[y*f.Stride+x*3] = uint8(2 * x)
			f.Pix[y*f.Stride+x*3+1] = uint8(2 * y)
		}
	}
	spec := greySpec(t, 64, 64)
	m := geom.SquareCrop(geom.BoxPx{X: 13.3, Y: 20.9, W: 71.7, H: 71.7}, 64)
	got := make([]float32, 3*64*64)
	New(spec).Crop(got, f, m, geom.View{})
	for y := range 64 {
		for x := range 64 {
			at := m.Image(geom.CropPoint{X: float64(x), Y: float64(y)})
			if r := float64(got[y*64+x]); math.Abs(r-2*at.X) > 1 {
				t.Fatalf("(%d, %d): red %g, exactly %g", x, y, r, 2*at.X)
			}
			if g := float64(got[64*64+y*64+x]); math.Abs(g-2*at.Y) > 1 {
				t.Fatalf("(%d, %d): green %g, exactly %g", x, y, g, 2*at.Y)
			}
		}
	}
}

func TestCropAllocatesNothing(t *testing.T) {
	f := noise(320, 240, 1)
	spec := officialSpec(t, 256)
	m := mapFor(t, geom.BoxPx{X: -20, Y: 10, W: 200, H: 220}, f, 256)
	dst := make([]float32, 3*256*256)
	for _, threads := range []int{1, 2} {
		c := New(spec)
		c.Threads = threads
		c.Crop(dst, f, m, geom.View{}) // the first call may start goroutines
		if n := testing.AllocsPerRun(50, func() { c.Crop(dst, f, m, geom.View{}); c.Crop(dst, f, m, geom.View{TurnDeg: 25, Mirrored: true}) }); n != 0 {
			t.Errorf("%d threads: %g allocations a crop, want none", threads, n)
		}
	}
}

// Whatever the map, a crop is made of the levels that a picture can have.
func FuzzCrop(f *testing.F) {
	f.Add(1.0, 0.0, 0.0, uint8(5), uint8(4))
	f.Add(-0.7, 30.5, -2.0, uint8(1), uint8(1))
	f.Add(math.Inf(1), math.NaN(), -math.MaxFloat64, uint8(2), uint8(9))
	f.Add(1e300, 1e300, -1e300, uint8(64), uint8(1))
	f.Add(0.0, 2.99, 3.01, uint8(3), uint8(3))
	f.Fuzz(func(t *testing.T, scale, shiftX, shiftY float64, width, height uint8) {
		if width == 0 || height == 0 {
			t.Skip("no picture")
		}
		picture := noise(int(width), int(height), 11)
		spec := greySpec(t, 24, 20)
		dst := make([]float32, 3*24*20)
		for i := range dst {
			dst[i] = -1
		}
		for _, view := range []geom.View{{}, {Mirrored: true}, {TurnDeg: 25}, {TurnDeg: -25, Mirrored: true}} {
			New(spec).Crop(dst, picture, geom.CropToImage{Scale: scale, ShiftX: shiftX, ShiftY: shiftY}, view)
			for i, v := range dst {
				if !(v >= 0 && v <= 255) || v != float32(math.Trunc(float64(v))) {
					t.Fatalf("%v: value %d is %g, not a grey level", view, i, v)
				}
			}
		}
	})
}

func BenchmarkCrop(b *testing.B) {
	spec := officialSpec(b, 256)
	dst := make([]float32, 3*256*256)
	for _, size := range [][2]int{{640, 480}, {4000, 3000}} {
		f := noise(size[0], size[1], 1)
		m := mapFor(b, geom.BoxPx{X: float64(size[0]) / 4, W: float64(size[0]) / 2, H: float64(size[1])}, f, 256)
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("fast/%dx%d/threads=%d", size[0], size[1], threads), func(b *testing.B) {
				c := New(spec)
				c.Threads = threads
				for b.Loop() {
					c.Crop(dst, f, m, geom.View{})
				}
			})
		}
		b.Run(fmt.Sprintf("turned/%dx%d", size[0], size[1]), func(b *testing.B) {
			c := New(spec)
			for b.Loop() {
				c.Crop(dst, f, m, geom.View{TurnDeg: 25})
			}
		})
		b.Run(fmt.Sprintf("naive/%dx%d", size[0], size[1]), func(b *testing.B) {
			for b.Loop() {
				plainCrop(spec, f, m, geom.View{})
			}
		})
	}
}

func BenchmarkCropPeople(b *testing.B) {
	spec := officialSpec(b, 256)
	f := noise(1920, 1080, 1)
	c := New(spec)
	for _, people := range []int{1, 4, 16} {
		b.Run(fmt.Sprint(people), func(b *testing.B) {
			dst := make([]float32, people*3*256*256)
			for b.Loop() {
				for p := range people {
					m := mapFor(b, geom.BoxPx{X: float64(100 * p), Y: 200, W: 300, H: 700}, f, 256)
					c.Crop(dst[p*3*256*256:], f, m, geom.View{})
				}
			}
		})
	}
}

func TestCropGoldens(t *testing.T) {
	golden := testkit.Golden(t, "crop")
	f := frame.New(96, 80)
	f.Pix = golden.Bytes(t, "picture", 80, 96, 3)
	maps := golden.Values(t, "maps", -1, 3)
	count := len(maps) / 3
	want := golden.Values(t, "grey", count, 48, 48, 3)
	for n := range count {
		m := geom.CropToImage{Scale: maps[3*n], ShiftX: maps[3*n+1], ShiftY: maps[3*n+2]}
		compareGrey(t, fmt.Sprintf("crop %d", n), greyCrop(t, f, m, geom.View{}, 48, 1), want[n*48*48*3:][:48*48*3])
	}

	turned := golden.Values(t, "turned", 2, 2, 48, 48, 3)
	for n, of := range []int{1, 3} {
		m := geom.CropToImage{Scale: maps[3*of], ShiftX: maps[3*of+1], ShiftY: maps[3*of+2]}
		for i, view := range []geom.View{{TurnDeg: 25}, {TurnDeg: -25, Mirrored: true}} {
			compareGrey(t, fmt.Sprintf("crop %d, %v", of, view), greyCrop(t, f, m, view, 48, 1), turned[(2*n+i)*48*48*3:][:48*48*3])
		}
	}

	m := mapFor(t, goldenBoxes(t, golden)[1], f, 256)
	compareGrey(t, "crop of 256 px", greyCrop(t, f, m, geom.View{}, 256, 32), golden.Values(t, "every_32nd_row_of_256", 8, 256, 3))

	normalised := make([]float32, 3*48*48)
	New(officialSpec(t, 48)).Crop(normalised, f, mapFor(t, goldenBoxes(t, golden)[1], f, 48), geom.View{})
	got := make([]float64, len(normalised))
	for i, v := range normalised {
		got[i] = float64(v) * 0.225 // back to the size of a grey level
	}
	tensor := golden.Values(t, "normalised", 3, 48, 48)
	for i := range tensor {
		tensor[i] *= 0.225
	}
	testkit.Within(t, "normalised crop", "grey levels", 1.1, got, tensor, func(i int) string { return fmt.Sprintf("value %d", i) })
}

// greyCrop is every step-th row of a crop, [rows, size, 3].
func greyCrop(t *testing.T, f *frame.Frame, m geom.CropToImage, view geom.View, size, step int) []float64 {
	planar := make([]float32, 3*size*size)
	New(greySpec(t, size, size)).Crop(planar, f, m, view)
	var out []float64
	for y := 0; y < size; y += step {
		for x := range size {
			for k := range 3 {
				out = append(out, float64(planar[(k*size+y)*size+x]))
			}
		}
	}
	return out
}

func compareGrey(t *testing.T, what string, got, want []float64) {
	t.Helper()
	testkit.Within(t, what, "grey levels", 1, got, want, func(i int) string { return fmt.Sprintf("value %d", i) })
	if d := testkit.Measure(t, got, want); d.Mean > 0.05 {
		t.Errorf("%s: mean difference %g grey levels, limit 0.05", what, d.Mean)
	}
}

// A crop of a reduced picture is the crop of the small picture that its pixels
// are, at the place where they lie.
func TestCropOfAReducedPicture(t *testing.T) {
	spec := greySpec(t, 64, 64)
	small := noise(101, 77, 1)
	whole := *small
	whole.WidthPx, whole.HeightPx, whole.Reduce = 4*101-2, 4*77-1, 4
	if w, h := whole.PixelSize(); w != 101 || h != 77 {
		t.Fatalf("%d x %d px", w, h)
	}
	// px 4i .. 4i+3 of the whole picture are pixel i of the small one.
	m := geom.CropToImage{Scale: 1.6, ShiftX: -20.5, ShiftY: 30}
	inSmall := geom.CropToImage{Scale: 0.4, ShiftX: (-20.5 - 1.5) / 4, ShiftY: (30 - 1.5) / 4}
	c := New(spec)
	got, want := make([]float32, 3*spec.InputWPx*spec.InputHPx), make([]float32, 3*spec.InputWPx*spec.InputHPx)
	for _, view := range []geom.View{{}, {Mirrored: true}, {TurnDeg: -25}} {
		c.Crop(got, &whole, m, view)
		c.Crop(want, small, inSmall, view)
		wantEqual(t, got, want)
	}
}
