package detect

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"mhp/internal/frame"
	"mhp/internal/geom"
	"mhp/internal/infer/fake"
	"mhp/internal/model"
	"mhp/internal/tensor"
)

// ourDetector takes 64 x 64 px and gives m boxes.
func ourDetector(m int64) *model.Detector {
	return &model.Detector{
		Name: "fake", Format: model.FormatMHP, InputWPx: 64, InputHPx: 64, ColorOrder: "rgb", InputScale: 1, InputStd: [3]float64{1, 1, 1},
		Letterbox: model.LetterboxTopLeft, LetterboxGrey: 114, ScoreThreshold: 0.5, NMSIoU: 0.5,
		Outputs: []model.Port{{Name: "boxes", Shape: []int64{1, m, 4}}, {Name: "scores", Shape: []int64{1, m}}},
	}
}

// answer makes a runner that always gives these rows of x1, y1, x2, y2, score.
func answer(rows ...[5]float32) *fake.Detector {
	boxes, scores := tensor.New(1, int64(len(rows)), 4), tensor.New(1, int64(len(rows)))
	for i, r := range rows {
		copy(boxes.Data[4*i:], r[:4])
		scores.Data[i] = r[4]
	}
	d := fake.NewDetector(ourDetector(int64(len(rows))))
	d.Outputs = []tensor.Tensor{boxes, scores}
	return d
}

func find(t *testing.T, d *fake.Detector, f *frame.Frame, o NetworkOptions) []Box {
	t.Helper()
	n, err := NewNetwork(d, o)
	if err != nil {
		t.Fatal(err)
	}
	boxes, err := n.Find(context.Background(), f)
	if err != nil {
		t.Fatal(err)
	}
	return boxes
}

// What a network says of a picture of 128 x 96 px, twice the size of its input.
func TestNetworkFinds(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	box := func(x, y, w, h, score float64) Box {
		return Box{BoxPx: geom.BoxPx{X: x, Y: y, W: w, H: h}, Score: float64(float32(score)), Source: SourceDetector}
	}
	for _, c := range []struct {
		name string
		rows [][5]float32
		opts NetworkOptions
		want []Box
	}{
		{"nobody", nil, NetworkOptions{}, nil},
		{"nobody sure enough", [][5]float32{{0, 0, 20, 20, 0.49}}, NetworkOptions{}, nil},
		{"one", [][5]float32{{8, 8, 16, 40, 0.75}}, NetworkOptions{}, []Box{box(16, 16, 16, 64, 0.75)}},
		{"surest first", [][5]float32{{0, 0, 8, 20, 0.5}, {20, 0, 28, 20, 0.75}, {40, 0, 48, 20, 0.625}}, NetworkOptions{},
			[]Box{box(40, 0, 16, 40, 0.75), box(80, 0, 16, 40, 0.625), box(0, 0, 16, 40, 0.5)}},
		{"found twice", [][5]float32{{0, 0, 20, 40, 0.75}, {1, 1, 20, 40, 0.875}}, NetworkOptions{}, []Box{box(2, 2, 38, 78, 0.875)}},
		{"overlapping", [][5]float32{{0, 0, 20, 40, 0.75}, {10, 0, 30, 40, 0.875}}, NetworkOptions{},
			[]Box{box(20, 0, 40, 80, 0.875), box(0, 0, 40, 80, 0.75)}},
		{"cut off by the picture", [][5]float32{{-10, 30, 12, 60, 0.75}}, NetworkOptions{}, []Box{box(0, 60, 24, 36, 0.75)}},
		{"in the grey beside the picture", [][5]float32{{10, 49, 20, 60, 0.75}}, NetworkOptions{}, nil},
		{"tiny", [][5]float32{{10, 10, 10.25, 10.25, 0.75}}, NetworkOptions{}, nil},
		{"small", [][5]float32{{0, 0, 4, 11, 0.75}, {20, 0, 26, 12, 0.75}}, NetworkOptions{MinBoxPx: 24}, []Box{box(40, 0, 12, 24, 0.75)}},
		{"a lower limit", [][5]float32{{8, 8, 16, 40, 0.25}, {40, 8, 48, 40, 0.125}}, NetworkOptions{MinScore: 0.2}, []Box{box(16, 16, 16, 64, 0.25)}},
		{"the best two", [][5]float32{{0, 0, 8, 20, 0.5}, {20, 0, 28, 20, 0.75}, {40, 0, 48, 20, 0.625}}, NetworkOptions{MaxPeople: 2},
			[]Box{box(40, 0, 16, 40, 0.75), box(80, 0, 16, 40, 0.625)}},
		{"no numbers", [][5]float32{{nan, 0, 8, 20, 0.75}, {0, 0, 8, 20, nan}, {-inf, 0, 8, 20, 0.75}, {0, 0, inf, 20, 0.75}, {8, 0, 0, 20, 0.75}, {0, 0, 8, 20, inf}},
			NetworkOptions{}, []Box{box(0, 0, 16, 40, 1)}},
	} {
		if got := find(t, answer(c.rows...), frame.New(128, 96), c.opts); !slices.Equal(got, c.want) {
			t.Errorf("%s: found %v, want %v", c.name, got, c.want)
		}
	}
}

