package bench

import (
	"encoding/csv"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// sample is a report of one network on the CPU and on an accelerator.
func sample() *Report {
	network := func(provider string, batch int, blocks ...float64) Result {
		r := ResultOf(Setting{KindNetwork, "mhp-xs", "rewritten", provider, 2, false, batch},
			Series{MS: blocks, Blocks: blocks, WarmMS: []float64{9, 5}, Wall: time.Second, CPU: 2 * time.Second}, batch, nil)
		r.Rate(100e6, 80)
		return r
	}
	whole := ResultOf(Setting{KindWhole, "mhp-xs", "rewritten", "cpu", 2, false, 1}, Series{
		MS: []float64{10}, Blocks: []float64{10}, Wall: 10 * time.Millisecond, Parts: [][]float64{{5}, {1}, {3}, {0.5}, {0.25}},
	}, 1, []string{"decode", StageCrop, StageRun, StageJoints, StageCamera})
	return &Report{
		Format: ReportFormat, Program: "mhp 1", Time: "2026-01-02T03:04:05Z", Input: "drawn",
		Machine:   Machine{System: "linux/amd64", CPU: "Chip", PhysicalCores: 1, LogicalCores: 2, Library: "onnxruntime 1.26.0", Providers: []string{"cpu"}, Go: "go1"},
		Models:    []Model{{Name: "mhp-xs", Graph: "rewritten", SHA256: "ab", Trained: true, Parameters: 1234567, MultiplyAdds: 100e6}},
		Yardstick: []Peak{{2, 80}},
		Loads:     []Load{{"mhp-xs", "rewritten", "cpu", 2, 50, 80}},
		Results:   []Result{network("cpu", 1, 4, 5, 6), network("cpu", 4, 16, 20), network("coreml", 1, 50), whole},
		Profiles: []Profile{ProfileOf(Setting{Kind: KindNetwork, Model: "mhp-xs", Threads: 2, Batch: 1}, 3, func(i int) (string, string, float64) {
			return []string{"Conv", "Exp", "Conv"}[i], "cpu", []float64{2, 1, 1}[i]
		})},
		Load: SystemLoad{OtherCores: 0.5, Steal: 0.02, PeakMemoryMB: 90},
	}
}

func TestResultsAndRates(t *testing.T) {
	r := sample()
	x := r.Results[1] // 2 runs of 4 people in a second of wall time, 2 of CPU time
	if x.People != 8 || x.CPUSeconds != 0.25 {
		t.Errorf("%g people a second, %g CPU seconds each", x.People, x.CPUSeconds)
	}
	// 2 operations x 100 M x 4 people in the fastest block's 16 ms.
	if x.GFLOPS != 50 || x.OfPeak != 0.625 {
		t.Errorf("%g GFLOP/s, %g of the peak", x.GFLOPS, x.OfPeak)
	}
	if best, ok := r.Best("mhp-xs"); !ok || best.Batch != 4 {
		t.Errorf("best %+v", best)
	}
	if _, ok := r.Best("other"); ok {
		t.Error("there is a best of a network that was not measured")
	}
	if got := r.Results[3].overhead(); got != "1.583" { // (1 + 3 + 0.5 + 0.25) / 3
		t.Errorf("all/run %s", got)
	}
	p := r.Profiles[0]
	if p.Ops[0] != (OpTime{"Conv", "cpu", 2, 3, 0.75}) || p.OnCPU != 3 || p.Partitions != 0 || p.Provider != "cpu" {
		t.Errorf("%+v", p)
	}
	if p.Rate(60e6, 80); p.ConvGFLOPS != 40 || p.ConvOfPeak != 0.5 { // 120 M operations in 3 ms
		t.Errorf("%g GFLOP/s, %g", p.ConvGFLOPS, p.ConvOfPeak)
	}
}

func TestProfileCountsPartitions(t *testing.T) {
	providers := []string{"cpu", "coreml", "coreml", "cpu", "coreml"}
	p := ProfileOf(Setting{}, len(providers), func(i int) (string, string, float64) { return "X", providers[i], 1 })
	if p.Partitions != 2 || p.OnCPU != 2 || p.Nodes != 5 || p.Provider != "coreml" {
		t.Errorf("%+v", p)
	}
}

func TestReportForms(t *testing.T) {
	r := sample()
	r.Warn()
	data, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Read(data)
	if err != nil || !reflect.DeepEqual(again, r) {
		t.Errorf("the report changes on its way through JSON (%v):\n%+v\n%+v", err, again, r)
	}
	for _, text := range []string{string(r.Text()), string(r.Markdown())} {
		for _, want := range []string{"1,234,567 parameters", "80.0 GFLOP/s", "p99", "62 %", "8.0 people/s with batch 4", "0.50 cores", "1.583", "75.0 %"} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
	}
	rows, err := csv.NewReader(strings.NewReader(string(r.CSV()))).ReadAll()
	if err != nil || len(rows) != 1+len(r.Results) || rows[1][10] != "5" {
		t.Errorf("rows %q, error %v", rows, err)
	}
	if quoted(`a,"b`) != `"a,""b"` {
		t.Error(quoted(`a,"b`))
	}
}

func TestReadRefuses(t *testing.T) {
	for _, text := range []string{"", "{", `{"format": 99}`, `{"format": 1, "results": [{"blocks": [0]}]}`, `[]`} {
		if _, err := Read([]byte(text)); err == nil {
			t.Errorf("%q passes for a report", text)
		}
	}
}

func FuzzRead(f *testing.F) {
	data, err := sample().JSON()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"format":1,"results":[{"kind":"network","blocks":[1e300]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Read(data)
		if err != nil {
			return
		}
		r.Warn()
		if len(r.Text()) == 0 || len(Compare(r, r, 0).Text()) == 0 {
			t.Error("nothing to show")
		}
		if n := Compare(r, r, 0.05).Slower(); n > 0 && len(r.Results) == 1 && len(r.Results[0].Blocks) == 1 {
			t.Errorf("a report is slower than itself in %d settings", n)
		}
	})
}

func TestWarnings(t *testing.T) {
	r := sample()
	r.Models[0].Trained = false
	r.Results[0].MS.P90 = 100
	r.Warn()
	all := strings.Join(r.Warnings, "\n")
	for _, want := range []string{"2 threads on 1 cores", "0.5 cores", "steal", "1 of 4 settings", "times as fast on the CPU as on coreml", "NOT TRAINED"} {
		if !strings.Contains(all, want) {
			t.Errorf("no warning of %q in\n%s", want, all)
		}
	}
	quiet := sample()
	quiet.Machine.PhysicalCores, quiet.Load, quiet.Results = 8, SystemLoad{-1, -1, 0}, quiet.Results[:2]
	if quiet.Warn(); len(quiet.Warnings) != 0 {
		t.Errorf("warnings without a reason: %q", quiet.Warnings)
	}
}

func TestCompare(t *testing.T) {
	blocks := func(around float64) []float64 {
		var b []float64
		for i := range 21 {
			b = append(b, around*(0.99+0.001*float64(i)))
		}
		return b
	}
	report := func(network, whole float64) *Report {
		r := sample()
		r.Results = []Result{r.Results[0], r.Results[3]}
		r.Results[0].Blocks, r.Results[1].Blocks = blocks(network), blocks(whole)
		return r
	}
	for name, c := range map[string]struct {
		network, whole, tolerance float64
		slower                    int
	}{
		"the same":                 {4, 10, 0, 0},
		"slower, within":           {4.1, 10, 0.05, 0},
		"slower, beyond":           {4.4, 10, 0.05, 1},
		"both":                     {8, 20, 0.05, 2},
		"faster":                   {2, 5, 0, 0},
		"slower, at any tolerance": {8, 20, 9, 0},
	} {
		got := Compare(report(4, 10), report(c.network, c.whole), c.tolerance)
		if got.Slower() != c.slower || len(got.Changes) != 2 {
			t.Errorf("%s: %d slower, want %d\n%s", name, got.Slower(), c.slower, got.Text())
		}
	}
	now := report(4, 10)
	now.Machine.CPU, now.Yardstick, now.Models[0].SHA256, now.Results[0].Threads = "Other", []Peak{{2, 160}}, "cd", 16
	c := Compare(report(4, 10), now, 0)
	text := string(c.Text())
	for _, want := range []string{"processor differs", "2.00 times as many", "another file", "not in the old report: network, mhp-xs, cpu, 16 threads"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if c.Machine != 2 || len(c.OnlyNow) != 1 {
		t.Errorf("%+v", c)
	}
}

func TestSnapshots(t *testing.T) {
	stat := func(line string) fstest.MapFS { return fstest.MapFS{"proc/stat": {Data: []byte(line)}} }
	before := TakeSnapshot(stat("cpu  100 0 100 1000 0 0 0 0 0 0\ncpu0 1\n"))
	after := TakeSnapshot(stat("cpu  200 0 200 1100 0 0 0 100 0 0\ncpu0 1\n"))
	after.at, after.own = before.at.Add(2*time.Second), before.own+time.Second
	// 4 s in all, 2 s of them busy of which one our own; 1 s stolen.
	got := after.Since(before)
	if got.OtherCores != 0.5 || got.Steal != 0.25 {
		t.Errorf("%+v", got)
	}
	for _, bad := range []string{"", "cpu 1 2", "cpu a b c d e f g h", "other"} {
		if got := TakeSnapshot(stat(bad)).Since(before); got.OtherCores != -1 || got.Steal != -1 {
			t.Errorf("%q gives %+v", bad, got)
		}
	}
}

func TestUsage(t *testing.T) {
	start := CPUTime()
	if start == 0 {
		t.Skip("this system is not asked")
	}
	x := 1.0
	for CPUTime() < start+5*time.Millisecond {
		for range 1000 {
			x = x*1.0000001 + 1
		}
	}
	if x == 0 || PeakMemoryMB() < 1 || PeakMemoryMB() > 1e5 {
		t.Errorf("peak memory %g MB", PeakMemoryMB())
	}
}
