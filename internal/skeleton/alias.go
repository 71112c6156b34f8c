package skeleton

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// Labels is how a data set names its joints. Joints of data sets and of
// networks are matched by anatomy, never by equal names: pose2sim's and
// Human3.6M's Head is the crown, MuCo's Head the base of the skull.
type Labels struct {
	Name   string
	Joints []string    // as stored, in the data's order
	Made   []MadeJoint // made of others, counted after Joints
	// anatomy gives the joint's place on the body in the words of anatomies;
	// a joint without an entry has no namesake in any of our sets.
	anatomy map[string]string
}

// MadeJoint is a joint in the middle of others; it is labelled where all of them are.
type MadeJoint struct {
	Name string // its anatomy
	Of   []string
}

// The words for places on the body are MuCo's joint names; what only
// Human3.6M has is marked with H36M_.
var (
	bothSides = func(parts ...string) map[string]string {
		m := map[string]string{}
		for _, part := range parts {
			m["R_"+part], m["L_"+part] = "R_"+part, "L_"+part
		}
		return m
	}
	limbs = []string{"Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle"}
)

func join(maps ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range maps {
		for k, v := range m {
			out[k] = v
		}
	}
	return out
}

// anatomyOfSet translates the joints of our own sets. A set that is not listed,
// such as a custom one, is read with MuCo's names.
func anatomyOfSet(set string) map[string]string {
	if set == "h36m18" {
		return h36mAnatomy()
	}
	return join(bothSides(append(limbs, "Hand", "Toe")...), map[string]string{
		"Head_top": "Head_top", "Thorax": "Thorax", "Pelvis": "Pelvis", "Spine": "Spine", "Head": "Head",
	})
}

// h36mAnatomy: Head is the crown; Thorax is the middle of the shoulders, as
// the official code adds it. Torso, Neck and Nose lie where no joint of MuCo's does.
func h36mAnatomy() map[string]string {
	return join(bothSides(limbs...), map[string]string{
		"Pelvis": "Pelvis", "Head": "Head_top", "Thorax": "Thorax",
		"Torso": "H36M_Torso", "Neck": "H36M_Neck", "Nose": "Nose",
	})
}

// muPoTSJoints are the first 17 of MuCo's.
var muPoTSJoints = []string{"Head_top", "Thorax", "R_Shoulder", "R_Elbow", "R_Wrist", "L_Shoulder", "L_Elbow", "L_Wrist",
	"R_Hip", "R_Knee", "R_Ankle", "L_Hip", "L_Knee", "L_Ankle", "Pelvis", "Spine", "Head"}

var middleOfHips = MadeJoint{"Pelvis", []string{"R_Hip", "L_Hip"}}

