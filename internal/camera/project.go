package camera

import (
	"math"

	"mhp/internal/geom"
)

// distort applies the lens to the normalised position (x/z, y/z): OpenCV's
// model with radial k1, k2, k3 and tangential p1, p2.
func distort(d *[5]float64, x, y float64) (xd, yd float64) {
	k1, k2, p1, p2, k3 := d[0], d[1], d[2], d[3], d[4]
	r2 := x*x + y*y
	radial := 1 + r2*(k1+r2*(k2+r2*k3))
	xd = x*radial + 2*p1*x*y + p2*(r2+2*x*x)
	yd = y*radial + p1*(r2+2*y*y) + 2*p2*x*y
	return xd, yd
}

// Project is where a point before the camera appears in the picture.
func Project(k geom.Intrinsics, p geom.CameraPointMM) geom.ImagePoint {
	x, y := distort(&k.Distortion, p.X/p.Z, p.Y/p.Z)
	return geom.ImagePoint{X: k.FxPx*x + k.CxPx, Y: k.FyPx*y + k.CyPx}
}

// Undistort is the direction of an image point as (x/z, y/z), the lens's
// distortion undone. A point that no direction is imaged to (a strong lens,
// far outside the picture it was calibrated for) gets the nearest one found.
func Undistort(k geom.Intrinsics, p geom.ImagePoint) (xn, yn float64) {
	xd, yd := (p.X-k.CxPx)/k.FxPx, (p.Y-k.CyPx)/k.FyPx
	if !k.Distorted() {
		return xd, yd
	}
	return undistort(&k.Distortion, xd, yd)
}

// undistort inverts distort by Newton's method, halving a step that does not
// help. The error is below 1e-12 after some four steps for ordinary lenses.
func undistort(d *[5]float64, xd, yd float64) (x, y float64) {
	residual := func(x, y float64) (ex, ey, norm float64) {
		ax, ay := distort(d, x, y)
		return ax - xd, ay - yd, math.Hypot(ax-xd, ay-yd)
	}
	x, y = xd, yd
	ex, ey, norm := residual(x, y)
	for range 30 {
		if !(norm > 1e-13) {
			break
		}
		dx, dy := newtonStep(d, x, y, ex, ey)
		improved := false
		for share := 1.0; share > 1e-3; share /= 2 {
			nx, ny := x-share*dx, y-share*dy
			nex, ney, nnorm := residual(nx, ny)
			if nnorm < norm {
				x, y, ex, ey, norm, improved = nx, ny, nex, ney, nnorm, true
				break
			}
		}
		if !improved {
			break
		}
	}
	return x, y
}

// newtonStep solves J step = (ex, ey), where J is the Jacobian of distort at (x, y).
func newtonStep(d *[5]float64, x, y, ex, ey float64) (dx, dy float64) {
	k1, k2, p1, p2, k3 := d[0], d[1], d[2], d[3], d[4]
	r2 := x*x + y*y
	radial := 1 + r2*(k1+r2*(k2+r2*k3))
	slope := 2 * (k1 + r2*(2*k2+r2*3*k3)) // of radial: d/dx = x*slope
	xx := radial + x*x*slope + 2*p1*y + 6*p2*x
	xy := x*y*slope + 2*p1*x + 2*p2*y
	yy := radial + y*y*slope + 6*p1*y + 2*p2*x
	det := xx*yy - xy*xy
	return (yy*ex - xy*ey) / det, (xx*ey - xy*ex) / det
}

// BackProject is the point that appears at p and lies depthMM before the
// camera along the axis.
func BackProject(k geom.Intrinsics, axis geom.Axis, p geom.ImagePoint, depthMM float64) geom.CameraPointMM {
	x, y := Undistort(k, p)
	z := depthMM / axis.Along(x, y)
	return geom.CameraPointMM{X: x * z, Y: y * z, Z: z}
}

// AxisThrough is the line of sight through a point of the picture.
func AxisThrough(k geom.Intrinsics, p geom.ImagePoint) geom.Axis {
	x, y := Undistort(k, p)
	length := math.Sqrt(x*x + y*y + 1)
	return geom.Axis{X: x / length, Y: y / length, Z: 1 / length}
}

// DepthAlong is the depth along the axis of what appears at p, from that along
// the optical axis.
func DepthAlong(k geom.Intrinsics, axis geom.Axis, p geom.ImagePoint, depthMM float64) float64 {
	return depthMM * axis.Along(Undistort(k, p))
}
