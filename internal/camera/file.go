package camera

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"

	"mhp/internal/geom"
)

// maxFileBytes bounds what FromFile reads: a camera is a few numbers.
const maxFileBytes = 1 << 16

// file is the JSON form of a camera. Only fx is required: fy is then fx, the
// principal point the picture's centre, the distortion none. width and height
// (both or neither) are of the picture that the camera was calibrated on.
type file struct {
	Fx     *float64 `json:"fx"`
	Fy     *float64 `json:"fy"`
	Cx     *float64 `json:"cx"`
	Cy     *float64 `json:"cy"`
	K1     float64  `json:"k1"`
	K2     float64  `json:"k2"`
	P1     float64  `json:"p1"`
	P2     float64  `json:"p2"`
	K3     float64  `json:"k3"`
	Width  *float64 `json:"width"`
	Height *float64 `json:"height"`
}

// FromFile reads a camera for a picture of the given size from a JSON file:
// an object with fx, and optionally fy, cx, cy (px, OpenCV's pixel centres),
// k1, k2, p1, p2, k3 (OpenCV's distortion), width and height. With width and
// height the camera is scaled if the picture is a resized copy, and refused if
// it has another shape. Unknown keys are errors, since a misspelt one would be
// silently ignored.
func FromFile(path string, widthPx, heightPx int) (geom.Intrinsics, error) {
	f, err := os.Open(path)
	if err != nil {
		return geom.Intrinsics{}, fmt.Errorf("camera file: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return geom.Intrinsics{}, fmt.Errorf("camera file: %w", err)
	}
	k, err := parse(data, widthPx, heightPx)
	if err != nil {
		return geom.Intrinsics{}, &Error{
			Problem: fmt.Sprintf("file %s: %v", path, err),
			Remedy:  `write one JSON object such as {"fx": 1500, "fy": 1500, "cx": 959.5, "cy": 539.5, "k1": -0.1, "width": 1920, "height": 1080}; only fx is required`,
		}
	}
	return k, nil
}

func parse(data []byte, widthPx, heightPx int) (geom.Intrinsics, error) {
	if len(data) > maxFileBytes {
		return geom.Intrinsics{}, fmt.Errorf("is larger than %d bytes, too large for a camera", maxFileBytes)
	}
	var c file
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return geom.Intrinsics{}, fmt.Errorf("is not a camera: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return geom.Intrinsics{}, fmt.Errorf("holds more than one JSON object")
	}
	sx, sy, err := c.scales(widthPx, heightPx)
	if err != nil {
		return geom.Intrinsics{}, err
	}
	return c.intrinsics(sx, sy, widthPx, heightPx)
}

// scales tells how much larger the picture is than the one calibrated on.
func (c *file) scales(widthPx, heightPx int) (sx, sy float64, err error) {
	if c.Width == nil && c.Height == nil {
		return 1, 1, nil
	}
	if c.Width == nil || c.Height == nil {
		return 0, 0, fmt.Errorf("has only one of width and height")
	}
	if !(*c.Width >= 1) || !(*c.Height >= 1) {
		return 0, 0, fmt.Errorf("width %g and height %g must be at least 1", *c.Width, *c.Height)
	}
	sx, sy = float64(widthPx)/(*c.Width), float64(heightPx)/(*c.Height)
	// A resized copy has its sides rounded to whole pixels, so either side may
	// be off by one.
	if s := math.Sqrt(sx * sy); math.Abs(s**c.Width-float64(widthPx)) > 1 || math.Abs(s**c.Height-float64(heightPx)) > 1 {
		return 0, 0, fmt.Errorf("is for a picture of %g x %g px, of which one of %d x %d px is no resized copy", *c.Width, *c.Height, widthPx, heightPx)
	}
	return sx, sy, nil
}

func (c *file) intrinsics(sx, sy float64, widthPx, heightPx int) (geom.Intrinsics, error) {
	if c.Fx == nil {
		return geom.Intrinsics{}, fmt.Errorf("has no fx")
	}
	fx, fy := *c.Fx, *c.Fx
	if c.Fy != nil {
		fy = *c.Fy
	}
	if !possible(fx*sx) || !possible(fy*sy) {
		return geom.Intrinsics{}, fmt.Errorf("focal length fx %g, fy %g: in px of this picture not between %g and %g", fx, fy, minFocalPx, maxFocalPx)
	}
	k := centred(fx*sx, fy*sy, widthPx, heightPx, "file")
	// The picture's corner, half a pixel before the first centre, is what scaling keeps in place.
	if c.Cx != nil {
		k.CxPx = (*c.Cx+0.5)*sx - 0.5
	}
	if c.Cy != nil {
		k.CyPx = (*c.Cy+0.5)*sy - 0.5
	}
	k.Distortion = [5]float64{c.K1, c.K2, c.P1, c.P2, c.K3}
	if math.IsInf(k.CxPx, 0) || math.IsInf(k.CyPx, 0) {
		return geom.Intrinsics{}, fmt.Errorf("principal point cx, cy lies beyond all bounds")
	}
	return k, nil
}