// LabelsOf is the alias table of a data set: lsp, coco, pose2sim, h36m, mupots
// or 3dhp. The names of our own joint sets give those sets' joints.
func LabelsOf(dataset string) (*Labels, error) {
	switch dataset {
	case "lsp":
		return &Labels{Name: dataset,
			Joints: []string{"R_Ankle", "R_Knee", "R_Hip", "L_Hip", "L_Knee", "L_Ankle", "R_Wrist", "R_Elbow", "R_Shoulder", "L_Shoulder", "L_Elbow", "L_Wrist", "Neck", "Head_top"},
			Made:   []MadeJoint{middleOfHips},
			// Neck lies a little above the shoulder line, where MuCo's Thorax is.
			anatomy: join(bothSides(limbs...), map[string]string{"Neck": "Thorax", "Head_top": "Head_top"}),
		}, nil
	case "coco":
		l := &Labels{Name: dataset,
			Joints: []string{"nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow",
				"left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle"},
			anatomy: map[string]string{"nose": "Nose"},
		}
		for _, name := range l.Joints[1:] {
			side, part, _ := strings.Cut(name, "_")
			l.anatomy[name] = strings.ToUpper(side[:1]) + "_" + strings.ToUpper(part[:1]) + part[1:]
		}
		return l, nil
	case "pose2sim":
		return &Labels{Name: dataset,
			Joints: []string{"Neck", "Head", "RShoulder", "RElbow", "RWrist", "LShoulder", "LElbow", "LWrist", "RHip", "RKnee", "RAnkle",
				"LHip", "LKnee", "LAnkle", "RBigToe", "LBigToe"},
			Made: []MadeJoint{{"Pelvis", []string{"RHip", "LHip"}}},
			// Neck is left out: it lies 63 mm from the middle of the shoulders. So are
			// SmallToe and Heel, which have no namesake.
			anatomy: pose2simAnatomy(),
		}, nil
	case "h36m":
		return &Labels{Name: dataset,
			Joints: []string{"Pelvis", "R_Hip", "R_Knee", "R_Ankle", "L_Hip", "L_Knee", "L_Ankle", "Torso", "Neck", "Nose", "Head",
				"L_Shoulder", "L_Elbow", "L_Wrist", "R_Shoulder", "R_Elbow", "R_Wrist"},
			Made:    []MadeJoint{{"Thorax", []string{"L_Shoulder", "R_Shoulder"}}},
			anatomy: h36mAnatomy(),
		}, nil
	case "mupots", "3dhp":
		return &Labels{Name: dataset, Joints: muPoTSJoints, anatomy: anatomyOfSet("muco21")}, nil
	}
	set, err := Named(dataset)
	if err != nil {
		return nil, fmt.Errorf("no joint names are known for data set %q", dataset)
	}
	return &Labels{Name: dataset, Joints: set.Joints, anatomy: anatomyOfSet(dataset)}, nil
}

func pose2simAnatomy() map[string]string {
	m := map[string]string{"Head": "Head_top", "RBigToe": "R_Toe", "LBigToe": "L_Toe"}
	for _, part := range limbs {
		m["R"+part], m["L"+part] = "R_"+part, "L_"+part
	}
	return m
}

// CustomLabels reads names that a user gave with MuCo's meaning.
func CustomLabels(joints []string) *Labels {
	anatomy := anatomyOfSet("custom")
	for _, name := range joints {
		if _, ok := anatomy[name]; !ok {
			anatomy[name] = name
		}
	}
	return &Labels{Name: "custom", Joints: joints, anatomy: anatomy}
}

// Count is the number of joints, the made ones included.
func (l *Labels) Count() int { return len(l.Joints) + len(l.Made) }

// Anatomy is the place on the body of joint i, the made ones after the stored;
// "" if there is no word for it.
func (l *Labels) Anatomy(i int) string {
	if i >= len(l.Joints) {
		return l.Made[i-len(l.Joints)].Name
	}
	return l.anatomy[l.Joints[i]]
}

// Find is the index of the joint at a place on the body, -1 if there is none.
func (l *Labels) Find(anatomy string) int {
	for i := range l.Count() {
		if l.Anatomy(i) == anatomy {
			return i
		}
	}
	return -1
}

// Stored is the index of a stored joint by the data set's own name, -1 if there is none.
func (l *Labels) Stored(name string) int { return slices.Index(l.Joints, name) }

// Anatomy is the place on the body of the set's joint, "" if there is no word for it.
func (s *Set) Anatomy(joint int) string {
	name := s.Joints[joint]
	if place, ok := anatomyOfSet(s.Name)[name]; ok {
		return place
	}
	if s.Name == "custom" {
		return name
	}
	return ""
}

// Match pairs a data set's joint with a network's.
type Match struct {
	Anatomy string
	Label   int // of Labels
	Joint   int // of Set
}

// MatchJoints pairs what lies at the same place on the body, in the order of
// the labels. missing lists the wanted places that the network lacks.
func MatchJoints(l *Labels, s *Set, wanted []string) (matches []Match, missing []string) {
	at := map[string]int{}
	for j := range s.Joints {
		if place := s.Anatomy(j); place != "" {
			at[place] = j
		}
	}
	for i := range l.Count() {
		place := l.Anatomy(i)
		if j, ok := at[place]; ok && place != "" {
			matches = append(matches, Match{place, i, j})
		}
	}
	for _, place := range wanted {
		if _, ok := at[place]; !ok {
			missing = append(missing, place)
		}
	}
	sort.Strings(missing)
	return matches, missing
}
