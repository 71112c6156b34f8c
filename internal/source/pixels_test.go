package source

import (
	"image"
	"image/color"
	"math/rand/v2"
	"testing"

	"github.com/disintegration/imaging"
)

// subPictures is one picture of every colour model, cut so that its top left
// corner is not (0, 0) and, for subsampled chroma, odd.
func subPictures() map[string]image.Image {
	const w, h = 150, 40
	all, cut := image.Rect(0, 0, w, h), image.Rect(3, 5, w-2, h-1)
	rng := rand.New(rand.NewPCG(3, 4))
	fill := func(p []uint8) {
		for i := range p {
			p[i] = uint8(rng.Uint32())
		}
	}
	pictures := map[string]image.Image{}
	for _, ratio := range []image.YCbCrSubsampleRatio{image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420,
		image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410} {
		m := image.NewYCbCr(all, ratio)
		fill(m.Y)
		fill(m.Cb)
		fill(m.Cr)
		pictures[ratio.String()] = m.SubImage(cut)
	}
	rgba, nrgba := image.NewRGBA(all), image.NewNRGBA(all)
	rgba64, nrgba64 := image.NewRGBA64(all), image.NewNRGBA64(all)
	gray, gray16, cmyk := image.NewGray(all), image.NewGray16(all), image.NewCMYK(all)
	pal := image.NewPaletted(all, nil)
	for i := range 256 {
		pal.Palette = append(pal.Palette, color.NRGBA{uint8(i), uint8(7 * i), uint8(13 * i), uint8(255 - i/2)})
	}
	// Bytes at random: the premultiplied ones hold colours above their alpha, as files may.
	for _, p := range [][]uint8{rgba.Pix, nrgba.Pix, rgba64.Pix, nrgba64.Pix, gray.Pix, gray16.Pix, cmyk.Pix, pal.Pix} {
		fill(p)
	}
	for i := 3; i < len(nrgba.Pix); i += 12 {
		rgba.Pix[i], nrgba.Pix[i] = 255, 255
	}
	for i := 6; i < len(nrgba64.Pix)-1; i += 24 {
		rgba64.Pix[i], rgba64.Pix[i+1], nrgba64.Pix[i], nrgba64.Pix[i+1] = 255, 255, 255, 255
	}
	pictures["RGBA"], pictures["NRGBA"] = rgba.SubImage(cut), nrgba.SubImage(cut)
	pictures["RGBA64"], pictures["NRGBA64"] = rgba64.SubImage(cut), nrgba64.SubImage(cut)
	pictures["Gray"], pictures["Gray16"] = gray.SubImage(cut), gray16.SubImage(cut)
	pictures["CMYK"], pictures["Paletted"] = cmyk.SubImage(cut), pal.SubImage(cut)
	return pictures
}

// Every fast routine against the slow one, upright and turned.
func TestFastPathsEqualTheGenericOne(t *testing.T) {
	for name, m := range subPictures() {
		for _, o := range []orientation{1, 3, 6} {
			w, h := m.Bounds().Dx(), m.Bounds().Dy()
			fast, slow := make([]uint8, 3*w*h), make([]uint8, 3*w*h)
			l := layoutOf(w, h, o)
			readOut(fast, h, l, spanOf(m, false))
			readOut(slow, h, l, genericSpan(m))
			for i := range fast {
				if fast[i] != slow[i] {
					t.Errorf("%s, orientation %d: byte %d is %d, want %d", name, o, i, fast[i], slow[i])
					break
				}
			}
		}
	}
}

// videoPlain is BT.601 in floating point: what videoRGB approximates.
func videoPlain(y, cb, cr uint8) [3]float64 {
	yy, u, v := 255.0/219*(float64(y)-16), 255.0/224*(float64(cb)-128), 255.0/224*(float64(cr)-128)
	rgb := [3]float64{yy + 1.402*v, yy - 0.344136*u - 0.714136*v, yy + 1.772*u}
	for i := range rgb {
		rgb[i] = min(max(rgb[i], 0), 255)
	}
	return rgb
}

func TestVideoRangeConversion(t *testing.T) {
	for y := 0; y < 256; y += 3 {
		for cb := 0; cb < 256; cb += 5 {
			for cr := 0; cr < 256; cr += 5 {
				r, g, b := videoRGB(uint8(y), uint8(cb), uint8(cr))
				want := videoPlain(uint8(y), uint8(cb), uint8(cr))
				for i, got := range [3]uint8{r, g, b} {
					if off := float64(got) - want[i]; off > 1.1 || off < -1.1 {
						t.Fatalf("YCbCr %d %d %d: channel %d is %d, want %.2f", y, cb, cr, i, got, want[i])
					}
				}
			}
		}
	}
}

// The video-range readers against videoRGB pixel by pixel, with and without transparency.
func TestVideoRangeReaders(t *testing.T) {
	m := image.NewNYCbCrA(image.Rect(0, 0, 33, 9), image.YCbCrSubsampleRatio420)
	rng := rand.New(rand.NewPCG(5, 6))
	for _, p := range [][]uint8{m.Y, m.Cb, m.Cr, m.A} {
		for i := range p {
			p[i] = uint8(rng.Uint32())
		}
	}
	m.A[4] = 255
	for _, c := range []struct {
		name string
		img  image.Image
	}{{"opaque", &m.YCbCr}, {"translucent", m}} {
		got := make([]uint8, 3*33*9)
		readOut(got, 9, layoutOf(33, 9, upright), spanOf(c.img, true))
		for y := range 9 {
			for x := range 33 {
				p := m.YCbCrAt(x, y)
				r, g, b := videoRGB(p.Y, p.Cb, p.Cr)
				if c.name == "translucent" {
					r, g, b = overWhite(color.NRGBA{r, g, b, m.A[m.AOffset(x, y)]}.RGBA())
				}
				if at := 3 * (y*33 + x); got[at] != r || got[at+1] != g || got[at+2] != b {
					t.Fatalf("%s (%d, %d): %v, want %d %d %d", c.name, x, y, got[at:at+3], r, g, b)
				}
			}
		}
	}
}

// All eight orientations against another library's turning.
func TestOrientations(t *testing.T) {
	stored := noiseRGBA(150, 70)
	turn := map[orientation]func(image.Image) *image.NRGBA{
		1: imaging.Clone, 2: imaging.FlipH, 3: imaging.Rotate180, 4: imaging.FlipV,
		5: imaging.Transpose, 6: imaging.Rotate270, 7: imaging.Transverse, 8: imaging.Rotate90,
	}
	for o, turned := range turn {
		want := turned(stored)
		l := layoutOf(150, 70, o)
		got := make([]uint8, 3*150*70)
		readOut(got, 70, l, spanOf(stored, false))
		if l.widthPx != want.Bounds().Dx() || l.heightPx != want.Bounds().Dy() {
			t.Fatalf("orientation %d: %d x %d px, want %v", o, l.widthPx, l.heightPx, want.Bounds())
		}
		for i := range got {
			if p := want.Pix[i/3*4+i%3]; got[i] != p {
				t.Fatalf("orientation %d: byte %d is %d, want %d", o, i, got[i], p)
			}
		}
	}
}
