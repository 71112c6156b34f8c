package ort

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

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

// BenchmarkParallel measures people shared out to runners of one session, one
// thread each: the alternative to a batch.
func BenchmarkParallel(b *testing.B) {
	for _, f := range benchFiles(b) {
		b.Run(f.Name, func(b *testing.B) {
			s := open(b, f, Options{Threads: 1, Providers: []string{CPU}})
			b.RunParallel(func(pb *testing.PB) {
				r, err := s.NewRunner()
				if err != nil {
					b.Error(err)
					return
				}
				defer r.Close()
				if _, err := r.Input(1); err != nil {
					b.Error(err)
					return
				}
				for pb.Next() {
					if _, err := r.Run(context.Background(), 1); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1e3/float64(b.N), "ms/person")
		})
	}
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
