package eval

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
)

func sampleReport() *Report {
	m := NewMeter(goldenJoints)
	for i := range 12 {
		s := standing()
		s.Name, s.Group = "picture", "TS"+string(rune('a'+i%2))
		for j := range s.PredMM {
			s.PredMM[j].X += float64(10 * (i + j))
			s.PredPx[j].X += float64(i)
			s.Score[j] = 1 / float64(1+i+j)
		}
		m.Add(s)
	}
	r := m.Report("Test | set")
	r.Facts = []Fact{{"model", "none"}}
	r.Warnings = append(r.Warnings, "1 of 2 pictures are missing")
	r.PaperMetrics, r.Paper = PaperH36M(2)
	return r
}

// Every form of a report holds the same figures, the papers' and the warnings.
func TestReportForms(t *testing.T) {
	r := sampleReport()
	text, markdown := string(r.Text()), string(r.Markdown())
	for _, form := range []string{text, markdown} {
		for _, want := range []string{MPJPE, "MobileHumanPose XS", "69.6", "this network", "By group", "By joint", "By axis", "Error by score", "1 of 2 pictures are missing", "mean of the groups", "model: none"} {
			if !strings.Contains(form, want) {
				t.Errorf("no %q in\n%s", want, form)
			}
		}
	}
	if !strings.Contains(markdown, "| --- |") {
		t.Error("the Markdown has no table")
	}
	data, err := r.CSV()
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(data))).ReadAll()
	if err != nil || len(rows) != len(r.Entries)+1 || rows[1][1] != MPJPE || rows[1][0] != "Test | set" {
		t.Errorf("CSV: %v, %v", rows[:2], err)
	}
	doc, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var back struct {
		Figures   []Entry    `json:"figures"`
		Bins      []ScoreBin `json:"score_bins"`
		Published []PaperRow `json:"published"`
		Spearman  *float64   `json:"score_spearman"`
	}
	if err := json.Unmarshal(doc, &back); err != nil || len(back.Figures) != len(r.Entries) || len(back.Bins) != 10 || len(back.Published) != 8 || back.Spearman == nil {
		t.Errorf("JSON: %v, %d figures", err, len(back.Figures))
	}
	if back.Figures[0] != r.Entries[0] {
		t.Errorf("%+v comes back as %+v", r.Entries[0], back.Figures[0])
	}
}

// Nothing measured is no crash and no NaN in JSON.
func TestReportOfNothing(t *testing.T) {
	r := NewMeter(goldenJoints).Report("empty")
	if _, err := r.JSON(); err != nil {
		t.Error(err)
	}
	if len(r.Text()) == 0 {
		t.Error("no text")
	}
	if _, err := NewCrowdMeter(goldenJoints).Report("empty").JSON(); err != nil {
		t.Error(err)
	}
}

// TS2 comes before TS10.
func TestGroupsInNaturalOrder(t *testing.T) {
	if compareNatural("TS2", "TS10") >= 0 || compareNatural("TS10", "TS2") <= 0 || compareNatural("a", "b") >= 0 || compareNatural("a", "a") != 0 {
		t.Error("groups are out of order")
	}
}

// Sequences of different sizes count alike.
func TestMeanOfGroups(t *testing.T) {
	var a, b Values
	a.Add([]float64{100, 100, 100, 100})
	b.Add([]float64{0})
	f := MeanOfGroups([]*Values{&a, &b}, "%")
	if f.Value != 50 || f.N != 5 || f.People != 2 {
		t.Errorf("got %+v", f)
	}
}
