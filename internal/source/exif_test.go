package source

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"math"
	"testing"

	"mhp/internal/frame"
)

// corner is a picture with one red quarter at the stored top left, 48 x 32 px.
func corner() *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, 48, 32))
	for y := range 32 {
		for x := range 48 {
			c := color.RGBA{0, 0, 255, 255}
			if x < 24 && y < 16 {
				c = color.RGBA{255, 0, 0, 255}
			}
			m.SetRGBA(x, y, c)
		}
	}
	return m
}

// pngWithEXIF puts an EXIF chunk behind the header.
func pngWithEXIF(pngData, block []byte) []byte {
	const headerEnd = 8 + 4 + 4 + 13 + 4
	chunk := append([]byte("eXIf"), block...)
	out := append(bytes.Clone(pngData[:headerEnd]), binary.BigEndian.AppendUint32(nil, uint32(len(block)))...)
	out = binary.BigEndian.AppendUint32(append(out, chunk...), crc32.ChecksumIEEE(chunk))
	return append(out, pngData[headerEnd:]...)
}

// The orientation in a file moves the red quarter to the corner that EXIF's table says.
func TestOrientationInFiles(t *testing.T) {
	formats := map[string]func(block []byte) []byte{
		"jpeg": func(b []byte) []byte { return withEXIF(encodeJPEG(t, corner()), b) },
		"png":  func(b []byte) []byte { return pngWithEXIF(encodePNG(t, corner()), b) },
	}
	// Which corner is red (right, bottom) by orientation; 0 and above 8 are not known to EXIF.
	red := map[uint32][2]bool{0: {}, 1: {}, 2: {true, false}, 3: {true, true}, 4: {false, true},
		5: {}, 6: {true, false}, 7: {true, true}, 8: {false, true}, 9: {}, 99: {}}
	for format, make := range formats {
		for o, at := range red {
			f := mustDecode(t, make(oriented(o)), Options{})
			w, h := 48, 32
			if orientation(o).swapsSides() {
				w, h = h, w
			}
			if f.WidthPx != w || f.HeightPx != h {
				t.Fatalf("%s, orientation %d: %d x %d px, want %d x %d", format, o, f.WidthPx, f.HeightPx, w, h)
			}
			for _, right := range []bool{false, true} {
				for _, bottom := range []bool{false, true} {
					x, y := 4, 4
					if right {
						x = w - 5
					}
					if bottom {
						y = h - 5
					}
					r, _, b := f.RGBAt(x, y)
					if isRed := r > b; isRed != ([2]bool{right, bottom} == at) {
						t.Errorf("%s, orientation %d: right %v, bottom %v: red is %v", format, o, right, bottom, isRed)
					}
				}
			}
		}
	}
}

// A 36 x 24 mm sensor recorded at 48 x 32 px: 48 px over 36 mm are 4/3 px a mm.
func fullFrame(extra ...tag) []tag {
	return append([]tag{{0x920a, 50, 1}, {0xa405, 75, 0}, {0xa20e, 40, 3}, {0xa20f, 40, 3}, {0xa210, 3, 0},
		{0xa002, 48, 0}, {0xa003, 32, 0}}, extra...)
}

