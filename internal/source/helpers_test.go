package source

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"

	"mhp/internal/frame"
)

// noise fills a picture of any colour model with seeded random colours.
func noise(w, h int, set func(x, y int, c color.Color), translucent bool) {
	rng := rand.New(rand.NewPCG(1, 2))
	for y := range h {
		for x := range w {
			c := color.NRGBA64{uint16(rng.Uint32()), uint16(rng.Uint32()), uint16(rng.Uint32()), 0xffff}
			if translucent && rng.IntN(3) > 0 {
				c.A = uint16(rng.Uint32())
			}
			set(x, y, c)
		}
	}
}

func noiseNRGBA(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	noise(w, h, m.Set, true)
	return m
}

func noiseRGBA(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	noise(w, h, m.Set, false)
	return m
}

func encodeJPEG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encodePNG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encodeBMP(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := bmp.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encodeTIFF(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := tiff.Encode(&b, m, &tiff.Options{Compression: tiff.Deflate}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// mustDecode decodes what must decode.
func mustDecode(t testing.TB, data []byte, o Options) *frame.Frame {
	t.Helper()
	f, err := Decode(bytes.NewReader(data), "test", o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// sameAsPicture compares a frame with the plain reading of a picture, to the byte.
func sameAsPicture(t *testing.T, f *frame.Frame, m image.Image) {
	t.Helper()
	b := m.Bounds()
	if f.WidthPx != b.Dx() || f.HeightPx != b.Dy() || f.Stride != 3*b.Dx() || len(f.Pix) != 3*b.Dx()*b.Dy() {
		t.Fatalf("frame is %d x %d px, stride %d, %d bytes; the picture is %v", f.WidthPx, f.HeightPx, f.Stride, len(f.Pix), b)
	}
	for y := range f.HeightPx {
		for x := range f.WidthPx {
			r, g, b2 := overWhite(m.At(b.Min.X+x, b.Min.Y+y).RGBA())
			if fr, fg, fb := f.RGBAt(x, y); fr != r || fg != g || fb != b2 {
				t.Fatalf("pixel (%d, %d) is %d %d %d, want %d %d %d", x, y, fr, fg, fb, r, g, b2)
			}
		}
	}
}

// tag is one EXIF entry: a SHORT where den is 0, else a RATIONAL.
type tag struct {
	id       uint16
	num, den uint32
}

// exifBlock writes a little-endian EXIF block with tags for the picture (IFD0) and for the camera (the EXIF IFD).
func exifBlock(picture, camera []tag) []byte {
	const header, entry = 8, 12
	ifd0 := header
	exifIFD := ifd0 + 2 + entry*(len(picture)+1) + 4
	values := exifIFD + 2 + entry*len(camera) + 4
	le := binary.LittleEndian
	out := append([]byte("II*\x00"), le.AppendUint32(nil, header)...)
	var heap []byte
	ifd := func(tags []tag) {
		for _, e := range tags {
			out = le.AppendUint16(out, e.id)
			if e.den == 0 {
				out = le.AppendUint32(le.AppendUint32(le.AppendUint16(out, 3), 1), e.num)
				continue
			}
			out = le.AppendUint32(le.AppendUint32(le.AppendUint16(out, 5), 1), uint32(values+len(heap)))
			heap = le.AppendUint32(le.AppendUint32(heap, e.num), e.den)
		}
	}
	out = le.AppendUint16(out, uint16(len(picture)+1))
	ifd(picture)
	out = le.AppendUint32(le.AppendUint32(le.AppendUint16(le.AppendUint16(out, 0x8769), 4), 1), uint32(exifIFD))
	out = le.AppendUint32(out, 0)
	out = le.AppendUint16(out, uint16(len(camera)))
	ifd(camera)
	return append(le.AppendUint32(out, 0), heap...)
}

// withEXIF puts an EXIF block into a JPEG.
func withEXIF(jpegData, block []byte) []byte {
	body := append([]byte("Exif\x00\x00"), block...)
	out := append([]byte("\xff\xd8\xff\xe1"), binary.BigEndian.AppendUint16(nil, uint16(len(body)+2))...)
	return append(append(out, body...), jpegData[2:]...)
}

func oriented(o uint32) []byte { return exifBlock([]tag{{0x0112, o, 0}}, nil) }
