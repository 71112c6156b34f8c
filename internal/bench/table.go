package bench

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// String names the setting, such as "mhp-xs cpu 2 threads batch 4".
func (s Setting) String() string {
	parts := []string{s.Kind, s.Model}
	if s.Graph == "plain" {
		parts = append(parts, s.Graph)
	}
	parts = append(parts, s.Provider, plural(s.Threads, "thread"))
	if s.Spin {
		parts = append(parts, "spinning")
	}
	if s.Kind == KindNetwork {
		parts = append(parts, fmt.Sprintf("batch %d", s.Batch))
	}
	return strings.Join(parts, ", ")
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// table is a titled table; the first named columns are text, the rest numbers.
type table struct {
	title string
	names int
	head  []string
	rows  [][]string
	after []string // lines below it
}

// tables are the parts of the report that are tables.
func (r *Report) tables() []table {
	tables := []table{r.networkTable()}
	if t := r.wholeTable(); len(t.rows) > 0 {
		tables = append(tables, t)
	}
	if t := r.loadTable(); len(t.rows) > 0 {
		tables = append(tables, t)
	}
	for _, p := range r.Profiles {
		tables = append(tables, p.table())
	}
	return tables
}

// facts are the lines above the tables.
func (r *Report) facts() [][2]string {
	m := r.Machine
	cores := fmt.Sprintf("%d physical, %d logical", m.PhysicalCores, m.LogicalCores)
	if m.QuotaCores > 0 {
		cores += fmt.Sprintf(", quota %g", m.QuotaCores)
	}
	facts := [][2]string{
		{"program", r.Program + ", " + m.System + ", " + m.Go},
		{"processor", m.CPU}, {"cores", cores},
		{"library", m.Library + " (" + strings.Join(m.Providers, ", ") + ")"},
		{"picture", r.Input},
	}
	for _, x := range r.Models {
		text := fmt.Sprintf("%s, %s parameters", x.Graph, thousands(x.Parameters))
		if x.MultiplyAdds > 0 {
			text += fmt.Sprintf(", %.1f M multiply-adds a person", float64(x.MultiplyAdds)/1e6)
		}
		facts = append(facts, [2]string{x.Name, text})
	}
	for _, p := range r.Yardstick {
		facts = append(facts, [2]string{"yardstick", fmt.Sprintf("%.1f GFLOP/s: the library's own product of 1024 x 1024 matrices, %s", p.GFLOPS, plural(p.Threads, "thread"))})
	}
	other := "not known"
	if r.Load.OtherCores >= 0 {
		other = fmt.Sprintf("%.2f cores used by other processes, %.1f %% steal", r.Load.OtherCores, 100*r.Load.Steal)
	}
	facts = append(facts, [2]string{"meanwhile", other})
	if r.Load.PeakMemoryMB > 0 {
		facts = append(facts, [2]string{"memory", fmt.Sprintf("%.0f MB at most, all settings together", r.Load.PeakMemoryMB)})
	}
	return facts
}

func thousands(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func ms(v float64) string { return fmt.Sprintf("%.2f", v) }

func yes(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

func (r *Report) networkTable() table {
	t := table{
		title: "Network alone, ms a run",
		names: 3,
		head:  []string{"model", "graph", "provider", "threads", "spin", "batch", "warm-up", "p10", "p50", "p90", "p99", "max", "people/s", "CPU ms/person", "GFLOP/s", "of peak"},
	}
	for _, x := range r.Results {
		if x.Kind != KindNetwork {
			continue
		}
		rate, share := "-", "-"
		if x.GFLOPS > 0 {
			rate = fmt.Sprintf("%.1f", x.GFLOPS)
		}
		if x.OfPeak > 0 {
			share = fmt.Sprintf("%.0f %%", 100*x.OfPeak)
		}
		t.rows = append(t.rows, []string{x.Model, x.Graph, x.Provider, fmt.Sprint(x.Threads), yes(x.Spin), fmt.Sprint(x.Batch),
			warmUp(x.WarmMS), ms(x.MS.P10), ms(x.MS.P50), ms(x.MS.P90), ms(x.MS.P99), ms(x.MS.Max),
			fmt.Sprintf("%.1f", x.People), fmt.Sprintf("%.2f", 1000*x.CPUSeconds), rate, share})
	}
	seen := map[string]bool{}
	for _, m := range r.Models {
		if best, ok := r.Best(m.Name); ok && !seen[m.Name] {
			seen[m.Name] = true
			t.after = append(t.after, fmt.Sprintf("Most throughput (repetitions x batch / seconds): %s: %.1f people/s with batch %d, %s, %s graph on %s.",
				m.Name, best.People, best.Batch, plural(best.Threads, "thread"), best.Graph, best.Provider))
		}
	}
	return t
}

// warmUp shows the first run and the last of the warm-up.
func warmUp(all []float64) string {
	if len(all) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f > %.1f (%d)", all[0], all[len(all)-1], len(all))
}

func (r *Report) wholeTable() table {
	t := table{title: "Whole way, from the encoded picture to written joints, ms a picture (stages: median)", names: 2}
	for _, x := range r.Results {
		if x.Kind != KindWhole {
			continue
		}
		if t.head == nil {
			t.head = []string{"model", "provider", "threads", "spin"}
			for _, s := range x.Stages {
				t.head = append(t.head, s.Name)
			}
			t.head = append(t.head, "p10", "p50", "p90", "p99", "max", "pictures/s", "CPU ms/person", "all/run")
		}
		row := []string{x.Model, x.Provider, fmt.Sprint(x.Threads), yes(x.Spin)}
		for _, s := range x.Stages {
			row = append(row, ms(s.MS.P50))
		}
		pictures := 0.0
		if x.MS.Mean > 0 {
			pictures = 1000 / x.MS.Mean
		}
		t.rows = append(t.rows, append(row, ms(x.MS.P10), ms(x.MS.P50), ms(x.MS.P90), ms(x.MS.P99), ms(x.MS.Max),
			fmt.Sprintf("%.1f", pictures), fmt.Sprintf("%.2f", 1000*x.CPUSeconds), x.overhead()))
	}
	if len(t.rows) > 0 {
		t.after = append(t.after, "all/run: crop, network, joints and camera together over the network's part, medians.")
	}
	return t
}

// The stages of the whole way that overhead speaks of.
const (
	StageCrop   = "crop"
	StageRun    = "run"
	StageJoints = "joints"
	StageCamera = "camera"
)

// overhead is what crop, run, joints and camera take over the run's part.
func (r Result) overhead() string {
	all, run := 0.0, 0.0
	for _, s := range r.Stages {
		switch s.Name {
		case StageRun:
			run = s.MS.P50
			all += s.MS.P50
		case StageCrop, StageJoints, StageCamera:
			all += s.MS.P50
		}
	}
	if run == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f", all/run)
}

func (r *Report) loadTable() table {
	t := table{title: "Start, ms", names: 3, head: []string{"model", "graph", "provider", "threads", "load", "first result"}}
	for _, l := range r.Loads {
		first := "-"
		if l.FirstMS > 0 {
			first = fmt.Sprintf("%.1f", l.FirstMS)
		}
		t.rows = append(t.rows, []string{l.Model, l.Graph, l.Provider, fmt.Sprint(l.Threads), fmt.Sprintf("%.1f", l.LoadMS), first})
	}
	if len(t.rows) > 0 {
		t.after = append(t.after, "The first row also loads the library. First result: load, then a picture from its file to its joints.")
	}
	return t
}

func (p *Profile) table() table {
	t := table{
		title: "Where the time goes: " + p.Setting.String() + " (the library's own trace)",
		names: 2, head: []string{"operator", "provider", "nodes", "ms", "share"},
	}
	for _, o := range p.Ops {
		t.rows = append(t.rows, []string{o.Op, o.Provider, fmt.Sprint(o.Nodes), fmt.Sprintf("%.3f", o.MS), fmt.Sprintf("%.1f %%", 100*o.Share)})
	}
	if p.Provider != "cpu" {
		t.after = append(t.after, fmt.Sprintf("%s took %s of the graph; %d of %d nodes stayed on the CPU.", p.Provider, plural(p.Partitions, "partition"), p.OnCPU, p.Nodes))
	}
	if p.ConvOfPeak > 0 {
		t.after = append(t.after, fmt.Sprintf("Convolutions: %.1f GFLOP/s, %.0f %% of the yardstick.", p.ConvGFLOPS, 100*p.ConvOfPeak))
	}
	return t
}

// Text is the report for a terminal.
func (r *Report) Text() []byte {
	var b bytes.Buffer
	width := 0
	for _, f := range r.facts() {
		width = max(width, utf8.RuneCountInString(f[0]))
	}
	for _, f := range r.facts() {
		fmt.Fprintf(&b, "%-*s  %s\n", width, f[0], f[1])
	}
	for _, t := range r.tables() {
		t.text(&b)
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(&b, "\nWARNING: %s", w)
	}
	if len(r.Warnings) > 0 {
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// text aligns words to the left and numbers to the right.
func (t table) text(b *bytes.Buffer) {
	fmt.Fprintf(b, "\n%s\n", t.title)
	widths := make([]int, len(t.head))
	for _, row := range append([][]string{t.head}, t.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range append([][]string{t.head}, t.rows...) {
		var line strings.Builder
		for i, cell := range row {
			gap := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i < t.names {
				line.WriteString(cell + gap + "  ")
			} else {
				line.WriteString(gap + cell + "  ")
			}
		}
		fmt.Fprintf(b, "  %s\n", strings.TrimRight(line.String(), " "))
	}
	for _, line := range t.after {
		fmt.Fprintf(b, "  %s\n", line)
	}
}

// Markdown is the report for a document.
func (r *Report) Markdown() []byte {
	var b bytes.Buffer
	for _, f := range r.facts() {
		fmt.Fprintf(&b, "- %s: %s\n", f[0], f[1])
	}
	for _, t := range r.tables() {
		fmt.Fprintf(&b, "\n**%s**\n\n| %s |\n|", t.title, strings.Join(t.head, " | "))
		for i := range t.head {
			if i < t.names {
				b.WriteString(" --- |")
			} else {
				b.WriteString(" ---: |")
			}
		}
		for _, row := range t.rows {
			fmt.Fprintf(&b, "\n| %s |", strings.Join(row, " | "))
		}
		b.WriteString("\n")
		for _, line := range t.after {
			fmt.Fprintf(&b, "\n%s\n", line)
		}
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(&b, "\n> Warning: %s\n", w)
	}
	return b.Bytes()
}

// CSV is one row a result.
func (r *Report) CSV() []byte {
	var b bytes.Buffer
	b.WriteString("kind,model,graph,provider,threads,spin,batch,runs,mean_ms,p10_ms,p50_ms,p90_ms,p99_ms,max_ms,people_per_s,cpu_s_per_person,gflops,of_peak\n")
	for _, x := range r.Results {
		fmt.Fprintf(&b, "%s,%s,%s,%s,%d,%t,%d,%d,%g,%g,%g,%g,%g,%g,%g,%g,%g,%g\n", x.Kind, quoted(x.Model), x.Graph, x.Provider, x.Threads, x.Spin, x.Batch,
			x.MS.N, x.MS.Mean, x.MS.P10, x.MS.P50, x.MS.P90, x.MS.P99, x.MS.Max, x.People, x.CPUSeconds, x.GFLOPS, x.OfPeak)
	}
	return b.Bytes()
}

// quoted is a CSV field as RFC 4180 has it.
func quoted(text string) string {
	if !strings.ContainsAny(text, ",\"\n\r") {
		return text
	}
	return `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
}
