package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"mhp/internal/camera"
	"mhp/internal/dataset"
	"mhp/internal/detect"
	"mhp/internal/frame"
	"mhp/internal/geom"
	"mhp/internal/pipeline"
	"mhp/internal/pose"
	"mhp/internal/preprocess"
	"mhp/internal/source"
	"mhp/internal/ui"
)

// run measures one data set and writes the report.
func (f *evalFlags) run(ctx context.Context, e env, job *evalJob) (err error) {
	defer func() { err = closeSet(job.set, err) }()
	if err := f.out.validate(); err != nil {
		return err
	}
	if err := job.findBoxes(ctx, e, &f.network); err != nil {
		return err
	}
	rt, err := f.network.open(e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rt.Close()) }()
	plan, err := dataset.NewPlan(job.set, rt.info.Set, f.common)
	if err != nil {
		return err
	}
	for _, m := range job.set.Missing {
		fmt.Fprintf(e.err, "mhp: WARNING: %s: %s\n", job.set.Title, m)
	}
	meter := evalMeter(newGivenMeter(plan, depthTrue))
	if job.meter != nil {
		meter = job.meter(plan)
	}
	worst := newWorst(f.out.worst)
	meter.remember(worst)
	failed, err := f.predict(ctx, e, job, rt, meter)
	if err != nil {
		return err
	}
	title := job.set.Title
	if len(plan.Missing) > 0 {
		title += fmt.Sprintf(" (COMMON JOINTS ONLY: %d of %d)", plan.Common(), len(job.set.Needed))
	}
	report := meter.report(title + ": " + rt.info.Name)
	report.Facts, report.Joints = job.facts(plan, rt, f), plan.AveragedJoints()
	report.Warnings = append(job.set.Missing, report.Warnings...)
	if failed > 0 {
		report.Warnings = append(report.Warnings, fmt.Sprintf("%d of %d pictures could not be evaluated", failed, len(job.set.Pictures)))
	}
	if !rt.info.Trained {
		report.Warnings = append(report.Warnings, "the network is NOT TRAINED: these figures mean nothing")
	}
	if job.paper != nil {
		report.PaperMetrics, report.Paper = job.paper()
	}
	if report.People == 0 {
		return &dataset.Error{File: job.set.Title, Problem: fmt.Sprintf("nobody could be evaluated in %d pictures", len(job.set.Pictures)), Remedy: "see the messages above"}
	}
	if err := f.out.write(e, report); err != nil {
		return err
	}
	return f.out.draw(e, report, worst, job, rt)
}

// shownFailures is how many failed pictures are told one by one.
const shownFailures = 10

// predict runs the network over the set's pictures and hands each picture's
// predictions to the meter, in the set's order. It returns how many pictures failed.
func (f *evalFlags) predict(ctx context.Context, e env, job *evalJob, rt *network, meter evalMeter) (failed int, err error) {
	cache, err := openCache(f.cache, cacheKey(job, rt, f))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, cache.Close()) }()
	s := &evalStream{set: job.set, meter: meter, cache: cache, at: map[string]int{}, kept: make([][]int, len(job.set.Pictures)),
		opts: source.Options{Pool: &source.Pool{}}, source: detect.SourceGiven}
	if job.boxes != nil && job.boxes.boxes == boxesFound {
		s.source = detect.SourceDetector
	}
	for i := range job.set.Pictures {
		s.at[job.set.Pictures[i].Name] = i
	}
	estimator, err := pipeline.NewEstimator(rt.runner, s, pipeline.EstimatorOptions{
		Looks: f.looks, Depth: pipeline.DepthBox, Threads: rt.session.Threads(), Camera: s.camera,
		People: job.boxes.people(),
	})
	if err != nil {
		return 0, usagef("%w", err)
	}
	bar := ui.NewProgress(e.err, len(job.set.Pictures), "pictures")
	s.step = bar.Step
	workers := min(4, max(1, runtime.NumCPU()))
	if job.inOrder {
		workers = 1
	}
	summary, err := pipeline.Batch(ctx, s, estimator, s, pipeline.BatchOptions{
		DecodeWorkers: workers, Queue: workers,
		Failed: func(err error) {
			if failed++; failed <= shownFailures {
				bar.Clear()
				printError(e.err, err)
			}
		},
	})
	if err == nil {
		err = s.finish()
	}
	bar.Close()
	return summary.Failed, err
}

