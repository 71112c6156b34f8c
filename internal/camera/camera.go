// Package camera knows where a pixel lies in space: intrinsics from what the
// user or the photograph says, OpenCV's distortion model, and two ways to tell
// how far away a person is.
//
//	image px --Undistort--> x/z, y/z --times depth--> camera mm
//	image px <--Project---------------------------- camera mm
package camera

import (
	"fmt"
	"math"

	"mhp/internal/geom"
)

// DefaultFOVDeg is the field of view along the longer side when nothing is known of the camera.
const DefaultFOVDeg = 55

// diagonal35MM is the diagonal of the 36 x 24 mm picture that 35 mm focal lengths refer to.
const diagonal35MM = 43.266615305567875

// The fields of view along the longer side that a photograph can have; beyond
// them a figure is taken for an error.
const (
	minFOVDeg = 0.2
	maxFOVDeg = 170
)

// The focal lengths that a given camera may have, far beyond all lenses.
const (
	minFocalPx = 1.0
	maxFocalPx = 1e8
)

// Error is a camera that cannot be.
type Error struct{ Problem, Remedy string }

func (e *Error) Error() string { return "camera: " + e.Problem }

// Hint names the remedy.
func (e *Error) Hint() string { return e.Remedy }

// centred is a pinhole camera whose principal point is the picture's centre.
func centred(fxPx, fyPx float64, widthPx, heightPx int, source string) geom.Intrinsics {
	return geom.Intrinsics{
		FxPx: fxPx, FyPx: fyPx,
		CxPx: float64(widthPx-1) / 2, CyPx: float64(heightPx-1) / 2,
		Source: source,
	}
}

// FromFocalPx is a camera of known focal lengths, its principal point in the
// picture's centre ((width-1)/2, (height-1)/2).
func FromFocalPx(fxPx, fyPx float64, widthPx, heightPx int) (geom.Intrinsics, error) {
	for _, f := range [...]float64{fxPx, fyPx} {
		if !possible(f) {
			return geom.Intrinsics{}, &Error{
				Problem: fmt.Sprintf("focal length %g px is not between %g and %g", f, minFocalPx, maxFocalPx),
				Remedy:  "give the focal length in pixels of the picture, such as 1500 or 1500,1505",
			}
		}
	}
	return centred(fxPx, fyPx, widthPx, heightPx, "focal-px"), nil
}

func possible(fPx float64) bool { return fPx >= minFocalPx && fPx <= maxFocalPx }

// FromFOV is a camera of known field of view along the picture's longer side.
func FromFOV(deg float64, widthPx, heightPx int) (geom.Intrinsics, error) {
	if !(deg >= minFOVDeg && deg <= maxFOVDeg) {
		return geom.Intrinsics{}, &Error{
			Problem: fmt.Sprintf("field of view %g degrees is not between %g and %g", deg, minFOVDeg, float64(maxFOVDeg)),
			Remedy:  "give the angle along the longer side in degrees, such as 65 for a telephone",
		}
	}
	f := focalOfFOV(deg, widthPx, heightPx)
	return centred(f, f, widthPx, heightPx, "fov-deg"), nil
}

// Default is the camera assumed when nothing is known: DefaultFOVDeg along the longer side.
func Default(widthPx, heightPx int) geom.Intrinsics {
	f := focalOfFOV(DefaultFOVDeg, widthPx, heightPx)
	return centred(f, f, widthPx, heightPx, "default-fov")
}

func focalOfFOV(deg float64, widthPx, heightPx int) float64 {
	return float64(max(widthPx, heightPx)) / 2 / math.Tan(deg*math.Pi/360)
}

// Lens is what a photograph's metadata says; zero means unknown.
type Lens struct {
	FocalMM, Focal35MM            float64
	SensorWidthMM, SensorHeightMM float64 // along the sides of the upright picture
}

// FromLens derives the camera from a photograph's metadata: from the focal
// length in 35 mm, which is by the diagonal of the picture, else from the
// focal length and the sensor's sides. It reports false when neither is there
// or what is there is absurd.
func FromLens(l Lens, widthPx, heightPx int) (geom.Intrinsics, bool) {
	diagonalPx := math.Hypot(float64(widthPx), float64(heightPx))
	if f := l.Focal35MM / diagonal35MM * diagonalPx; plausible(f, widthPx, heightPx) {
		return centred(f, f, widthPx, heightPx, "exif-35mm"), true
	}
	// A sensor of another shape than the picture was cropped along its shorter
	// side, so the longer one is asked first.
	sides := [2]float64{l.FocalMM / l.SensorWidthMM * float64(widthPx), l.FocalMM / l.SensorHeightMM * float64(heightPx)}
	if heightPx > widthPx {
		sides[0], sides[1] = sides[1], sides[0]
	}
	for _, f := range sides {
		if plausible(f, widthPx, heightPx) {
			return centred(f, f, widthPx, heightPx, "exif-sensor"), true
		}
	}
	return geom.Intrinsics{}, false
}

// plausible tells whether a focal length gives a field of view that a photograph can have.
func plausible(fPx float64, widthPx, heightPx int) bool {
	return fPx >= focalOfFOV(maxFOVDeg, widthPx, heightPx) && fPx <= focalOfFOV(minFOVDeg, widthPx, heightPx)
}
