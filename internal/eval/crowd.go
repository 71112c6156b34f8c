package eval

import "slices"

// The figures of MuPoTS-3D: root relative and absolute, over all annotated
// people or over those who were found.
const (
	RelativeAll     = "3DPCK relative, all"
	RelativeMatched = "3DPCK relative, matched"
	AbsoluteAll     = "3DPCK absolute, all"
	AbsoluteMatched = "3DPCK absolute, matched"
	aucOf           = "AUC " // before "relative, all" and so on
)

// CrowdMeter measures people who had to be found first, by MuPoTS-3D's
// protocol: bones of the prediction rescaled to the truth's, 3DPCK at 150 mm,
// the mean of the sequences.
type CrowdMeter struct {
	groups map[string]map[string]*Values // by metric and sequence
	joints []string
	// Found and Missed count the annotated people.
	Found, Missed int
	unusable      []string
}

// NewCrowdMeter measures samples over these joints.
func NewCrowdMeter(joints []string) *CrowdMeter {
	return &CrowdMeter{groups: map[string]map[string]*Values{}, joints: joints}
}

func (m *CrowdMeter) put(metric, sequence string, values []float64) {
	if m.groups[metric] == nil {
		m.groups[metric] = map[string]*Values{}
	}
	if m.groups[metric][sequence] == nil {
		m.groups[metric][sequence] = &Values{}
	}
	m.groups[metric][sequence].Add(values)
}

// Add measures one person who was found. It rescales the sample's bones, and
// returns the mean error in mm relative to the root.
func (m *CrowdMeter) Add(s *Sample) (float64, bool) {
	if problem := s.Usable(); problem != "" {
		m.unusable = append(m.unusable, s.Name+": "+problem)
		return 0, false
	}
	s.RescaleBones()
	relative, absolute := s.ErrorsMM(Root), s.ErrorsMM(Absolute)
	if len(relative) == 0 {
		return 0, false
	}
	m.Found++
	for _, people := range []string{"all", "matched"} {
		m.put("3DPCK relative, "+people, s.Group, PCK3D(relative))
		m.put("3DPCK absolute, "+people, s.Group, PCK3D(absolute))
		m.put(aucOf+"relative, "+people, s.Group, AUC3D(relative))
		m.put(aucOf+"absolute, "+people, s.Group, AUC3D(absolute))
	}
	total := 0.0
	for _, e := range relative {
		total += e / float64(len(relative))
	}
	return total, true
}

// Miss counts an annotated person whom nobody found.
func (m *CrowdMeter) Miss(s *Sample) {
	m.Missed++
	var zeros []float64
	for j := range s.Joints {
		if s.counts(j) {
			zeros = append(zeros, 0)
		}
	}
	for _, metric := range []string{RelativeAll, AbsoluteAll, aucOf + "relative, all", aucOf + "absolute, all"} {
		m.put(metric, s.Group, zeros)
	}
}

// Report gathers the figures; a figure over everything is the mean of the sequences.
func (m *CrowdMeter) Report(title string) *Report {
	r := &Report{Title: title, Joints: m.joints, People: m.Found + m.Missed}
	metrics := []string{RelativeAll, RelativeMatched, AbsoluteAll, AbsoluteMatched,
		aucOf + "relative, all", aucOf + "relative, matched", aucOf + "absolute, all", aucOf + "absolute, matched"}
	var sequences []string
	for sequence := range m.groups[RelativeAll] {
		sequences = append(sequences, sequence)
	}
	slices.SortFunc(sequences, compareNatural)
	for _, metric := range metrics {
		var groups []*Values
		for _, sequence := range sequences {
			if v := m.groups[metric][sequence]; v != nil {
				groups = append(groups, v)
			}
		}
		r.add(metric, All, "", MeanOfGroups(groups, "%"))
	}
	for _, sequence := range sequences {
		for _, metric := range metrics {
			if v := m.groups[metric][sequence]; v != nil {
				r.add(metric, Group, sequence, v.Figure("%"))
			}
		}
	}
	r.Add("people found", Rate(m.Found, m.Found+m.Missed))
	r.warn(m.unusable, "people could not be measured")
	return r
}

// MeanOfGroups is the mean of the groups' means. Its interval draws whole
// people anew within each group.
func MeanOfGroups(groups []*Values, unit string) Figure {
	f := Figure{Unit: unit}
	if len(groups) == 0 {
		return f
	}
	for _, g := range groups {
		own := g.mean(nil)
		f.Value += own / float64(len(groups))
		f.People += len(g.sums)
		for _, c := range g.counts {
			f.N += int(c)
		}
	}
	means := make([]float64, bootstraps)
	random := sequence(0)
	for k := range means {
		for _, g := range groups {
			means[k] += g.mean(&random) / float64(len(groups))
		}
	}
	slices.Sort(means)
	f.Low, f.High, f.Interval = quantile(means, 0.025), quantile(means, 0.975), "bootstrap over people in groups"
	return f
}

// mean is over all values, or over people drawn with replacement.
func (v *Values) mean(random *sequence) float64 {
	sum, count := 0.0, 0.0
	for i := range v.sums {
		if random != nil {
			i = random.below(len(v.sums))
		}
		sum, count = sum+v.sums[i], count+v.counts[i]
	}
	return sum / count
}
