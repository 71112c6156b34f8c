package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/color/palette"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"
)

// Formats and colour models that Go can write, to the byte.
func TestDecodeOwnEncodings(t *testing.T) {
	const w, h = 67, 41
	gray, gray16 := image.NewGray(image.Rect(0, 0, w, h)), image.NewGray16(image.Rect(0, 0, w, h))
	deep, deepOpaque := image.NewNRGBA64(image.Rect(0, 0, w, h)), image.NewRGBA64(image.Rect(0, 0, w, h))
	pal := image.NewPaletted(image.Rect(0, 0, w, h), append(palette.WebSafe, color.NRGBA{10, 20, 30, 40}))
	noise(w, h, gray.Set, false)
	noise(w, h, gray16.Set, false)
	noise(w, h, deep.Set, true)
	noise(w, h, deepOpaque.Set, false)
	noise(w, h, pal.Set, false)
	pal.SetColorIndex(3, 3, uint8(len(pal.Palette)-1))
	for name, data := range map[string]struct {
		file []byte
		want image.Image
	}{
		"png translucent":        {encodePNG(t, noiseNRGBA(w, h)), noiseNRGBA(w, h)},
		"png opaque":             {encodePNG(t, noiseRGBA(w, h)), noiseRGBA(w, h)},
		"png grey":               {encodePNG(t, gray), gray},
		"png grey 16 bit":        {encodePNG(t, gray16), gray16},
		"png 16 bit translucent": {encodePNG(t, deep), deep},
		"png 16 bit":             {encodePNG(t, deepOpaque), deepOpaque},
		"png palette":            {encodePNG(t, pal), pal},
		"bmp":                    {encodeBMP(t, noiseRGBA(w, h)), noiseRGBA(w, h)},
		"bmp grey":               {encodeBMP(t, gray), gray},
		"tiff":                   {encodeTIFF(t, noiseRGBA(w, h)), noiseRGBA(w, h)},
		"tiff translucent":       {encodeTIFF(t, noiseNRGBA(w, h)), noiseNRGBA(w, h)},
		"tiff grey 16 bit":       {encodeTIFF(t, gray16), gray16},
		"tiff 16 bit":            {encodeTIFF(t, deepOpaque), deepOpaque},
		"1 x 1":                  {encodePNG(t, noiseRGBA(1, 1)), noiseRGBA(1, 1)},
	} {
		t.Run(name, func(t *testing.T) { sameAsPicture(t, mustDecode(t, data.file, Options{}), data.want) })
	}
}

func TestDecodeJPEGIsTheStandardDecoders(t *testing.T) {
	for name, m := range map[string]image.Image{"colour": noiseRGBA(67, 41), "1 x 1": noiseRGBA(1, 1)} {
		data := encodeJPEG(t, m)
		want, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) { sameAsPicture(t, mustDecode(t, data, Options{}), want) })
	}
}

