package eval

import (
	"math"

	"mhp/internal/geom"
)

// The shares of a body length within which PCK counts a joint as found.
const (
	PCKShare  = 0.2 // of the torso
	PCKhShare = 0.5 // of the head
)

// What counts as an upright person who faces the camera, for the swap rate.
const (
	uprightDeg  = 45.0
	facingShare = 0.25 // of the torso's length: how far, in x, left must lie from right
)

func distancePx(a, b geom.ImagePoint) float64 { return math.Hypot(a.X-b.X, a.Y-b.Y) }

// ErrorsPx are the distances of the joints that PCK counts, with their indices.
func (s *Sample) ErrorsPx() (errorsPx []float64, joints []int) {
	for j := range s.Joints {
		if s.counts(j) {
			errorsPx = append(errorsPx, distancePx(s.PredPx[j], s.TruthPx[j]))
			joints = append(joints, j)
		}
	}
	return errorsPx, joints
}

// TorsoPx is the length that PCK is measured by: right hip to left shoulder,
// else the mirror; false where neither is labelled or the length is 0.
func (s *Sample) TorsoPx() (float64, bool) {
	for _, pair := range [...][2]string{{"R_Hip", "L_Shoulder"}, {"L_Hip", "R_Shoulder"}} {
		a, b := s.index(pair[0]), s.index(pair[1])
		if a >= 0 && b >= 0 {
			length := distancePx(s.TruthPx[a], s.TruthPx[b])
			return length, length > 0
		}
	}
	return 0, false
}

// HeadPx is the length that PCKh is measured by: head top to thorax (the
// neck of LSP).
func (s *Sample) HeadPx() (float64, bool) {
	a, b := s.index("Head_top"), s.index("Thorax")
	if a < 0 || b < 0 {
		return 0, false
	}
	length := distancePx(s.TruthPx[a], s.TruthPx[b])
	return length, length > 0
}

// PCK is 100 for each counted joint within share of lengthPx, else 0.
func (s *Sample) PCK(lengthPx, share float64) []float64 {
	errorsPx, _ := s.ErrorsPx()
	out := make([]float64, len(errorsPx))
	for i, e := range errorsPx {
		if e <= share*lengthPx {
			out[i] = 100
		}
	}
	return out
}

// Swapped tells whether shoulders and hips lie nearer to their mirror images
// than to themselves. asked is false unless the person is upright (within 45
// degrees) and faces the camera: the own left is right in the picture at
// shoulders (by a quarter of the torso's length at least) and at hips.
func (s *Sample) Swapped() (swapped, asked bool) {
	var right, left [2]int
	for k, part := range [...]string{"Shoulder", "Hip"} {
		right[k], left[k] = s.index("R_"+part), s.index("L_"+part)
		if right[k] < 0 || left[k] < 0 {
			return false, false
		}
	}
	middle := func(k int) geom.ImagePoint {
		a, b := s.TruthPx[right[k]], s.TruthPx[left[k]]
		return geom.ImagePoint{X: (a.X + b.X) / 2, Y: (a.Y + b.Y) / 2}
	}
	shoulders, hips := middle(0), middle(1)
	length := distancePx(shoulders, hips)
	if length == 0 || hips.Y-shoulders.Y < length*math.Cos(uprightDeg*math.Pi/180) {
		return false, false
	}
	apart := func(k int) float64 { return s.TruthPx[left[k]].X - s.TruthPx[right[k]].X }
	if apart(0) < facingShare*length || apart(1) <= 0 {
		return false, false
	}
	straight, crossed := 0.0, 0.0
	for k := range 2 {
		straight += distancePx(s.PredPx[right[k]], s.TruthPx[right[k]]) + distancePx(s.PredPx[left[k]], s.TruthPx[left[k]])
		crossed += distancePx(s.PredPx[right[k]], s.TruthPx[left[k]]) + distancePx(s.PredPx[left[k]], s.TruthPx[right[k]])
	}
	return crossed < straight, true
}
