package cli

import (
	"math"

	"mhp/internal/dataset"
	"mhp/internal/eval"
)

// cocoMeter measures people whose boxes are given or found by a detector, and
// COCO's average precision over all of a picture's people.
type cocoMeter struct {
	*givenMeter
	pictures []eval.KeyPointPicture
}

func newCOCOMeter(plan *dataset.Plan) evalMeter {
	return &cocoMeter{givenMeter: newGivenMeter(plan, depthTrue)}
}

func (m *cocoMeter) picture(p *dataset.Picture, found []*dataset.Prediction) {
	var all eval.KeyPointPicture
	for i := range p.People {
		all.Truth = append(all.Truth, m.labels(&p.People[i]))
	}
	var free []int // boxes that may show anybody
	for k, one := range found {
		if one == nil {
			continue
		}
		all.Found = append(all.Found, m.keyPoints(one, p.Boxes[k].Score))
		if p.Boxes[k].Person < 0 {
			free = append(free, k)
		}
	}
	m.pictures = append(m.pictures, all)
	m.givenMeter.picture(p, found)
	if len(p.Boxes) > 0 && p.Boxes[0].Person < 0 || len(p.Boxes) == 0 {
		m.match(p, found, free)
	}
}

// match gives each annotated person the free box whose joints are nearest by OKS.
func (m *cocoMeter) match(p *dataset.Picture, found []*dataset.Prediction, free []int) {
	for i := range p.People {
		person := &p.People[i]
		if person.Ignore {
			continue
		}
		truth := m.labels(person)
		best, at := 0.0, -1
		for n, k := range free {
			if k < 0 {
				continue
			}
			guess := m.keyPoints(found[k], 1)
			if oks := eval.OKS(&truth, &guess); oks > best {
				best, at = oks, n
			}
		}
		if at < 0 {
			m.meter.Miss(m.plan.Labels(nameOf(p, person), person))
			continue
		}
		m.person(p, &dataset.Box{Person: i}, found[free[at]])
		free[at] = -1
	}
}

func (m *cocoMeter) labels(person *dataset.Person) eval.KeyPoints {
	k := eval.KeyPoints{Joints: m.plan.Joints, Box: person.Box, AreaPx2: person.AreaPx2, Ignore: person.Ignore, Crowd: person.Crowd}
	for _, match := range m.plan.Matches {
		k.Points, k.Visible = append(k.Points, person.Px[match.Label]), append(k.Visible, person.Labelled[match.Label])
	}
	return k
}

func (m *cocoMeter) keyPoints(found *dataset.Prediction, boxScore float64) eval.KeyPoints {
	k := eval.KeyPoints{Joints: m.plan.Joints, Score: boxScore * found.MeanScore()}
	for _, match := range m.plan.Matches {
		k.Points = append(k.Points, found.Px[match.Joint])
	}
	return k
}

func (m *cocoMeter) report(title string) *eval.Report {
	r := m.givenMeter.report(title)
	people := 0
	for _, p := range m.pictures {
		for _, t := range p.Truth {
			if !t.Ignore {
				people++
			}
		}
	}
	for _, ap := range []struct {
		name   string
		limits []float64
	}{{eval.AveragePrec, eval.COCOSimilarities()}, {eval.AveragePrec50, []float64{0.5}}, {eval.AveragePrec75, []float64{0.75}}} {
		if v := eval.AveragePrecision(m.pictures, ap.limits); !math.IsNaN(v) {
			r.Add(ap.name, eval.Figure{Value: v, N: people, People: people, Unit: "%"})
		}
	}
	return r
}
