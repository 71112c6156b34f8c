package geom

// WorldPointMM is a position in the world that World leads to, in mm.
type WorldPointMM struct{ X, Y, Z float64 }

// Axes names where the axes of a world point.
type Axes string

// The conventions of a world's axes, all right-handed. With a levelled world
// "up" is against gravity; else it is the camera's own.
const (
	AxesCamera Axes = "camera" // x right, y down, z away from the camera
	AxesYUp    Axes = "yup"    // x right, y up, z towards the camera
	AxesZUp    Axes = "zup"    // x right, y away from the camera, z up
)

// World is the rigid motion from before the camera into a world of its own
// axes: world = R camera + T.
type World struct {
	Axes     Axes
	Levelled bool          // the floor is the plane of height 0; else the origin is the camera's
	R        [3][3]float64 // a rotation
	TMM      [3]float64
}

// Point is where a point before the camera lies in the world.
func (w *World) Point(p CameraPointMM) WorldPointMM {
	var v [3]float64
	for i, r := range w.R {
		v[i] = r[0]*p.X + r[1]*p.Y + r[2]*p.Z + w.TMM[i]
	}
	return WorldPointMM{v[0], v[1], v[2]}
}

// AxesOnly is the world that only renames the camera's axes.
func AxesOnly(axes Axes) *World {
	w := &World{Axes: axes, R: [3][3]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}}
	switch axes {
	case AxesYUp:
		w.R = [3][3]float64{{1, 0, 0}, {0, -1, 0}, {0, 0, -1}}
	case AxesZUp:
		w.R = [3][3]float64{{1, 0, 0}, {0, 0, 1}, {0, -1, 0}}
	}
	return w
}
