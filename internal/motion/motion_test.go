package motion

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"

	"mhp/internal/geom"
	"mhp/internal/pose"
	"mhp/internal/skeleton"
)

func named(t testing.TB, name string) *skeleton.Set {
	t.Helper()
	set, err := skeleton.Named(name)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// dancer moves a body of 1.7 m smoothly: every joint swings at its own pace.
// Its bones are rigid, so a rig can follow it exactly.
func dancer(t testing.TB, set *skeleton.Set, frames int) [][]Vec {
	t.Helper()
	start := make([]Vec, len(set.Joints))
	for changed := true; changed; {
		changed = false
		for j, p := range set.Parents {
			if p < 0 || start[j] != (Vec{}) || (start[p] == Vec{} && set.Parents[p] >= 0) {
				continue
			}
			a := float64(j)
			start[j], changed = start[p].add(Vec{120 * math.Sin(2*a), 150 * math.Cos(a), 90 * math.Sin(a)}), true
		}
	}
	body := NewRig(set, [][]Vec{start})
	out := make([][]Vec, frames)
	for i := range out {
		s := float64(i) / 30
		p := Posture{Root: Vec{300 * math.Sin(s), 900 + 40*math.Sin(5*s), -3000 + 200*s}, Turns: make([]Quat, len(set.Joints))}
		for j := range p.Turns {
			a := 0.6*math.Sin(s*(1+0.13*float64(j))+float64(j)) + 0.3
			u, _ := Vec{math.Sin(float64(j)), 0.4, math.Cos(float64(j))}.unit()
			p.Turns[j] = Quat{math.Cos(a / 2), u[0] * math.Sin(a/2), u[1] * math.Sin(a/2), u[2] * math.Sin(a/2)}
		}
		out[i] = body.Forward(p)
	}
	return out
}

func TestRigFollowsARigidBodyExactly(t *testing.T) {
	for _, name := range skeleton.Names() {
		frames := dancer(t, named(t, name), 90)
		rig := NewRig(named(t, name), frames)
		postures := rig.Fit(frames)
		for i, p := range postures {
			for j, at := range rig.Forward(p) {
				if off := at.sub(frames[i][j]).Norm(); off > 0.01 {
					t.Fatalf("%s, frame %d: %s is %v mm off", name, i, rig.Set.Joints[j], off)
				}
			}
		}
		if median, p95 := rig.Misfit(frames, postures); median > 0.01 || p95 > 0.01 {
			t.Errorf("%s: misfit %v, %v mm", name, median, p95)
		}
	}
}

// With noise in the joints the bones keep the median's length, and the limbs the directions seen.
func TestRigOfNoisyJoints(t *testing.T) {
	set := named(t, "muco21")
	frames := dancer(t, set, 120)
	rng := rand.New(rand.NewPCG(1, 2))
	for _, f := range frames {
		for j := range f {
			f[j] = f[j].add(Vec{rng.NormFloat64() * 12, rng.NormFloat64() * 12, rng.NormFloat64() * 12})
		}
	}
	rig := NewRig(set, frames)
	for j, p := range set.Parents {
		if p < 0 {
			continue
		}
		if got, want := rig.Rest[j].Norm(), medianLength(frames, j, p); math.Abs(got-want) > 1e-6 {
			t.Errorf("%s: rest length %v mm, median %v", set.Joints[j], got, want)
		}
	}
	postures := rig.Fit(frames)
	for i, p := range postures {
		at := rig.Forward(p)
		for j, parent := range set.Parents {
			if parent < 0 {
				continue
			}
			if got := at[j].sub(at[parent]).Norm(); math.Abs(got-rig.Rest[j].Norm()) > 1e-6 {
				t.Fatalf("frame %d: the bone to %s is %v mm long, at rest %v", i, set.Joints[j], got, rig.Rest[j].Norm())
			}
			if len(rig.Children[parent]) > 1 {
				continue
			}
			a, _ := at[j].sub(at[parent]).unit()
			b, _ := frames[i][j].sub(frames[i][parent]).unit()
			if a.dot(b) < 1-1e-9 {
				t.Fatalf("frame %d: the bone to %s points elsewhere", i, set.Joints[j])
			}
		}
		if i == 0 {
			continue
		}
		for j, q := range p.Turns {
			b := postures[i-1].Turns[j]
			if q.W*b.W+q.X*b.X+q.Y*b.Y+q.Z*b.Z < 0 {
				t.Fatalf("frame %d: the quaternion of %s changes its sign", i, set.Joints[j])
			}
		}
	}
	if median, p95 := rig.Misfit(frames, postures); median > 30 || p95 > 90 {
		t.Errorf("misfit %v mm, 95th percentile %v, for noise of 12 mm an axis", median, p95)
	}
}

func TestRestPoseIsAT(t *testing.T) {
	set := named(t, "muco21")
	at := NewRig(set, dancer(t, set, 60)).RestPositions()
	pos := func(name string) Vec { return at[set.Index(name)] }
	if pos("L_Wrist")[0] <= pos("L_Shoulder")[0] || pos("R_Wrist")[0] >= pos("R_Shoulder")[0] {
		t.Error("the arms do not point outwards, left to +x")
	}
	if pos("L_Knee")[1] >= pos("L_Hip")[1] || pos("L_Toe")[2] <= pos("L_Ankle")[2] {
		t.Error("the legs do not point down with the toes to the front")
	}
}

// kabsch is the plain twin of bestTurn by singular values (Kabsch 1976).
func kabsch(rest, seen []Vec) *mat.Dense {
	h := mat.NewDense(3, 3, nil)
	for n := range rest {
		for i := range 3 {
			for j := range 3 {
				h.Set(i, j, h.At(i, j)+seen[n][i]*rest[n][j])
			}
		}
	}
	var svd mat.SVD
	svd.Factorize(h, mat.SVDFull)
	var u, v, r mat.Dense
	svd.UTo(&u)
	svd.VTo(&v)
	r.Mul(&u, v.T())
	if mat.Det(&r) < 0 {
		for i := range 3 {
			u.Set(i, 2, -u.At(i, 2))
		}
		r.Mul(&u, v.T())
	}
	return &r
}

func TestBestTurnIsKabschs(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	random := func() Vec { return Vec{rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()}.times(100) }
	for range 200 {
		rest := []Vec{random(), random(), random()}
		seen := []Vec{random(), random(), random()}
		q := bestTurn(rest, seen, Still)
		r := kabsch(rest, seen)
		cost := func(turn func(Vec) Vec) (sum float64) {
			for i := range rest {
				d := turn(rest[i]).sub(seen[i])
				sum += d.dot(d)
			}
			return sum
		}
		got := cost(q.Turn)
		want := cost(func(v Vec) Vec {
			var o mat.VecDense
			o.MulVec(r, mat.NewVecDense(3, v[:]))
			return Vec{o.AtVec(0), o.AtVec(1), o.AtVec(2)}
		})
		if got > want*(1+1e-4)+1e-6 {
			t.Fatalf("cost %v, Kabsch's is %v", got, want)
		}
	}
	// What the offsets leave open comes from the prior.
	twist := Quat{math.Cos(0.4), 0, math.Sin(0.4), 0}
	if q := bestTurn([]Vec{{0, 50, 0}, {0, -70, 0}}, []Vec{{0, 50, 0}, {0, -70, 0}}, twist); math.Abs(q.Y-twist.Y) > 1e-6 {
		t.Errorf("the twist about a line is %v, want the prior's %v", q, twist)
	}
}

func TestShortest(t *testing.T) {
	for _, c := range [][2]Vec{{{0, 1, 0}, {0, 1, 0}}, {{0, 1, 0}, {0, -1, 0}}, {{1, 0, 0}, {-1, 0, 0}}, {{1, 0, 0}, {0, 0, 1}}} {
		if got := shortest(c[0], c[1]).Turn(c[0]); got.sub(c[1]).Norm() > 1e-9 {
			t.Errorf("%v goes to %v, want %v", c[0], got, c[1])
		}
	}
}

func pictureOf(set *skeleton.Set, index int, at time.Duration, people map[int][]Vec) *pose.Picture {
	p := &pose.Picture{Name: "a.mp4", Index: index, Time: at}
	for id, joints := range people {
		one := pose.Person{Set: set, ID: id, Joints: make([]pose.Joint, len(joints))}
		for j, v := range joints {
			one.Joints[j].Camera = geom.CameraPointMM{X: v[0], Y: -v[1], Z: -v[2]}
		}
		p.People = append(p.People, one)
	}
	return p
}

func TestClipGathersPeopleAndBridgesGaps(t *testing.T) {
	set := named(t, "muco21")
	frames := dancer(t, set, 10)
	step := time.Second / 25
	var c Clip
	for i, f := range frames {
		people := map[int][]Vec{}
		if i < 3 || i > 6 {
			people[2] = f
		}
		if i == 4 {
			people[1], people[0] = f, f
		}
		c.Add(pictureOf(set, i+100, time.Duration(i)*step, people))
	}
	tracks := c.Tracks()
	if len(tracks) != 2 || tracks[0].ID != 1 || tracks[1].ID != 2 || len(c.Times) != 10 || c.Numbers[3] != 103 {
		t.Fatalf("%d tracks of %d frames", len(tracks), len(c.Times))
	}
	even := tracks[1].Even(c.Step(25))
	if len(even) != 10 {
		t.Fatalf("%d even frames, want 10", len(even))
	}
	for i, f := range even {
		want := frames[i]
		if i >= 3 && i <= 6 {
			want = make([]Vec, len(f))
			for j := range want {
				want[j] = frames[2][j].add(frames[7][j].sub(frames[2][j]).times(float64(i-2) / 5))
			}
		}
		for j := range f {
			if f[j].sub(want[j]).Norm() > 0.01 {
				t.Fatalf("frame %d, joint %d: %v, want %v", i, j, f[j], want[j])
			}
		}
	}
	if got := len(tracks[0].Even(step)); got != 1 {
		t.Errorf("a person of one frame gives %d", got)
	}
}

func TestStep(t *testing.T) {
	ms := time.Millisecond
	for _, c := range []struct {
		times []time.Duration
		fps   float64
		want  time.Duration
	}{
		{[]time.Duration{0, 33 * ms, 67 * ms, 100 * ms}, 30, time.Second / 30},
		{[]time.Duration{0, 40 * ms, 80 * ms, 400 * ms}, 30, 40 * ms},
		{[]time.Duration{0, 40 * ms, 80 * ms}, 0, 40 * ms},
		{[]time.Duration{0, 0, 0}, math.NaN(), time.Second / 30},
		{[]time.Duration{5 * ms}, 50, 20 * ms},
	} {
		if got := (&Clip{Times: c.times}).Step(c.fps); got-c.want > 1 || c.want-got > 1 {
			t.Errorf("%v at %v: step %v, want %v", c.times, c.fps, got, c.want)
		}
	}
}
