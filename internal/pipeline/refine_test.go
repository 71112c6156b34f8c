package pipeline

import (
	"context"
	"fmt"
	"math"
	"testing"

	"mhp/internal/detect"
	"mhp/internal/frame"
	"mhp/internal/geom"
	"mhp/internal/infer"
	"mhp/internal/infer/fake"
	"mhp/internal/pose"
	"mhp/internal/tensor"
)

// foundFinder finds the same people everywhere, as a detector does.
type foundFinder []detect.Box

func (f foundFinder) Find(context.Context, *frame.Frame) ([]detect.Box, error) { return f, nil }

func foundBoxes(boxes ...geom.BoxPx) foundFinder {
	var f foundFinder
	for i, b := range boxes {
		f = append(f, detect.Box{BoxPx: b, Score: 0.9 - 0.1*float64(i), Source: detect.SourceDetector})
	}
	return f
}

// spread answers with joints at the corners of the middle half of the crop, so
// that people have a size.
func spread(t testing.TB, score float32) *fake.Runner {
	spec := testSpec(t)
	runner := fake.New(spec)
	for i := range spec.Set.Joints {
		runner.Coords = append(runner.Coords, float32(8+16*(i%2)), float32(8+16*(i/2%2)), 16)
		runner.Score = append(runner.Score, score)
	}
	return runner
}

