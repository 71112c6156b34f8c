package source

import (
	"image"
	"image/color"
)

// spanFunc writes row y, counted from the picture's top, as RGB: the first
// pixel at dst[at], each next one step bytes on.
type spanFunc func(dst []uint8, at, step, y int)

// spanOf picks the routine that reads the picture's colour model. Each gives
// exactly what color.Color.RGBA gives, laid over white and cut to 8 bits.
// videoRange says that YCbCr is ITU-R BT.601 with Y from 16 to 235 (WebP) and
// not JFIF's with Y from 0 to 255.
func spanOf(img image.Image, videoRange bool) spanFunc {
	switch m := img.(type) {
	case *image.YCbCr:
		if videoRange {
			return videoYCbCrSpan(m)
		}
		return ycbcrSpan(m)
	case *image.NYCbCrA:
		if videoRange {
			return videoNYCbCrASpan(m)
		}
	case *image.RGBA:
		return rgbaSpan(m)
	case *image.NRGBA:
		return nrgbaSpan(m)
	case *image.Gray:
		return graySpan(m)
	case *image.Gray16:
		return gray16Span(m)
	case *image.Paletted:
		return palettedSpan(m)
	case *image.CMYK:
		return cmykSpan(m)
	case *image.RGBA64:
		return rgba64Span(m)
	case *image.NRGBA64:
		return nrgba64Span(m)
	}
	return genericSpan(img)
}

// genericSpan reads any picture, slowly.
func genericSpan(m image.Image) spanFunc {
	b := m.Bounds()
	return func(dst []uint8, at, step, y int) {
		for x := b.Min.X; x < b.Max.X; x++ {
			dst[at], dst[at+1], dst[at+2] = overWhite(m.At(x, b.Min.Y+y).RGBA())
			at += step
		}
	}
}

// overWhite lays a colour, as color.Color.RGBA gives it, over white and cuts it to 8 bits.
func overWhite(r16, g16, b16, a16 uint32) (r, g, b uint8) {
	white := 0xffff - a16
	return cut(r16 + white), cut(g16 + white), cut(b16 + white)
}

// cut takes the upper byte of a 16-bit channel. Premultiplied colours may not
// exceed their alpha, but a file can say so all the same.
func cut(v uint32) uint8 { return uint8(min(v, 0xffff) >> 8) }

func rgbaSpan(m *image.RGBA) spanFunc {
	return func(dst []uint8, at, step, y int) {
		src := m.Pix[m.PixOffset(m.Rect.Min.X, m.Rect.Min.Y+y):][:4*m.Rect.Dx()]
		for ; len(src) >= 4; src = src[4:] {
			d := dst[at : at+3 : at+3]
			if src[3] == 0xff {
				d[0], d[1], d[2] = src[0], src[1], src[2]
			} else {
				d[0], d[1], d[2] = overWhite(color.RGBA{src[0], src[1], src[2], src[3]}.RGBA())
			}
			at += step
		}
	}
}

func nrgbaSpan(m *image.NRGBA) spanFunc {
	return func(dst []uint8, at, step, y int) {
		src := m.Pix[m.PixOffset(m.Rect.Min.X, m.Rect.Min.Y+y):][:4*m.Rect.Dx()]
		for ; len(src) >= 4; src = src[4:] {
			d := dst[at : at+3 : at+3]
			if src[3] == 0xff {
				d[0], d[1], d[2] = src[0], src[1], src[2]
			} else {
				d[0], d[1], d[2] = overWhite(color.NRGBA{src[0], src[1], src[2], src[3]}.RGBA())
			}
			at += step
		}
	}
}

func graySpan(m *image.Gray) spanFunc {
	return func(dst []uint8, at, step, y int) {
		src := m.Pix[m.PixOffset(m.Rect.Min.X, m.Rect.Min.Y+y):][:m.Rect.Dx()]
		for _, v := range src {
			d := dst[at : at+3 : at+3]
			d[0], d[1], d[2] = v, v, v
			at += step
		}
	}
}

func gray16Span(m *image.Gray16) spanFunc {
	return func(dst []uint8, at, step, y int) {
		src := m.Pix[m.PixOffset(m.Rect.Min.X, m.Rect.Min.Y+y):][:2*m.Rect.Dx()]
		for ; len(src) >= 2; src = src[2:] {
			d := dst[at : at+3 : at+3]
			d[0], d[1], d[2] = src[0], src[0], src[0]
			at += step
		}
	}
}

// palettedSpan shows an index that the palette lacks as black.
func palettedSpan(m *image.Paletted) spanFunc {
	var table [256][3]uint8
	for i, c := range m.Palette {
		if i < len(table) {
			table[i][0], table[i][1], table[i][2] = overWhite(c.RGBA())
		}
	}
	return func(dst []uint8, at, step, y int) {
		src := m.Pix[m.PixOffset(m.Rect.Min.X, m.Rect.Min.Y+y):][:m.Rect.Dx()]
		for _, v := range src {
			d, c := dst[at:at+3:at+3], &table[v]
			d[0], d[1], d[2] = c[0], c[1], c[2]
			at += step
		}
	}
}

// cmykSpan takes 255 as full ink. Adobe's JPEGs store the opposite; the
// decoder has turned them by now.
func cmykSpan(m *image.CMYK) spanFunc {
	return func(dst []uint8, at, step, y int) {
		src := m.Pix[m.PixOffset(m.Rect.Min.X, m.Rect.Min.Y+y):][:4*m.Rect.Dx()]
		for ; len(src) >= 4; src = src[4:] {
			d := dst[at : at+3 : at+3]
			d[0], d[1], d[2] = color.CMYKToRGB(src[0], src[1], src[2], src[3])
			at += step
		}
	}
}

func rgba64Span(m *image.RGBA64) spanFunc {
	return func(dst []uint8, at, step, y int) {
		src := m.Pix[m.PixOffset(m.Rect.Min.X, m.Rect.Min.Y+y):][:8*m.Rect.Dx()]
		for ; len(src) >= 8; src = src[8:] {
			d := dst[at : at+3 : at+3]
			if src[6] == 0xff && src[7] == 0xff {
				d[0], d[1], d[2] = src[0], src[2], src[4]
			} else {
				d[0], d[1], d[2] = overWhite(color.RGBA64{be16(src), be16(src[2:]), be16(src[4:]), be16(src[6:])}.RGBA())
			}
			at += step
		}
	}
}

func nrgba64Span(m *image.NRGBA64) spanFunc {
	return func(dst []uint8, at, step, y int) {
		src := m.Pix[m.PixOffset(m.Rect.Min.X, m.Rect.Min.Y+y):][:8*m.Rect.Dx()]
		for ; len(src) >= 8; src = src[8:] {
			d := dst[at : at+3 : at+3]
			if src[6] == 0xff && src[7] == 0xff {
				d[0], d[1], d[2] = src[0], src[2], src[4]
			} else {
				d[0], d[1], d[2] = overWhite(color.NRGBA64{be16(src), be16(src[2:]), be16(src[4:]), be16(src[6:])}.RGBA())
			}
			at += step
		}
	}
}

func be16(b []uint8) uint16 { return uint16(b[0])<<8 | uint16(b[1]) }
