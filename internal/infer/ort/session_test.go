package ort

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mhp/internal/infer"
	"mhp/internal/model"
	"mhp/internal/tensor"
)

// library is where the tests' ONNX Runtime is; they skip if it is not there.
func library(t testing.TB) LibraryOptions {
	t.Helper()
	where := LibraryOptions{Env: os.Getenv("MHP_ORT_LIBRARY")}
	if _, err := FindLibrary(where); err != nil {
		t.Skipf("no ONNX Runtime to test with (scripts/fetch_onnxruntime.sh fetches it): %v", err)
	}
	return where
}

// tiny opens one of testdata's models; make_tiny.py says what they compute.
func tiny(t testing.TB, name string) *model.File {
	t.Helper()
	f, err := model.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func open(t testing.TB, f *model.File, o Options) *Session {
	t.Helper()
	s, err := Open(library(t), f.Bytes, f.Spec, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func newTestRunner(t testing.TB, s *Session) infer.Runner {
	t.Helper()
	r, err := s.NewRunner()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// fill makes n crops that differ from one another and are the same for a seed.
func fill(t testing.TB, r infer.Runner, n, seed int) tensor.Tensor {
	t.Helper()
	in, err := r.Input(n)
	if err != nil {
		t.Fatal(err)
	}
	for i := range in.Data {
		in.Data[i] = float32((i*7+seed*31)%97) / 97
	}
	return in
}

// The built-in network's marginals are of the volume whose expected place its coords are.
func TestMarginalsAgreeWithCoords(t *testing.T) {
	f, err := model.Open(filepath.Join("..", "..", "..", "models", "mhp-xs.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	r := newTestRunner(t, open(t, f, Options{Threads: 1}))
	const n = 2
	fill(t, r, n, 1)
	out, err := r.Run(context.Background(), n)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n * len(f.Spec.Set.Joints) {
		var plane, depth, x, y, z float64
		for k, v := range out.Plane.Data[i*32*32:][:32*32] {
			plane, x, y = plane+float64(v), x+float64(v)*float64(k%32), y+float64(v)*float64(k/32)
		}
		for k, v := range out.Depth.Data[i*32:][:32] {
			depth, z = depth+float64(v), z+float64(v)*float64(k)
		}
		for axis, want := range []float64{x, y, z} {
			if got := float64(out.Coords.Data[3*i+axis]); math.Abs(got-want) > 1e-3 || math.Abs(plane-1) > 1e-4 || math.Abs(depth-1) > 1e-4 {
				t.Fatalf("joint %d axis %d: coords %g, marginals %g; sums %g and %g", i, axis, got, want, plane, depth)
			}
		}
	}
}

// plainVolume is the tiny network written out: [n,3,16,16] -> [n,12,4,4].
func plainVolume(in tensor.Tensor) []float32 {
	n := int(in.Shape[0])
	out := make([]float32, 0, n*12*16)
	for b := range n {
		for k := range 12 {
			for cell := range 16 {
				sum := 0.0
				for c := range 3 {
					mean := 0.0
					for p := range 16 {
						y, x := cell/4*4+p/4, cell%4*4+p%4
						mean += float64(in.Data[((b*3+c)*16+y)*16+x]) / 16
					}
					sum += float64((c+1)*(k+1)) / 100 * mean
				}
				out = append(out, float32(sum))
			}
		}
	}
	return out
}

// plainCoords is soft-argmax written out: [n,12,4,4] -> [n,3,3] and [n,3].
func plainCoords(volume []float32, n int) (coords, score []float32) {
	for joint := range n * 3 {
		var sum, x, y, z, peak float64
		for i, v := range volume[joint*64 : (joint+1)*64] {
			e := math.Exp(float64(v))
			sum, peak = sum+e, math.Max(peak, e)
			x, y, z = x+e*float64(i%4), y+e*float64(i/4%4), z+e*float64(i/16)
		}
		coords = append(coords, float32(x/sum), float32(y/sum), float32(z/sum))
		score = append(score, float32(peak/sum))
	}
	return coords, score
}

func compare(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range got {
		if math.Abs(float64(got[i]-want[i])) > 1e-5 {
			t.Fatalf("%s: value %d is %g, want %g", what, i, got[i], want[i])
		}
	}
}

func TestRunHeatmap(t *testing.T) {
	for _, file := range []string{"heatmap.onnx", "one_at_a_time.onnx"} {
		t.Run(file, func(t *testing.T) {
			r := newTestRunner(t, open(t, tiny(t, file), Options{Threads: 1}))
			for _, n := range []int{1, 4, 2, 4} {
				in := fill(t, r, n, n)
				out, err := r.Run(context.Background(), n)
				if err != nil {
					t.Fatal(err)
				}
				if err := out.Heatmap.Validate(); err != nil || out.Heatmap.Shape[0] != int64(n) || out.Coords.Data != nil {
					t.Fatalf("n=%d: %v, %v", n, out.Heatmap.Shape, err)
				}
				compare(t, file, out.Heatmap.Data, plainVolume(in))
			}
		})
	}
}

func TestRunCoords(t *testing.T) {
	for _, file := range []string{"coords.onnx", "coords_without_score.onnx"} {
		t.Run(file, func(t *testing.T) {
			r := newTestRunner(t, open(t, tiny(t, file), Options{Threads: 1}))
			in := fill(t, r, 3, 0)
			out, err := r.Run(context.Background(), 3)
			if err != nil {
				t.Fatal(err)
			}
			coords, score := plainCoords(plainVolume(in), 3)
			if file == "coords_without_score.onnx" {
				for i := range score {
					score[i] = 1
				}
			}
			compare(t, "coords", out.Coords.Data, coords)
			compare(t, "score", out.Score.Data, score)
		})
	}
}

func TestInputIsTheSameMemory(t *testing.T) {
	r := newTestRunner(t, open(t, tiny(t, "heatmap.onnx"), Options{Threads: 1}))
	a, b := fill(t, r, 2, 0), fill(t, r, 2, 0)
	if &a.Data[0] != &b.Data[0] {
		t.Error("Input(2) is other memory the second time")
	}
	for _, n := range []int{-1, 0, MaxBatch + 1} {
		if _, err := r.Input(n); err == nil {
			t.Errorf("Input(%d) should fail", n)
		}
		if _, err := r.Run(context.Background(), n); err == nil {
			t.Errorf("Run(%d) should fail", n)
		}
	}
}

// A run allocates nothing, whether its context can end or not.
func TestRunAllocatesNothing(t *testing.T) {
	cancellable, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, file := range []string{"heatmap.onnx", "coords.onnx", "one_at_a_time.onnx"} {
		r := newTestRunner(t, open(t, tiny(t, file), Options{Threads: 1}))
		for name, ctx := range map[string]context.Context{"background": context.Background(), "cancellable": cancellable} {
			for _, n := range []int{1, 4} {
				fill(t, r, n, 0)
				var failed error
				count := testing.AllocsPerRun(50, func() {
					if _, err := r.Run(ctx, n); err != nil {
						failed = err
					}
				})
				if failed != nil || count != 0 {
					t.Errorf("%s, %s context, n=%d: %g allocations a run, error %v", file, name, n, count, failed)
				}
			}
		}
	}
}

// One session serves runners in several goroutines; each sees its own numbers.
func TestRunnersShareASession(t *testing.T) {
	s := open(t, tiny(t, "heatmap.onnx"), Options{Threads: 2})
	var wg sync.WaitGroup
	for worker := range 4 {
		r := newTestRunner(t, s)
		wg.Go(func() {
			for turn := range 50 {
				n := turn%3 + 1
				in, err := r.Input(n)
				if err != nil {
					t.Error(err)
					return
				}
				for i := range in.Data {
					in.Data[i] = float32((i+worker*13+turn)%89) / 89
				}
				out, err := r.Run(context.Background(), n)
				if err != nil {
					t.Error(err)
					return
				}
				for i, want := range plainVolume(in) {
					if math.Abs(float64(out.Heatmap.Data[i]-want)) > 1e-5 {
						t.Errorf("worker %d, turn %d: value %d is %g, want %g", worker, turn, i, out.Heatmap.Data[i], want)
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestCancel(t *testing.T) {
	r := newTestRunner(t, open(t, tiny(t, "slow.onnx"), Options{Threads: 1}))
	fill(t, r, 1, 0)
	for _, want := range []error{context.DeadlineExceeded, context.Canceled} {
		start := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
		if want == context.Canceled {
			cancel()
			ctx, cancel = context.WithCancel(context.Background())
			time.AfterFunc(30*time.Millisecond, cancel)
		}
		_, err := r.Run(ctx, 1)
		cancel()
		if !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
		if took := time.Since(start); took < 30*time.Millisecond || took > time.Minute {
			t.Errorf("returned after %v", took)
		}
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := r.Run(ended, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that ended before: %v", err)
	}
}

// After a run was cancelled the same runner works again.
func TestRunAfterCancel(t *testing.T) {
	r := newTestRunner(t, open(t, tiny(t, "heatmap.onnx"), Options{Threads: 1})).(*runner)
	in := fill(t, r, 1, 0)
	if err := r.stop.Terminate(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Run(context.Background(), 1); err == nil {
		t.Fatal("a terminated run should fail")
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := ctx.Done()
	cancel()
	r.watcher.done <- done // as if the context ended while the library ran
	<-done
	time.Sleep(10 * time.Millisecond)
	if !r.watcher.end() {
		t.Fatal("the watcher did not stop the library")
	}
	if err := r.stop.UnsetTerminate(); err != nil {
		t.Fatal(err)
	}
	out, err := r.Run(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "after cancelling", out.Heatmap.Data, plainVolume(in))
}

// Session and runners may be closed in any order, and twice.
func TestCloseInAnyOrder(t *testing.T) {
	f := tiny(t, "heatmap.onnx")
	where := library(t)
	s, err := Open(where, f.Bytes, f.Spec, Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.NewRunner()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	in := fill(t, r, 1, 0)
	out, err := r.Run(context.Background(), 1)
	if err != nil {
		t.Fatalf("a runner outlives its session's Close: %v", err)
	}
	compare(t, "after the session's Close", out.Heatmap.Data, plainVolume(in))
	if _, err := s.NewRunner(); err == nil {
		t.Error("NewRunner of a closed session should fail")
	}
	if err := errors.Join(r.Close(), r.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Input(1); err == nil {
		t.Error("Input of a closed runner should fail")
	}
	environment.Lock()
	users := environment.users
	environment.Unlock()
	if users != 0 {
		t.Errorf("%d users of the library are left", users)
	}
}

func TestOpenRefuses(t *testing.T) {
	where := library(t)
	heat, coords := tiny(t, "heatmap.onnx"), tiny(t, "coords.onnx")
	cut := heat.Bytes[:len(heat.Bytes)/2]
	tests := []struct {
		name string
		data []byte
		spec *model.Spec
		o    Options
		kind error // nil: any
		want string
	}{
		{"other head", heat.Bytes, coords.Spec, Options{}, model.ErrModel, `heatmap[?,12,4,4] should be heatmap[?,3,3]`},
		{"cut off", cut, heat.Spec, Options{}, model.ErrModel, "cut off"},
		{"no graph the library knows", spoil(heat.Bytes, "AveragePool", "AveragePuul"), heat.Spec, Options{}, model.ErrModel, "does not load it"},
		{"threads", heat.Bytes, heat.Spec, Options{Threads: -1}, nil, "threads must be"},
		{"provider it lacks", heat.Bytes, heat.Spec, Options{Providers: []string{"xnnpack", "cpu"}}, ErrLibrary, "which has "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, err := Open(where, test.data, test.spec, test.o)
			if err == nil {
				s.Close()
				t.Fatal("it should be refused")
			}
			if test.kind != nil && !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func spoil(data []byte, old, new string) []byte {
	return []byte(strings.ReplaceAll(string(data), old, new))
}

// A graph that leaves its shape open is found out when it runs.
func TestHiddenShape(t *testing.T) {
	r := newTestRunner(t, open(t, tiny(t, "hidden_shape.onnx"), Options{Threads: 1}))
	fill(t, r, 1, 0)
	if _, err := r.Run(context.Background(), 1); !errors.Is(err, model.ErrModel) || !strings.Contains(err.Error(), "metadata") {
		t.Errorf("got %v, want a model error about the metadata", err)
	}
}

func TestAutoTellsWhatItTook(t *testing.T) {
	for _, names := range [][]string{nil, {"auto"}, {"cpu"}} {
		s := open(t, tiny(t, "heatmap.onnx"), Options{Providers: names})
		r := newTestRunner(t, s)
		if got := r.Provider(); got != s.Provider() || !s.library.has(got) || names != nil && names[0] == CPU && got != CPU {
			t.Errorf("%v took %q", names, got)
		}
		if want := "onnxruntime " + s.Library().Version; r.Library() != want || s.Threads() != CountCPUs().Threads() {
			t.Errorf("library %q, %d threads", r.Library(), s.Threads())
		}
	}
}
