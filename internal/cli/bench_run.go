package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"mhp/internal/bench"
	"mhp/internal/geom"
	"mhp/internal/infer"
	"mhp/internal/infer/ort"
	"mhp/internal/model"
	"mhp/internal/modelimport"
	"mhp/internal/onnx"
	"mhp/internal/pipeline"
	"mhp/internal/postprocess"
	"mhp/internal/preprocess"
	"mhp/internal/sink"
	"mhp/internal/tensor"
)

// benchCase is something to measure and what becomes of its figures.
type benchCase struct {
	run  bench.Case
	done func(r *bench.Report, s bench.Series)
}

// benchRun is one benchmark: open networks, cases, and the report that grows.
type benchRun struct {
	env    env
	flags  *benchFlags
	input  *benchPictures
	report *bench.Report
	cases  []benchCase
	close  []io.Closer // in the order of opening
	files  map[[2]string]*model.File
}

func newBenchRun(e env, f *benchFlags, input *benchPictures) *benchRun {
	cpus := ort.CountCPUs()
	return &benchRun{env: e, flags: f, input: input, files: map[[2]string]*model.File{}, report: &bench.Report{
		Format: bench.ReportFormat, Program: "mhp " + Version, Time: time.Now().UTC().Format(time.RFC3339), Input: input.name,
		Machine: bench.Machine{
			System: runtime.GOOS + "/" + runtime.GOARCH, CPU: cpus.Model, Go: runtime.Version(),
			PhysicalCores: cpus.Physical, LogicalCores: cpus.Logical, QuotaCores: cpus.Quota,
		},
	}}
}

// Close ends what was opened, the last first.
func (b *benchRun) Close() error {
	var errs []error
	for i := len(b.close) - 1; i >= 0; i-- {
		errs = append(errs, b.close[i].Close())
	}
	return errors.Join(errs...)
}

// prepare opens every network and makes the cases: the yardstick first, then
// each session's network alone and whole way.
func (b *benchRun) prepare(ctx context.Context) error {
	settings := b.flags.grid.sessions()
	for _, s := range settings {
		if err := b.addSession(ctx, s); err != nil {
			return err
		}
	}
	seen := map[int]bool{}
	for _, s := range settings {
		if !seen[s.threads] {
			seen[s.threads] = true
			if err := b.addYardstick(s.threads); err != nil {
				return err
			}
		}
	}
	return nil
}

// file is a network in the form of a graph that --graph names.
func (b *benchRun) file(name, graph string) (*model.File, error) {
	key := [2]string{name, graph}
	if f := b.files[key]; f != nil {
		return f, nil
	}
	f, err := store().Resolve(name)
	if err != nil {
		return nil, err
	}
	if graph == graphPlain {
		if f, err = modelimport.Plain(f); err != nil {
			return nil, err
		}
	}
	m := bench.Model{Name: benchName(name, f), Graph: graph, SHA256: f.SHA256, Trained: f.Spec.Trained, Parameters: f.Spec.Parameters}
	if parsed, err := onnx.Parse(f.Bytes); err == nil {
		// A graph that cannot be counted is measured all the same, without a rate.
		if work, err := onnx.MultiplyAdds(parsed, []int64{1, 3, int64(f.Spec.InputHPx), int64(f.Spec.InputWPx)}); err == nil {
			m.MultiplyAdds, m.ConvAdds = work.Total(), work.Conv
		}
	}
	b.files[key] = f
	b.report.Models = append(b.report.Models, m)
	return f, nil
}

// benchName is how reports name a network: built-in ones by their name, files by what was given.
func benchName(given string, f *model.File) string {
	if strings.HasSuffix(given, ".onnx") {
		return given
	}
	return f.Spec.Name
}

