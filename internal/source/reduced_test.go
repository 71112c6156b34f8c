package source

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"testing"

	"mhp/internal/frame"
)

// nearest is a JPEGDecoder that takes each block's first pixel of the standard decoder's picture.
func nearest(dst, file []uint8, reduce, widthPx, heightPx int) error {
	m, err := jpeg.Decode(bytes.NewReader(file))
	if err != nil {
		return err
	}
	at := 0
	for y := 0; y < heightPx; y += reduce {
		for x := 0; x < widthPx; x += reduce {
			r, g, b, _ := m.At(x, y).RGBA()
			dst[at], dst[at+1], dst[at+2] = uint8(r>>8), uint8(g>>8), uint8(b>>8)
			at += 3
		}
	}
	return nil
}

// Every orientation: a reduced frame's pixel is one of the block that it stands for.
func TestReducedFramesStandUpright(t *testing.T) {
	for _, size := range [][2]int{{64, 48}, {67, 41}} {
		plain := encodeJPEG(t, noiseRGBA(size[0], size[1]))
		for o := 1; o <= 8; o++ {
			data := withEXIF(plain, oriented(uint32(o)))
			whole := mustDecode(t, data, Options{})
			var asked [2]int
			small := mustDecode(t, data, Options{JPEG: nearest, Reduce: func(_ string, w, h int) int { asked = [2]int{w, h}; return 5 }})
			if asked != [2]int{whole.WidthPx, whole.HeightPx} || small.WidthPx != whole.WidthPx || small.HeightPx != whole.HeightPx {
				t.Fatalf("orientation %d: asked for %v, frame of %d x %d px", o, asked, small.WidthPx, small.HeightPx)
			}
			want := 4
			if o > 1 && size[0] == 67 {
				want = 1 // its last pixels are incomplete and would come first
			}
			if small.Reduce != want {
				t.Fatalf("orientation %d: reduced %d times, want %d", o, small.Reduce, want)
			}
			w, h := small.PixelSize()
			for y := range h {
				for x := range w {
					if !blockHas(whole, small, x, y) {
						t.Fatalf("orientation %d: pixel %d,%d comes from elsewhere", o, x, y)
					}
				}
			}
		}
	}
}

func blockHas(whole, small *frame.Frame, x, y int) bool {
	p := small.Pix[y*small.Stride+3*x:]
	for dy := range small.Reduce {
		for dx := range small.Reduce {
			fx, fy := x*small.Reduce+dx, y*small.Reduce+dy
			if fx >= whole.WidthPx || fy >= whole.HeightPx {
				continue
			}
			if r, g, b := whole.RGBAt(fx, fy); p[0] == r && p[1] == g && p[2] == b {
				return true
			}
		}
	}
	return false
}

func TestReducedFramesCanBeLookedAtAgain(t *testing.T) {
	data := encodeJPEG(t, noiseRGBA(64, 48))
	pool := &Pool{}
	f := mustDecode(t, data, Options{JPEG: nearest, Pool: pool, Reduce: func(string, int, int) int { return 8 }})
	for i := range data {
		data[i] = 0 // the file's memory is used for another one by now
	}
	again, err := f.Sharper(2)
	if err != nil {
		t.Fatal(err)
	}
	if again.Reduce != 2 || again.WidthPx != 64 || again.HeightPx != 48 || len(again.Pix) != 3*32*24 {
		t.Errorf("second look: reduced %d times, %d bytes", again.Reduce, len(again.Pix))
	}
	again.Release()
	f.Release()
}

// What the fast decoder will not have, the standard one decodes whole, or says what is wrong.
func TestFastDecoderFallsBack(t *testing.T) {
	data := encodeJPEG(t, noiseRGBA(64, 48))
	refuse := func(_, _ []uint8, _, _, _ int) error { return errors.New("odd") }
	eighth := func(string, int, int) int { return 8 }
	f := mustDecode(t, data, Options{JPEG: refuse})
	if want := mustDecode(t, data, Options{}); !bytes.Equal(f.Pix, want.Pix) {
		t.Error("the standard decoder gives other pixels after the fast one")
	}
	if _, err := Decode(bytes.NewReader(data[:len(data)/2]), "cut.jpg", Options{JPEG: refuse, Reduce: eighth}); err == nil {
		t.Error("a file that is cut off decodes")
	}
	asked := false
	png := encodePNG(t, noiseRGBA(64, 48))
	if f := mustDecode(t, png, Options{JPEG: refuse, Reduce: func(string, int, int) int { asked = true; return 8 }}); f.Reduce > 1 || asked {
		t.Errorf("a PNG is asked for reduced (%d)", f.Reduce)
	}
}

// The means of every layout of colour, against the plain twin: whole px made
// RGB, then averaged. They differ where a mean of clipped colours is another
// than the clipped mean.
func TestMeansOfPlanes(t *testing.T) {
	for _, ratio := range []image.YCbCrSubsampleRatio{image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420, image.YCbCrSubsampleRatio440} {
		for _, size := range [][2]int{{64, 32}, {67, 41}, {9, 7}, {1, 1}} {
			m := image.NewYCbCr(image.Rect(0, 0, size[0], size[1]), ratio)
			rng := rand.New(rand.NewPCG(5, uint64(ratio)))
			for _, plane := range [][]uint8{m.Y, m.Cb, m.Cr} {
				for i := range plane {
					plane[i] = uint8(96 + rng.IntN(64)) // nothing clips
				}
			}
			for _, reduce := range []int{2, 4, 8} {
				got := reducedFrameOf(m, "x", exif{}, reduce, &Pool{})
				want := plainMeans(m, reduce)
				for i := range want {
					if off := float64(got.Pix[i]) - want[i]; math.Abs(off) > 2 {
						t.Fatalf("%v, %v px reduced %d times: byte %d is %d, want %.2f", ratio, size, reduce, i, got.Pix[i], want[i])
					}
				}
			}
		}
	}
}

// plainMeans averages the colours of a picture's whole and incomplete blocks.
// A sample of colour counts once, whatever part of it lies inside.
func plainMeans(m *image.YCbCr, reduce int) []float64 {
	var out []float64
	for y := 0; y < m.Rect.Dy(); y += reduce {
		for x := 0; x < m.Rect.Dx(); x += reduce {
			var luma, cb, cr, n float64
			samples := map[int]bool{}
			for v := y; v < min(y+reduce, m.Rect.Dy()); v++ {
				for u := x; u < min(x+reduce, m.Rect.Dx()); u++ {
					luma += float64(m.Y[m.YOffset(u, v)])
					n++
					samples[m.COffset(u, v)] = true
				}
			}
			for at := range samples {
				cb += float64(m.Cb[at]) / float64(len(samples))
				cr += float64(m.Cr[at]) / float64(len(samples))
			}
			yy, b, r := luma/n, cb-128, cr-128
			out = append(out, yy+1.402*r, yy-0.344136*b-0.714136*r, yy+1.772*b)
		}
	}
	return out
}

// In a build without a fast decoder the standard one's picture is averaged.
func TestStandardDecoderReduces(t *testing.T) {
	data := encodeJPEG(t, noiseRGBA(67, 41))
	f := mustDecode(t, data, Options{Reduce: func(string, int, int) int { return 4 }})
	if w, h := f.PixelSize(); f.Reduce != 4 || w != 17 || h != 11 || f.WidthPx != 67 || f.HeightPx != 41 || f.Sharper == nil {
		t.Errorf("reduced %d times, %d x %d of %d x %d px", f.Reduce, w, h, f.WidthPx, f.HeightPx)
	}
}
