// Package eval measures poses: errors in mm and px against labels, in the
// field's own protocols, and the tables that show them.
//
//	truth + prediction --Sample--> one person over the same joints
//	                                 |  MPJPE, PA-MPJPE, PCK, 3DPCK, AUC, MRPE, OKS, swaps
//	                                 v
//	            per-person values --Mean--> Figure (value, n, 95 % interval) --> Table
//
// Everything here is pure and deterministic: the intervals come from a fixed
// random sequence. scripts/make_eval_goldens.py holds a second implementation in
// numpy and scipy, which the tests compare with.
package eval

import (
	"math"

	"mhp/internal/geom"
)

// Sample is one person: truth and prediction over the same J joints. MM fields
// are nil where there is no truth in 3D.
type Sample struct {
	Name   string   // the picture and, in a crowd, the person
	Group  string   // action, sequence or camera; "" for none
	Joints []string // J anatomical names
	Root   int      // index of the root joint, -1 for none

	Labelled []bool // [J] the truth knows the joint
	Scored   []bool // [J] counted in averages; nil: all that are labelled
	Inside   []bool // [J] the joint lies in the picture; nil: all that are labelled

	TruthPx, PredPx []geom.ImagePoint
	TruthMM, PredMM []geom.CameraPointMM
	Score           []float64 // [J] 0..1, what the network thinks of its own answer; nil: unknown
	Relative        bool      // MM are offsets from the root: where the person stands is unknown
}

// index is the position of a joint that is labelled, or -1.
func (s *Sample) index(joint string) int {
	for j, name := range s.Joints {
		if name == joint && s.Labelled[j] {
			return j
		}
	}
	return -1
}

// counts tells whether averages count joint j.
func (s *Sample) counts(j int) bool {
	return s.Labelled[j] && (s.Scored == nil || s.Scored[j])
}

// inside tells whether joint j is known to lie in the picture.
func (s *Sample) inside(j int) bool {
	return s.Labelled[j] && (s.Inside == nil || s.Inside[j])
}

// Usable reports what keeps the sample from being measured: a label or a
// prediction that is not a finite number. The empty text means nothing does.
func (s *Sample) Usable() string {
	some := false
	for j := range s.Joints {
		if !s.Labelled[j] {
			continue
		}
		some = true
		if s.PredPx != nil && !finite(s.PredPx[j].X, s.PredPx[j].Y) {
			return "the prediction of " + s.Joints[j] + " is not a finite number"
		}
		if s.TruthPx != nil && !finite(s.TruthPx[j].X, s.TruthPx[j].Y) {
			return "the label of " + s.Joints[j] + " is not a finite number"
		}
		if s.TruthMM == nil {
			continue
		}
		if t := s.TruthMM[j]; !finite(t.X, t.Y, t.Z) {
			return "the 3D label of " + s.Joints[j] + " is not a finite number"
		}
		if p := s.PredMM[j]; !finite(p.X, p.Y, p.Z) {
			return "the 3D prediction of " + s.Joints[j] + " is not a finite number"
		}
	}
	if !some {
		return "no joint is labelled"
	}
	return ""
}

func finite(values ...float64) bool {
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}

// vec is a position or an offset in mm.
type vec [3]float64

func vecOf(p geom.CameraPointMM) vec { return vec{p.X, p.Y, p.Z} }

func (a vec) sub(b vec) vec       { return vec{a[0] - b[0], a[1] - b[1], a[2] - b[2]} }
func (a vec) add(b vec) vec       { return vec{a[0] + b[0], a[1] + b[1], a[2] + b[2]} }
func (a vec) times(k float64) vec { return vec{a[0] * k, a[1] * k, a[2] * k} }
func (a vec) norm() float64       { return math.Sqrt(a[0]*a[0] + a[1]*a[1] + a[2]*a[2]) }

func vecs(points []geom.CameraPointMM) []vec {
	out := make([]vec, len(points))
	for i, p := range points {
		out[i] = vecOf(p)
	}
	return out
}

func points(vs []vec) []geom.CameraPointMM {
	out := make([]geom.CameraPointMM, len(vs))
	for i, v := range vs {
		out[i] = geom.CameraPointMM{X: v[0], Y: v[1], Z: v[2]}
	}
	return out
}