func estimated(t *testing.T, runner infer.Runner, finder detect.Finder, o PeopleOptions) *pose.Picture {
	t.Helper()
	e := newTestEstimator(t, runner, finder, EstimatorOptions{People: o})
	p, err := e.Picture(context.Background(), frame.New(400, 400))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Each pass costs one run and looks at the box of the joints that the one
// before found; the person's box stays the detector's.
func TestRefine(t *testing.T) {
	box := geom.BoxPx{X: 100, Y: 100, W: 101, H: 101}
	first := 100 * 1.25 / 2
	second := (first*refineGrow - 1) * 1.25 / 2
	for passes, width := range []float64{first, second, (second*refineGrow - 1) * 1.25 / 2} {
		runner := spread(t, 0.5)
		p := estimated(t, runner, foundBoxes(box), PeopleOptions{Refine: passes})
		if runner.Runs != 1+passes {
			t.Errorf("%d passes take %d runs", passes, runner.Runs)
		}
		got := p.People[0]
		if got.Box != box || got.BoxScore != 0.9 || got.BoxSource != "detector" {
			t.Errorf("after %d passes the box is %v (%g, %s), want %v", passes, got.Box, got.BoxScore, got.BoxSource, box)
		}
		near(t, fmt.Sprintf("width of the joints after %d passes", passes), got.Joints[1].Image.X-got.Joints[0].Image.X, width, 1e-6)
	}
}

// A second look that is less sure is forgotten, box and joints; of the whole
// picture it stays all the same.
func TestRefineKeepsTheSurerLook(t *testing.T) {
	looks := func() *fake.Runner {
		runner := spread(t, 0.5)
		runner.Answer = func(_ tensor.Tensor, out infer.Output) error {
			for i := range out.Score.Data {
				out.Score.Data[i] = 0.8 - 0.2*float32(runner.Runs)
			}
			return nil
		}
		return runner
	}
	box := geom.BoxPx{X: 100, Y: 100, W: 101, H: 101}
	p := estimated(t, looks(), foundBoxes(box), PeopleOptions{Refine: 1})
	if got := p.People[0]; got.Box != box || math.Abs(got.Score-0.6) > 1e-6 {
		t.Errorf("the box is %v, the score %g: the first look was surer", got.Box, got.Score)
	}
	p = estimated(t, looks(), detect.Picture{}, PeopleOptions{Refine: 1})
	if got := p.People[0]; got.Box.W > 350 || math.Abs(got.Score-0.4) > 1e-6 {
		t.Errorf("the box is %v, the score %g: the whole picture is no box", got.Box, got.Score)
	}
}

// A second look that shows somebody else is forgotten, however sure it is.
func TestRefineStaysWithThePerson(t *testing.T) {
	for _, c := range []struct{ shift, score float64 }{{0, 0.9}, {1, 0.9}, {20, 0.5}} {
		runner := spread(t, 0.5)
		runner.Answer = func(_ tensor.Tensor, out infer.Output) error {
			if runner.Runs > 1 {
				for i := range out.Score.Data {
					out.Coords.Data[3*i] += float32(c.shift)
					out.Score.Data[i] = 0.9
				}
			}
			return nil
		}
		p := estimated(t, runner, foundBoxes(geom.BoxPx{X: 100, Y: 100, W: 101, H: 101}), PeopleOptions{Refine: 1, SameWithin: 0.4})
		if got := p.People[0].Score; math.Abs(got-c.score) > 1e-6 {
			t.Errorf("joints %g cells away: score %g, want %g", c.shift, got, c.score)
		}
	}
}

// The crop of a found box is made for a larger one, the result keeps the tight
// one; given boxes are taken as they are. The second look's box of the joints
// has the margin already.
func TestFoundBoxesGrow(t *testing.T) {
	box := geom.BoxPx{X: 100, Y: 100, W: 101, H: 101}
	width := func(finder detect.Finder, o PeopleOptions) (joints, tight float64) {
		p := estimated(t, spread(t, 0.5), finder, o)
		return p.People[0].Joints[1].Image.X - p.People[0].Joints[0].Image.X, p.People[0].Box.W
	}
	joints, tight := width(foundBoxes(box), PeopleOptions{Grow: 1.5})
	near(t, "width of the joints", joints, (101*1.5-1)*1.25/2, 1e-6)
	near(t, "width of the box", tight, 101, 1e-6)
	joints, _ = width(detect.Given([]geom.BoxPx{box}), PeopleOptions{Grow: 1.5})
	near(t, "width of the joints in a given box", joints, 100*1.25/2, 1e-6)
	again, tight := width(foundBoxes(box), PeopleOptions{Grow: 1.5, Refine: 1})
	first := (101*1.5 - 1) * 1.25 / 2
	near(t, "width of the box after a second look", tight, 101, 1e-6)
	near(t, "width of the joints after a second look", again, (first*1.2-1)*1.25/2, 1e-6)
}

// People without joints to speak of are left out and counted; given boxes stay.
func TestDrop(t *testing.T) {
	box := geom.BoxPx{X: 100, Y: 100, W: 100, H: 100}
	for _, c := range []struct {
		score   float32
		finder  detect.Finder
		below   float64
		people  int
		dropped int
	}{
		{0.25, foundBoxes(box), 0.5, 0, 1},
		{0.75, foundBoxes(box), 0.5, 1, 0},
		{0.25, foundBoxes(box), 0, 1, 0},
		{0.25, detect.Given([]geom.BoxPx{box}), 0.5, 1, 0},
		{0.25, foundBoxes(), 0.5, 0, 0},
	} {
		p := estimated(t, spread(t, c.score), c.finder, PeopleOptions{DropBelow: c.below})
		if len(p.People) != c.people || p.Dropped != c.dropped {
			t.Errorf("%+v: %d people, %d left out", c, len(p.People), p.Dropped)
		}
	}
}

// Those whose box and joints are both faint are left out, by themselves or beside the picture's best; given boxes stay.
func TestDropFaint(t *testing.T) {
	a, b := geom.BoxPx{X: 10, Y: 10, W: 50, H: 80}, geom.BoxPx{X: 200, Y: 10, W: 50, H: 80}
	scored := func(first, second float64) detect.Finder {
		f := foundBoxes(a, b)
		f[0].Score, f[1].Score = first, second
		return f
	}
	for _, c := range []struct {
		finder detect.Finder
		o      PeopleOptions
		people int
	}{
		{scored(0.8, 0.1), PeopleOptions{FaintBelow: 0.06}, 1}, // joints score 0.5
		{scored(0.8, 0.1), PeopleOptions{FaintBelow: 0.04}, 2},
		{scored(0.8, 0.1), PeopleOptions{FaintOfBest: 0.2}, 1},
		{scored(0.8, 0.2), PeopleOptions{FaintOfBest: 0.2}, 2},
		{scored(-0.5, 0.5), PeopleOptions{}, 2}, // a detector whose scores are no chances
		{detect.Given([]geom.BoxPx{a, b}), PeopleOptions{FaintBelow: 0.9, FaintOfBest: 1}, 2},
	} {
		if p := estimated(t, spread(t, 0.5), c.finder, c.o); len(p.People) != c.people || p.Dropped != 2-c.people {
			t.Errorf("%+v: %d people, %d left out", c, len(p.People), p.Dropped)
		}
	}
}

func TestMerge(t *testing.T) {
	at := func(x, y, side float64) geom.BoxPx { return geom.BoxPx{X: x, Y: y, W: side, H: side} }
	for _, c := range []struct {
		name   string
		finder detect.Finder
		want   []float64 // left sides of the boxes that stay
	}{
		{"apart", foundBoxes(at(10, 10, 100), at(200, 10, 100)), []float64{10, 200}},
		{"twice", foundBoxes(at(10, 10, 100), at(13, 12, 100)), []float64{10}},
		{"three times, a stranger between", foundBoxes(at(10, 10, 100), at(200, 10, 100), at(13, 12, 100), at(12, 11, 101)), []float64{10, 200}},
		{"a child before a man", foundBoxes(at(10, 10, 200), at(70, 70, 80)), []float64{10, 70}},
		{"the same distance, larger people", foundBoxes(at(10, 10, 40), at(18, 10, 40), at(100, 100, 240), at(108, 100, 240)), []float64{10, 18, 100}},
		{"given twice", detect.Given([]geom.BoxPx{at(10, 10, 100), at(11, 10, 100)}), []float64{10, 11}},
		{"nobody", foundBoxes(), nil},
	} {
		p := estimated(t, spread(t, 0.5), c.finder, PeopleOptions{MergeBelow: 0.1})
		var got []float64
		for _, q := range p.People {
			got = append(got, q.Box.X)
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) || p.Dropped != 0 {
			t.Errorf("%s: %v stay, want %v; %d dropped", c.name, got, c.want, p.Dropped)
		}
	}
}

// A box of somebody's trunk gives the joints of the trunk again and guesses at
// the legs: the joints within coincide, and the two are one. People whose joints
// are all a little apart are two.
func TestMergeSeesPartsOfPeople(t *testing.T) {
	person := func(shift, legs float64) pose.Person {
		p := pose.Person{BoxSource: detect.SourceDetector, BoxScore: 0.5, Score: 0.5, Box: geom.BoxPx{X: 40, Y: shift, W: 20, H: 200}}
		if legs != 0 {
			p.Box.H, p.BoxScore = 75, 0.3
		}
		for i := range 20 {
			y := 10*float64(i) + shift
			if i >= 8 {
				y += legs
			}
			p.Joints = append(p.Joints, pose.Joint{Image: geom.ImagePoint{X: 50, Y: y}})
		}
		return p
	}
	for _, c := range []struct {
		name string
		b    pose.Person
		stay int
	}{
		{"the same", person(0, 0), 1},
		{"the trunk", person(4, -60), 1},
		{"a neighbour", person(16, 0), 2},
		{"a box of only three joints", func() pose.Person {
			p := person(0, -60)
			p.Box.H = 25
			return p
		}(), 2},
	} {
		for _, people := range [][]pose.Person{{person(0, 0), c.b}, {c.b, person(0, 0)}} {
			if got := mergeTwins(people, 0.07); len(got) != c.stay || got[0].BoxScore != 0.5 && c.stay == 1 {
				t.Errorf("%s: %d people stay, not %d", c.name, len(got), c.stay)
			}
		}
	}
}

// Of twins the one stays whose box and joints are surer, whichever comes first.
func TestMergeKeepsTheSurer(t *testing.T) {
	runner := spread(t, 0.5)
	runner.Answer = func(_ tensor.Tensor, out infer.Output) error {
		for i := range out.Score.Data[:21] {
			out.Score.Data[i] = 0.1 // the first crop's joints
		}
		return nil
	}
	p := estimated(t, runner, foundBoxes(geom.BoxPx{X: 10, Y: 10, W: 100, H: 100}, geom.BoxPx{X: 12, Y: 10, W: 100, H: 100}), PeopleOptions{MergeBelow: 0.1})
	if len(p.People) != 1 || p.People[0].Box.X != 12 {
		t.Errorf("%d people, the first at %g", len(p.People), p.People[0].Box.X)
	}
}

func TestPeopleOptionsRefuse(t *testing.T) {
	for _, o := range []PeopleOptions{{Refine: -1}, {Refine: 3}, {MergeBelow: -1}, {MergeBelow: math.NaN()}, {SameWithin: -1}, {SameWithin: 2}, {DropBelow: 2}, {FaintBelow: -1}, {FaintOfBest: 2}} {
		if o.Validate() == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}

// Twenty people take three runs of at most eight, refined six: no more per
// person than four do.
func TestTwentyPeople(t *testing.T) {
	var boxes []geom.BoxPx
	for i := range 20 {
		boxes = append(boxes, geom.BoxPx{X: float64(i%5) * 80, Y: float64(i/5) * 90, W: 60, H: 80})
	}
	runner := spread(t, 0.5)
	p := estimated(t, runner, foundBoxes(boxes...), PeopleOptions{Refine: 1, MergeBelow: 0.1, DropBelow: 0.1})
	if len(p.People) != 20 || runner.Runs != 6 || runner.Crops != 40 {
		t.Errorf("%d people from %d runs with %d crops", len(p.People), runner.Runs, runner.Crops)
	}
}

// BenchmarkPeople is what a person costs besides the network.
func BenchmarkPeople(b *testing.B) {
	for _, n := range []int{1, 4, 20} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var boxes []geom.BoxPx
			for i := range n {
				boxes = append(boxes, geom.BoxPx{X: float64(i%5) * 80, Y: float64(i/5) * 90, W: 60, H: 80})
			}
			e := newTestEstimator(b, spread(b, 0.5), foundBoxes(boxes...), EstimatorOptions{People: PeopleOptions{Refine: 1, MergeBelow: 0.1, DropBelow: 0.1}})
			f := frame.New(400, 400)
			for b.Loop() {
				if _, err := e.Picture(context.Background(), f); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/person")
		})
	}
}

