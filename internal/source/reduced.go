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

// reduction is how far a stored picture of w x h px is to be reduced.
func reduction(name string, w, h int, meta exif, o Options) int {
	if o.Reduce == nil {
		return 1
	}
	turn := meta.orientation()
	size := layoutOf(w, h, turn)
	return usableReduction(o.Reduce(name, size.widthPx, size.heightPx), w, h, turn)
}

// decodeJPEG decodes with the fast decoder. ok is false for files that only
// the standard decoder is trusted with: CMYK, and whatever the fast one finds
// odd, so that damage is told in one way.
func decodeJPEG(data []byte, name string, config image.Config, meta exif, reduce int, o Options, pool *Pool) (f *frame.Frame, ok bool) {
	if o.JPEG == nil || config.ColorModel != color.YCbCrModel && config.ColorModel != color.GrayModel {
		return nil, false
	}
	w, h, turn := config.Width, config.Height, meta.orientation()
	smallW, smallH := (w+reduce-1)/reduce, (h+reduce-1)/reduce
	pix := pool.pixels.get(3 * smallW * smallH)
	if o.JPEG(pix, data, reduce, w, h) != nil {
		pool.pixels.put(pix)
		return nil, false
	}
	l := layoutOf(smallW, smallH, turn)
	if turn != upright {
		turned := pool.pixels.get(len(pix))
		readOut(turned, smallH, l, rgbSpan(pix, smallW))
		pool.pixels.put(pix)
		pix = turned
	}
	size := layoutOf(w, h, turn)
	return &frame.Frame{
		Pix: pix, Stride: 3 * l.widthPx, WidthPx: size.widthPx, HeightPx: size.heightPx, Order: frame.RGB,
		Name: name, Lens: meta.lens(w, h), Reduce: reduce,
		ReleaseFunc: func() { pool.pixels.put(pix) },
	}, true
}

// lookAgain lets a reduced frame be decoded anew. The file's own buffer goes
// back to the pool, so that it takes a copy; files are small beside pictures.
func lookAgain(f *frame.Frame, data []byte, o Options, pool *Pool) {
	again := bytes.Clone(data)
	f.Sharper = func(reduce int) (*frame.Frame, error) {
		o := o
		o.Reduce = func(string, int, int) int { return reduce }
		return decodeBytes(again, f.Name, o, pool)
	}
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