// addSession opens a network and adds its cases.
func (b *benchRun) addSession(ctx context.Context, s sessionSetting) error {
	begin := time.Now()
	file, err := b.file(s.model, s.graph)
	if err != nil {
		return err
	}
	session, err := ort.Open(libraryOptions(b.flags.library), file.Bytes, file.Spec, s.options())
	if err != nil {
		return err
	}
	b.close = append(b.close, session)
	runner, err := session.NewRunner()
	if err != nil {
		return err
	}
	b.close = append(b.close, runner)
	loaded := time.Since(begin)
	library := session.Library()
	b.report.Machine.Library, b.report.Machine.Providers = runner.Library(), library.Providers
	name := benchName(s.model, file)
	load := bench.Load{Model: name, Graph: s.graph, Provider: runner.Provider(), Threads: s.threads, LoadMS: float64(loaded.Microseconds()) / 1e3}
	whole, err := b.newWholeWay(runner, s.threads)
	if err != nil {
		return err
	}
	if _, err := whole.run(ctx); err != nil {
		return err
	}
	load.FirstMS = float64(time.Since(begin).Microseconds()) / 1e3
	b.report.Loads = append(b.report.Loads, load)
	for _, batch := range b.flags.grid.batches {
		if err := b.addNetwork(session, s, name, batch); err != nil {
			return err
		}
	}
	if s.graph == graphRewritten {
		setting := s.of(bench.KindWhole, name, runner.Provider(), 1)
		b.add(setting, whole.run, whole.people, wholeStages)
	}
	return nil
}

// add makes a case of a setting; people tells how many one run estimates.
func (b *benchRun) add(s bench.Setting, run func(context.Context) ([]time.Duration, error), people func() int, stages []string) {
	c := bench.Case{Name: s.String(), Run: run}
	if s.Spin {
		c.Rest = benchRest
	}
	b.cases = append(b.cases, benchCase{c, func(r *bench.Report, series bench.Series) {
		r.Results = append(r.Results, bench.ResultOf(s, series, people(), stages))
	}})
}

// addNetwork measures the network alone on a batch of the same crop. A head
// that ends at the heat volume is decoded too, since only then are there joints.
func (b *benchRun) addNetwork(session *ort.Session, s sessionSetting, name string, batch int) error {
	runner, err := session.NewRunner()
	if err != nil {
		return err
	}
	b.close = append(b.close, runner)
	input, err := runner.Input(batch)
	if err != nil {
		return err
	}
	if err := b.fillCrops(runner.Spec(), input, batch); err != nil {
		return err
	}
	decoder := postprocess.New(runner.Spec())
	decoder.Threads = s.threads
	points := make([]postprocess.HeatPoint, len(runner.Spec().Set.Joints))
	run := func(ctx context.Context) ([]time.Duration, error) {
		out, err := runner.Run(ctx, batch)
		if err != nil {
			return nil, err
		}
		if size := len(out.Heatmap.Data) / batch; size > 0 {
			for i := range batch {
				decoder.Volume(points, out.Heatmap.Data[i*size:(i+1)*size])
			}
		}
		return nil, nil
	}
	b.add(s.of(bench.KindNetwork, name, runner.Provider(), batch), run, func() int { return batch }, nil)
	return nil
}

// fillCrops puts the same person into each place of a batch.
func (b *benchRun) fillCrops(spec *model.Spec, input tensor.Tensor, batch int) error {
	f, err := b.input.next()
	if err != nil {
		return err
	}
	defer f.Release()
	boxes, err := b.input.finder.Find(context.Background(), f)
	if err != nil {
		return err
	}
	box := geom.BoxPx{W: float64(f.WidthPx), H: float64(f.HeightPx)}
	if len(boxes) > 0 {
		box = boxes[0].BoxPx
	}
	square, err := preprocess.SquareBox(box, f.WidthPx, f.HeightPx)
	if err != nil {
		return err
	}
	cropper, size := preprocess.New(spec), len(input.Data)/batch
	for i := range batch {
		cropper.Crop(input.Data[i*size:(i+1)*size], f, geom.SquareCrop(square, spec.InputWPx), geom.View{})
	}
	return nil
}

// wholeStages are the parts of the whole way, in their order.
var wholeStages = []string{"decode", "detect", bench.StageCrop, bench.StageRun, bench.StageJoints, bench.StageCamera, "output"}

// wholeWay takes a picture from its bytes to joints that are written away.
type wholeWay struct {
	input     *benchPictures
	estimator *pipeline.Estimator
	out       sink.Sink
	parts     []time.Duration
	last      int // people of the last picture
}

