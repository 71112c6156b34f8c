package cli

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mhp/internal/frame"
	"mhp/internal/source"
)

// BenchmarkDetect1080p compares finding the people of a 1080p frame, from
// letterbox to boxes, with one run of the pose network for one person, in turn
// within one run. "found/run" is the ratio of the medians. MHP_DETECTOR names
// another detector than the built-in one.
func BenchmarkDetect1080p(b *testing.B) {
	root, err := filepath.Abs("../..")
	if err != nil {
		b.Fatal(err)
	}
	library := testLibrary(root)
	if library == "" {
		b.Skip("no ONNX Runtime library; make onnxruntime fetches it")
	}
	nobody := env{err: io.Discard}
	run := networkFlags{model: "xs", threads: 2, provider: "cpu", library: library}
	rt, err := run.open(nobody)
	if err != nil {
		b.Fatal(err)
	}
	defer rt.Close()
	flags := detectorFlags{detector: "auto", format: "auto"}
	flags.options.TilePersonPx = 160
	if name := os.Getenv("MHP_DETECTOR"); name != "" {
		flags.detector = name
	}
	finder, err := flags.open(nobody, &run)
	if err != nil {
		b.Fatal(err)
	}
	defer finder.Close()
	if finder.closer == nil {
		b.Skip("this build holds no detector")
	}
	f := frame1080p(b, filepath.Join(root, "testdata", "sample", "one.jpg"))
	if _, err := rt.runner.Input(1); err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	var found, alone []time.Duration
	people := 0
	for b.Loop() {
		start := time.Now()
		boxes, err := finder.Find(ctx, f)
		if err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		if _, err := rt.runner.Run(ctx, 1); err != nil {
			b.Fatal(err)
		}
		found, alone, people = append(found, middle.Sub(start)), append(alone, time.Since(middle)), len(boxes)
	}
	find, single := median(found), median(alone)
	b.ReportMetric(float64(find.Microseconds())/1000, "ms-found")
	b.ReportMetric(float64(single.Microseconds())/1000, "ms-run")
	b.ReportMetric(float64(find)/float64(single), "found/run")
	b.ReportMetric(float64(people), "people")
}

// frame1080p repeats a picture over a frame of 1920 x 1080 px.
func frame1080p(b *testing.B, path string) *frame.Frame {
	small, err := source.Input{Path: path, Name: path}.Decode(source.Options{})
	if err != nil {
		b.Fatal(err)
	}
	f := frame.New(1920, 1080)
	for y := range f.HeightPx {
		for x := range f.WidthPx {
			r, g, bl := small.RGBAt(x%small.WidthPx, y%small.HeightPx)
			copy(f.Pix[y*f.Stride+3*x:], []uint8{r, g, bl})
		}
	}
	return f
}
