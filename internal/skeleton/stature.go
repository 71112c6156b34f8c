package skeleton

import "strings"

// BoneLength is how long the bone from a joint to its parent is in an adult,
// as a share of stature.
type BoneLength struct {
	Joint, Parent int
	OfStature     float64
}

// bonesOfStature holds, per joint set, the bones by the names of parent and
// joint, sides left out.
//
// muco21: the mean of the average man and the average woman of the body that
// our labels come from (MakeHuman, base mesh, from sole to crown, unposed).
// Upper arm, forearm, thigh and shank agree with de Leva's men (1996: 0.162,
// 0.154, 0.2425, 0.249) within 0.012.
//
// h36m18: the skeleton that Human3.6M itself gives for its actors (thigh 442.9,
// shank 454.2, hip 132.9, spine 233.4 and 257.1, neck 121.1, head 115.0,
// shoulder 151.0, upper arm 278.9, forearm 251.7 mm), divided by the stature
// of 1,825 mm at which its legs have de Leva's 0.2425 + 0.249. Neck to Thorax
// is left out: where the middle of the shoulders lies depends on the arms.
var bonesOfStature = map[string]map[[2]string]float64{
	"muco21": {
		{"Head", "Head_top"}:   0.101,
		{"Thorax", "Head"}:     0.052,
		{"Spine", "Thorax"}:    0.171,
		{"Pelvis", "Spine"}:    0.161,
		{"Thorax", "Shoulder"}: 0.108,
		{"Shoulder", "Elbow"}:  0.155,
		{"Elbow", "Wrist"}:     0.144,
		{"Wrist", "Hand"}:      0.062,
		{"Pelvis", "Hip"}:      0.054,
		{"Hip", "Knee"}:        0.238,
		{"Knee", "Ankle"}:      0.245,
		{"Ankle", "Toe"}:       0.115,
	},
	"h36m18": {
		{"Pelvis", "Torso"}:   0.128,
		{"Torso", "Neck"}:     0.141,
		{"Neck", "Nose"}:      0.066,
		{"Nose", "Head"}:      0.063,
		{"Neck", "Shoulder"}:  0.083,
		{"Shoulder", "Elbow"}: 0.153,
		{"Elbow", "Wrist"}:    0.138,
		{"Pelvis", "Hip"}:     0.073,
		{"Hip", "Knee"}:       0.243,
		{"Knee", "Ankle"}:     0.249,
	},
}

// BoneLengths lists the set's bones whose share of stature is known. A custom
// set is matched by joint names to muco21.
func (s *Set) BoneLengths() []BoneLength {
	known, ok := bonesOfStature[s.Name]
	if !ok {
		known = bonesOfStature["muco21"]
	}
	var bones []BoneLength
	for j, p := range s.Parents {
		if p < 0 {
			continue
		}
		if share, ok := known[[2]string{withoutSide(s.Joints[p]), withoutSide(s.Joints[j])}]; ok {
			bones = append(bones, BoneLength{Joint: j, Parent: p, OfStature: share})
		}
	}
	return bones
}

func withoutSide(joint string) string {
	return strings.TrimPrefix(strings.TrimPrefix(joint, "L_"), "R_")
}
