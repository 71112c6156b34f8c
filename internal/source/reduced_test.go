package source

import (
	"bytes"
	"errors"
	"image/jpeg"
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
	f := mustDecode(t, data, Options{JPEG: refuse, Reduce: eighth})
	want := mustDecode(t, data, Options{})
	if f.Reduce > 1 || !bytes.Equal(f.Pix, want.Pix) {
		t.Errorf("reduced %d times", f.Reduce)
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
