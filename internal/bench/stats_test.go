package bench

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSummarise(t *testing.T) {
	var values []float64
	for i := 100; i >= 0; i-- {
		values = append(values, float64(i))
	}
	want := Spread{N: 101, Mean: 50, P10: 10, P50: 50, P90: 90, P99: 99, Max: 100}
	if got := Summarise(values); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if values[0] != 100 {
		t.Error("the order of the values was changed")
	}
	if got := Summarise([]float64{7}); got != (Spread{1, 7, 7, 7, 7, 7, 7}) {
		t.Errorf("one value: %+v", got)
	}
	if got := Summarise(nil); got != (Spread{}) {
		t.Errorf("none: %+v", got)
	}
	if got := Median([]float64{4, 1, 2, 3}); got != 2.5 {
		t.Errorf("median %g, want 2.5", got)
	}
}

// TestRatioCovers draws lists of a known ratio; the interval must hold it in
// about 95 of 100 cases and shrink with more blocks.
func TestRatioCovers(t *testing.T) {
	const truth, trials = 1.3, 40
	rng := rand.New(rand.NewPCG(3, 4))
	noise := func(n int, scale float64) []float64 {
		out := make([]float64, n)
		for i := range out {
			out[i] = scale * math.Exp(0.1*rng.NormFloat64())
		}
		return out
	}
	hits, width := 0, map[int]float64{}
	for range trials {
		for _, n := range []int{10, 60} {
			r := RatioOf(noise(n, truth), noise(n, 1))
			width[n] += r.High - r.Low
			if n == 60 && r.Low <= truth && truth <= r.High {
				hits++
			}
		}
	}
	if hits < trials*82/100 {
		t.Errorf("the interval holds the truth in %d of %d cases", hits, trials)
	}
	if width[60] >= width[10]/1.5 {
		t.Errorf("6 times the blocks narrow the interval only from %g to %g", width[10]/trials, width[60]/trials)
	}
}

// What disturbs both lists alike leaves a paired ratio alone.
func TestPairedRatioCancelsDrift(t *testing.T) {
	var over, under []float64
	for i := range 40 {
		drift := 1 + 0.5*math.Sin(float64(i))
		over, under = append(over, 2*drift), append(under, drift)
	}
	r := PairedRatio(over, under)
	if math.Abs(r.Value-2) > 1e-12 || r.High-r.Low > 1e-12 {
		t.Errorf("%+v, want exactly 2", r)
	}
	if plain := RatioOf(over, under); plain.High-plain.Low < 0.1 {
		t.Errorf("the drift does not widen the other interval: %+v", plain)
	}
	if r := PairedRatio(nil, under); !math.IsNaN(r.Value) {
		t.Errorf("no blocks: %+v", r)
	}
}

func TestInterleaveTakesTurns(t *testing.T) {
	var order strings.Builder
	turn := func(name string) Case {
		return Case{Name: name, Run: func(context.Context) ([]time.Duration, error) {
			order.WriteString(name)
			return []time.Duration{time.Millisecond, 2 * time.Millisecond}, nil
		}}
	}
	usage := time.Duration(0)
	var steps []float64
	series, err := Interleave(context.Background(), []Case{turn("a"), turn("b"), turn("c")}, Plan{
		Runs:  4,
		Usage: func() time.Duration { usage += time.Second; return usage },
		Step:  func(done float64) { steps = append(steps, done) },
	})
	if err != nil {
		t.Fatal(err)
	}
	// Three warm runs each, then rounds that begin with another case each time.
	if want := "aaabbbccc" + "abc" + "bca" + "cab" + "abc"; order.String() != want {
		t.Errorf("order %s, want %s", order.String(), want)
	}
	for _, s := range series {
		if len(s.MS) != 4 || len(s.Blocks) != 4 || len(s.WarmMS) != 3 || len(s.Parts) != 2 || s.CPU != 4*time.Second {
			t.Errorf("%+v", s)
		}
		if !slices.Equal(s.Parts[1], []float64{2, 2, 2, 2}) {
			t.Errorf("parts %v", s.Parts)
		}
	}
	if !slices.IsSorted(steps) || steps[0] != 0 || steps[len(steps)-1] != 1 {
		t.Errorf("progress %v", steps)
	}
}

func TestInterleaveGivesEachItsTime(t *testing.T) {
	nap := func(d time.Duration) Case {
		return Case{Run: func(context.Context) ([]time.Duration, error) { time.Sleep(d); return nil, nil }}
	}
	series, err := Interleave(context.Background(), []Case{nap(time.Millisecond), nap(4 * time.Millisecond)}, Plan{Length: 40 * time.Millisecond, Block: 8 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range series {
		if s.Wall < 40*time.Millisecond {
			t.Errorf("case %d had only %v", i, s.Wall)
		}
	}
	if len(series[0].MS) <= len(series[1].MS) {
		t.Errorf("%d short runs, %d long ones", len(series[0].MS), len(series[1].MS))
	}
}

func TestInterleaveEndsAtAnError(t *testing.T) {
	broken := errors.New("broken")
	n := 0
	_, err := Interleave(context.Background(), []Case{{Run: func(context.Context) ([]time.Duration, error) {
		if n++; n > 5 {
			return nil, broken
		}
		return nil, nil
	}}}, Plan{Runs: 100})
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want the case's", err)
	}
}
