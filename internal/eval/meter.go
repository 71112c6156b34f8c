package eval

import (
	"fmt"
	"slices"
)

// Meter takes samples one after another and keeps what the figures need: a
// few numbers a person, however large the pictures.
type Meter struct {
	joints []string

	figures map[string]*Values // by metric
	order   []string
	units   map[string]string

	groups     map[string]map[string]*Values // by group and metric
	groupOrder []string
	perJoint   map[string]map[string]*mean // by metric and joint
	axis       [3]mean

	withoutTorso        int
	swaps, asked        int
	scores, scoreErrors []float32
	inside, outside     mean
	shares              [curveSteps + 1]int // of the PCK curve
	shareN              int
	curve3D             [curveSteps + 1]int
	curve3DN            int

	People   int
	Unusable []string // what kept people from being measured
}

// curveSteps is how many steps a PCK curve has: to half a torso, or to 300 mm.
const curveSteps = 60

// mean is a running average.
type mean struct {
	sum float64
	n   int
}

func (m *mean) add(v float64) { m.sum, m.n = m.sum+v, m.n+1 }

// The metrics' names, as tables show them.
const (
	MPJPE         = "MPJPE"
	PARigid       = "PA-MPJPE (rigid)"
	PASimilarity  = "PA-MPJPE (scaled)"
	MRPE          = "MRPE"
	PCKTorso      = "PCK@0.2 torso"
	PCKHead       = "PCKh@0.5"
	PCK150        = "3DPCK@150mm"
	AUC150        = "AUC"
	SwapRate      = "left/right swapped"
	AveragePrec   = "OKS-AP"
	AveragePrec50 = "OKS-AP50"
	AveragePrec75 = "OKS-AP75"
)

// NewMeter measures samples over these joints.
func NewMeter(joints []string) *Meter {
	return &Meter{joints: joints, figures: map[string]*Values{}, units: map[string]string{}, groups: map[string]map[string]*Values{}, perJoint: map[string]map[string]*mean{}}
}

// Add measures one person. A sample that is not usable is noted and left out.
// It returns the person's own error, by which the worst are found: mm after
// root alignment where there is 3D, else shares of the torso; false where
// there is none.
func (m *Meter) Add(s *Sample) (float64, bool) {
	if problem := s.Usable(); problem != "" {
		m.Unusable = append(m.Unusable, s.Name+": "+problem)
		return 0, false
	}
	m.People++
	worst, ok := 0.0, false
	if s.TruthPx != nil && s.PredPx != nil {
		worst, ok = m.add2D(s)
	}
	if s.TruthMM != nil {
		worst, ok = m.add3D(s)
	}
	return worst, ok
}

// put adds one person's values to a figure and to the figure of the person's group.
func (m *Meter) put(metric, unit, group string, values []float64) {
	if m.figures[metric] == nil {
		m.figures[metric], m.units[metric] = &Values{}, unit
		m.order = append(m.order, metric)
	}
	m.figures[metric].Add(values)
	if group == "" || len(values) == 0 {
		return
	}
	if m.groups[group] == nil {
		m.groups[group] = map[string]*Values{}
		m.groupOrder = append(m.groupOrder, group)
	}
	if m.groups[group][metric] == nil {
		m.groups[group][metric] = &Values{}
	}
	m.groups[group][metric].Add(values)
}

func (m *Meter) putJoint(metric, joint string, value float64) {
	if m.perJoint[metric] == nil {
		m.perJoint[metric] = map[string]*mean{}
	}
	if m.perJoint[metric][joint] == nil {
		m.perJoint[metric][joint] = &mean{}
	}
	m.perJoint[metric][joint].add(value)
}

func (m *Meter) add2D(s *Sample) (float64, bool) {
	m.addSwap(s)
	errorsPx, joints := s.ErrorsPx()
	for j := range s.Joints {
		switch {
		case s.Score == nil || !s.Labelled[j]:
		case s.inside(j):
			m.inside.add(s.Score[j])
		default:
			m.outside.add(s.Score[j])
		}
	}
	if head, ok := s.HeadPx(); ok {
		m.put(PCKHead, "%", s.Group, s.PCK(head, PCKhShare))
	}
	torso, ok := s.TorsoPx()
	if !ok {
		m.withoutTorso++
		return 0, false
	}
	hits := s.PCK(torso, PCKShare)
	m.put(PCKTorso, "%", s.Group, hits)
	total := 0.0
	for i, e := range errorsPx {
		share := e / torso
		total += share / float64(len(errorsPx))
		m.putJoint(PCKTorso, s.Joints[joints[i]], hits[i])
		for k := range m.shares {
			if share <= 0.5*float64(k)/curveSteps {
				m.shares[k]++
			}
		}
		m.shareN++
		if s.Score != nil && s.inside(joints[i]) {
			m.scores, m.scoreErrors = append(m.scores, float32(s.Score[joints[i]])), append(m.scoreErrors, float32(share))
		}
	}
	return total, len(errorsPx) > 0
}

func (m *Meter) addSwap(s *Sample) {
	if swapped, asked := s.Swapped(); asked {
		m.asked++
		if swapped {
			m.swaps++
		}
	}
}

