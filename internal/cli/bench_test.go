package cli

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"mhp/internal/detect"
	"mhp/internal/geom"
	"mhp/internal/infer/ort"
	"mhp/internal/pipeline"
)

// BenchmarkOnePerson compares one person's whole way from the decoded picture
// to joints in mm with the network alone, in turn within one run, so that what
// else the machine does hits both alike. The picture is decoded as mhp predict
// does, as large as the network needs it. "all/run" is the ratio of the
// medians, "all/run-p10" that of the fastest tenths' ends.
func BenchmarkOnePerson(b *testing.B) {
	root, err := filepath.Abs("../..")
	if err != nil {
		b.Fatal(err)
	}
	library := testLibrary(root)
	if library == "" {
		b.Skip("no ONNX Runtime library; make onnxruntime fetches it")
	}
	file, err := store().Resolve("xs")
	if err != nil {
		b.Fatal(err)
	}
	session, err := ort.Open(ort.LibraryOptions{Flag: library}, file.Bytes, file.Spec, ort.Options{Threads: 2})
	if err != nil {
		b.Fatal(err)
	}
	defer session.Close()
	runner, err := session.NewRunner()
	if err != nil {
		b.Fatal(err)
	}
	defer runner.Close()
	box := geom.BoxPx{X: 300, Y: 50, W: 500, H: 850}
	from := &finder{Finder: detect.Given([]geom.BoxPx{box}), given: true}
	inputs := newImages([]string{filepath.Join(root, "testdata", "sample", "one.jpg")}, &predictFlags{}, nil)
	defer inputs.Close()
	inputs.hasten(from, file.Spec.InputWPx)
	job, err := inputs.Next()
	if err != nil {
		b.Fatal(err)
	}
	f, err := job.Decode()
	if err != nil {
		b.Fatal(err)
	}
	e, err := pipeline.NewEstimator(runner, from, pipeline.EstimatorOptions{Depth: pipeline.DepthBox, Threads: session.Threads(), Camera: fromLens})
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	var whole, alone []time.Duration
	for b.Loop() {
		start := time.Now()
		if _, err := e.Picture(ctx, f); err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		if _, err := runner.Run(ctx, 1); err != nil {
			b.Fatal(err)
		}
		whole, alone = append(whole, middle.Sub(start)), append(alone, time.Since(middle))
	}
	all, run := median(whole), median(alone)
	b.ReportMetric(float64(all.Microseconds())/1000, "ms-all")
	b.ReportMetric(float64(run.Microseconds())/1000, "ms-run")
	b.ReportMetric(float64(all)/float64(run), "all/run")
	b.ReportMetric(float64(whole[len(whole)/10])/float64(alone[len(alone)/10]), "all/run-p10")
	t := e.Timings()
	b.ReportMetric(float64(t.Crop.Nanoseconds())/1e6/float64(t.People), "ms-crop-mean")
	b.ReportMetric(float64(t.Run.Nanoseconds())/1e6/float64(t.People), "ms-run-mean")
	b.ReportMetric(float64((t.Joints+t.Camera).Nanoseconds())/1e6/float64(t.People), "ms-joints-mean")
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}
