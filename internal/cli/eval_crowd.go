package cli

import (
	"mhp/internal/dataset"
	"mhp/internal/eval"
	"mhp/internal/geom"
)

// matchLimitPx is within which MuPoTS-3D takes a joint for the same.
const matchLimitPx = 40

// crowdMeter matches people in 2D and measures them by MuPoTS-3D's protocol.
type crowdMeter struct {
	meter *eval.CrowdMeter
	plan  *dataset.Plan
	depth rootDepth
	worst *worstCases
	lost  []string
}

func (m *crowdMeter) remember(w *worstCases) { m.worst = w }

// matched are the joints that people are matched by: those that are averaged
// but the top of the head.
func (m *crowdMeter) matched(px func(i int) geom.ImagePoint) []geom.ImagePoint {
	var out []geom.ImagePoint
	for i, name := range m.plan.Joints {
		if m.plan.Averaged[i] && name != "Head_top" {
			out = append(out, px(i))
		}
	}
	return out
}

func (m *crowdMeter) picture(p *dataset.Picture, found []*dataset.Prediction) {
	var truth, guesses [][]geom.ImagePoint
	var boxes []int
	for i := range p.People {
		truth = append(truth, m.matched(func(k int) geom.ImagePoint { return p.People[i].Px[m.plan.Matches[k].Label] }))
	}
	for k, one := range found {
		if one == nil {
			m.lost = append(m.lost, p.Name)
			continue
		}
		boxes = append(boxes, k)
		guesses = append(guesses, m.matched(func(k int) geom.ImagePoint { return one.Px[m.plan.Matches[k].Joint] }))
	}
	for i, at := range eval.MatchPeople(truth, guesses, matchLimitPx) {
		person := &p.People[i]
		if at < 0 {
			m.meter.Miss(m.plan.Labels(nameOf(p, person), person))
			continue
		}
		box, one := &p.Boxes[boxes[at]], found[boxes[at]]
		depth := box.RootDepthMM
		if m.depth == depthBox || depth == 0 {
			depth = one.BoxDepthMM
		}
		s := m.plan.Sample(nameOf(p, person), person, one, one.CameraMM(p.Camera, depth))
		if e, ok := m.meter.Add(s); ok {
			m.worst.offer(worstCase{error: e, picture: p, person: person, found: one, name: nameOf(p, person)})
		}
	}
}

func (m *crowdMeter) report(title string) *eval.Report {
	r := m.meter.Report(title)
	r.Warnings = append(r.Warnings, lostWarning(m.lost)...)
	return r
}
