// Package dataset reads labelled pictures in the formats that they are
// published in, and joins labels and predictions into eval's samples.
//
//	folder --Read...--> Set --> Picture --Open--> frame        --network--> Prediction
//	                                 \--Person: labels in px and mm            |
//	                                            \----------- Sample <---------/
//
// Labels are kept in memory, pictures are opened one at a time.
package dataset

import (
	"fmt"
	"os"
	"strings"

	"mhp/internal/camera"
	"mhp/internal/eval"
	"mhp/internal/frame"
	"mhp/internal/geom"
	"mhp/internal/skeleton"
	"mhp/internal/source"
)

// GivenBoxGrow is how much larger than the labelled joints a given box is.
const GivenBoxGrow = 1.2

// Set is one data set, or the part of it that is asked for.
type Set struct {
	Name   string // "lsp"
	Title  string // for people
	Labels *skeleton.Labels
	// Needed are the places on the body that the protocol averages over.
	Needed []string
	// Fitted are more places that an alignment is fitted on but that are not averaged.
	Fitted   []string
	Pictures []Picture
	// Missing says what of the set could not be read, and how much.
	Missing []string
	// Close frees what the pictures are read from; may be nil.
	Close func() error
}

// People counts the labelled people.
func (s *Set) People() int {
	n := 0
	for i := range s.Pictures {
		n += len(s.Pictures[i].People)
	}
	return n
}

// Picture is one picture with its labelled people.
type Picture struct {
	Name    string // unique in the set
	ImageID *int64 // the number that COCO's files give it; nil for none
	Open    func(source.Options) (*frame.Frame, error)
	Camera  geom.Intrinsics // FxPx is 0 where nobody knows it
	People  []Person
	// Boxes are what the network runs on. Those of a detector say with Person
	// -1 that whom they show has to be found out.
	Boxes []Box
}

// Box is where the network is to look.
type Box struct {
	geom.BoxPx
	Score       float64
	Person      int     // whose box it is, or -1
	RootDepthMM float64 // as a file gives it; 0 = not given
	Crop        bool    // the box is the crop itself, see detect.Box
}

// Person holds one person's labels, in the order of Set.Labels.
type Person struct {
	Name     string // "" or which of the picture's people
	Group    string // action or sequence
	Labelled []bool
	Inside   []bool // lies in the picture; nil: as labelled
	Px       []geom.ImagePoint
	MM       []geom.CameraPointMM // nil: no labels in 3D
	Box      geom.BoxPx           // as the data set gives it
	AreaPx2  float64              // COCO
	Ignore   bool                 // neither for nor against
	Crowd    bool
}

// Prediction is what the network says of one box, in the order of its joints.
type Prediction struct {
	Px         []geom.ImagePoint
	DepthMM    []float64 // relative to the root joint, along Axis
	Score      []float64
	BoxDepthMM float64 // the root's depth as the size of the box suggests it
	Axis       geom.Axis
	Root       int // index of the root joint
}

// MeanScore averages the joints' scores.
func (p *Prediction) MeanScore() float64 {
	sum := 0.0
	for _, s := range p.Score {
		sum += s / float64(len(p.Score))
	}
	return sum
}

// CameraMM places the prediction before the camera, its root at rootDepthMM.
func (p *Prediction) CameraMM(k geom.Intrinsics, rootDepthMM float64) []geom.CameraPointMM {
	out := make([]geom.CameraPointMM, len(p.Px))
	root := camera.DepthAlong(k, p.Axis, p.Px[p.Root], rootDepthMM)
	for j, at := range p.Px {
		out[j] = camera.BackProject(k, p.Axis, at, root+p.DepthMM[j])
	}
	return out
}

// Plan is how labels and a network's joints are joined.
type Plan struct {
	Matches  []skeleton.Match
	Joints   []string
	Averaged []bool // of Joints; false: only fitted on
	Root     int    // of Joints, -1 for none
	Missing  []string
}

// NewPlan matches a set with a network's joints. Unless common is set, a
// network that lacks a joint of the protocol is an error that lists them.
func NewPlan(s *Set, model *skeleton.Set, common bool) (*Plan, error) {
	matches, missing := skeleton.MatchJoints(s.Labels, model, s.Needed)
	if len(missing) > 0 && !common {
		return nil, &Error{File: s.Title, Problem: fmt.Sprintf("the network lacks %d of the protocol's %d joints: %s", len(missing), len(s.Needed), strings.Join(missing, ", ")),
			Remedy: "--common-joints averages over the joints that both have, and says so"}
	}
	p := &Plan{Root: -1, Missing: missing}
	averaged := 0
	for _, m := range matches {
		needed := contains(s.Needed, m.Anatomy)
		if !needed && !contains(s.Fitted, m.Anatomy) {
			continue
		}
		if m.Anatomy == "Pelvis" {
			p.Root = len(p.Joints)
		}
		if needed {
			averaged++
		}
		p.Matches, p.Joints, p.Averaged = append(p.Matches, m), append(p.Joints, m.Anatomy), append(p.Averaged, needed)
	}
	if averaged == 0 {
		return nil, &Error{File: s.Title, Problem: "the network has none of the protocol's joints", Remedy: "evaluate a network of another joint set"}
	}
	return p, nil
}