func TestNetworkOptionsRefuse(t *testing.T) {
	for _, o := range []NetworkOptions{{MinScore: -0.1}, {MinScore: 1.1}, {MinScore: math.NaN()}, {MaxPeople: -1}, {MinBoxPx: -1}, {MinBoxPx: math.NaN()}, {TilePersonPx: math.Inf(1)}} {
		if _, err := NewNetwork(answer(), o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}

func TestNetworkPassesErrorsOn(t *testing.T) {
	d := answer([5]float32{0, 0, 20, 40, 0.75})
	n, err := NewNetwork(d, NetworkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := n.Find(ctx, frame.New(10, 10)); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancelling: %v", err)
	}
	d.Outputs[0].Shape = []int64{1, 1, 5}
	if _, err := n.Find(context.Background(), frame.New(10, 10)); !errors.Is(err, model.ErrModel) {
		t.Errorf("outputs of another shape: %v", err)
	}
}

// brightest answers with one box round what is brighter than grey 200 in its input.
func brightest() *fake.Detector {
	d := fake.NewDetector(ourDetector(1))
	d.Answer = func(in tensor.Tensor) ([]tensor.Tensor, error) {
		x1, y1, x2, y2 := 64, 64, -1, -1
		for i, v := range in.Data[:64*64] {
			if v > 200 {
				x1, x2, y1, y2 = min(x1, i%64), max(x2, i%64+1), min(y1, i/64), max(y2, i/64+1)
			}
		}
		box, score := tensor.New(1, 1, 4), tensor.New(1, 1)
		if x2 > 0 {
			copy(box.Data, []float32{float32(x1), float32(y1), float32(x2), float32(y2)})
			score.Data[0] = 0.9
		}
		return []tensor.Tensor{box, score}, nil
	}
	return d
}

// paint makes part of a picture white.
func paint(f *frame.Frame, x1, y1, x2, y2 int) {
	for y := y1; y < y2; y++ {
		for x := 3 * x1; x < 3*x2; x++ {
			f.Pix[y*f.Stride+x] = 255
		}
	}
}

// A person too small for the whole picture is found in a tile, once, wherever
// he stands; with tiles that overlap nobody is cut in two.
func TestTilesFindSmallPeople(t *testing.T) {
	const side = 512 // 8 times the input: 24 px are 3 px there
	for x := 3; x < side-30; x += 97 {
		for y := 5; y < side-30; y += 101 {
			f := frame.New(side, side)
			paint(f, x, y, x+10, y+24)
			got := find(t, brightest(), f, NetworkOptions{TilePersonPx: 24})
			want := geom.BoxPx{X: float64(x), Y: float64(y), W: 10, H: 24}
			if len(got) != 1 || got[0].IoU(want) < 0.6 {
				t.Errorf("person at %d, %d: found %v", x, y, got)
			}
		}
	}
}

func TestTiles(t *testing.T) {
	if got := tiles(1920, 1080, 320, 320, 160); len(got) != 1 {
		t.Errorf("a frame of 1080p is cut in %v", got)
	}
	for _, c := range []struct {
		width, height int
		personPx      float64
		parts         int
	}{
		{4032, 3024, 160, 1 + 3*2}, {4032, 3024, 0, 1}, {100, 5000, 160, 1 + 1*3}, {20000, 12000, 160, 1 + 18*11}, {640, 480, 1, 1 + 3*2},
	} {
		got := tiles(c.width, c.height, 320, 320, c.personPx)
		if len(got) != c.parts {
			t.Errorf("%d x %d for people of %g px: %d parts, want %d", c.width, c.height, c.personPx, len(got), c.parts)
		}
		covered := 0
		for i, p := range got {
			if p.x < 0 || p.y < 0 || p.x+p.w > c.width || p.y+p.h > c.height {
				t.Errorf("%v leaves the picture of %d x %d", p, c.width, c.height)
			}
			if i > 0 {
				covered += p.w * p.h
			}
		}
		if len(got) > 1 && covered < c.width*c.height {
			t.Errorf("tiles of %d x %d leave gaps", c.width, c.height)
		}
	}
}

func TestNetworkReportsWhatItUsed(t *testing.T) {
	n, err := NewNetwork(answer(), NetworkOptions{})
	if err != nil || n.MinScore() != 0.5 || n.Spec().Name != "fake" {
		t.Errorf("limit %g of %s, %v", n.MinScore(), n.Spec().Name, err)
	}
}

// Suppression keeps a sorted subset of which no pair overlaps more than the limit.
func FuzzSuppress(f *testing.F) {
	f.Add(uint64(1), uint8(20), 0.5)
	f.Add(uint64(2), uint8(200), 0.0)
	f.Add(uint64(3), uint8(3), 1.0)
	f.Fuzz(func(t *testing.T, seed uint64, n uint8, limit float64) {
		if !(limit >= 0 && limit <= 1) {
			return
		}
		var all []candidate
		for range n {
			v := [5]float64{}
			for i := range v {
				seed = seed*6364136223846793005 + 1442695040888963407
				v[i] = float64(seed>>40) / (1 << 24)
			}
			all = append(all, candidate{v[0], v[1], v[0] + v[2], v[1] + v[3], v[4]})
		}
		kept := suppress(slices.Clone(all), limit)
		for i, c := range kept {
			if !slices.Contains(all, c) {
				t.Fatalf("%v was made up", c)
			}
			for _, better := range kept[:i] {
				if better.score < c.score || better.overlap(c) > limit {
					t.Fatalf("%v stays beside %v, overlap %g, limit %g", c, better, better.overlap(c), limit)
				}
			}
		}
		for _, c := range all {
			if !slices.Contains(kept, c) && !slices.ContainsFunc(kept, func(k candidate) bool { return k.score >= c.score && k.overlap(c) > limit }) {
				t.Fatalf("%v was left out for nobody", c)
			}
		}
	})
}

func BenchmarkSuppress(b *testing.B) {
	for _, n := range []int{20, 200} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			all := make([]candidate, n)
			for i := range all {
				x := float64(i * 7 % 300)
				all[i] = candidate{x, x / 2, x + 40, x/2 + 90, float64(i*37%100) / 100}
			}
			work := make([]candidate, n)
			for b.Loop() {
				copy(work, all)
				suppress(work, 0.6)
			}
		})
	}
}

