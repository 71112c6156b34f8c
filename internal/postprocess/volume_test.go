package postprocess

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"mhp/internal/model"
	"mhp/internal/skeleton"
	"mhp/internal/testkit"
)

// cellLimit is how far a decoded volume may be from the exact one, in cells.
const cellLimit = 0.001

// chain is a joint set of n joints in a row.
func chain(t testing.TB, n int) *skeleton.Set {
	names, parents := make([]string, n), make([]int, n)
	for j := range n {
		names[j], parents[j] = fmt.Sprintf("joint%d", j), j-1
	}
	set, err := skeleton.Custom(names, parents)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func heatSpec(set *skeleton.Set, depth, height, width int) *model.Spec {
	return &model.Spec{
		Set: set, InputWPx: 256, InputHPx: 256, HeatW: width, HeatH: height, DepthBins: depth,
		DepthMinMM: -1000, DepthMaxMM: 1000, CoordsUnit: "cells",
	}
}

// plainSoftArgmax is the slow twin of Decoder.joint: the definition, in float64.
func plainSoftArgmax(volume []float32, height, width int) HeatPoint {
	peak := math.Inf(-1)
	for _, v := range volume {
		peak = math.Max(peak, float64(v))
	}
	var all, x, y, z float64
	for i, v := range volume {
		p := math.Exp(float64(v) - peak)
		all += p
		x += p * float64(i%width)
		y += p * float64(i/width%height)
		z += p * float64(i/width/height)
	}
	return HeatPoint{x / all, y / all, z / all, 1 / all}
}

func flatten(points []HeatPoint) []float64 {
	var out []float64
	for _, p := range points {
		out = append(out, p.X, p.Y, p.Z, p.Score)
	}
	return out
}

func jointLabel(i int) string { return fmt.Sprintf("joint %d %c", i/4, "xyzs"[i%4]) }

func TestVolumeGoldens(t *testing.T) {
	golden := testkit.Golden(t, "volume")
	for _, c := range []struct {
		name  string
		shape [4]int // J D H W
	}{{"cube", [4]int{2, 32, 32, 32}}, {"flat", [4]int{3, 6, 16, 10}}} {
		values := golden.Values(t, c.name, c.shape[0], c.shape[1], c.shape[2], c.shape[3])
		volume := make([]float32, len(values))
		for i, v := range values {
			volume[i] = float32(v)
		}
		d := New(heatSpec(chain(t, c.shape[0]), c.shape[1], c.shape[2], c.shape[3]))
		got := make([]HeatPoint, c.shape[0])
		d.Volume(got, volume)
		testkit.Within(t, c.name, "cells", cellLimit, flatten(got), golden.Values(t, c.name+"_points", c.shape[0], 4), jointLabel)
	}
}

// volumes are the kinds of heat a network may give.
var volumes = map[string]func(rng *rand.Rand, i, n int) float32{
	"equal":          func(*rand.Rand, int, int) float32 { return -7.25 },
	"faint noise":    func(rng *rand.Rand, _, _ int) float32 { return float32(rng.NormFloat64() * 0.1) },
	"noise":          func(rng *rand.Rand, _, _ int) float32 { return float32(rng.NormFloat64() * 8) },
	"slope":          func(_ *rand.Rand, i, n int) float32 { return float32(i) / float32(n) * 40 },
	"step at floor":  func(_ *rand.Rand, i, n int) float32 { return -23.07 * float32(i*3/n%2) },
	"two far peaks":  func(_ *rand.Rand, i, n int) float32 { return 30 * float32(1-min(i, n-1-i, 1)) },
	"huge":           func(rng *rand.Rand, _, _ int) float32 { return float32(rng.NormFloat64() * 1e37) },
	"large and even": func(rng *rand.Rand, _, _ int) float32 { return 3e4 + float32(rng.NormFloat64()) },
}

func TestVolumeEqualsItsPlainTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for kind, fill := range volumes {
		for _, shape := range [][3]int{{1, 1, 1}, {5, 1, 7}, {3, 17, 2}, {32, 32, 32}, {64, 64, 64}} {
			const joints = 3
			d := New(heatSpec(chain(t, joints), shape[0], shape[1], shape[2]))
			d.Threads = 2
			volume := make([]float32, joints*d.cells())
			for i := range volume {
				volume[i] = fill(rng, i%d.cells(), d.cells())
			}
			var want, got [joints]HeatPoint
			for j := range want {
				want[j] = plainSoftArgmax(volume[j*d.cells():][:d.cells()], shape[1], shape[2])
			}
			d.Volume(got[:], volume)
			if diff := testkit.Measure(t, flatten(got[:]), flatten(want[:])); diff.Worst > cellLimit/2 {
				t.Errorf("%s %v: %s is %g, want %g", kind, shape, jointLabel(diff.At), diff.Got, diff.Want)
			}
		}
	}
}

