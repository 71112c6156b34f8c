package skeleton

import (
	"math"
	"testing"
)

// unmeasured names the bones that have no share of stature, on purpose.
var unmeasured = map[string]bool{"h36m18/Thorax": true}

func TestBoneLengthsCoverTheBuiltInSets(t *testing.T) {
	for _, name := range Names() {
		set, err := Named(name)
		if err != nil {
			t.Fatal(err)
		}
		known := map[int]bool{}
		for _, b := range set.BoneLengths() {
			known[b.Joint] = true
			if set.Parents[b.Joint] != b.Parent || !(b.OfStature > 0.03 && b.OfStature < 0.3) {
				t.Errorf("%s: bone %s-%s is %g of stature", name, set.Joints[b.Parent], set.Joints[b.Joint], b.OfStature)
			}
		}
		for j, p := range set.Parents {
			if label := name + "/" + set.Joints[j]; p >= 0 && known[j] == unmeasured[label] {
				t.Errorf("%s: known %v", label, known[j])
			}
		}
	}
}

// The legs of both sets are those of the anatomical tables (de Leva 1996, men).
func TestLegsAreAnatomical(t *testing.T) {
	for _, name := range Names() {
		set, err := Named(name)
		if err != nil {
			t.Fatal(err)
		}
		leg := 0.0
		for _, b := range set.BoneLengths() {
			if j := set.Joints[b.Joint]; j == "L_Knee" || j == "L_Ankle" {
				leg += b.OfStature
			}
		}
		if math.Abs(leg-(0.2425+0.249)) > 0.012 {
			t.Errorf("%s: thigh and shank are %.4f of stature, the tables say %.4f", name, leg, 0.2425+0.249)
		}
	}
}

func TestBoneLengthsOfACustomSetMatchByName(t *testing.T) {
	set, err := Custom([]string{"Pelvis", "L_Hip", "L_Knee", "Tail"}, []int{-1, 0, 1, 0})
	if err != nil {
		t.Fatal(err)
	}
	if got := set.BoneLengths(); len(got) != 2 || got[0].Joint != 1 || got[1].Joint != 2 {
		t.Errorf("BoneLengths() = %v, want the hip's and the knee's", got)
	}
}
