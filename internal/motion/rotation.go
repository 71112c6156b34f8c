package motion

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// Vec is a position or offset in mm: x to the person's left when the rest pose
// is looked at from the front, y up, z towards the viewer (glTF's axes).
type Vec [3]float64

func (a Vec) add(b Vec) Vec       { return Vec{a[0] + b[0], a[1] + b[1], a[2] + b[2]} }
func (a Vec) sub(b Vec) Vec       { return Vec{a[0] - b[0], a[1] - b[1], a[2] - b[2]} }
func (a Vec) times(k float64) Vec { return Vec{k * a[0], k * a[1], k * a[2]} }
func (a Vec) dot(b Vec) float64   { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }

// Cross is the product that stands upright on both.
func (a Vec) Cross(b Vec) Vec {
	return Vec{a[1]*b[2] - a[2]*b[1], a[2]*b[0] - a[0]*b[2], a[0]*b[1] - a[1]*b[0]}
}

// Norm is the length.
func (a Vec) Norm() float64 { return math.Sqrt(a.dot(a)) }

// unit is the direction; ok is false for an offset of no length.
func (a Vec) unit() (u Vec, ok bool) {
	n := a.Norm()
	if n < 1e-9 {
		return Vec{}, false
	}
	return a.times(1 / n), true
}

// Quat is a turn as a unit quaternion. The zero value is not one: use Still.
type Quat struct{ W, X, Y, Z float64 }

// Still turns nothing.
var Still = Quat{W: 1}

// Mul turns by b first, then by a.
func (a Quat) Mul(b Quat) Quat {
	return Quat{
		a.W*b.W - a.X*b.X - a.Y*b.Y - a.Z*b.Z,
		a.W*b.X + a.X*b.W + a.Y*b.Z - a.Z*b.Y,
		a.W*b.Y - a.X*b.Z + a.Y*b.W + a.Z*b.X,
		a.W*b.Z + a.X*b.Y - a.Y*b.X + a.Z*b.W,
	}
}

// Inverse turns back.
func (a Quat) Inverse() Quat { return Quat{a.W, -a.X, -a.Y, -a.Z} }

// Turn is v turned.
func (a Quat) Turn(v Vec) Vec {
	r := a.Mul(Quat{0, v[0], v[1], v[2]}).Mul(a.Inverse())
	return Vec{r.X, r.Y, r.Z}
}

func (a Quat) normal() Quat {
	n := math.Sqrt(a.W*a.W + a.X*a.X + a.Y*a.Y + a.Z*a.Z)
	return Quat{a.W / n, a.X / n, a.Y / n, a.Z / n}
}

// near is the one of the two quaternions of the same turn that lies on b's
// side, so that values between two frames stay between them.
func (a Quat) near(b Quat) Quat {
	if a.W*b.W+a.X*b.X+a.Y*b.Y+a.Z*b.Z < 0 {
		return Quat{-a.W, -a.X, -a.Y, -a.Z}
	}
	return a
}

// shortest is the turn by the smallest angle that brings from onto to, both of length 1.
func shortest(from, to Vec) Quat {
	c := from.dot(to)
	if c < -1+1e-9 {
		axis := from.Cross(Vec{1, 0, 0})
		if axis.Norm() < 1e-3 {
			axis = from.Cross(Vec{0, 0, 1})
		}
		axis, _ = axis.unit()
		return Quat{0, axis[0], axis[1], axis[2]}
	}
	axis := from.Cross(to)
	return Quat{1 + c, axis[0], axis[1], axis[2]}.normal()
}

// bestTurn is the turn R that makes the sum of |R rest[i] - seen[i]|^2 least
// (Davenport's q-method, as in Markley and Mortari, "Quaternion attitude
// estimation using vector observations", 2000). prior decides what the offsets
// leave open, such as the twist about a single line.
func bestTurn(rest, seen []Vec, prior Quat) Quat {
	var b [3][3]float64
	size := 0.0
	gather := func(r, s Vec, weight float64) {
		for i := range 3 {
			for j := range 3 {
				b[i][j] += weight * s[i] * r[j]
			}
		}
	}
	for i := range rest {
		gather(rest[i], seen[i], 1)
		size += rest[i].Norm() * seen[i].Norm()
	}
	for _, axis := range []Vec{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}} {
		gather(axis, prior.Turn(axis), 1e-6*size+1e-12)
	}
	trace := b[0][0] + b[1][1] + b[2][2]
	// Order w, x, y, z.
	k := mat.NewSymDense(4, nil)
	k.SetSym(0, 0, trace)
	z := [3]float64{b[2][1] - b[1][2], b[0][2] - b[2][0], b[1][0] - b[0][1]}
	for i := range 3 {
		k.SetSym(0, i+1, z[i])
		for j := i; j < 3; j++ {
			v := b[i][j] + b[j][i]
			if i == j {
				v -= trace
			}
			k.SetSym(i+1, j+1, v)
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(k, true) {
		return prior // only for numbers that are not finite, which no sink lets in
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	return Quat{vectors.At(0, 3), vectors.At(1, 3), vectors.At(2, 3), vectors.At(3, 3)}.normal().near(prior)
}
