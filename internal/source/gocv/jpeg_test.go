//go:build !lite

package gocv

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"testing"

	"mhp/internal/frame"
	"mhp/internal/source"
)

// wave is a smooth colour picture as a JPEG of high quality.
func wave(t testing.TB, w, h int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			fx, fy := float64(x)/40, float64(y)/30
			m.SetRGBA(x, y, color.RGBA{uint8(128 + 100*math.Sin(fx)), uint8(128 + 100*math.Cos(fy)), uint8(128 + 50*math.Sin(fx+fy)), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func decode(t testing.TB, data []byte, reduce int) *frame.Frame {
	t.Helper()
	f, err := source.Decode(bytes.NewReader(data), "wave.jpg", source.Options{JPEG: JPEG, Reduce: func(string, int, int) int { return reduce }})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A reduced picture is the mean of the whole one's pixels, to within what
// JPEG's rounding and the interpolation of chroma leave.
func TestJPEGReducesByMeans(t *testing.T) {
	for _, size := range [][2]int{{320, 240}, {333, 251}} {
		data := wave(t, size[0], size[1])
		whole, err := source.Decode(bytes.NewReader(data), "wave.jpg", source.Options{}) // the standard decoder
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range []int{1, 2, 4, 8} {
			f := decode(t, data, r)
			w, h := f.PixelSize()
			if f.WidthPx != size[0] || f.HeightPx != size[1] || f.Reduce != r || f.Stride != 3*w || len(f.Pix) != 3*w*h {
				t.Fatalf("reduced %d times: %d x %d px, reduce %d, %d bytes", r, f.WidthPx, f.HeightPx, f.Reduce, len(f.Pix))
			}
			worst := 0.0
			for y := range size[1] / r { // whole pixels only
				for x := range size[0] / r {
					for c := range 3 {
						sum := 0
						for dy := range r {
							for dx := range r {
								sum += int(whole.Pix[(y*r+dy)*whole.Stride+3*(x*r+dx)+c])
							}
						}
						worst = max(worst, math.Abs(float64(f.Pix[y*f.Stride+3*x+c])-float64(sum)/float64(r*r)))
					}
				}
			}
			if worst > 8 {
				t.Errorf("%v reduced %d times: %g grey levels off", size, r, worst)
			}
			if (f.Sharper != nil) != (r > 1) {
				t.Errorf("reduced %d times: sharper is there: %t", r, f.Sharper != nil)
			}
		}
	}
}

func TestJPEGSharper(t *testing.T) {
	data := wave(t, 320, 240)
	small := decode(t, data, 8)
	f, err := small.Sharper(2)
	if err != nil {
		t.Fatal(err)
	}
	if want := decode(t, data, 2); f.Reduce != 2 || !bytes.Equal(f.Pix, want.Pix) {
		t.Errorf("the second look, reduced %d times, is not what the first would have been", f.Reduce)
	}
}

// What libjpeg would paint over goes to the standard decoder, which says what is wrong.
func TestJPEGRefusesDamage(t *testing.T) {
	data := wave(t, 320, 240)
	dst := make([]uint8, 3*320*240)
	if err := JPEG(dst, data, 1, 320, 240); err != nil {
		t.Fatal(err)
	}
	broken := bytes.Clone(data)
	for i := len(broken) / 2; i < len(broken)/2+200; i++ {
		broken[i] = 0
	}
	for name, c := range map[string]struct {
		file         []byte
		reduce, w, h int
	}{
		"cut off":        {data[:len(data)/2], 1, 320, 240},
		"damaged":        {broken, 1, 320, 240},
		"no picture":     {[]byte("no picture"), 1, 320, 240},
		"empty":          {nil, 1, 320, 240},
		"another size":   {data, 1, 319, 240},
		"reduced thrice": {data, 3, 320, 240},
	} {
		if err := JPEG(dst, c.file, c.reduce, c.w, c.h); err == nil {
			t.Errorf("%s: decoded without a word", name)
		}
	}
	if _, err := source.Decode(bytes.NewReader(data[:len(data)/2]), "cut.jpg", source.Options{JPEG: JPEG}); err == nil {
		t.Error("a file that is cut off decodes")
	}
}

func BenchmarkJPEG12MP(b *testing.B) {
	data := wave(b, 4000, 3000)
	pool := &source.Pool{}
	for _, c := range []struct {
		name string
		opts source.Options
	}{
		{"standard", source.Options{Pool: pool}},
		{"whole", source.Options{Pool: pool, JPEG: JPEG}},
		{"half", source.Options{Pool: pool, JPEG: JPEG, Reduce: func(string, int, int) int { return 2 }}},
		{"quarter", source.Options{Pool: pool, JPEG: JPEG, Reduce: func(string, int, int) int { return 4 }}},
		{"eighth", source.Options{Pool: pool, JPEG: JPEG, Reduce: func(string, int, int) int { return 8 }}},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				f, err := source.Decode(bytes.NewReader(data), "wave.jpg", c.opts)
				if err != nil {
					b.Fatal(err)
				}
				f.Release()
			}
		})
	}
}
