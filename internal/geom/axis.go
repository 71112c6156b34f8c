package geom

import "math"

// Axis is a unit vector before the camera that depths are measured along.
type Axis struct{ X, Y, Z float64 }

// OpticalAxis is the camera's own.
var OpticalAxis = Axis{Z: 1}

// leastAlong keeps depths finite where a crop spans more than a right angle.
const leastAlong = 0.05

// Along is how far along a one gets in the direction (x/z, y/z) for each mm
// along the optical axis.
func (a Axis) Along(x, y float64) float64 { return math.Max(a.X*x+a.Y*y+a.Z, leastAlong) }

// Facing turns the direction (x/z, y/z) into the frame of a camera with the
// same centre whose optical axis is a, again as x/z, y/z: by the rotation that
// brings a to the optical axis the shortest way.
func (a Axis) Facing(x, y float64) (fx, fy float64) {
	along := a.Along(x, y)
	across := (a.X*x + a.Y*y) / (1 + a.Z) // Rodrigues' formula with the axis of turning in the plane z = 0
	return (x - a.X*(1+across)) / along, (y - a.Y*(1+across)) / along
}
