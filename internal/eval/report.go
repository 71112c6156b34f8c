package eval

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// What a figure is taken over.
const (
	All   = "all"
	Group = "group"
	Joint = "joint"
	Axis  = "axis"
)

// Entry is one figure of a report.
type Entry struct {
	Metric string `json:"metric"`
	Over   string `json:"over"`           // all, group, joint or axis
	Name   string `json:"name,omitempty"` // of the group, joint or axis
	Figure
}

// Curve is the share of joints within a limit, in %.
type Curve struct {
	Name    string    `json:"name"`
	Unit    string    `json:"unit"`
	X       []float64 `json:"limit"`
	Percent []float64 `json:"percent"`
}

// PaperRow is what others have printed for the same protocol; NaN is a dash.
type PaperRow struct {
	Name   string             `json:"name"`
	Values map[string]float64 `json:"values"` // by metric
	Source string             `json:"source"`
}

// Fact is one line of a report's head.
type Fact struct{ Name, Value string }

// Report is all that an evaluation says.
type Report struct {
	Title        string
	Facts        []Fact // model, settings
	Joints       []string
	People       int
	WithoutTorso int
	Entries      []Entry
	ScoreBins    []ScoreBin
	Spearman     float64
	ScoreInside  *float64
	ScoreOutside *float64
	Curves       []Curve
	Paper        []PaperRow
	PaperMetrics []string
	Warnings     []string
}

func (r *Report) add(metric, over, name string, f Figure) {
	r.Entries = append(r.Entries, Entry{metric, over, name, f})
}

// Add appends a figure over everything.
func (r *Report) Add(metric string, f Figure) { r.add(metric, All, "", f) }

// Find is the figure of a metric over everything.
func (r *Report) Find(metric string) (Figure, bool) {
	for _, e := range r.Entries {
		if e.Metric == metric && e.Over == All {
			return e.Figure, true
		}
	}
	return Figure{}, false
}

// Table is a title, a head and rows of cells; all but the first column are numbers.
type Table struct {
	Title string
	Head  []string
	Rows  [][]string
}

// Tables lays the report out: the figures, the paper's rows beside ours, then
// by group, joint, axis and score.
func (r *Report) Tables() []Table {
	var out []Table
	figures := Table{Title: "Figures", Head: []string{"metric", "value", "95 % from", "to", "n", "people", "interval"}}
	for _, e := range r.Entries {
		if e.Over == All && e.N > 0 {
			figures.Rows = append(figures.Rows, []string{e.Metric, number(e.Value) + " " + e.Unit, interval(e.Figure, e.Low), interval(e.Figure, e.High),
				strconv.Itoa(e.N), strconv.Itoa(e.People), e.Interval})
		}
	}
	out = append(out, figures)
	if len(r.Paper) > 0 {
		out = append(out, r.paperTable())
	}
	for _, over := range []string{Group, Axis, Joint} {
		if t := r.across(over); len(t.Rows) > 0 {
			out = append(out, t)
		}
	}
	if len(r.ScoreBins) > 0 {
		t := Table{Title: fmt.Sprintf("Error by score (Spearman of bin and error %.2f)", r.Spearman), Head: []string{"score from", "to", "mean error, torso", "n"}}
		for _, b := range r.ScoreBins {
			t.Rows = append(t.Rows, []string{score(b.From), score(b.To), fmt.Sprintf("%.3f", b.Error), strconv.Itoa(b.N)})
		}
		out = append(out, t)
	}
	return out
}

// paperTable has a row for each published network and one for this.
func (r *Report) paperTable() Table {
	t := Table{Title: "Beside published figures (read from the papers, not measured here)", Head: append([]string{"network"}, r.PaperMetrics...)}
	for _, p := range r.Paper {
		row := []string{p.Name}
		for _, m := range r.PaperMetrics {
			v, ok := p.Values[m]
			if !ok {
				v = math.NaN()
			}
			row = append(row, number(v))
		}
		t.Rows = append(t.Rows, row)
	}
	own := []string{"this network"}
	for _, m := range r.PaperMetrics {
		f, ok := r.Find(m)
		if !ok || f.N == 0 {
			f.Value = math.NaN()
		}
		own = append(own, number(f.Value))
	}
	t.Rows = append(t.Rows, own)
	return t
}