func TestLens(t *testing.T) {
	full := frame.Lens{FocalMM: 50, Focal35MM: 75, SensorWidthMM: 36, SensorHeightMM: 24}
	turned := frame.Lens{FocalMM: 50, Focal35MM: 75, SensorWidthMM: 24, SensorHeightMM: 36}
	noSensor := frame.Lens{FocalMM: 50, Focal35MM: 75}
	with := func(replace ...tag) []tag {
		tags := fullFrame()
		for _, r := range replace {
			for i := range tags {
				if tags[i].id == r.id {
					tags[i] = r
				}
			}
		}
		return tags
	}
	const infinite = 0xffffffff
	for name, c := range map[string]struct {
		orientation uint32
		tags        []tag
		want        frame.Lens
	}{
		"full frame":               {1, fullFrame(), full},
		"turned":                   {6, fullFrame(), turned},
		"turned the other way":     {8, fullFrame(), turned},
		"upside down":              {3, fullFrame(), full},
		"orientation 99":           {99, fullFrame(), full},
		"inches":                   {1, with(tag{0xa20e, 3387, 100}, tag{0xa20f, 3387, 100}, tag{0xa210, 2, 0}), frame.Lens{FocalMM: 50, Focal35MM: 75, SensorWidthMM: 48 / 33.87 * 25.4, SensorHeightMM: 32 / 33.87 * 25.4}},
		"no unit means inches":     {1, with(tag{0xa20e, 3387, 100}, tag{0xa20f, 3387, 100}, tag{0xa210, 0, 0})[:4], frame.Lens{FocalMM: 50, Focal35MM: 75, SensorWidthMM: 48 / 33.87 * 25.4, SensorHeightMM: 32 / 33.87 * 25.4}},
		"unit 1 is none":           {1, with(tag{0xa210, 1, 0}), noSensor},
		"unit 77":                  {1, with(tag{0xa210, 77, 0}), noSensor},
		"picture made smaller":     {1, with(tag{0xa20e, 400, 3}, tag{0xa20f, 400, 3}, tag{0xa002, 480, 0}, tag{0xa003, 320, 0}), full},
		"no recorded size":         {1, fullFrame()[:5], full},
		"cropped to another shape": {1, with(tag{0xa002, 64, 0}), noSensor},
		"turned by an editor":      {1, with(tag{0xa002, 32, 0}, tag{0xa003, 48, 0}), full},
		"resolution 0":             {1, with(tag{0xa20e, 0, 3}), noSensor},
		"resolution near 0":        {1, with(tag{0xa20e, 40, 0xdead0000}), noSensor},
		"huge sensor":              {1, with(tag{0xa20e, 1, infinite}, tag{0xa20f, 1, infinite}), noSensor},
		"focal length 0":           {1, with(tag{0x920a, 0, 1}, tag{0xa405, 0, 0}), frame.Lens{SensorWidthMM: 36, SensorHeightMM: 24}},
		"focal length too long":    {1, with(tag{0x920a, 10_001, 1}, tag{0xa405, 10_001, 0}), frame.Lens{SensorWidthMM: 36, SensorHeightMM: 24}},
		"nothing":                  {1, nil, frame.Lens{}},
	} {
		t.Run(name, func(t *testing.T) {
			f := mustDecode(t, withEXIF(encodeJPEG(t, corner()), exifBlock([]tag{{0x0112, c.orientation, 0}}, c.tags)), Options{})
			got := [4]float64{f.Lens.FocalMM, f.Lens.Focal35MM, f.Lens.SensorWidthMM, f.Lens.SensorHeightMM}
			for i, want := range [4]float64{c.want.FocalMM, c.want.Focal35MM, c.want.SensorWidthMM, c.want.SensorHeightMM} {
				if math.Abs(got[i]-want) > 1e-6*want {
					t.Fatalf("lens is %+v, want %+v", f.Lens, c.want)
				}
			}
		})
	}
}

// divided by zero, and types that no camera writes.
func TestNumber(t *testing.T) {
	for _, c := range []struct {
		in   any
		want float64
	}{{uint8(3), 3}, {uint16(4), 4}, {uint32(5), 5}, {int32(-6), -6}, {float32(2.5), 2.5}, {1.25, 1.25}, {math.NaN(), 0},
		{math.Inf(1), 0}, {"undef", 0}, {[]any{uint16(1), uint16(2)}, 0}, {nil, 0}} {
		if got := number(c.in); got != c.want {
			t.Errorf("number(%v) is %v, want %v", c.in, got, c.want)
		}
	}
	block := exifBlock(nil, []tag{{0x920a, 50, 1}})
	binary.LittleEndian.PutUint32(block[len(block)-4:], 0) // 50 / 0
	if f := mustDecode(t, withEXIF(encodeJPEG(t, corner()), block), Options{}); f.Lens != (frame.Lens{}) {
		t.Errorf("a focal length of 50/0 mm gives %+v", f.Lens)
	}
}

// Any damage to the EXIF block leaves the picture as it is.
func TestDamagedEXIFNeverFailsThePicture(t *testing.T) {
	plainJPEG := encodeJPEG(t, corner())
	block := exifBlock([]tag{{0x0112, 6, 0}}, fullFrame())
	for n := range block {
		mustDecode(t, withEXIF(plainJPEG, block[:n]), Options{})
		for _, v := range []byte{0x00, 0x7f, 0xff, block[n] ^ 0x80} {
			damaged := bytes.Clone(block)
			damaged[n] = v
			f := mustDecode(t, withEXIF(plainJPEG, damaged), Options{})
			if f.WidthPx*f.HeightPx != 48*32 || f.Lens.FocalMM < 0 || f.Lens.FocalMM > maxLengthMM || f.Lens.SensorWidthMM > maxLengthMM {
				t.Fatalf("byte %d set to %#x: %d x %d px, lens %+v", n, v, f.WidthPx, f.HeightPx, f.Lens)
			}
		}
	}
}
