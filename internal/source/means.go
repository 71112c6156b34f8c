package source

import (
	"encoding/binary"
	"image"

	"mhp/internal/frame"
)

// The standard decoder decodes a JPEG whole. What can be saved after it is the
// way of every px into RGB: brightness and colour are averaged as they are
// stored, and only the means become RGB.

// reducible tells whether means of the picture can be taken plane by plane.
func reducible(img image.Image) bool {
	m, ok := img.(*image.YCbCr)
	if !ok || m.Rect.Min != (image.Point{}) {
		return false
	}
	switch m.SubsampleRatio {
	case image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420, image.YCbCrSubsampleRatio440:
		return true
	}
	return false
}

// reducedFrameOf is frameOf at 1/reduce of the size; img is reducible.
func reducedFrameOf(img image.Image, name string, meta exif, reduce int, pool *Pool) *frame.Frame {
	m := img.(*image.YCbCr)
	w, h := m.Rect.Dx(), m.Rect.Dy()
	smallW, smallH := (w+reduce-1)/reduce, (h+reduce-1)/reduce
	small := &image.YCbCr{
		Y: pool.files.get(smallW * smallH), Cb: pool.files.get(smallW * smallH), Cr: pool.files.get(smallW * smallH),
		YStride: smallW, CStride: smallW, SubsampleRatio: image.YCbCrSubsampleRatio444, Rect: image.Rect(0, 0, smallW, smallH),
	}
	stepX, stepY := chromaSteps(m.SubsampleRatio)
	chroma := grid{smallW, smallH, (w + stepX - 1) / stepX, (h + stepY - 1) / stepY, reduce / stepX, reduce / stepY}
	grid{smallW, smallH, w, h, reduce, reduce}.means(small.Y, m.Y, m.YStride)
	chroma.means(small.Cb, m.Cb, m.CStride)
	chroma.means(small.Cr, m.Cr, m.CStride)
	pix := pool.pixels.get(3 * smallW * smallH)
	l := layoutOf(smallW, smallH, meta.orientation())
	readOut(pix, smallH, l, ycbcrSpan(small))
	for _, plane := range [...][]uint8{small.Y, small.Cb, small.Cr} {
		pool.files.put(plane)
	}
	whole := layoutOf(w, h, meta.orientation())
	return &frame.Frame{
		Pix: pix, Stride: 3 * l.widthPx, WidthPx: whole.widthPx, HeightPx: whole.heightPx, Order: frame.RGB,
		Name: name, Lens: meta.lens(w, h), Reduce: reduce,
		ReleaseFunc: func() { pool.pixels.put(pix) },
	}
}

// chromaSteps is how many px share a sample of colour, across and down.
func chromaSteps(r image.YCbCrSubsampleRatio) (x, y int) {
	x, y = 1, 1
	if r == image.YCbCrSubsampleRatio422 || r == image.YCbCrSubsampleRatio420 {
		x = 2
	}
	if r == image.YCbCrSubsampleRatio440 || r == image.YCbCrSubsampleRatio420 {
		y = 2
	}
	return x, y
}

// grid cuts a plane of srcW x srcH samples into w x h blocks of blockW x
// blockH (1, 2, 4 or 8 each); the last ones of a row or column may be smaller.
type grid struct{ w, h, srcW, srcH, blockW, blockH int }

// means writes each block's mean, rounded.
func (g grid) means(dst, src []uint8, stride int) {
	sums := make([]uint64, (g.srcW+7)/8)
	for y := range g.h {
		top := y * g.blockH
		rows := min(g.blockH, g.srcH-top)
		row := dst[y*g.w : (y+1)*g.w]
		whole := 0 // blocks that fastRow has done
		if g.blockW > 1 && rows == g.blockH {
			whole = g.fastRow(row, src[top*stride:], stride, sums)
		}
		for x := whole; x < g.w; x++ {
			sum, n := 0, 0
			for dy := range rows {
				for _, v := range src[(top+dy)*stride+x*g.blockW : (top+dy)*stride+min((x+1)*g.blockW, g.srcW)] {
					sum += int(v)
					n++
				}
			}
			row[x] = uint8((sum + n/2) / n)
		}
	}
}

// fastRow makes the blocks of a row that lie in whole words of eight samples:
// neighbours are added in lanes of 16 bits, row upon row, then the lanes of
// each block. It returns how many blocks it made.
func (g grid) fastRow(dst, src []uint8, stride int, sums []uint64) int {
	words := g.srcW / 8
	sums = sums[:words]
	clear(sums)
	for dy := range g.blockH {
		row := src[dy*stride:][:8*words]
		for i := range sums {
			v := binary.LittleEndian.Uint64(row[8*i:])
			sums[i] += v&wordLanes + v>>8&wordLanes
		}
	}
	n := uint64(g.blockW * g.blockH)
	half, shift := n/2, shiftOf(n)
	switch g.blockW {
	case 2:
		for i, s := range sums {
			d := dst[4*i : 4*i+4 : 4*i+4]
			d[0], d[1] = uint8((s&0xffff+half)>>shift), uint8((s>>16&0xffff+half)>>shift)
			d[2], d[3] = uint8((s>>32&0xffff+half)>>shift), uint8((s>>48+half)>>shift)
		}
		return 4 * words
	case 4:
		for i, s := range sums {
			s = s&0xffff0000ffff + s>>16&0xffff0000ffff
			dst[2*i], dst[2*i+1] = uint8((s&0xffffffff+half)>>shift), uint8((s>>32+half)>>shift)
		}
		return 2 * words
	}
	for i, s := range sums {
		s = s&0xffff + s>>16&0xffff + s>>32&0xffff + s>>48
		dst[i] = uint8((s + half) >> shift)
	}
	return words
}

const wordLanes = 0x00ff00ff00ff00ff

// shiftOf is the logarithm of a power of two.
func shiftOf(n uint64) (shift uint) {
	for ; n > 1; n >>= 1 {
		shift++
	}
	return shift
}