// Files of other encoders, against Pillow's reading of them.
func TestDecodeForeignEncodings(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var expected map[string]struct {
		Limit int
		Spots map[string][5]int // x, y, red, green, blue
	}
	if err := json.Unmarshal(text, &expected); err != nil {
		t.Fatal(err)
	}
	if len(expected) < 12 {
		t.Fatalf("expected.json names only %d files", len(expected))
	}
	for name, want := range expected {
		t.Run(name, func(t *testing.T) {
			f, err := Input{Path: filepath.Join("testdata", name), Name: name}.Decode(Options{})
			if err != nil {
				t.Fatal(err)
			}
			if f.WidthPx != 24 || f.HeightPx != 16 || f.Name != name {
				t.Fatalf("frame %q is %d x %d px", f.Name, f.WidthPx, f.HeightPx)
			}
			for spot, s := range want.Spots {
				r, g, b := f.RGBAt(s[0], s[1])
				for i, got := range [3]uint8{r, g, b} {
					if off := int(got) - s[2+i]; off > want.Limit || off < -want.Limit {
						t.Errorf("%s is %d %d %d, want %v within %d", spot, r, g, b, s[2:], want.Limit)
						break
					}
				}
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	jpegData, pngData := encodeJPEG(t, noiseRGBA(64, 64)), encodePNG(t, noiseRGBA(64, 64))
	webpData, err := os.ReadFile("testdata/lossy.webp")
	if err != nil {
		t.Fatal(err)
	}
	animatedData, err := os.ReadFile("testdata/animated.webp")
	if err != nil {
		t.Fatal(err)
	}
	deflated := encodeTIFF(t, noiseRGBA(64, 64))
	crcBroken := bytes.Clone(pngData)
	crcBroken[len(crcBroken)/2] ^= 0xff
	for name, c := range map[string]struct {
		data    []byte
		kind    error
		problem string
	}{
		"zero bytes":       {nil, ErrEmpty, "0 bytes"},
		"truncated jpeg":   {jpegData[:len(jpegData)/2], ErrTruncated, "JPEG"},
		"jpeg header only": {jpegData[:20], ErrTruncated, "cut off"},
		"truncated png":    {pngData[:len(pngData)/2], ErrTruncated, "PNG"},
		"truncated webp":   {webpData[:len(webpData)/2], ErrTruncated, "WebP"},
		"truncated bmp":    {encodeBMP(t, noiseRGBA(64, 64))[:400], ErrTruncated, "BMP"},
		"truncated tiff":   {deflated[:len(deflated)/2], ErrTruncated, "TIFF"},
		"broken png":       {crcBroken, ErrDamaged, "damaged PNG"},
		"animated webp":    {animatedData, ErrUnsupported, "animated"},
		"pdf":              {[]byte("%PDF-1.7 ..."), ErrNotPicture, "PDF"},
		"heic":             {[]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00"), ErrNotPicture, "HEIC"},
		"avif":             {[]byte("\x00\x00\x00\x18ftypavif\x00\x00\x00\x00"), ErrNotPicture, "AVIF"},
		"mp4":              {[]byte("\x00\x00\x00\x18ftypisom\x00\x00\x00\x00"), ErrNotPicture, "MP4 video"},
		"gif":              {[]byte("GIF89a\x01\x00\x01\x00"), ErrNotPicture, "GIF"},
		"avi":              {[]byte("RIFF\x00\x00\x00\x00AVI LIST"), ErrNotPicture, "AVI"},
		"web page":         {[]byte("\n <!DOCTYPE html><html>"), ErrNotPicture, "web page"},
		"svg":              {[]byte("<?xml version='1.0'?><svg>"), ErrNotPicture, "SVG"},
		"json":             {[]byte("{\"boxes\": []}"), ErrNotPicture, "JSON"},
		"text":             {[]byte("BM is how this text begins, with é"), ErrNotPicture, "a text"},
		"canon raw":        {[]byte("II*\x00\x10\x00\x00\x00CR\x02\x00"), ErrNotPicture, "raw"},
		"unknown":          {[]byte{0, 1, 2, 3}, ErrNotPicture, "00 01 02 03"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode(bytes.NewReader(c.data), "some file", Options{})
			checkError(t, err, "some file", c.kind, c.problem)
		})
	}
}

// checkError asks for the name, the kind, the problem and a remedy.
func checkError(t *testing.T, err error, name string, kind error, problem string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v, want an *Error", err)
	}
	if !errors.Is(err, kind) {
		t.Errorf("error %q is %v, want %v", err, e.Kind, kind)
	}
	if !bytes.Contains([]byte(err.Error()), []byte(problem)) || !bytes.HasPrefix([]byte(err.Error()), []byte(name+": ")) {
		t.Errorf("error %q does not begin with %q and say %q", err, name, problem)
	}
	if e.Hint() == "" {
		t.Errorf("error %q says nothing about what to do", err)
	}
}