func contains(list []string, name string) bool {
	for _, v := range list {
		if v == name {
			return true
		}
	}
	return false
}

// AveragedJoints are the places on the body that are averaged.
func (p *Plan) AveragedJoints() []string {
	var names []string
	for i, name := range p.Joints {
		if p.Averaged[i] {
			names = append(names, name)
		}
	}
	return names
}

// Common is the number of joints that are averaged.
func (p *Plan) Common() int { return len(p.AveragedJoints()) }

// Labels is a sample without a prediction.
func (p *Plan) Labels(name string, person *Person) *eval.Sample {
	s := &eval.Sample{Name: name, Group: person.Group, Joints: p.Joints, Root: p.Root}
	for i, m := range p.Matches {
		labelled := person.Labelled[m.Label]
		s.Labelled = append(s.Labelled, labelled)
		s.Scored = append(s.Scored, labelled && p.Averaged[i])
		s.Inside = append(s.Inside, labelled && (person.Inside == nil || person.Inside[m.Label]))
		if person.Px != nil {
			s.TruthPx = append(s.TruthPx, person.Px[m.Label])
		}
		if person.MM != nil {
			s.TruthMM = append(s.TruthMM, person.MM[m.Label])
		}
	}
	return s
}

// Sample joins a person's labels and a prediction. points are the prediction
// before the camera; they are not looked at where the person has no labels in 3D.
func (p *Plan) Sample(name string, person *Person, found *Prediction, points []geom.CameraPointMM) *eval.Sample {
	s := p.Labels(name, person)
	for _, m := range p.Matches {
		s.PredPx, s.Score = append(s.PredPx, found.Px[m.Joint]), append(s.Score, found.Score[m.Joint])
		if person.MM != nil {
			s.PredMM = append(s.PredMM, points[m.Joint])
		}
	}
	return s
}

// Error is what is wrong with a file of a data set, and what to do.
type Error struct {
	File    string
	Problem string
	Remedy  string
	Cause   error
}

func (e *Error) Error() string { return e.File + ": " + e.Problem }

// Hint says what to do.
func (e *Error) Hint() string { return e.Remedy }

// Unwrap gives the cause, which may be nil.
func (e *Error) Unwrap() error { return e.Cause }

// fill completes a person's labels with the made joints: Px, MM and Labelled
// hold the stored ones when it is called.
func (person *Person) fill(l *skeleton.Labels) {
	for _, made := range l.Made {
		labelled := true
		var px geom.ImagePoint
		var mm geom.CameraPointMM
		share := 1 / float64(len(made.Of))
		for _, of := range made.Of {
			i := l.Stored(of)
			labelled = labelled && person.Labelled[i]
			if person.Px != nil {
				px.X, px.Y = px.X+share*person.Px[i].X, px.Y+share*person.Px[i].Y
			}
			if person.MM != nil {
				q := person.MM[i]
				mm.X, mm.Y, mm.Z = mm.X+share*q.X, mm.Y+share*q.Y, mm.Z+share*q.Z
			}
		}
		person.Labelled = append(person.Labelled, labelled)
		if person.Px != nil {
			person.Px = append(person.Px, px)
		}
		if person.MM != nil {
			person.MM = append(person.MM, mm)
		}
	}
}

// tightBox is the box round the labelled joints of anatomies that the set
// needs or fits, grown by a fifth.
func tightBox(person *Person, l *skeleton.Labels) geom.BoxPx {
	var points []geom.ImagePoint
	for i := range l.Count() {
		if person.Labelled[i] && l.Anatomy(i) != "" {
			points = append(points, person.Px[i])
		}
	}
	return geom.Bounds(points).Grow(GivenBoxGrow)
}

// openFile decodes a picture of a folder.
func openFile(path string) func(source.Options) (*frame.Frame, error) {
	return func(o source.Options) (*frame.Frame, error) {
		return source.Input{Path: path, Name: path}.Decode(o)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// plain drops the path from a system error: the message names it already.
func plain(err error) string {
	if p, ok := err.(*os.PathError); ok {
		return p.Err.Error()
	}
	return err.Error()
}

// RootLabel is the index of the root joint among the set's labels, -1 for none.
func (p *Plan) RootLabel() int {
	if p.Root < 0 {
		return -1
	}
	return p.Matches[p.Root].Label
}

// Official14 are the joints that MPI-INF-3DHP's and MuPoTS-3D's own code averages.
var Official14 = muPoTSNeeded

// Only is the plan with fewer joints averaged; the others are still fitted on.
func (p *Plan) Only(joints []string) *Plan {
	q := *p
	q.Averaged = make([]bool, len(p.Joints))
	for i, name := range p.Joints {
		q.Averaged[i] = p.Averaged[i] && contains(joints, name)
	}
	return &q
}
