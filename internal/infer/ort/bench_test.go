package ort

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mhp/internal/infer"
	"mhp/internal/model"
)

// benchFiles are the built-in models and the files named by MHP_BENCH_MODELS,
// separated as in PATH.
func benchFiles(b *testing.B) []*model.File {
	paths, err := filepath.Glob("../../../models/mhp-*.onnx")
	if err != nil {
		b.Fatal(err)
	}
	paths = append(paths, filepath.SplitList(os.Getenv("MHP_BENCH_MODELS"))...)
	var files []*model.File
	for _, path := range paths {
		f, err := model.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// BenchmarkRun measures one run over n people.
func BenchmarkRun(b *testing.B) {
	for _, f := range benchFiles(b) {
		for _, threads := range []int{1, 2} {
			for _, spin := range []bool{false, true} {
				if spin && threads == 1 {
					continue // nobody waits
				}
				for _, n := range []int{1, 4} {
					b.Run(fmt.Sprintf("%s/threads=%d/spin=%t/people=%d", f.Name, threads, spin, n), func(b *testing.B) {
						r := newTestRunner(b, open(b, f, Options{Threads: threads, Spin: spin, Providers: []string{CPU}}))
						benchmarkRuns(b, r.Run, func() { fill(b, r, n, 0) }, n)
					})
				}
			}
		}
	}
}

func benchmarkRuns[T any](b *testing.B, run func(context.Context, int) (T, error), fill func(), n int) {
	fill()
	for range 5 { // the first runs grow the library's memory
		if _, err := run(context.Background(), n); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	best := time.Duration(math.MaxInt64)
	for b.Loop() {
		start := time.Now()
		if _, err := run(context.Background(), n); err != nil {
			b.Fatal(err)
		}
		best = min(best, time.Since(start))
	}
	milliseconds := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 / float64(n) }
	b.ReportMetric(milliseconds(b.Elapsed())/float64(b.N), "ms/person")
	b.ReportMetric(milliseconds(best), "best-ms/person") // what is left of the noise on a busy machine
}

// BenchmarkParallel compares the ways to run several people on two cores, in
// turn: one run with two threads for all of them, and two runners with one
// thread each that take one person after another. "ratio" is what the shared
// runs gain, by the medians; "ratio-p10" by the ends of the fastest tenths.
func BenchmarkParallel(b *testing.B) {
	for _, f := range benchFiles(b) {
		for _, people := range []int{2, 4, 8} {
			b.Run(fmt.Sprintf("%s/people=%d", f.Name, people), func(b *testing.B) {
				together := newTestRunner(b, open(b, f, Options{Threads: 2, Providers: []string{CPU}}))
				single := open(b, f, Options{Threads: 1, Providers: []string{CPU}})
				apart := []infer.Runner{newTestRunner(b, single), newTestRunner(b, single)}
				fill(b, together, people, 0)
				for _, r := range apart {
					fill(b, r, 1, 0)
				}
				var took [2][]time.Duration
				for b.Loop() {
					start := time.Now()
					if _, err := together.Run(context.Background(), people); err != nil {
						b.Fatal(err)
					}
					middle := time.Now()
					runApart(b, apart, people)
					took[0], took[1] = append(took[0], middle.Sub(start)), append(took[1], time.Since(middle))
				}
				for i := range took {
					slices.Sort(took[i])
				}
				at := func(i int, q float64) float64 { return took[i][int(q*float64(len(took[i])-1))].Seconds() * 1e3 }
				b.ReportMetric(at(0, 0.5), "together-ms")
				b.ReportMetric(at(1, 0.5), "apart-ms")
				b.ReportMetric(at(0, 0.5)/at(1, 0.5), "ratio")
				b.ReportMetric(at(0, 0.1)/at(1, 0.1), "ratio-p10")
			})
		}
	}
}

// runApart lets each runner take one person after another.
func runApart(b *testing.B, runners []infer.Runner, people int) {
	var next atomic.Int64
	var group sync.WaitGroup
	for _, r := range runners {
		group.Go(func() {
			for next.Add(1) <= int64(people) {
				if _, err := r.Run(context.Background(), 1); err != nil {
					b.Error(err)
				}
			}
		})
	}
	group.Wait()
}

// BenchmarkOpen measures loading and optimising a model.
func BenchmarkOpen(b *testing.B) {
	where := library(b)
	for _, f := range benchFiles(b) {
		b.Run(f.Name, func(b *testing.B) {
			for b.Loop() {
				s, err := Open(where, f.Bytes, f.Spec, Options{Threads: 1, Providers: []string{CPU}})
				if err != nil {
					b.Fatal(err)
				}
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
