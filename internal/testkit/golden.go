package testkit

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// goldenVersion is the version that scripts/make_goldens.py writes.
const goldenVersion = "1"

// RepoRoot is the folder with go.mod, above the test's own.
func RepoRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("testkit: no go.mod above the test's folder")
		}
		dir = parent
	}
}

// Shared is a path below the folder of shared data (MHP_SHARED, by default
// ../shared beside the repository). The test is skipped where it is absent.
func Shared(t testing.TB, path ...string) string {
	t.Helper()
	root := os.Getenv("MHP_SHARED")
	if root == "" {
		root = filepath.Join(RepoRoot(t), "..", "shared")
	}
	full := filepath.Join(append([]string{root}, path...)...)
	if _, err := os.Stat(full); err != nil {
		t.Skipf("shared data is not here (set MHP_SHARED): %v", err)
	}
	return full
}

// Golden reads testdata/goldens/name.safetensors. A missing file or one of
// another version fails the test: the files are committed.
func Golden(t testing.TB, name string) *File {
	t.Helper()
	path := filepath.Join(RepoRoot(t), "testdata", "goldens", name+".safetensors")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; scripts/make_goldens.py writes it", err)
	}
	f, err := Parse(data)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if f.Meta["version"] != goldenVersion || f.Meta["seed"] == "" || f.Meta["unit"] == "" {
		t.Fatalf("%s: metadata %v; want version %s, a seed and a unit", path, f.Meta, goldenVersion)
	}
	return f
}

// Values are the values of a tensor, whose shape must be as given; -1 stands
// for any size.
func (f *File) Values(t testing.TB, name string, shape ...int) []float64 {
	t.Helper()
	tensor, ok := f.Tensors[name]
	if !ok {
		t.Fatalf("golden has no tensor %q, only %v", name, f.Names())
	}
	same := slices.EqualFunc(tensor.Shape, shape, func(got, want int) bool { return want == -1 || got == want })
	if !same {
		t.Fatalf("golden %q has shape %v, want %v", name, tensor.Shape, shape)
	}
	return tensor.Values
}

// Bytes are the values of a tensor of grey levels.
func (f *File) Bytes(t testing.TB, name string, shape ...int) []uint8 {
	t.Helper()
	values := f.Values(t, name, shape...)
	out := make([]uint8, len(values))
	for i, v := range values {
		out[i] = uint8(v)
	}
	return out
}

// Difference is how far values are from their goldens.
type Difference struct {
	Worst   float64 // largest absolute difference; +Inf if a value is not a number
	At      int     // where it is
	Mean    float64
	Got     float64 // the values there
	Want    float64
	Compare int // how many values were compared
}

// Measure compares value by value; both must be equally long.
func Measure(t testing.TB, got, want []float64) Difference {
	t.Helper()
	if len(got) != len(want) || len(got) == 0 {
		t.Fatalf("%d values to compare with %d", len(got), len(want))
	}
	d := Difference{Worst: -1, Compare: len(got)}
	for i := range got {
		off := math.Abs(got[i] - want[i])
		if math.IsNaN(off) {
			off = math.Inf(1)
		}
		d.Mean += off / float64(len(got))
		if off > d.Worst {
			d.Worst, d.At, d.Got, d.Want = off, i, got[i], want[i]
		}
	}
	return d
}

// Within fails the test unless all values are within limit (in unit) of their
// goldens, and names the worst by label.
func Within(t testing.TB, what, unit string, limit float64, got, want []float64, label func(i int) string) {
	t.Helper()
	d := Measure(t, got, want)
	report := fmt.Sprintf("%s: worst of %d is %s: %.6g, golden %.6g, off by %.3g %s (limit %g, mean %.3g)",
		what, d.Compare, label(d.At), d.Got, d.Want, d.Worst, unit, limit, d.Mean)
	if d.Worst > limit {
		t.Error(report)
		return
	}
	t.Log(report)
}
