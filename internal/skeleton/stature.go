package skeleton

import "strings"

// BoneLength is how long the bone from a joint to its parent is in a standing
// adult, as a share of stature.
type BoneLength struct {
	Joint, Parent int
	OfStature     float64
}

// ofStature holds the bones by the names of their ends, sides left out.
var ofStature = map[[2]string]float64{
	{"Hip", "Knee"}: 0.243,
}

// BoneLengths lists the set's bones whose share of stature is known. Names
// outside the built-in sets are matched too, so a custom set may have some.
func (s *Set) BoneLengths() []BoneLength {
	var bones []BoneLength
	for j, p := range s.Parents {
		if p < 0 {
			continue
		}
		child, parent := withoutSide(s.Joints[j]), withoutSide(s.Joints[p])
		if share, ok := ofStature[[2]string{parent, child}]; ok {
			bones = append(bones, BoneLength{Joint: j, Parent: p, OfStature: share})
		}
	}
	return bones
}

func withoutSide(joint string) string {
	return strings.TrimPrefix(strings.TrimPrefix(joint, "L_"), "R_")
}