func (b *benchRun) newWholeWay(runner infer.Runner, threads int) (*wholeWay, error) {
	refine := 1 // as mhp predict does with boxes that were searched for
	if b.input.finder.given {
		refine = 0
	}
	estimator, err := pipeline.NewEstimator(runner, b.input.finder, pipeline.EstimatorOptions{
		Depth: pipeline.DepthBox, Threads: threads, Camera: fromLens,
		People: pipeline.PeopleOptions{Refine: refine, MergeBelow: mergeBelow},
	})
	if err != nil {
		return nil, err
	}
	out, err := sink.NewJSON(sink.JSONOptions{FileOptions: sink.FileOptions{Path: "-", Stdout: io.Discard}, Program: sink.Program{Name: "mhp", Version: Version}, Lines: true})
	if err != nil {
		return nil, err
	}
	b.close = append(b.close, out)
	return &wholeWay{input: b.input, estimator: estimator, out: out, parts: make([]time.Duration, len(wholeStages))}, nil
}

func (w *wholeWay) people() int { return w.last }

func (w *wholeWay) run(ctx context.Context) ([]time.Duration, error) {
	start := time.Now()
	f, err := w.input.next()
	if err != nil {
		return nil, err
	}
	defer f.Release()
	decoded := time.Now()
	before := w.estimator.Timings()
	p, err := w.estimator.Picture(ctx, f)
	if err != nil {
		return nil, err
	}
	after, written := w.estimator.Timings(), time.Now()
	if err := w.out.Write(ctx, f, p); err != nil {
		return nil, err
	}
	w.last = len(p.People)
	copy(w.parts, []time.Duration{
		decoded.Sub(start), after.Detect - before.Detect, after.Crop - before.Crop, after.Run - before.Run,
		after.Joints - before.Joints, after.Camera - before.Camera, time.Since(written),
	})
	return w.parts, nil
}

// yardstickSide is the side of the matrices whose product is the yardstick: 4 MB
// each, large enough that its threads are busy.
const yardstickSide = 1024

// addYardstick measures the library's own matrix product on so many threads.
func (b *benchRun) addYardstick(threads int) error {
	data, err := onnx.MatMulModel(yardstickSide, yardstickSide, yardstickSide)
	if err != nil {
		return err
	}
	inputs := make([]tensor.Tensor, 2)
	for k := range inputs {
		inputs[k] = tensor.New(yardstickSide, yardstickSide)
		for i := range inputs[k].Data {
			inputs[k].Data[i] = float32(i%7) - 3
		}
	}
	kernel, err := ort.OpenKernel(libraryOptions(b.flags.library), data, inputs, ort.Options{Threads: threads, Providers: []string{ort.CPU}})
	if err != nil {
		return err
	}
	b.close = append(b.close, kernel)
	run := func(context.Context) ([]time.Duration, error) { return nil, kernel.Run() }
	b.cases = append(b.cases, benchCase{
		bench.Case{Name: fmt.Sprintf("yardstick, %d threads", threads), Run: run},
		func(r *bench.Report, s bench.Series) {
			const operations = 2.0 * yardstickSide * yardstickSide * yardstickSide
			best := s.MS[0]
			for _, block := range s.Blocks {
				best = min(best, block)
			}
			r.Yardstick = append(r.Yardstick, bench.Peak{Threads: threads, GFLOPS: operations / (best * 1e6)})
		},
	})
	return nil
}

// profileRuns are traced for --profile.
const profileRuns = 20

// profiles traces each session setting once.
func (b *benchRun) profiles() error {
	for _, s := range b.flags.grid.sessions() {
		if s.spin {
			continue // the same operators
		}
		file, err := b.file(s.model, s.graph)
		if err != nil {
			return err
		}
		p, err := b.profileOf(s, file)
		if err != nil {
			return err
		}
		b.report.Profiles = append(b.report.Profiles, p)
	}
	return nil
}

func (b *benchRun) profileOf(s sessionSetting, file *model.File) (p bench.Profile, err error) {
	dir, err := os.MkdirTemp("", "mhp-bench-*")
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	nodes, err := ort.Profile(libraryOptions(b.flags.library), file, s.options(), 1, profileRuns, dir)
	if err != nil {
		return p, err
	}
	name := benchName(s.model, file)
	p = bench.ProfileOf(s.of(bench.KindNetwork, name, "", 1), len(nodes), func(i int) (op, provider string, ms float64) {
		n := nodes[i]
		return n.Op, n.Provider, n.Median.Seconds() * 1000
	})
	for _, m := range b.report.Models {
		if m.Name == name && m.Graph == s.graph {
			p.Rate(m.ConvAdds, b.report.Peak(s.threads))
		}
	}
	return p, nil
}
