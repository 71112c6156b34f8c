package eval

import (
	"math"

	"mhp/internal/geom"
)

// Thresholds of the 3D metrics, in mm.
const (
	PCK3DLimitMM = 150
	aucStepMM    = 5
	// roundingMM is how far above a limit an error still keeps it, so that
	// rounding costs the truth itself nothing.
	roundingMM = 1e-6
)

// ErrorsMM are the distances of the counted joints after alignment, in the
// joints' order; those without a label are left out. The alignment is fitted
// on all labelled joints, counted or not.
func (s *Sample) ErrorsMM(how Alignment) []float64 {
	offsets := s.offsets(how)
	out := make([]float64, len(offsets))
	for i, d := range offsets {
		out[i] = d.norm()
	}
	return out
}

// offsets are prediction minus truth of the counted joints after alignment.
func (s *Sample) offsets(how Alignment) []vec {
	var p, t []vec
	var counted []bool
	root := -1
	for j := range s.Joints {
		if !s.Labelled[j] {
			continue
		}
		if j == s.Root {
			root = len(p)
		}
		p, t = append(p, vecOf(s.PredMM[j])), append(t, vecOf(s.TruthMM[j]))
		counted = append(counted, s.counts(j))
	}
	if how == Root && root < 0 {
		return nil
	}
	aligned := alignVecs(p, t, how, root)
	var out []vec
	for i := range t {
		if counted[i] {
			out = append(out, vecOf(aligned[i]).sub(t[i]))
		}
	}
	return out
}

// AxisErrorsMM are the mean absolute parts along x, y and z of the errors, as
// the official code prints them.
func (s *Sample) AxisErrorsMM(how Alignment) [3]float64 {
	var sum [3]float64
	offsets := s.offsets(how)
	for _, d := range offsets {
		for k := range 3 {
			sum[k] += math.Abs(d[k]) / float64(len(offsets))
		}
	}
	return sum
}

// RootErrorMM is the distance of the root joint in camera mm, whose mean is
// MRPE (Moon et al. 2019); false without a labelled root or where only offsets
// from it are known.
func (s *Sample) RootErrorMM() (float64, bool) {
	if s.Root < 0 || !s.Labelled[s.Root] || s.TruthMM == nil || s.Relative {
		return 0, false
	}
	return vecOf(s.PredMM[s.Root]).sub(vecOf(s.TruthMM[s.Root])).norm(), true
}

// PCK3D is the share in % of errors of at most 150 mm.
func PCK3D(errorsMM []float64) []float64 {
	out := make([]float64, len(errorsMM))
	for i, e := range errorsMM {
		if e <= PCK3DLimitMM+roundingMM {
			out[i] = 100
		}
	}
	return out
}

// AUC3D gives for each error the share in % of the limits 0, 5 .. 150 mm that
// it keeps; their mean is the area under the PCK curve. A limit is kept by an
// error equal to it, so that the truth itself has 100 %.
func AUC3D(errorsMM []float64) []float64 {
	const limits = PCK3DLimitMM/aucStepMM + 1
	out := make([]float64, len(errorsMM))
	for i, e := range errorsMM {
		kept := 0
		for k := range limits {
			if e <= float64(k*aucStepMM)+roundingMM {
				kept++
			}
		}
		out[i] = 100 * float64(kept) / limits
	}
	return out
}

// muPoTSBones are the bones of MuPoTS-3D's 17 joints as (joint, parent), in the
// order in which the official code resizes them.
var muPoTSBones = [][2]string{
	{"Spine", "Pelvis"}, {"Thorax", "Spine"}, {"Head_top", "Thorax"}, {"Head", "Thorax"},
	{"R_Shoulder", "Thorax"}, {"R_Elbow", "R_Shoulder"}, {"R_Wrist", "R_Elbow"},
	{"L_Shoulder", "Thorax"}, {"L_Elbow", "L_Shoulder"}, {"L_Wrist", "L_Elbow"},
	{"R_Hip", "Pelvis"}, {"R_Knee", "R_Hip"}, {"R_Ankle", "R_Knee"},
	{"L_Hip", "Pelvis"}, {"L_Knee", "L_Hip"}, {"L_Ankle", "L_Knee"},
}

// RescaleBones gives the prediction the truth's bone lengths, from the pelvis
// outwards, keeping the directions (mpii_map_to_gt_bone_lengths of MuPoTS-3D).
// A bone whose ends coincide has no direction and stays so. Joints that either
// side lacks pass their parent's shift on: their children hang from the next
// ancestor that there is.
func (s *Sample) RescaleBones() {
	have := map[string]int{}
	for j, name := range s.Joints {
		if s.Labelled[j] {
			have[name] = j
		}
	}
	before := vecs(s.PredMM)
	after := vecs(s.PredMM)
	parents := map[string]string{}
	for _, bone := range muPoTSBones {
		parents[bone[0]] = bone[1]
	}
	for _, bone := range muPoTSBones {
		child, ok := have[bone[0]]
		if !ok {
			continue
		}
		above := bone[1]
		parent, ok := have[above]
		for !ok && parents[above] != "" {
			above = parents[above]
			parent, ok = have[above]
		}
		if !ok {
			continue
		}
		bone := before[child].sub(before[parent])
		length := vecOf(s.TruthMM[child]).sub(vecOf(s.TruthMM[parent])).norm()
		if own := bone.norm(); own > 0 {
			bone = bone.times(length / own)
		}
		after[child] = after[parent].add(bone)
	}
	s.PredMM = points(after)
}

// MatchPeople pairs annotated people with predicted ones in one picture as
// MuPoTS-3D does: in the order of the annotations, each takes the prediction
// with the most joints within limitPx in x and in y that nobody has yet; a
// prediction without such a joint is none. truth and found hold the same
// joints; the result has an index into found or -1 for each of truth.
func MatchPeople(truth, found [][]geom.ImagePoint, limitPx float64) []int {
	taken := make([]bool, len(found))
	match := make([]int, len(truth))
	for i, t := range truth {
		match[i] = -1
		most := 0
		for k, f := range found {
			if taken[k] {
				continue
			}
			near := 0
			for j := range t {
				if math.Abs(t[j].X-f[j].X) < limitPx && math.Abs(t[j].Y-f[j].Y) < limitPx {
					near++
				}
			}
			if near > most {
				most, match[i] = near, k
			}
		}
		if match[i] >= 0 {
			taken[match[i]] = true
		}
	}
	return match
}
