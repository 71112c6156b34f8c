package source

import (
	"bytes"
	"image"
	"image/color"

	"mhp/internal/frame"
)

// JPEGDecoder decodes a JPEG at 1/reduce of its size, reduce being 1, 2, 4 or
// 8, into dst: packed RGB of ceil(widthPx/reduce) x ceil(heightPx/reduce) px,
// as stored, not turned. widthPx and heightPx are what the file's header says.
// An error means only that another decoder must have a look.
type JPEGDecoder func(dst, file []uint8, reduce, widthPx, heightPx int) error

// decodeJPEG decodes with the fast decoder, and reduced if that is asked for.
// ok is false for files that only the standard decoder is trusted with: CMYK,
// and whatever the fast one finds odd, so that damage is told in one way.
func decodeJPEG(data []byte, name string, config image.Config, meta exif, o Options, pool *Pool) (f *frame.Frame, ok bool) {
	if o.JPEG == nil || config.ColorModel != color.YCbCrModel && config.ColorModel != color.GrayModel {
		return nil, false
	}
	w, h := config.Width, config.Height
	turn := meta.orientation()
	size := layoutOf(w, h, turn)
	reduce := 1
	if o.Reduce != nil {
		reduce = usableReduction(o.Reduce(name, size.widthPx, size.heightPx), w, h, turn)
	}
	smallW, smallH := (w+reduce-1)/reduce, (h+reduce-1)/reduce
	pix := pool.pixels.get(3 * smallW * smallH)
	if o.JPEG(pix, data, reduce, w, h) != nil {
		pool.pixels.put(pix)
		return nil, false
	}
	if turn != upright && turn != 0 {
		turned := pool.pixels.get(len(pix))
		readOut(turned, smallH, layoutOf(smallW, smallH, turn), rgbSpan(pix, smallW))
		pool.pixels.put(pix)
		pix = turned
	}
	f = &frame.Frame{
		Pix: pix, Stride: 3 * layoutOf(smallW, smallH, turn).widthPx, WidthPx: size.widthPx, HeightPx: size.heightPx, Order: frame.RGB,
		Name: name, Lens: meta.lens(w, h), Reduce: reduce,
		ReleaseFunc: func() { pool.pixels.put(pix) },
	}
	if reduce > 1 {
		// The file's own buffer goes back to the pool, so that a second look needs a copy;
		// files are small beside pictures.
		again := bytes.Clone(data)
		o.Reduce = nil
		f.Sharper = func(reduce int) (*frame.Frame, error) {
			o.Reduce = func(string, int, int) int { return reduce }
			return decodeBytes(again, name, o, pool)
		}
	}
	return f, true
}

// usableReduction is the largest of 1, 2, 4 and 8 up to want. A turned picture
// whose sides are no whole multiple would have its incomplete last pixels at
// its beginning, which no plain scale maps.
func usableReduction(want, w, h int, turn orientation) int {
	for _, r := range [...]int{8, 4, 2} {
		if r <= want && (turn <= upright || w%r == 0 && h%r == 0) {
			return r
		}
	}
	return 1
}

// rgbSpan reads packed RGB of width px.
func rgbSpan(pix []uint8, width int) spanFunc {
	return func(dst []uint8, at, step, y int) {
		for src := pix[3*width*y : 3*width*(y+1)]; len(src) >= 3; src = src[3:] {
			d := dst[at : at+3 : at+3]
			d[0], d[1], d[2] = src[0], src[1], src[2]
			at += step
		}
	}
}
