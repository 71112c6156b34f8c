package geom

// Level leads from before the camera to a level room: x right, y down along
// gravity, z level and away from the camera, in mm; the origin is the point of the floor
// below the camera, so that the floor is y = 0.
//
//	level = R camera + T
type Level struct {
	R   [3][3]float64 // a rotation
	TMM [3]float64
}

// Point is where a point before the camera lies in the level room. A nil Level
// changes nothing: nothing is known of the floor.
func (l *Level) Point(p CameraPointMM) CameraPointMM {
	if l == nil {
		return p
	}
	var v [3]float64
	for i, r := range l.R {
		v[i] = r[0]*p.X + r[1]*p.Y + r[2]*p.Z + l.TMM[i]
	}
	return CameraPointMM{v[0], v[1], v[2]}
}