// evalStream is the pipeline's source, finder of people and sink at once: it
// lists the pictures that the cache lacks, and hands all pictures to the meter
// in the set's order, those of the cache between the others.
type evalStream struct {
	set    *dataset.Set
	meter  evalMeter
	cache  *evalCache
	at     map[string]int // picture by name
	kept   [][]int        // by picture: which of its boxes could be used
	opts   source.Options
	step   func()
	source string // of the boxes

	listed int // next picture to list
	given  int // next picture to hand to the meter
}

// Next lists the next picture that has to be run.
func (s *evalStream) Next() (pipeline.Job, error) {
	for ; s.listed < len(s.set.Pictures); s.listed++ {
		p := &s.set.Pictures[s.listed]
		if len(p.Boxes) == 0 || s.cache.has(s.listed) {
			continue
		}
		s.listed++
		return pipeline.Job{Name: p.Name, Decode: func() (*frame.Frame, error) {
			fr, err := p.Open(s.opts)
			if err == nil {
				fr.Name = p.Name
			}
			return fr, err
		}}, nil
	}
	return pipeline.Job{}, io.EOF
}

// Find gives a picture's boxes but those that no crop can be made from.
func (s *evalStream) Find(_ context.Context, f *frame.Frame) ([]detect.Box, error) {
	i := s.at[f.Name]
	var boxes []detect.Box
	for k, b := range s.set.Pictures[i].Boxes {
		if _, err := preprocess.SquareBox(b.BoxPx, f.WidthPx, f.HeightPx); err != nil && !b.Crop {
			continue
		}
		s.kept[i] = append(s.kept[i], k)
		boxes = append(boxes, detect.Box{BoxPx: b.BoxPx, Score: b.Score, Source: s.source, Crop: b.Crop})
	}
	return boxes, nil
}

func (s *evalStream) camera(f *frame.Frame) (geom.Intrinsics, error) {
	if k := s.set.Pictures[s.at[f.Name]].Camera; k.FxPx > 0 {
		return k, nil
	}
	return camera.Default(f.WidthPx, f.HeightPx), nil
}

// Write takes what the network said of one picture.
func (s *evalStream) Write(_ context.Context, _ *frame.Frame, p *pose.Picture) error {
	i := s.at[p.Name]
	found := make([]*dataset.Prediction, len(s.set.Pictures[i].Boxes))
	for n, k := range s.kept[i] {
		found[k] = predictionOf(&p.People[n])
	}
	s.kept[i] = nil
	if err := s.cache.put(i, found); err != nil {
		return err
	}
	if err := s.handOver(i); err != nil {
		return err
	}
	s.give(i, found)
	return nil
}

// handOver gives the meter the cached pictures before picture end.
func (s *evalStream) handOver(end int) error {
	for ; s.given < end; s.given++ {
		if found, ok, err := s.cache.get(s.given); err != nil {
			return err
		} else if ok {
			s.meter.picture(&s.set.Pictures[s.given], found)
			s.step()
		} else if len(s.set.Pictures[s.given].Boxes) == 0 {
			s.meter.picture(&s.set.Pictures[s.given], nil)
			s.step()
		}
	}
	return nil
}

func (s *evalStream) give(i int, found []*dataset.Prediction) {
	s.meter.picture(&s.set.Pictures[i], found)
	s.given = i + 1
	s.step()
}

func (s *evalStream) finish() error { return s.handOver(len(s.set.Pictures)) }

// Close has nothing to end.
func (s *evalStream) Close() error { return nil }

// predictionOf keeps what does not depend on the root depth.
func predictionOf(p *pose.Person) *dataset.Prediction {
	out := &dataset.Prediction{BoxDepthMM: p.RootDepthMM, Axis: p.DepthAxis, Root: p.Set.Root()}
	along := func(q geom.CameraPointMM) float64 { return out.Axis.X*q.X + out.Axis.Y*q.Y + out.Axis.Z*q.Z }
	// The root's own depth is not quite what it was placed at: the network gives it a z, too.
	root := along(p.Root().Camera) / p.Root().Camera.Z * p.RootDepthMM
	for _, j := range p.Joints {
		out.Px, out.DepthMM, out.Score = append(out.Px, j.Image), append(out.DepthMM, along(j.Camera)-root), append(out.Score, j.Score)
	}
	return out
}
