package skeleton

import (
	"slices"
	"strings"
	"testing"
)

// What lies elsewhere on the body is not matched, however alike the names.
func TestMatchJointsByPlaceNotByName(t *testing.T) {
	for _, c := range []struct {
		dataset, set string
		want         []string // label=joint
		never        []string
	}{
		{"pose2sim", "muco21", []string{"Head=Head_top", "RBigToe=R_Toe", "Pelvis=Pelvis", "LHip=L_Hip"}, []string{"Head=Head", "Neck=Thorax"}},
		{"lsp", "muco21", []string{"Neck=Thorax", "Head_top=Head_top", "Pelvis=Pelvis"}, nil},
		{"lsp", "h36m18", []string{"Neck=Thorax", "Head_top=Head"}, []string{"Neck=Neck"}},
		{"h36m", "muco21", []string{"Head=Head_top", "Thorax=Thorax"}, []string{"Head=Head", "Torso=Spine", "Neck=Thorax"}},
		{"h36m", "h36m18", []string{"Head=Head", "Neck=Neck", "Torso=Torso", "Nose=Nose"}, nil},
		{"mupots", "muco21", []string{"Head=Head", "Head_top=Head_top"}, nil},
		{"mupots", "h36m18", []string{"Head_top=Head"}, []string{"Head=Head"}},
		{"coco", "muco21", []string{"left_shoulder=L_Shoulder", "right_ankle=R_Ankle"}, []string{"nose=Head"}},
		{"coco", "h36m18", []string{"nose=Nose"}, nil},
	} {
		l, err := LabelsOf(c.dataset)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Named(c.set)
		if err != nil {
			t.Fatal(err)
		}
		matches, _ := MatchJoints(l, s, nil)
		var got []string
		for _, m := range matches {
			name := l.Anatomy(m.Label)
			if m.Label < len(l.Joints) {
				name = l.Joints[m.Label]
			}
			got = append(got, name+"="+s.Joints[m.Joint])
		}
		for _, want := range c.want {
			if !slices.Contains(got, want) {
				t.Errorf("%s on %s: %s is not among %v", c.set, c.dataset, want, got)
			}
		}
		for _, never := range c.never {
			if slices.Contains(got, never) {
				t.Errorf("%s on %s: %s is matched", c.set, c.dataset, never)
			}
		}
	}
}

func TestMatchJointsListsWhatIsMissing(t *testing.T) {
	l, err := LabelsOf("h36m")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Named("muco21")
	if err != nil {
		t.Fatal(err)
	}
	_, missing := MatchJoints(l, s, []string{"Pelvis", "Nose", "H36M_Neck"})
	if strings.Join(missing, " ") != "H36M_Neck Nose" {
		t.Errorf("missing %v", missing)
	}
}

// Left and right stay on their sides in every table.
func TestAliasesKeepSides(t *testing.T) {
	for _, dataset := range []string{"lsp", "coco", "pose2sim", "h36m", "mupots", "3dhp", "muco21", "h36m18"} {
		l, err := LabelsOf(dataset)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for i, name := range l.Joints {
			place := l.Anatomy(i)
			if place == "" {
				continue
			}
			if seen[place] {
				t.Errorf("%s: %s comes twice", dataset, place)
			}
			seen[place] = true
			left := strings.HasPrefix(name, "L") || strings.HasPrefix(name, "left")
			right := strings.HasPrefix(name, "R") || strings.HasPrefix(name, "right")
			if strings.HasPrefix(place, "L_") != left || strings.HasPrefix(place, "R_") != right {
				t.Errorf("%s: %s is said to be %s", dataset, name, place)
			}
		}
		for _, m := range l.Made {
			for _, of := range m.Of {
				if l.Stored(of) < 0 {
					t.Errorf("%s: %s is made of %s, which there is not", dataset, m.Name, of)
				}
			}
		}
	}
	if _, err := LabelsOf("nobody"); err == nil {
		t.Error("an unknown data set has labels")
	}
}
