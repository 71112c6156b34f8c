package cli

import (
	"fmt"

	"mhp/internal/dataset"
	"mhp/internal/eval"
	"mhp/internal/geom"
)

// rootDepth says where the distance of a person's root joint comes from.
type rootDepth string

const (
	depthTrue rootDepth = "gt"
	depthBox  rootDepth = "box"
	depthFile rootDepth = "file"
)

// givenMeter measures people whose boxes are given.
type givenMeter struct {
	meter *eval.Meter
	plan  *dataset.Plan
	depth rootDepth
	worst *worstCases
	lost  []string // people without a usable box
}

func newGivenMeter(plan *dataset.Plan, depth rootDepth) *givenMeter {
	return &givenMeter{meter: eval.NewMeter(plan.Joints), plan: plan, depth: depth}
}

func (m *givenMeter) remember(w *worstCases) { m.worst = w }

func (m *givenMeter) picture(p *dataset.Picture, found []*dataset.Prediction) {
	for k := range p.Boxes {
		if p.Boxes[k].Person >= 0 {
			m.person(p, &p.Boxes[k], found[k])
		}
	}
}

func (m *givenMeter) person(p *dataset.Picture, b *dataset.Box, found *dataset.Prediction) {
	person := &p.People[b.Person]
	name := nameOf(p, person)
	if found == nil {
		m.lost = append(m.lost, name)
		return
	}
	s := m.plan.Sample(name, person, found, m.points(p, b, person, found))
	if e, ok := m.meter.Add(s); ok {
		m.worst.offer(worstCase{error: e, picture: p, person: person, found: found, name: name})
	}
}

// points places the prediction before the camera; nil where there are no labels in 3D.
func (m *givenMeter) points(p *dataset.Picture, b *dataset.Box, person *dataset.Person, found *dataset.Prediction) []geom.CameraPointMM {
	if person.MM == nil {
		return nil
	}
	depth := found.BoxDepthMM
	root := m.plan.RootLabel()
	switch {
	case m.depth == depthFile && b.RootDepthMM > 0:
		depth = b.RootDepthMM
	case m.depth == depthTrue && root >= 0 && person.Labelled[root]:
		depth = person.MM[root].Z
	}
	return found.CameraMM(p.Camera, depth)
}

func (m *givenMeter) report(title string) *eval.Report {
	r := m.meter.Report(title)
	r.Warnings = append(r.Warnings, lostWarning(m.lost)...)
	return r
}

func lostWarning(lost []string) []string {
	if len(lost) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%d people were left out, whose box lies outside their picture, such as %s", len(lost), lost[0])}
}

func nameOf(p *dataset.Picture, person *dataset.Person) string {
	if person.Name == "" {
		return p.Name
	}
	return p.Name + ", " + person.Name
}
