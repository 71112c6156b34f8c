package sink

import (
	"fmt"
	"math"
	"strings"

	"mhp/internal/geom"
	"mhp/internal/motion"
	"mhp/internal/pose"
)

// WorldPointMM is a position in mm along the axes of a World.
type WorldPointMM struct{ X, Y, Z float64 }

// World says along which axes 3D files give positions. All of them are
// right-handed and begin in the camera; the camera is taken as level.
//
//	camera  x right, y down,  z away    as the camera sees it
//	yup     x right, y up,    z towards the camera   (BVH, glTF, OpenSim)
//	zup     x right, y away,  z up                   (Blender, robotics)
type World struct {
	name, text string
	rows       [3][3]float64 // world = rows * camera
	levelled   bool          // begins on the floor, as the picture's Level says
}

// The worlds there are. The zero World is the camera's.
var (
	CameraWorld = World{name: "camera", text: "x right, y down, z away from the camera, origin in the camera's centre of projection",
		rows: [3][3]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}}
	YUpWorld = World{name: "yup", text: "x right, y up, z towards the camera, origin in the camera's centre of projection",
		rows: [3][3]float64{{1, 0, 0}, {0, -1, 0}, {0, 0, -1}}}
	ZUpWorld = World{name: "zup", text: "x right, y away from the camera, z up, origin in the camera's centre of projection",
		rows: [3][3]float64{{1, 0, 0}, {0, 0, 1}, {0, -1, 0}}}
)

// WorldNamed is the world of --axes.
func WorldNamed(name string) (World, error) {
	for _, w := range []World{CameraWorld, YUpWorld, ZUpWorld} {
		if w.name == name {
			return w, nil
		}
	}
	return World{}, fmt.Errorf("axes %q are not known: camera, yup or zup", name)
}

// Levelled is the world with its floor level: it begins on the floor below the
// camera, as far as a picture's Level knows it.
func (w World) Levelled() World {
	if w.name == "" {
		w = CameraWorld
	}
	axes, _, _ := strings.Cut(w.text, ", origin")
	w.levelled, w.text = true, axes+", level, origin on the floor below the camera"
	return w
}

// of is where a point before the camera of a picture lies in the world.
func (w World) of(p *pose.Picture, c geom.CameraPointMM) WorldPointMM {
	if w.levelled {
		c = p.Level.Point(c)
	}
	return w.Point(c)
}

// plain tells whether the world is what stands before the camera.
func (w World) plain() bool { return !w.levelled && (w.name == "" || w.name == CameraWorld.name) }

// Point turns a position before the camera into the world's axes.
func (w World) Point(p geom.CameraPointMM) WorldPointMM {
	if w.name == "" {
		return WorldPointMM(p)
	}
	r := w.rows
	return WorldPointMM{
		r[0][0]*p.X + r[0][1]*p.Y + r[0][2]*p.Z,
		r[1][0]*p.X + r[1][1]*p.Y + r[1][2]*p.Z,
		r[2][0]*p.X + r[2][1]*p.Y + r[2][2]*p.Z,
	}
}

// fromUpright is the turn from package motion's axes (y up, z towards the
// camera) to the world's.
func (w World) fromUpright() motion.Quat {
	half := math.Sqrt(0.5)
	switch w.name {
	case YUpWorld.name:
		return motion.Still
	case ZUpWorld.name:
		return motion.Quat{W: half, X: half} // a quarter turn about x: y up becomes z up
	}
	return motion.Quat{X: 1} // half a turn about x: y up becomes y down
}

// upright is a position in the world's axes from package motion's.
func (w World) upright(v motion.Vec) WorldPointMM {
	return w.Point(geom.CameraPointMM{X: v[0], Y: -v[1], Z: -v[2]})
}
