package source

import (
	"bytes"
	"math"

	"github.com/bep/imagemeta"

	"mhp/internal/frame"
)

// exif is the numbers of a picture's EXIF by tag name; a tag that is missing,
// no number or not finite reads as 0, which none of them can be.
type exif map[string]float64

// The tags that are read; names as ExifTool and imagemeta write them.
const (
	tagOrientation    = "Orientation"
	tagFocal          = "FocalLength"
	tagFocal35        = "FocalLengthIn35mmFormat"
	tagPlaneXRes      = "FocalPlaneXResolution"
	tagPlaneYRes      = "FocalPlaneYResolution"
	tagPlaneUnit      = "FocalPlaneResolutionUnit"
	tagRecordedWidth  = "ExifImageWidth"  // EXIF's PixelXDimension
	tagRecordedHeight = "ExifImageHeight" // EXIF's PixelYDimension
)

// maxLengthMM is the longest focal length or sensor side that is believed.
const maxLengthMM = 10_000

// shapeTolerance is how far the sensor's shape may be off the picture's, as a
// share, before the sensor's size is taken to belong to another picture.
const shapeTolerance = 0.05

// readEXIF reads what the file says of its camera. Damaged EXIF ends the
// reading and never the picture: what came before the damage is kept.
func readEXIF(data []byte, format imagemeta.ImageFormat) exif {
	e := exif{}
	// An error says only that the metadata is damaged, which is no reason to refuse a picture.
	_, _ = imagemeta.Decode(imagemeta.Options{
		R:               bytes.NewReader(data),
		ImageFormat:     format,
		Sources:         imagemeta.EXIF,
		ShouldHandleTag: wanted,
		HandleTag: func(t imagemeta.TagInfo) error {
			if _, seen := e[t.Tag]; !seen {
				e[t.Tag] = number(t.Value)
			}
			return nil
		},
	})
	return e
}

// wanted tells the tags of the picture itself from its thumbnail's and from those of no use.
func wanted(t imagemeta.TagInfo) bool {
	if t.Namespace != "IFD0" && t.Namespace != "IFD0/ExifIFDP" {
		return false
	}
	switch t.Tag {
	case tagOrientation, tagFocal, tagFocal35, tagPlaneXRes, tagPlaneYRes, tagPlaneUnit, tagRecordedWidth, tagRecordedHeight:
		return true
	}
	return false
}

// number reads an EXIF value of any numeric type; anything else is 0.
func number(v any) float64 {
	f := 0.0
	switch n := v.(type) {
	case uint8:
		f = float64(n)
	case uint16:
		f = float64(n)
	case uint32:
		f = float64(n)
	case int32:
		f = float64(n)
	case float32:
		f = float64(n)
	case float64:
		f = n
	case interface{ Float64() float64 }: // a fraction
		f = n.Float64()
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}

// orientation is the picture's, upright where EXIF says nothing sensible.
func (e exif) orientation() orientation {
	if v := e[tagOrientation]; v >= 1 && v <= 8 && v == math.Trunc(v) {
		return orientation(v)
	}
	return upright
}

// lens is what EXIF says of the camera of a stored picture of w x h px.
func (e exif) lens(w, h int) frame.Lens {
	l := frame.Lens{FocalMM: lengthMM(e[tagFocal]), Focal35MM: lengthMM(e[tagFocal35])}
	l.SensorWidthMM, l.SensorHeightMM = e.sensorMM(w, h)
	if e.orientation().swapsSides() {
		l.SensorWidthMM, l.SensorHeightMM = l.SensorHeightMM, l.SensorWidthMM
	}
	return l
}

// sensorMM gives the sensor's sides along the stored picture's: the size that
// the camera recorded over its pixels per mm. Both are 0 where a figure is
// missing or the shape is not the picture's, as when it was cropped later.
// A picture that was turned by a program which left EXIF alone is recognised.
func (e exif) sensorMM(w, h int) (width, height float64) {
	recordedW, recordedH := e[tagRecordedWidth], e[tagRecordedHeight]
	if recordedW <= 0 || recordedH <= 0 {
		recordedW, recordedH = float64(w), float64(h)
	}
	unitMM := e.planeUnitMM()
	resX, resY := e[tagPlaneXRes], e[tagPlaneYRes]
	if resX <= 0 || resY <= 0 || unitMM == 0 {
		return 0, 0
	}
	width, height = lengthMM(recordedW/resX*unitMM), lengthMM(recordedH/resY*unitMM)
	if width == 0 || height == 0 {
		return 0, 0
	}
	switch shape := float64(w) / float64(h); {
	case sameShape(width/height, shape):
		return width, height
	case sameShape(height/width, shape):
		return height, width
	}
	return 0, 0
}

// planeUnitMM is the unit of the focal plane's resolution, 0 if it has none.
// The first four numbers are EXIF's, where inches are the default; the last is
// written by cameras all the same.
func (e exif) planeUnitMM() float64 {
	unit, stated := e[tagPlaneUnit]
	switch {
	case !stated || unit == 2:
		return 25.4
	case unit == 3:
		return 10
	case unit == 4:
		return 1
	case unit == 5:
		return 0.001
	}
	return 0
}

func sameShape(a, b float64) bool { return math.Abs(a/b-1) <= shapeTolerance }

// lengthMM passes a length that can be believed and makes 0 of any other.
func lengthMM(v float64) float64 {
	if v > 0 && v <= maxLengthMM {
		return v
	}
	return 0
}