// Beside somebody plainly seen, faint boxes are left out, unless a limit was
// given or the detector is somebody else's.
func TestFaintBoxesBesideASureOne(t *testing.T) {
	rows := [][5]float32{{0, 0, 20, 40, 0.8}, {30, 0, 50, 40, 0.37}, {0, 44, 20, 60, 0.35}}
	detector := func(best float32, format model.DetectorFormat) *fake.Detector {
		sure := slices.Clone(rows)
		sure[0][4] = best
		d := answer(sure...)
		spec := *d.Spec()
		spec.ScoreThreshold, spec.Format = 0.2, format
		made := fake.NewDetector(&spec)
		made.Outputs = d.Outputs
		return made
	}
	for _, c := range []struct {
		name   string
		best   float32
		format model.DetectorFormat
		given  float64
		people int
	}{
		{"0.36 of 1 is more than 0.35", 1, model.FormatMHP, 0, 2},
		{"0.36 of 0.9 is less than all", 0.9, model.FormatMHP, 0, 3},
		{"given limit", 1, model.FormatMHP, 0.2, 3},
		{"somebody else's", 1, model.FormatSSD, 0, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := find(t, detector(c.best, c.format), frame.New(64, 64), NetworkOptions{MinScore: c.given}); len(got) != c.people {
				t.Errorf("%d people, want %d: %v", len(got), c.people, got)
			}
		})
	}
}
