package cli

import (
	"context"
	"fmt"
	"image"
	"io"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/disintegration/imaging"

	"mhp/internal/detect"
	"mhp/internal/geom"
	"mhp/internal/infer/ort"
	"mhp/internal/pipeline"
	"mhp/internal/sink"
	"mhp/internal/source"
)

// folder12MP writes n rendered pictures of 4000 x 3000 px, with noise as a
// phone's pictures have it, and returns them with their person's box.
func folder12MP(b *testing.B, root string, n int) (string, geom.BoxPx) {
	b.Helper()
	dir := b.TempDir()
	sample, err := imaging.Open(filepath.Join(root, "testdata", "sample", "one.jpg"))
	if err != nil {
		b.Fatal(err)
	}
	const w, h, noise = 4000, 3000, 9
	scaleX, scaleY := float64(w)/float64(sample.Bounds().Dx()), float64(h)/float64(sample.Bounds().Dy())
	large := imaging.Resize(sample, w, h, imaging.Linear)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range n {
		m := image.NewNRGBA(large.Rect)
		for k, v := range large.Pix {
			m.Pix[k] = uint8(min(255, max(0, int(v)+rng.IntN(noise)-noise/2)))
		}
		if err := imaging.Save(m, filepath.Join(dir, fmt.Sprintf("%03d.jpg", i)), imaging.JPEGQuality(90)); err != nil {
			b.Fatal(err)
		}
	}
	return dir, geom.BoxPx{X: 300 * scaleX, Y: 50 * scaleY, W: 500 * scaleX, H: 850 * scaleY}
}

// BenchmarkFolder12MP compares a folder as mhp predict does it with decoding
// each picture whole by the standard library and running one after the other,
// ten pictures of each in turn, so that what else the machine does hits both
// alike. 20 iterations are 200 pictures.
func BenchmarkFolder12MP(b *testing.B) {
	root, err := filepath.Abs("../..")
	if err != nil {
		b.Fatal(err)
	}
	library := testLibrary(root)
	if library == "" {
		b.Skip("no ONNX Runtime library; make onnxruntime fetches it")
	}
	const pictures = 10
	dir, box := folder12MP(b, root, pictures)
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
	from := &finder{Finder: detect.Given([]geom.BoxPx{box}), given: true}
	e, err := pipeline.NewEstimator(runner, from, pipeline.EstimatorOptions{Depth: pipeline.DepthBox, Threads: session.Threads(), Camera: fromLens})
	if err != nil {
		b.Fatal(err)
	}
	out, err := sink.NewJSON(sink.JSONOptions{FileOptions: sink.FileOptions{Path: "-", Stdout: io.Discard}, Lines: true})
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	limitHeap()
	pool := &source.Pool{}
	plain := func() {
		inputs, errs := source.Expand([]string{dir}, false, nil)
		if len(errs) > 0 {
			b.Fatal(errs)
		}
		for _, in := range inputs {
			f, err := in.Decode(source.Options{Pool: pool})
			if err != nil {
				b.Fatal(err)
			}
			p, err := e.Picture(context.Background(), f)
			if err != nil {
				b.Fatal(err)
			}
			if err := out.Write(context.Background(), f, p); err != nil {
				b.Fatal(err)
			}
			f.Release()
		}
	}
	fast := func() {
		inputs := newImages([]string{dir}, &predictFlags{}, nil)
		defer inputs.Close()
		inputs.opts.Pool = pool
		inputs.hasten(from, file.Spec.InputWPx)
		summary, err := pipeline.Batch(context.Background(), inputs, e, out, pipeline.BatchOptions{DecodeWorkers: inputs.decodeWorkers(), Queue: 1})
		if err != nil || summary.Pictures != pictures {
			b.Fatalf("%d pictures, error %v", summary.Pictures, err)
		}
	}
	plain()
	fast()
	var took [2][]time.Duration
	for b.Loop() {
		for i, run := range []func(){plain, fast} {
			start := time.Now()
			run()
			took[i] = append(took[i], time.Since(start)/pictures)
		}
	}
	slow, quick := median(took[0]), median(took[1])
	b.ReportMetric(float64(slow.Microseconds())/1e3, "ms-plain")
	b.ReportMetric(float64(quick.Microseconds())/1e3, "ms-fast")
	b.ReportMetric(float64(slow)/float64(quick), "plain/fast")
}