// A box that is the crop itself is neither clipped nor grown: the middle of the
// crop is the middle of the box, also beyond the picture.
func TestCropBoxIsTakenAsItIs(t *testing.T) {
	spec := testSpec(t)
	runner := fake.New(spec)
	runner.Coords, runner.Score = constant(spec, 16, 16, 16)
	for _, box := range []geom.BoxPx{{X: -50, Y: 20, W: 100, H: 100}, {X: 380, Y: 390, W: 64, H: 64}} {
		p := estimated(t, runner, foundFinder{{BoxPx: box, Score: 1, Source: detect.SourceGiven, Crop: true}}, PeopleOptions{})
		near(t, "x", p.People[0].Joints[0].Image.X, box.X+box.W/2, 1e-9)
		near(t, "y", p.People[0].Joints[0].Image.Y, box.Y+box.H/2, 1e-9)
	}
}

// Somebody upside down is treated as anybody: the second look's box is the
// upright one's mirrored in the first crop.
func TestRefineUpsideDown(t *testing.T) {
	spec := testSpec(t)
	look := func(turn func(y float32) float32) geom.BoxPx {
		runner := fake.New(spec)
		for i := range spec.Set.Joints {
			runner.Coords = append(runner.Coords, float32(6+5*(i%5)), turn(float32(5+3*(i%9))), 16)
			runner.Score = append(runner.Score, 0.5)
		}
		first := estimated(t, runner, foundBoxes(geom.BoxPx{X: 100, Y: 100, W: 101, H: 101}), PeopleOptions{})
		return tightBox(frame.New(400, 400), first.People[0])
	}
	up, down := look(func(y float32) float32 { return y }), look(func(y float32) float32 { return 32 - y })
	near(t, "width", down.W, up.W, 1e-6)
	near(t, "height", down.H, up.H, 1e-6)
	near(t, "top, mirrored about 150", 150-down.Y, up.Y+up.H-150, 1e-6)
}
