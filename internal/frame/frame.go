// Package frame is one picture on its way through the program.
package frame

import "time"

// Order is the order of the three colour bytes of a pixel.
type Order uint8

// The colour orders: decoders of files give RGB, OpenCV gives BGR.
const (
	RGB Order = iota
	BGR
)

// Frame is a picture of 8-bit colour, three bytes a pixel, upright (EXIF
// orientation applied), with its place in the source.
//
// Whoever receives a Frame owns it until it calls Release; after that Pix
// must not be touched, since the source may fill it again.
type Frame struct {
	Pix      []uint8 // [Height][Stride] bytes, Width*3 of each row used
	Stride   int     // bytes from one row to the next
	WidthPx  int
	HeightPx int
	Order    Order

	Name  string        // file name, or the name of the stream
	Index int           // 0-based place in the source
	Time  time.Duration // since the start of the source; 0 for photographs
	Lens  Lens          // what the file says of the camera
	// Captured is when the frame of a live source arrived; zero for all others.
	Captured time.Time

	// Reduce says that Pix is the picture at 1/Reduce of its size (see
	// PixelSize), as a JPEG can be decoded faster; 0 and 1 mean the whole of it.
	// WidthPx, HeightPx and all that results say in px stay those of the
	// picture. Only who asked its source for reduced frames gets them.
	Reduce int
	// Sharper decodes a reduced picture again at 1/reduce of its size, with the
	// pixels alone; nil where Reduce says nothing.
	Sharper func(reduce int) (*Frame, error)

	ReleaseFunc func() // may be nil
}

// Lens is what a photograph's metadata says of the camera; zero means unknown.
type Lens struct {
	// FocalMM is the true focal length.
	FocalMM float64
	// Focal35MM is the focal length of a 36 x 24 mm camera with the same field of view along the diagonal.
	Focal35MM float64
	// SensorWidthMM and SensorHeightMM are the sensor's sides along the picture's, orientation applied.
	SensorWidthMM, SensorHeightMM float64
}

// PixelSize is the size of what Pix holds: WidthPx and HeightPx over Reduce, rounded up.
func (f *Frame) PixelSize() (w, h int) {
	r := max(1, f.Reduce)
	return (f.WidthPx + r - 1) / r, (f.HeightPx + r - 1) / r
}

// New allocates a black picture.
func New(widthPx, heightPx int) *Frame {
	return &Frame{Pix: make([]uint8, widthPx*heightPx*3), Stride: widthPx * 3, WidthPx: widthPx, HeightPx: heightPx}
}

// Release hands the pixels back to the source. It may be called once.
func (f *Frame) Release() {
	if f.ReleaseFunc != nil {
		f.ReleaseFunc()
		f.ReleaseFunc = nil
	}
}

// RGBAt is the colour at column x, row y, which must lie inside.
func (f *Frame) RGBAt(x, y int) (r, g, b uint8) {
	p := f.Pix[y*f.Stride+x*3:]
	if f.Order == BGR {
		return p[2], p[1], p[0]
	}
	return p[0], p[1], p[2]
}
