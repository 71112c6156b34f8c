package track

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"mhp/internal/geom"
	"mhp/internal/pose"
	"mhp/internal/skeleton"
)

const (
	testFocal = 1000.0
	testW     = 1280
	testH     = 720
)

func muco(t testing.TB) *skeleton.Set {
	t.Helper()
	set, err := skeleton.Named("muco21")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// offsets is a person who stands upright, mm from the pelvis; x right, y down.
var offsets = map[string][3]float64{
	"Head_top": {0, -750, 0}, "Head": {0, -600, 0}, "Thorax": {0, -480, 0}, "Spine": {0, -200, 0}, "Pelvis": {0, 0, 0},
	"R_Shoulder": {-180, -460, 0}, "R_Elbow": {-200, -180, 0}, "R_Wrist": {-210, 70, 0}, "R_Hand": {-210, 150, 0},
	"L_Shoulder": {180, -460, 0}, "L_Elbow": {200, -180, 0}, "L_Wrist": {210, 70, 0}, "L_Hand": {210, 150, 0},
	"R_Hip": {-100, 30, 0}, "R_Knee": {-100, 450, 0}, "R_Ankle": {-100, 850, 0}, "R_Toe": {-100, 900, -120},
	"L_Hip": {100, 30, 0}, "L_Knee": {100, 450, 0}, "L_Ankle": {100, 850, 0}, "L_Toe": {100, 900, -120},
}

// standing is the person with the pelvis at a place before the camera.
func standing(set *skeleton.Set, x, y, z float64) pose.Person {
	p := pose.Person{Set: set, Score: 0.5, BoxScore: 1, RootDepthMM: z}
	for _, name := range set.Joints {
		o := offsets[name]
		p.Joints = append(p.Joints, jointAt(x+o[0], y+o[1], z+o[2], [3]float64{x, y, z}))
	}
	return p
}

func jointAt(x, y, z float64, root [3]float64) pose.Joint {
	c := geom.CameraPointMM{X: x, Y: y, Z: z}
	return pose.Joint{
		Image: geom.ImagePoint{X: testW/2 + testFocal*x/z, Y: testH/2 + testFocal*y/z}, Camera: c,
		RootRelative: c.Sub(geom.CameraPointMM{X: root[0], Y: root[1], Z: root[2]}), Score: 0.5,
	}
}

func pictureOf(at time.Duration, people ...pose.Person) *pose.Picture {
	return &pose.Picture{Time: at, WidthPx: testW, HeightPx: testH, People: people,
		Camera: geom.Intrinsics{FxPx: testFocal, FyPx: testFocal, CxPx: testW / 2, CyPx: testH / 2}}
}

// bruteForce is the slow, plain twin of Assign: all ways to pair, the most pairs first, then the least sum.
func bruteForce(cost [][]float64) (pairs int, sum float64) {
	if len(cost) == 0 {
		return 0, 0
	}
	var try func(row int, used uint) (int, float64)
	try = func(row int, used uint) (int, float64) {
		if row == len(cost) {
			return 0, 0
		}
		bestN, bestSum := try(row+1, used)
		for j, c := range cost[row] {
			if used&(1<<j) == 0 && c < forbidden {
				n, s := try(row+1, used|1<<j)
				if n++; n > bestN || n == bestN && s+c < bestSum {
					bestN, bestSum = n, s+c
				}
			}
		}
		return bestN, bestSum
	}
	return try(0, 0)
}

func TestAssignIsOptimal(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		rows, columns := rng.IntN(6), rng.IntN(6)
		cost := make([][]float64, rows)
		for i := range cost {
			cost[i] = make([]float64, columns)
			for j := range cost[i] {
				cost[i][j] = float64(rng.IntN(20)) / 10
				if rng.IntN(4) == 0 {
					cost[i][j] = forbidden
				}
			}
		}
		of := Assign(cost)
		pairs, sum, seen := 0, 0.0, map[int]bool{}
		for i, j := range of {
			if j < 0 {
				continue
			}
			if seen[j] || cost[i][j] >= forbidden {
				t.Fatalf("%v gives %v", cost, of)
			}
			seen[j] = true
			pairs, sum = pairs+1, sum+cost[i][j]
		}
		wantPairs, wantSum := bruteForce(cost)
		if pairs != wantPairs || math.Abs(sum-wantSum) > 1e-9 {
			t.Fatalf("%v gives %v: %d pairs of %g, want %d of %g", cost, of, pairs, sum, wantPairs, wantSum)
		}
	}
}

