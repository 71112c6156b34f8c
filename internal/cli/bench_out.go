package cli

import (
	"fmt"
	"image"
	"os"

	"github.com/spf13/pflag"

	"mhp/internal/bench"
	"mhp/internal/render"
)

// benchOutputs say where a report goes.
type benchOutputs struct {
	json, csv, markdown, plot string
	compare                   string
	tolerance                 float64
}

func (o *benchOutputs) bind(f *pflag.FlagSet) {
	f.StringVar(&o.json, "json", "", "write the report as JSON to FILE or -")
	f.StringVar(&o.csv, "csv", "", "write a row a setting as CSV to FILE or -")
	f.StringVar(&o.markdown, "markdown", "", "write the tables as Markdown to FILE or -")
	f.StringVar(&o.plot, "plot", "", "draw the time a person by threads and batch, into a PNG file")
	f.StringVar(&o.compare, "compare", "", "hold the figures against an older report, a file that --json wrote")
	f.Float64Var(&o.tolerance, "tolerance", 0.05, "how much slower than --compare is allowed, as a share: 0.05 is 5 %")
}

func (o *benchOutputs) validate() error {
	streams := 0
	for _, path := range []string{o.json, o.csv, o.markdown} {
		if path == "-" {
			streams++
		}
	}
	switch {
	case streams > 1:
		return usagef("only one of --json, --csv and --markdown can go to standard output")
	case !(o.tolerance >= 0 && o.tolerance <= 10):
		return usagef("--tolerance is a share of the old time between 0 and 10, not %g", o.tolerance)
	case o.compare != "" && o.compare == o.json:
		return usagef("--json would overwrite %s before it is compared; give another file", o.json)
	}
	return nil
}

// readOld reads the report to compare with, before anything is measured; nil without one.
func (o *benchOutputs) readOld() (*bench.Report, error) {
	if o.compare == "" {
		return nil, nil
	}
	data, err := os.ReadFile(o.compare)
	if err != nil {
		return nil, fmt.Errorf("--compare: %w", err)
	}
	old, err := bench.Read(data)
	if err != nil {
		return nil, fmt.Errorf("--compare %s: %w; mhp bench --json FILE writes one", o.compare, err)
	}
	return old, nil
}

// write gives the report out: tables on standard output unless data goes there.
func (o *benchOutputs) write(e env, r *bench.Report, old *bench.Report) error {
	people := e.out
	for _, form := range []struct {
		path string
		make func() ([]byte, error)
	}{
		{o.json, r.JSON},
		{o.csv, func() ([]byte, error) { return r.CSV(), nil }},
		{o.markdown, func() ([]byte, error) { return r.Markdown(), nil }},
	} {
		if form.path == "" {
			continue
		}
		data, err := form.make()
		if err != nil {
			return fmt.Errorf("%s: %w", form.path, err)
		}
		if form.path == "-" {
			people = e.err
			if _, err := e.out.Write(data); err != nil {
				return err
			}
			continue
		}
		if err := writeWhole(form.path, data); err != nil {
			return err
		}
	}
	if o.plot != "" {
		if err := writePNG(o.plot, benchPlot(r)); err != nil {
			return err
		}
	}
	if people == e.out {
		if _, err := people.Write(r.Text()); err != nil {
			return err
		}
	}
	if old == nil {
		return nil
	}
	c := bench.Compare(old, r, o.tolerance)
	if _, err := fmt.Fprintf(people, "\nAgainst %s\n%s", o.compare, c.Text()); err != nil {
		return err
	}
	return slowerError(c, o.tolerance)
}

// benchPlot draws the time a person over the batch, or over the threads where
// there is one batch only; where there is one of both, a bar for each setting.
func benchPlot(r *bench.Report) image.Image {
	batches, threads := map[int]bool{}, map[int]bool{}
	for _, x := range r.Results {
		if x.Kind == bench.KindNetwork {
			batches[x.Batch], threads[x.Threads] = true, true
		}
	}
	o := render.ChartOptions{Title: "Time a person, median", YLabel: "ms a person", LegendAbove: true}
	switch {
	case len(batches) > 1:
		o.XLabel = "people of one run (batch)"
		return render.Chart(benchLines(r, func(s *bench.Setting) *int { return &s.Batch }), o)
	case len(threads) > 1:
		o.XLabel = "threads"
		return render.Chart(benchLines(r, func(s *bench.Setting) *int { return &s.Threads }), o)
	}
	var names []string
	var values []float64
	for _, x := range r.Results {
		if x.Kind == bench.KindNetwork {
			names, values = append(names, benchLineName(x.Setting)), append(values, x.MS.P50/float64(x.Batch))
		}
	}
	return render.Bars(names, values, render.ChartOptions{Title: "Network alone, ms a person, median"})
}

// benchLines are the curves over the quantity that along points to: one for
// each way to run a network that differs in anything else.
func benchLines(r *bench.Report, along func(*bench.Setting) *int) []render.Line {
	var lines []render.Line
	index := map[bench.Setting]int{}
	for _, x := range r.Results {
		if x.Kind != bench.KindNetwork {
			continue
		}
		way := x.Setting
		at := along(&way)
		value := *at
		*at = 0
		k, seen := index[way]
		if !seen {
			k = len(lines)
			index[way] = k
			lines = append(lines, render.Line{Name: benchLineName(way)})
		}
		lines[k].X = append(lines[k].X, float64(value))
		lines[k].Y = append(lines[k].Y, x.MS.P50/float64(x.Batch))
	}
	return lines
}

// benchLineName leaves out what is 0 because it lies along the axis.
func benchLineName(s bench.Setting) string {
	name := s.Model + ", " + s.Provider
	if s.Threads > 0 {
		name += fmt.Sprintf(", threads %d", s.Threads)
	}
	if s.Graph == graphPlain {
		name += ", plain"
	}
	if s.Spin {
		name += ", spinning"
	}
	return name
}