// across has a row for each group, joint or axis and a column for each metric.
func (r *Report) across(over string) Table {
	var metrics, names []string
	cells := map[[2]string]string{}
	sums, counts := map[string]float64{}, map[string]int{}
	for _, e := range r.Entries {
		if e.Over != over {
			continue
		}
		if !contains(metrics, e.Metric) {
			metrics = append(metrics, e.Metric)
		}
		if !contains(names, e.Name) {
			names = append(names, e.Name)
		}
		cells[[2]string{e.Name, e.Metric}] = number(e.Value)
		sums[e.Metric], counts[e.Metric] = sums[e.Metric]+e.Value, counts[e.Metric]+1
	}
	t := Table{Title: "By " + over, Head: append([]string{over}, metrics...)}
	for _, name := range names {
		row := []string{name}
		for _, m := range metrics {
			row = append(row, orDash(cells[[2]string{name, m}]))
		}
		t.Rows = append(t.Rows, row)
	}
	if over == Group && len(names) > 1 {
		row := []string{"mean of the groups"}
		for _, m := range metrics {
			row = append(row, number(sums[m]/float64(counts[m])))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func contains(list []string, v string) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return false
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func number(v float64) string {
	if math.IsNaN(v) {
		return "-"
	}
	return strconv.FormatFloat(v, 'f', 1, 64)
}

func score(v float64) string { return strconv.FormatFloat(v, 'g', 3, 64) }

func interval(f Figure, v float64) string {
	if f.Interval == "" {
		return "-"
	}
	return number(v)
}

// lines are the head and the warnings.
func (r *Report) lines(mark string) []string {
	var out []string
	for _, f := range r.Facts {
		out = append(out, f.Name+": "+f.Value)
	}
	if r.WithoutTorso > 0 {
		out = append(out, fmt.Sprintf("left out of %s: %d people without a labelled torso", PCKTorso, r.WithoutTorso))
	}
	if r.ScoreInside != nil && r.ScoreOutside != nil {
		out = append(out, fmt.Sprintf("mean score of joints inside the picture %.4f, outside %.4f", *r.ScoreInside, *r.ScoreOutside))
	}
	for _, w := range r.Warnings {
		out = append(out, mark+w)
	}
	return out
}

// Text is the report for a terminal.
func (r *Report) Text() []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, r.Title)
	for _, line := range r.lines("warning: ") {
		fmt.Fprintln(&b, "  "+line)
	}
	for _, t := range r.Tables() {
		fmt.Fprintf(&b, "\n%s\n", t.Title)
		t.text(&b)
	}
	return b.Bytes()
}

func (t *Table) text(b *bytes.Buffer) {
	width := make([]int, len(t.Head))
	for _, row := range append([][]string{t.Head}, t.Rows...) {
		for i, cell := range row {
			width[i] = max(width[i], len([]rune(cell)))
		}
	}
	for _, row := range append([][]string{t.Head}, t.Rows...) {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", width[i]-len([]rune(cell)))
			switch {
			case i == 0 || cell == row[len(row)-1] && t.Head[i] == "interval":
				line.WriteString("  " + cell + pad)
			default:
				line.WriteString("  " + pad + cell)
			}
		}
		fmt.Fprintln(b, strings.TrimRight(line.String(), " "))
	}
}

// Markdown is the report for a document.
func (r *Report) Markdown() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "## %s\n\n", r.Title)
	for _, line := range r.lines("**warning:** ") {
		fmt.Fprintln(&b, "- "+escapeMarkdown(line))
	}
	for _, t := range r.Tables() {
		fmt.Fprintf(&b, "\n### %s\n\n", t.Title)
		fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(t.Head, " | "), strings.Repeat(" --- |", len(t.Head)))
		for _, row := range t.Rows {
			cells := make([]string, len(row))
			for i, c := range row {
				cells[i] = escapeMarkdown(c)
			}
			fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
		}
	}
	return b.Bytes()
}

func escapeMarkdown(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// CSV has a row for each figure; every number's unit stands beside it.
func (r *Report) CSV() ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := [][]string{{"title", "metric", "over", "name", "value", "unit", "low_95", "high_95", "n", "people", "interval", "joints_averaged"}}
	full := func(v float64) string { return strconv.FormatFloat(v, 'f', 4, 64) }
	for _, e := range r.Entries {
		low, high := "", ""
		if e.Interval != "" {
			low, high = full(e.Low), full(e.High)
		}
		rows = append(rows, []string{r.Title, e.Metric, e.Over, e.Name, full(e.Value), e.Unit, low, high, strconv.Itoa(e.N), strconv.Itoa(e.People), e.Interval, strings.Join(r.Joints, " ")})
	}
	if err := w.WriteAll(rows); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// JSON holds everything, indented.
func (r *Report) JSON() ([]byte, error) {
	facts := map[string]string{}
	for _, f := range r.Facts {
		facts[f.Name] = f.Value
	}
	doc := struct {
		Title        string            `json:"title"`
		Facts        map[string]string `json:"facts"`
		Joints       []string          `json:"joints"`
		People       int               `json:"people"`
		WithoutTorso int               `json:"people_without_torso"`
		Figures      []Entry           `json:"figures"`
		ScoreBins    []ScoreBin        `json:"score_bins"`
		Spearman     *float64          `json:"score_spearman"`
		ScoreInside  *float64          `json:"mean_score_inside"`
		ScoreOutside *float64          `json:"mean_score_outside"`
		Curves       []Curve           `json:"curves"`
		Published    []PaperRow        `json:"published"`
		Warnings     []string          `json:"warnings"`
	}{r.Title, facts, r.Joints, r.People, r.WithoutTorso, r.Entries, r.ScoreBins, nil, r.ScoreInside, r.ScoreOutside, r.Curves, r.Paper, r.Warnings}
	if len(r.ScoreBins) > 2 && !math.IsNaN(r.Spearman) {
		doc.Spearman = &r.Spearman
	}
	b, err := json.MarshalIndent(doc, "", " ")
	return append(b, '\n'), err
}
