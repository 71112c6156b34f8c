package eval

import (
	"gonum.org/v1/gonum/mat"

	"mhp/internal/geom"
)

// Alignment says what of a prediction is forgiven before the error is taken.
type Alignment int

// The alignments. Rigid is the paper's protocol 1, Similarity what most others
// call PA-MPJPE or "reconstruction error". No alignment ever mirrors.
const (
	Absolute   Alignment = iota // nothing: camera mm as they are
	Root                        // the root joint is moved onto the truth's
	Rigid                       // turned and moved
	Similarity                  // turned, moved and scaled
)

func (a Alignment) String() string {
	return [...]string{"absolute", "root", "rigid", "similarity"}[a]
}

// Align moves a copy of points onto target, both [J] with the same order, in
// the least-squares sense (Umeyama 1991). root is the joint for Root; it is
// not used otherwise. What the data leave open is left as it is: points that
// all coincide are only moved.
func Align(points, target []geom.CameraPointMM, how Alignment, root int) []geom.CameraPointMM {
	return alignVecs(vecs(points), vecs(target), how, root)
}

func alignVecs(p, t []vec, how Alignment, root int) []geom.CameraPointMM {
	switch how {
	case Absolute:
		return points(p)
	case Root:
		from, to := p[root], t[root]
		for i := range p {
			p[i] = p[i].sub(from).add(to) // in this order the root's own error is exactly 0
		}
		return points(p)
	}
	cp, ct := centre(p), centre(t)
	rotation, scale := superpose(p, cp, t, ct)
	if how == Rigid {
		scale = 1
	}
	for i := range p {
		p[i] = rotate(&rotation, p[i].sub(cp)).times(scale).add(ct)
	}
	return points(p)
}

func centre(p []vec) vec {
	var sum vec
	for _, v := range p {
		sum = sum.add(v)
	}
	return sum.times(1 / float64(max(1, len(p))))
}

// superpose is the rotation that turns p about cp nearest to t about ct, and
// the scale that then fits best. A mirrored prediction gets the nearest
// rotation, never a reflection: the singular direction of least weight is
// turned round instead.
func superpose(p []vec, cp vec, t []vec, ct vec) (rotation [9]float64, scale float64) {
	covariance := mat.NewDense(3, 3, nil) // sum of p t^T
	spread := 0.0
	for i := range p {
		a, b := p[i].sub(cp), t[i].sub(ct)
		spread += a[0]*a[0] + a[1]*a[1] + a[2]*a[2]
		for r := range 3 {
			for c := range 3 {
				covariance.Set(r, c, covariance.At(r, c)+a[r]*b[c])
			}
		}
	}
	identity := [9]float64{1, 0, 0, 0, 1, 0, 0, 0, 1}
	var svd mat.SVD
	if spread == 0 || !svd.Factorize(covariance, mat.SVDFull) {
		return identity, 1
	}
	var u, v mat.Dense
	svd.UTo(&u)
	svd.VTo(&v)
	weights := svd.Values(nil)
	var turn mat.Dense
	turn.Mul(&v, u.T())
	sign := 1.0
	if mat.Det(&turn) < 0 {
		sign = -1
	}
	for r := range 3 {
		for c := range 3 {
			rotation[3*r+c] = v.At(r, 0)*u.At(c, 0) + v.At(r, 1)*u.At(c, 1) + sign*v.At(r, 2)*u.At(c, 2)
		}
	}
	return rotation, (weights[0] + weights[1] + sign*weights[2]) / spread
}

func rotate(r *[9]float64, v vec) vec {
	return vec{
		r[0]*v[0] + r[1]*v[1] + r[2]*v[2],
		r[3]*v[0] + r[4]*v[1] + r[5]*v[2],
		r[6]*v[0] + r[7]*v[1] + r[8]*v[2],
	}
}
