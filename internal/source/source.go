// Package source turns what the user names into frames: pictures on disk, in
// folders, behind patterns or on standard input, and the cameras of the
// machine.
//
//	arguments --Inputs--> Input --Decode--> *frame.Frame (RGB, upright)
//	                              |
//	                              +-- EXIF: which way is up, focal length, sensor
//
// A picture is decoded by the standard library or golang.org/x/image, then
// read out once: colour model, orientation and transparency are dealt with in
// the same pass, straight into the frame's pixels. JPEG, PNG, WebP, BMP and
// TIFF are read, whatever their colours: grey, palette, 16 bits a channel,
// CMYK, YCbCr. Transparent pixels are laid over white. Colour profiles (ICC)
// are not applied.
//
// Everything here may be called from several goroutines at once.
package source

import "fmt"

// DefaultMaxPixels is the largest picture that is decoded unless the user
// says otherwise. It lets the largest phone cameras through (200 megapixels),
// which take about 1 GB to decode.
const DefaultMaxPixels = 200_000_000

// Options says how pictures are decoded. The zero value is ready to use.
type Options struct {
	// MaxPixels refuses larger pictures (width times height) before any memory
	// is set aside for them; 0 means DefaultMaxPixels.
	MaxPixels int64
	// Pool lends the memory for pixels and file contents; nil allocates afresh.
	// Share one between all pictures of a run and release each frame.
	Pool *Pool
	// JPEG, if set, decodes most JPEGs in the standard decoder's place.
	JPEG JPEGDecoder
	// Reduce says at what part of its size an upright picture of widthPx x
	// heightPx px is enough: 1, 2, 4 or 8 times smaller. It is asked only where
	// that saves time; nil, and formats that cannot, give whole pictures.
	Reduce func(name string, widthPx, heightPx int) int
}

// Validate refuses what cannot be meant.
func (o Options) Validate() error {
	if o.MaxPixels < 0 {
		return fmt.Errorf("the limit on pixels is %d; give a number above 0, such as %d", o.MaxPixels, DefaultMaxPixels)
	}
	return nil
}

func (o Options) maxPixels() int64 {
	if o.MaxPixels == 0 {
		return DefaultMaxPixels
	}
	return o.MaxPixels
}