// The approximation of e^v keeps its promise over the whole range it is used in.
func TestSoftRowIsExactToOneInAMillion(t *testing.T) {
	floor := exponentFloor(64, 64, 64)
	worst := 0.0
	for v := float32(0); v*tableScale > floor; v -= 1e-3 {
		weight, _ := softRow([]float32{v}, 0, floor)
		worst = math.Max(worst, math.Abs(float64(weight)/math.Exp(float64(v))-1))
	}
	// The table's own part is below 1e-6; the rest is float32's resolution of v.
	if worst > 3e-6 {
		t.Errorf("relative error %g", worst)
	}
	if weight, _ := softRow([]float32{-26}, 0, floor); weight != 0 {
		t.Errorf("a cell below the floor weighs %g", weight)
	}
}

func TestVolumeOfImpossibleHeat(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	middle := HeatPoint{X: 0.5, Y: 0.5, Z: 0.5}
	for name, c := range map[string]struct {
		volume []float32
		want   HeatPoint
	}{
		"nothing but NaN":  {[]float32{nan, nan, nan, nan, nan, nan, nan, nan}, middle},
		"nothing but -Inf": {[]float32{-inf, -inf, -inf, -inf, -inf, -inf, -inf, -inf}, middle},
		"one number":       {[]float32{nan, -inf, nan, nan, nan, 3, -inf, nan}, HeatPoint{1, 0, 1, 1}},
		"one +Inf":         {[]float32{0, 1, inf, 3, nan, 3, 2, 1}, HeatPoint{0, 1, 0, 1}},
		"two +Inf":         {[]float32{0, inf, 0, 0, nan, 0, 0, inf}, HeatPoint{1, 0.5, 0.5, 0.5}},
	} {
		d := New(heatSpec(chain(t, 1), 2, 2, 2))
		got := make([]HeatPoint, 1)
		if d.Volume(got, c.volume); got[0] != c.want {
			t.Errorf("%s: %v, want %v", name, got[0], c.want)
		}
	}
}

func FuzzVolume(f *testing.F) {
	inf := math.Inf(1)
	f.Add(float32(0), float32(math.NaN()), float32(inf), float32(-inf), float32(3), float32(math.MaxFloat32))
	f.Add(float32(1), float32(2), float32(3), float32(4), float32(5), float32(6))
	f.Add(float32(-math.MaxFloat32), float32(math.MaxFloat32), float32(0), float32(0), float32(1e-45), float32(-1e-45))
	f.Fuzz(func(t *testing.T, a, b, c, d, e, g float32) {
		decoder := New(heatSpec(chain(t, 1), 1, 2, 3))
		got := make([]HeatPoint, 1)
		decoder.Volume(got, []float32{a, b, c, d, e, g})
		p := got[0]
		if !(p.X >= 0 && p.X <= 2 && p.Y >= 0 && p.Y <= 1 && p.Z == 0 && p.Score >= 0 && p.Score <= 1) {
			t.Errorf("%v lies outside the volume", p)
		}
	})
}

func TestVolumeAllocatesNothing(t *testing.T) {
	for _, threads := range []int{1, 2} {
		d := New(heatSpec(chain(t, 4), 16, 16, 16))
		d.Threads = threads
		dst, volume := make([]HeatPoint, 4), make([]float32, 4*d.cells())
		d.Volume(dst, volume) // the first call may start goroutines
		if n := testing.AllocsPerRun(50, func() { d.Volume(dst, volume) }); n != 0 {
			t.Errorf("%d threads: %g allocations a person, want none", threads, n)
		}
	}
}

func BenchmarkVolume(b *testing.B) {
	set, err := skeleton.Named("muco21")
	if err != nil {
		b.Fatal(err)
	}
	for _, cells := range []int{32, 64} {
		d := New(heatSpec(set, cells, cells, cells))
		rng := rand.New(rand.NewPCG(1, 2))
		volume, dst := make([]float32, d.joints*d.cells()), make([]HeatPoint, d.joints)
		// Noise of deviation 3 leaves no cell out; 12 leaves most of them out.
		for _, deviation := range []float64{3, 12} {
			for i := range volume {
				volume[i] = float32(rng.NormFloat64() * deviation)
			}
			name := fmt.Sprintf("%d^3/deviation=%g", cells, deviation)
			for _, threads := range []int{1, 2} {
				b.Run(fmt.Sprintf("fast/%s/threads=%d", name, threads), func(b *testing.B) {
					d.Threads = threads
					for b.Loop() {
						d.Volume(dst, volume)
					}
				})
			}
			b.Run("naive/"+name, func(b *testing.B) {
				for b.Loop() {
					for j := range dst {
						dst[j] = plainSoftArgmax(volume[j*d.cells():][:d.cells()], cells, cells)
					}
				}
			})
		}
	}
}
