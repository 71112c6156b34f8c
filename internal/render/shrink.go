package render

import (
	"image"
	"math"

	"mhp/internal/frame"
)

// Copy turns a frame into a picture of Go's own kind, without alpha.
func Copy(f *frame.Frame) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, f.WidthPx, f.HeightPx))
	r, b := channels(f)
	for y := 0; y < f.HeightPx; y++ {
		src := f.Pix[y*f.Stride : y*f.Stride+3*f.WidthPx]
		dst := img.Pix[y*img.Stride : y*img.Stride+4*f.WidthPx]
		for len(src) >= 3 {
			dst[0], dst[1], dst[2], dst[3] = src[r], src[1], src[b], 0xff
			src, dst = src[3:], dst[4:]
		}
	}
	return img
}

// channels are the places of red and blue in a pixel's three bytes.
func channels(f *frame.Frame) (red, blue int) {
	if f.Order == frame.BGR {
		return 2, 0
	}
	return 0, 2
}

// copyWithin copies the frame, shrunk so that its longer side is at most
// maxSidePx; 0 keeps its size. Each pixel is the mean of the area it covers.
// The frame is read row by row: a full-size copy of a large photograph, or a
// general resampler's table, would cost more memory than the rest of the program.
func copyWithin(f *frame.Frame, maxSidePx int) *image.RGBA {
	longer := max(f.WidthPx, f.HeightPx)
	if maxSidePx <= 0 || longer <= maxSidePx {
		return Copy(f)
	}
	size := func(px int) int {
		return max(1, int(math.Round(float64(px)*float64(maxSidePx)/float64(longer))))
	}
	img := image.NewRGBA(image.Rect(0, 0, size(f.WidthPx), size(f.HeightPx)))
	w, h := img.Rect.Dx(), img.Rect.Dy()
	columns := spread(f.WidthPx, w)
	row, sum := make([]float32, 3*w), make([]float32, 3*w)
	red, blue := channels(f)
	read := -1 // the frame's row that row holds
	for y := range h {
		clear(sum)
		from, to := float64(y)*float64(f.HeightPx)/float64(h), float64(y+1)*float64(f.HeightPx)/float64(h)
		for s := int(from); s < f.HeightPx && float64(s) < to; s++ {
			if s != read {
				shrinkRow(row, f.Pix[s*f.Stride:], columns)
				read = s
			}
			weight := float32((math.Min(to, float64(s+1)) - math.Max(from, float64(s))) / (to - from))
			for i, v := range row {
				sum[i] += weight * v
			}
		}
		dst := img.Pix[y*img.Stride:]
		for x := range w {
			dst[4*x], dst[4*x+1], dst[4*x+2], dst[4*x+3] =
				grey(sum[3*x+red]), grey(sum[3*x+1]), grey(sum[3*x+blue]), 0xff
		}
	}
	return img
}

// column is the stretch of a source row that one pixel covers: first whole or
// part pixel, how many, and the weights of the two at the ends.
type column struct {
	first, count int
	head, tail   float32 // of the first and of the last; all between weigh 1
	scale        float32 // one over the sum of the weights
}

// spread shares out source pixels over so many target pixels.
func spread(source, target int) []column {
	list := make([]column, target)
	for i := range list {
		from, to := float64(i)*float64(source)/float64(target), float64(i+1)*float64(source)/float64(target)
		first, last := int(from), min(source, int(math.Ceil(to)))-1
		c := column{first: first, count: last - first + 1, scale: float32(1 / (to - from))}
		c.head = float32(math.Min(to, float64(first+1)) - from)
		c.tail = float32(to - float64(last))
		list[i] = c
	}
	return list
}

// shrinkRow averages one row of three bytes a pixel into the columns.
func shrinkRow(out []float32, src []uint8, columns []column) {
	for i, c := range columns {
		p := src[3*c.first:]
		s0, s1, s2 := c.head*float32(p[0]), c.head*float32(p[1]), c.head*float32(p[2])
		for n := 1; n < c.count; n++ {
			weight := float32(1)
			if n == c.count-1 {
				weight = c.tail
			}
			p = p[3:]
			s0, s1, s2 = s0+weight*float32(p[0]), s1+weight*float32(p[1]), s2+weight*float32(p[2])
		}
		out[3*i], out[3*i+1], out[3*i+2] = s0*c.scale, s1*c.scale, s2*c.scale
	}
}

func grey(v float32) uint8 { return uint8(max(0, min(255, v+0.5))) }
