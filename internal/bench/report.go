package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
)

// ReportFormat is the version of the JSON report. It grows when a field changes its meaning or goes.
const ReportFormat = 1

// The two things that are measured.
const (
	KindNetwork = "network"   // one run of the network alone, on a batch of people
	KindWhole   = "whole way" // encoded picture to written joints
)

// Report is all that one benchmark found out.
type Report struct {
	Format    int        `json:"format"`
	Program   string     `json:"program"` // "mhp 1.2.3"
	Time      string     `json:"time"`    // RFC 3339
	Machine   Machine    `json:"machine"`
	Input     string     `json:"input"` // what was decoded
	Models    []Model    `json:"models"`
	Yardstick []Peak     `json:"matmul_peak"`
	Loads     []Load     `json:"loads"`
	Results   []Result   `json:"results"`
	Profiles  []Profile  `json:"profiles"`
	Load      SystemLoad `json:"system"`
	Warnings  []string   `json:"warnings"`
}

// Machine is where it ran.
type Machine struct {
	System        string   `json:"system"` // "linux/amd64"
	CPU           string   `json:"cpu"`
	PhysicalCores int      `json:"physical_cores"`
	LogicalCores  int      `json:"logical_cores"`
	QuotaCores    float64  `json:"quota_cores"` // 0: none
	Library       string   `json:"library"`     // "onnxruntime 1.26.0"
	Providers     []string `json:"providers"`
	Go            string   `json:"go"`
}

// Model is a network that was measured.
type Model struct {
	Name         string `json:"name"`
	Graph        string `json:"graph"` // "plain" or "rewritten"
	SHA256       string `json:"sha256"`
	Trained      bool   `json:"trained"`
	Parameters   int    `json:"parameters"`
	MultiplyAdds int64  `json:"multiply_adds"` // of one person; 0: not known
	ConvAdds     int64  `json:"conv_multiply_adds"`
}

// Peak is what a matrix product of 1024 x 1024 x 1024 reaches with so many threads.
type Peak struct {
	Threads int     `json:"threads"`
	GFLOPS  float64 `json:"gflops"` // of the fastest block: two operations a multiply-add
}

// Setting is one way to run one network.
type Setting struct {
	Kind     string `json:"kind"`
	Model    string `json:"model"`
	Graph    string `json:"graph"`
	Provider string `json:"provider"`
	Threads  int    `json:"threads"`
	Spin     bool   `json:"spin"`
	Batch    int    `json:"batch"`
}

// Load is how long a network took until it was of use.
type Load struct {
	Model    string  `json:"model"`
	Graph    string  `json:"graph"`
	Provider string  `json:"provider"`
	Threads  int     `json:"threads"`
	LoadMS   float64 `json:"load_ms"`         // reading, checking and optimising; the first of a process also loads the library
	FirstMS  float64 `json:"first_result_ms"` // load, and the first picture from its file to its joints; 0: not measured
}

// Result is one setting's figures.
type Result struct {
	Setting
	MS         Spread    `json:"ms"`     // of a run
	Blocks     []float64 `json:"blocks"` // median of each block, ms
	WarmMS     []float64 `json:"warm_ms"`
	Stages     []Stage   `json:"stages,omitempty"` // the whole way's
	People     float64   `json:"people_per_s"`     // runs x people / seconds
	CPUSeconds float64   `json:"cpu_s_per_person"`
	GFLOPS     float64   `json:"gflops,omitempty"` // network alone, of the fastest block as for the yardstick
	OfPeak     float64   `json:"of_peak,omitempty"`
}

// Stage is a part of the whole way.
type Stage struct {
	Name string `json:"name"`
	MS   Spread `json:"ms"`
}

// Profile is where the time goes inside a network, by the library's own trace.
type Profile struct {
	Setting
	Partitions int      `json:"partitions"` // stretches of the graph that the provider took
	OnCPU      int      `json:"nodes_on_cpu"`
	Nodes      int      `json:"nodes"`
	Ops        []OpTime `json:"operators"`
	ConvGFLOPS float64  `json:"conv_gflops,omitempty"`
	ConvOfPeak float64  `json:"conv_of_peak,omitempty"`
}

// OpTime is what all operators of a kind took in one run.
type OpTime struct {
	Op       string  `json:"op"`
	Provider string  `json:"provider"`
	Nodes    int     `json:"nodes"`
	MS       float64 `json:"ms"`
	Share    float64 `json:"share"` // of the time in all operators
}

// ResultOf sums a series up; people is how many a run estimates.
func ResultOf(s Setting, series Series, people int, stages []string) Result {
	r := Result{Setting: s, MS: Summarise(series.MS), Blocks: series.Blocks, WarmMS: series.WarmMS}
	if n := float64(len(series.MS) * people); n > 0 && series.Wall > 0 {
		r.People = n / series.Wall.Seconds()
		r.CPUSeconds = series.CPU.Seconds() / n
	}
	for i, part := range series.Parts {
		r.Stages = append(r.Stages, Stage{Name: stages[i], MS: Summarise(part)})
	}
	return r
}

// Rate fills in what a network of so many multiply-adds a person achieves: in
// its fastest block, since the yardstick is that too.
func (r *Result) Rate(multiplyAdds int64, peakGFLOPS float64) {
	if multiplyAdds == 0 || len(r.Blocks) == 0 {
		return
	}
	const perMultiplyAdd = 2
	r.GFLOPS = perMultiplyAdd * float64(multiplyAdds) * float64(r.Batch) / (slices.Min(r.Blocks) * 1e6)
	if peakGFLOPS > 0 {
		r.OfPeak = r.GFLOPS / peakGFLOPS
	}
}

// Best is the result of a model's network alone with the most people a second.
func (r *Report) Best(model string) (Result, bool) {
	var best Result
	for _, x := range r.Results {
		if x.Kind == KindNetwork && x.Model == model && x.People > best.People {
			best = x
		}
	}
	return best, best.People > 0
}

// Peak is the yardstick for so many threads, 0 if it was not measured.
func (r *Report) Peak(threads int) float64 {
	for _, p := range r.Yardstick {
		if p.Threads == threads {
			return p.GFLOPS
		}
	}
	return 0
}

// JSON is the report as Read takes it.
func (r *Report) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(r, "", "  ")
	return append(b, '\n'), err
}

// Read takes a report that JSON wrote.
func Read(data []byte) (*Report, error) {
	var r Report
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("it is no report of mhp bench: %w", err)
	}
	if r.Format != ReportFormat {
		return nil, fmt.Errorf("it is a report of format %d, this program reads %d", r.Format, ReportFormat)
	}
	for _, x := range r.Results {
		for _, b := range x.Blocks {
			if !(b > 0) || math.IsInf(b, 0) {
				return nil, errors.New("it holds a time that is not above 0")
			}
		}
	}
	return &r, nil
}
