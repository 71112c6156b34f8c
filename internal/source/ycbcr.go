package source

import (
	"image"
	"image/color"
)

// chromaShift gives how many times a column is halved to reach its chroma.
func chromaShift(r image.YCbCrSubsampleRatio) uint {
	switch r {
	case image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420:
		return 1
	case image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410:
		return 2
	}
	return 0 // 4:4:4 and 4:4:0
}

// ycbcrRow is one row of a picture: the luma of its columns, and the chroma, of
// which column i uses sample (first+i)>>shift - first>>shift.
type ycbcrRow struct {
	luma, cb, cr []uint8
	first        int
	shift        uint
}

func rowOf(m *image.YCbCr, y int) ycbcrRow {
	left, row := m.Rect.Min.X, m.Rect.Min.Y+y
	luma := m.YOffset(left, row)
	chroma := m.COffset(left, row)
	return ycbcrRow{m.Y[luma : luma+m.Rect.Dx()], m.Cb[chroma:], m.Cr[chroma:], left, chromaShift(m.SubsampleRatio)}
}

// ycbcrSpan converts JFIF's YCbCr, to the same bytes as color.YCbCrToRGB. The
// chroma terms are worked out once for all pixels that share them.
func ycbcrSpan(m *image.YCbCr) spanFunc {
	return func(dst []uint8, at, step, y int) {
		row := rowOf(m, y)
		base := row.first >> row.shift
		for i := 0; i < len(row.luma); {
			c := (row.first+i)>>row.shift - base
			end := min((c+base+1)<<row.shift-row.first, len(row.luma))
			cb, cr := int32(row.cb[c])-128, int32(row.cr[c])-128
			red, green, blue := 91881*cr, -22554*cb-46802*cr, 116130*cb
			for _, luma := range row.luma[i:end] {
				yy := int32(luma) * 0x10101
				d := dst[at : at+3 : at+3]
				d[0], d[1], d[2] = clip16(yy+red), clip16(yy+green), clip16(yy+blue)
				at += step
			}
			i = end
		}
	}
}

// clip16 takes bits 16 to 23 of v, held to 0..255. It has no branches, which
// noisy pictures would mispredict.
func clip16(v int32) uint8 { return uint8(min(max(v>>16, 0), 255)) }

// videoYCbCrSpan converts WebP's YCbCr. golang.org/x/image/webp hands it out as
// if it were JFIF's, which would turn black into (16, 16, 16).
func videoYCbCrSpan(m *image.YCbCr) spanFunc {
	return func(dst []uint8, at, step, y int) {
		row := rowOf(m, y)
		for i, luma := range row.luma {
			c := (row.first+i)>>row.shift - row.first>>row.shift
			d := dst[at : at+3 : at+3]
			d[0], d[1], d[2] = videoRGB(luma, row.cb[c], row.cr[c])
			at += step
		}
	}
}

// videoNYCbCrASpan is videoYCbCrSpan with transparency, laid over white.
func videoNYCbCrASpan(m *image.NYCbCrA) spanFunc {
	return func(dst []uint8, at, step, y int) {
		row := rowOf(&m.YCbCr, y)
		alpha := m.A[m.AOffset(m.Rect.Min.X, m.Rect.Min.Y+y):]
		for i, luma := range row.luma {
			c := (row.first+i)>>row.shift - row.first>>row.shift
			r, g, b := videoRGB(luma, row.cb[c], row.cr[c])
			if alpha[i] != 0xff {
				r, g, b = overWhite(color.NRGBA{r, g, b, alpha[i]}.RGBA())
			}
			d := dst[at : at+3 : at+3]
			d[0], d[1], d[2] = r, g, b
			at += step
		}
	}
}

// videoRGB is libwebp's conversion (src/dsp/yuv.h): BT.601, Y 16..235 and
// chroma 16..240, in fixed point with 6 fractional bits.
func videoRGB(y, cb, cr uint8) (r, g, b uint8) {
	yy := int32(y) * 19077 >> 8
	u, v := int32(cb), int32(cr)
	return clip6(yy + v*26149>>8 - 14234),
		clip6(yy - u*6419>>8 - v*13320>>8 + 8708),
		clip6(yy + u*33050>>8 - 17685)
}

// clip6 takes bits 6 to 13 of v, held to 0..255.
func clip6(v int32) uint8 { return uint8(min(max(v>>6, 0), 255)) }