func (m *Meter) add3D(s *Sample) (float64, bool) {
	m.put(PASimilarity, "mm", s.Group, s.ErrorsMM(Similarity))
	m.put(PARigid, "mm", s.Group, s.ErrorsMM(Rigid))
	if e, ok := s.RootErrorMM(); ok {
		m.put(MRPE, "mm", s.Group, []float64{e})
	}
	if s.Root < 0 || !s.Labelled[s.Root] {
		return 0, false
	}
	errors := s.ErrorsMM(Root)
	m.put(MPJPE, "mm", s.Group, errors)
	m.put(PCK150, "%", s.Group, PCK3D(errors))
	m.put(AUC150, "%", s.Group, AUC3D(errors))
	axes := s.AxisErrorsMM(Root)
	for k := range axes {
		m.axis[k].add(axes[k])
	}
	at, total := 0, 0.0
	for j := range s.Joints {
		if !s.counts(j) {
			continue
		}
		m.putJoint(MPJPE, s.Joints[j], errors[at])
		for k := range m.curve3D {
			if errors[at] <= 300*float64(k)/curveSteps {
				m.curve3D[k]++
			}
		}
		m.curve3DN++
		total += errors[at] / float64(len(errors))
		at++
	}
	return total, at > 0
}

// metricOrder is the order of the figures in tables.
var metricOrder = []string{MPJPE, PARigid, PASimilarity, MRPE, PCK150, AUC150, PCKTorso, PCKHead}

// Report gathers all figures.
func (m *Meter) Report(title string) *Report {
	r := &Report{Title: title, Joints: m.joints, People: m.People, WithoutTorso: m.withoutTorso}
	metrics := slices.DeleteFunc(slices.Clone(metricOrder), func(name string) bool { return m.figures[name] == nil })
	for _, name := range m.order {
		if !slices.Contains(metrics, name) {
			metrics = append(metrics, name)
		}
	}
	for _, metric := range metrics {
		r.add(metric, All, "", m.figures[metric].Figure(m.units[metric]))
	}
	if m.asked > 0 {
		r.add(SwapRate, All, "", Rate(m.swaps, m.asked))
	}
	slices.SortFunc(m.groupOrder, compareNatural)
	for _, group := range m.groupOrder {
		for _, metric := range metrics {
			if v := m.groups[group][metric]; v != nil {
				r.add(metric, Group, group, v.Figure(m.units[metric]))
			}
		}
	}
	for _, metric := range []string{MPJPE, PCKTorso} {
		for _, joint := range m.joints {
			if v := m.perJoint[metric][joint]; v != nil {
				r.add(metric, Joint, joint, Figure{Value: v.sum / float64(v.n), N: v.n, Unit: m.units[metric]})
			}
		}
	}
	for k, v := range m.axis {
		if v.n > 0 {
			r.add(MPJPE, Axis, string("xyz"[k]), Figure{Value: v.sum / float64(v.n), N: v.n, Unit: "mm"})
		}
	}
	if len(m.scores) > 0 {
		r.ScoreBins, r.Spearman = ScoreTable(wide(m.scores), wide(m.scoreErrors))
		r.ScoreInside, r.ScoreOutside = m.inside.value(), m.outside.value()
	}
	r.Curves = m.curves()
	r.warn(m.Unusable, "people could not be measured")
	return r
}

func (m *mean) value() *float64 {
	if m.n == 0 {
		return nil
	}
	v := m.sum / float64(m.n)
	return &v
}

func wide(v []float32) []float64 {
	out := make([]float64, len(v))
	for i := range v {
		out[i] = float64(v[i])
	}
	return out
}

func (m *Meter) curves() []Curve {
	var out []Curve
	build := func(name, unit string, top float64, hits *[curveSteps + 1]int, n int) {
		if n == 0 {
			return
		}
		c := Curve{Name: name, Unit: unit}
		for k, h := range hits {
			c.X, c.Percent = append(c.X, top*float64(k)/curveSteps), append(c.Percent, 100*float64(h)/float64(n))
		}
		out = append(out, c)
	}
	build("3DPCK", "mm", 300, &m.curve3D, m.curve3DN)
	build("PCK", "of the torso", 0.5, &m.shares, m.shareN)
	return out
}

// warn adds a count and the first few of a list of problems.
func (r *Report) warn(problems []string, what string) {
	if len(problems) == 0 {
		return
	}
	const shown = 3
	text := fmt.Sprintf("%d %s: ", len(problems), what)
	for i, p := range problems[:min(shown, len(problems))] {
		if i > 0 {
			text += "; "
		}
		text += p
	}
	if len(problems) > shown {
		text += "; ..."
	}
	r.Warnings = append(r.Warnings, text)
}

// compareNatural orders TS2 before TS10.
func compareNatural(a, b string) int {
	if len(a) != len(b) && digitsAfterSameStem(a, b) {
		return len(a) - len(b)
	}
	if a < b {
		return -1
	}
	if a > b {
		return 1
	}
	return 0
}

func digitsAfterSameStem(a, b string) bool {
	stem := func(s string) string {
		for len(s) > 0 && s[len(s)-1] >= '0' && s[len(s)-1] <= '9' {
			s = s[:len(s)-1]
		}
		return s
	}
	return stem(a) == stem(b)
}

// Miss counts a labelled person whom nobody found: every joint is wrong.
func (m *Meter) Miss(s *Sample) {
	m.People++
	var zeros []float64
	for j := range s.Joints {
		if s.counts(j) {
			zeros = append(zeros, 0)
		}
	}
	if _, ok := s.TorsoPx(); s.TruthPx != nil && ok {
		m.put(PCKTorso, "%", s.Group, zeros)
	}
	if s.TruthMM != nil {
		m.put(PCK150, "%", s.Group, zeros)
		m.put(AUC150, "%", s.Group, zeros)
	}
}