func newTracker(t testing.TB, change func(*Options)) *Tracker {
	t.Helper()
	o := Defaults()
	if change != nil {
		change(&o)
	}
	tr, err := NewTracker(o)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

const tick = time.Second / 30

// run feeds one frame: the poses are found by a finder, not by guesses.
func run(tr *Tracker, n int, people ...pose.Person) []pose.Person {
	tr.Advance(time.Duration(n)*tick, testW, testH)
	var c []Candidate
	for _, p := range people {
		c = append(c, Candidate{p, -1})
	}
	out, _ := tr.Seen(c)
	return out
}

// TestCrossing lets two people walk past each other, in any order of the
// candidates, the rear one out of sight while they overlap.
func TestCrossing(t *testing.T) {
	set := muco(t)
	rng := rand.New(rand.NewPCG(3, 4))
	for _, hidden := range []float64{0, 250, 500} {
		tr := newTracker(t, nil)
		for n := range 120 {
			x := -1500 + 3000*float64(n)/119
			a, b := standing(set, x, 100, 4000), standing(set, -x, 100, 4600)
			for _, p := range []*pose.Person{&a, &b} {
				for j := range p.Joints {
					p.Joints[j].Image.X += 3 * rng.NormFloat64()
					p.Joints[j].Image.Y += 3 * rng.NormFloat64()
				}
			}
			people := []pose.Person{a, b}
			if math.Abs(2*x) < hidden {
				people = people[:1]
			}
			if n%2 == 1 && len(people) == 2 {
				people[0], people[1] = people[1], people[0]
			}
			for _, p := range run(tr, n, people...) {
				want := 1
				if p.RootDepthMM > 4300 {
					want = 2
				}
				// The first frame decides which of them is 1.
				if p.ID != want {
					t.Fatalf("hidden within %g mm, frame %d: the person at %g mm has id %d", hidden, n, p.RootDepthMM, p.ID)
				}
			}
		}
		if tr.People() != 2 {
			t.Errorf("hidden within %g mm: %d ids for two people", hidden, tr.People())
		}
	}
}

// TestLatchedGuess: when the front person is found in both guesses, the rear
// one is waited for and keeps the id.
func TestLatchedGuess(t *testing.T) {
	set := muco(t)
	tr := newTracker(t, nil)
	run(tr, 0, standing(set, -900, 0, 4000), standing(set, 900, 0, 4500))
	var out []pose.Person
	for n := 1; n < 90; n++ {
		x := -900 + 1800*float64(n)/89
		a, b := standing(set, x, 0, 4000), standing(set, -x, 0, 4500)
		var c []Candidate
		for _, g := range tr.Advance(time.Duration(n)*tick, testW, testH) {
			// Each guess finds who is nearest to it; within 300 mm only the front person can be seen.
			p := a
			if math.Abs(g.Box.X+g.Box.W/2-b.Joints[14].Image.X) < math.Abs(g.Box.X+g.Box.W/2-a.Joints[14].Image.X) && math.Abs(2*x) > 300 {
				p = b
			}
			c = append(c, Candidate{p, g.Track})
		}
		out, _ = tr.Seen(c)
	}
	if len(out) != 2 || out[0].RootDepthMM != 4000 || out[1].RootDepthMM != 4500 || tr.People() != 2 {
		t.Errorf("after the crossing: %d people, %d ids", len(out), tr.People())
	}
}

func TestIDsAreNeverGivenTwice(t *testing.T) {
	set := muco(t)
	tr := newTracker(t, nil)
	var seen []int
	for n := range 400 {
		if n/100%2 == 1 { // away for over three seconds
			run(tr, n)
			continue
		}
		for _, p := range run(tr, n, standing(set, 0, 0, 4000)) {
			if len(seen) == 0 || seen[len(seen)-1] != p.ID {
				seen = append(seen, p.ID)
			}
		}
	}
	if len(seen) != 2 || seen[0] != 1 || seen[1] != 2 {
		t.Errorf("ids %v, want 1 then 2", seen)
	}
}

func TestShortAbsenceKeepsTheID(t *testing.T) {
	set := muco(t)
	tr := newTracker(t, nil)
	last := 0
	for n := range 90 {
		if n >= 40 && n < 60 { // two thirds of a second behind a pillar, walking on
			run(tr, n)
			continue
		}
		for _, p := range run(tr, n, standing(set, -1500+30*float64(n), 0, 4000)) {
			last = p.ID
		}
	}
	if last != 1 || tr.People() != 1 {
		t.Errorf("id %d, %d people", last, tr.People())
	}
}

func TestWhoIsSomebody(t *testing.T) {
	set := muco(t)
	weak := standing(set, 0, 0, 4000)
	weak.BoxScore = 0.3
	tr := newTracker(t, nil)
	for n, want := range []int{0, 0, 1, 1} {
		if got := len(run(tr, n, weak)); got != want {
			t.Errorf("frame %d: %d people from an unsure box, want %d", n, got, want)
		}
	}
	flicker := newTracker(t, nil)
	for n := range 30 {
		var people []pose.Person
		if n%3 == 0 {
			people = append(people, weak)
		}
		if len(run(flicker, n, people...)) != 0 {
			t.Fatalf("frame %d: a box that comes and goes is somebody", n)
		}
	}
	if flicker.People() != 0 {
		t.Errorf("%d ids went to nobody", flicker.People())
	}
	low := standing(set, 0, 0, 4000)
	low.Score = 0.17
	tr = newTracker(t, nil)
	tr.Advance(0, testW, testH)
	if people, dropped := tr.Seen([]Candidate{{low, -1}}); len(people) != 0 || dropped != 1 {
		t.Errorf("a pose under the score to begin: %d people, %d dropped", len(people), dropped)
	}
	broken := standing(set, 0, 0, 4000)
	broken.Joints[3].Image.X = math.NaN()
	if len(run(tr, 1, broken)) != 0 {
		t.Error("a pose that is no number is somebody")
	}
}

func TestTwiceFoundIsOne(t *testing.T) {
	set := muco(t)
	tr := newTracker(t, nil)
	for n := range 5 {
		if got := run(tr, n, standing(set, 0, 0, 4000), standing(set, 8, 5, 4010)); len(got) != 1 {
			t.Fatalf("%d people", len(got))
		}
	}
}

// Two tracks that landed on one body do not stay two; two people who pass each other do.
func TestTwinsPart(t *testing.T) {
	set := muco(t)
	tr := newTracker(t, nil)
	ids := map[int]int{}
	for n := range 90 {
		// The second was 600 mm away and comes to stand within the first.
		x := max(70, 600-20*float64(n))
		for _, p := range run(tr, n, standing(set, 0, 0, 4000), standing(set, x, 60, 4000)) {
			ids[p.ID] = n
		}
	}
	if len(ids) != 2 || ids[1] != 89 || ids[2] > 60 {
		t.Errorf("the last frames of the ids: %v", ids)
	}
}

func TestMaxPeople(t *testing.T) {
	set := muco(t)
	tr := newTracker(t, func(o *Options) { o.MaxPeople = 2 })
	for n := range 5 {
		c := standing(set, 1200, 0, 4000)
		c.BoxScore = 0.7
		if got := run(tr, n, c, standing(set, 0, 0, 4000), standing(set, -1200, 0, 4000)); len(got) != 2 || tr.People() != 2 {
			t.Fatalf("%d people, %d ids", len(got), tr.People())
		}
	}
}

func TestGuessesFollowTheMotion(t *testing.T) {
	set := muco(t)
	tr := newTracker(t, nil)
	for n := range 30 {
		run(tr, n, standing(set, -1000+40*float64(n), 0, 4000)) // 10 px a frame
	}
	g := tr.Advance(30*tick, testW, testH)
	want := testW/2 + testFocal*(-1000+40*30)/4000
	if len(g) != 1 || math.Abs(g[0].Box.X+g[0].Box.W/2-want) > 2 {
		t.Errorf("guess %+v, want the middle at %g px", g, want)
	}
	if g := tr.Advance(300*tick, testW, testH); len(g) != 0 && !g[0].Lost {
		t.Errorf("nine seconds later: %+v", g)
	}
}

func TestTrackerOptions(t *testing.T) {
	for _, change := range []func(*Options){
		func(o *Options) { o.MaxPeople = -1 }, func(o *Options) { o.Keep = -1 },
		func(o *Options) { o.SeenScore = 0.5 }, func(o *Options) { o.StartScore = math.NaN() },
	} {
		o := Defaults()
		change(&o)
		if _, err := NewTracker(o); err == nil {
			t.Errorf("%+v passes", o)
		}
	}
}

// No frame holds an id twice and ids only grow, whatever comes in.
func FuzzTracker(f *testing.F) {
	f.Add(uint64(1), []byte("abcabcabc"))
	f.Add(uint64(7), []byte{0, 255, 3, 90, 17, 0, 0, 200})
	f.Fuzz(func(t *testing.T, seed uint64, frames []byte) {
		set := muco(t)
		rng := rand.New(rand.NewPCG(seed, 5))
		tr := newTracker(t, nil)
		var at time.Duration
		highest := 0
		for _, b := range frames[:min(len(frames), 200)] {
			at += time.Duration(b) * 10 * time.Millisecond
			var c []Candidate
			guesses := tr.Advance(at, testW, testH)
			for range b % 5 {
				p := standing(set, rng.NormFloat64()*1000, rng.NormFloat64()*200, 3000+rng.Float64()*3000)
				p.Score, p.BoxScore = rng.Float64(), rng.Float64()
				from := -1
				if len(guesses) > 0 && rng.IntN(2) == 0 {
					from = guesses[rng.IntN(len(guesses))].Track
				}
				c = append(c, Candidate{p, from})
			}
			people, _ := tr.Seen(c)
			last := 0
			for _, p := range people {
				if p.ID <= last {
					t.Fatalf("ids are not rising: %d after %d", p.ID, last)
				}
				last = p.ID
			}
			if tr.People() < highest {
				t.Fatal("the count of people fell")
			}
			highest = tr.People()
		}
	})
}
