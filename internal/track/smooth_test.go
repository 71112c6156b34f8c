package track

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"mhp/internal/geom"
	"mhp/internal/pose"
)

// spread is the standard deviation of values.
func spread(values []float64) float64 {
	mean, sum := 0.0, 0.0
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		sum += (v - mean) * (v - mean)
	}
	return math.Sqrt(sum / float64(len(values)))
}

// shaken is a standing person whose joints the network finds with an error of that many mm.
func shaken(t testing.TB, rng *rand.Rand, noiseMM, depthNoiseMM float64) pose.Person {
	set := muco(t)
	depth := 4000 + depthNoiseMM*rng.NormFloat64()
	p := standing(set, 200, 0, depth)
	for j := range p.Joints {
		c := p.Joints[j].Camera
		c.X, c.Y, c.Z = c.X+noiseMM*rng.NormFloat64(), c.Y+noiseMM*rng.NormFloat64(), c.Z+noiseMM*rng.NormFloat64()
		p.Joints[j] = jointAt(c.X, c.Y, c.Z, [3]float64{200, 0, depth})
	}
	p.ID = 1
	return p
}

// TestDefaultSmoothingHalvesJitter: the standard deviation over two seconds of
// a standing person's joints, in px and in mm, on average over the joints.
func TestDefaultSmoothingHalvesJitter(t *testing.T) {
	for _, c := range []struct {
		fps            float64
		noise, depthMM float64
	}{{30, 5, 30}, {30, 15, 80}, {60, 10, 50}, {25, 10, 50}} {
		rng := rand.New(rand.NewPCG(5, 6))
		s, err := NewSmoother(Light)
		if err != nil {
			t.Fatal(err)
		}
		joints := len(muco(t).Joints)
		var raw, smooth [4][][]float64 // u, v, relative z, depth
		for k := range raw {
			raw[k], smooth[k] = make([][]float64, joints), make([][]float64, joints)
		}
		for n := range int(3 * c.fps) {
			p := pictureOf(time.Duration(float64(n)/c.fps*1e9), shaken(t, rng, c.noise, c.depthMM))
			note := func(to *[4][][]float64) {
				one := p.People[0]
				for j, k := range one.Joints {
					for i, v := range []float64{k.Image.X, k.Image.Y, k.RootRelative.Z, one.RootDepthMM} {
						to[i][j] = append(to[i][j], v)
					}
				}
			}
			if float64(n) >= c.fps { // after a second to settle
				note(&raw)
			}
			s.Smooth(p)
			if float64(n) >= c.fps {
				note(&smooth)
			}
		}
		for k, what := range []string{"image x", "image y", "depth from the root", "root depth"} {
			before, after := 0.0, 0.0
			for j := range joints {
				before += spread(raw[k][j])
				after += spread(smooth[k][j])
			}
			ratio := after / before
			t.Logf("%g fps, %g mm: %s shakes %.2f times as much", c.fps, c.noise, what, ratio)
			if !(ratio <= 0.5) {
				t.Errorf("%g fps, %g mm: %s shakes %.2f times as much, not half", c.fps, c.noise, what, ratio)
			}
			if what == "root depth" && !(ratio < 0.33) {
				t.Errorf("the root's depth is not smoothed more than the rest: %.2f", ratio)
			}
		}
	}
}

// lagOf finds by how much later smooth has to be read to fit raw best, in
// seconds, by trying delays of a millisecond and more.
func lagOf(times, raw, smooth []float64) float64 {
	at := func(t float64) (float64, bool) {
		i, _ := slices.BinarySearch(times, t)
		if i == 0 || i == len(times) {
			return 0, false
		}
		share := (t - times[i-1]) / (times[i] - times[i-1])
		return smooth[i-1] + share*(smooth[i]-smooth[i-1]), true
	}
	best, lag := math.Inf(1), 0.0
	for d := 0.0; d < 0.3; d += 0.001 {
		sum, n := 0.0, 0
		for i, t := range times {
			if v, ok := at(t + d); ok {
				sum += (v - raw[i]) * (v - raw[i])
				n++
			}
		}
		if mean := sum / float64(n); mean < best {
			best, lag = mean, d
		}
	}
	return lag
}

// TestFastHandIsNotHeldBack: a hand that waves and one that strikes out once.
func TestFastHandIsNotHeldBack(t *testing.T) {
	wave := func(t float64) float64 { return 300 * math.Sin(2*math.Pi*1.2*t) } // up to 2.3 m/s
	strike := func(t float64) float64 {                                        // 0.6 m within 0.3 s, at 1 s
		return 600 * min(1, max(0, (t-1)/0.3))
	}
	for name, path := range map[string]func(float64) float64{"waving": wave, "striking": strike} {
		for _, fps := range []float64{30, 60} {
			set := muco(t)
			hand := set.Index("R_Hand")
			rng := rand.New(rand.NewPCG(8, 9))
			s, _ := NewSmoother(Light)
			var times, raw, smooth []float64
			for n := range int(3 * fps) {
				at := float64(n) / fps
				one := standing(set, 0, 0, 4000)
				one.ID = 1
				c := one.Joints[hand].Camera
				one.Joints[hand] = jointAt(c.X+path(at)+3*rng.NormFloat64(), c.Y, c.Z, [3]float64{0, 0, 4000})
				times, raw = append(times, at), append(raw, one.Joints[hand].Camera.X)
				p := pictureOf(time.Duration(at*1e9), one)
				s.Smooth(p)
				smooth = append(smooth, p.People[0].Joints[hand].Camera.X)
			}
			lag := lagOf(times, raw, smooth)
			t.Logf("%s at %g fps: %.0f ms late", name, fps, lag*1000)
			if lag >= 0.05 {
				t.Errorf("%s at %g fps: %.0f ms late, want under 50", name, fps, lag*1000)
			}
		}
	}
}

// Picture and space stay one: a smoothed joint is seen where it is.
func TestSmoothedJointsProjectToThePicture(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	s, _ := NewSmoother(Strong)
	for n := range 40 {
		p := pictureOf(time.Duration(n)*tick, shaken(t, rng, 20, 100))
		s.Smooth(p)
		one := p.People[0]
		root := one.Root().Camera
		for _, j := range one.Joints {
			u := testW/2 + testFocal*j.Camera.X/j.Camera.Z
			if math.Abs(u-j.Image.X) > 1e-6 || n > 0 && j.RootRelative != j.Camera.Sub(root) {
				t.Fatalf("frame %d: joint at %g px is seen at %g", n, u, j.Image.X)
			}
		}
		if math.Abs(one.RootDepthMM-root.Z) > 20*5 {
			t.Fatalf("the root's depth %g is far from the root %g", one.RootDepthMM, root.Z)
		}
	}
}

func TestSmootherKeepsPeopleApartAndForgets(t *testing.T) {
	set := muco(t)
	s, _ := NewSmoother(Strong)
	a, b := standing(set, -1000, 0, 4000), standing(set, 1000, 0, 5000)
	a.ID, b.ID = 1, 2
	for n := range 10 {
		p := pictureOf(time.Duration(n)*tick, a, b)
		s.Smooth(p)
		for i, want := range []pose.Person{a, b} {
			if math.Abs(p.People[i].Joints[0].Camera.X-want.Joints[0].Camera.X) > 1e-9 {
				t.Fatalf("somebody who stands still moves")
			}
		}
	}
	s.Forget(func(id int) bool { return id == 2 })
	if len(s.people) != 1 || s.people[2] == nil {
		t.Errorf("%d people are remembered", len(s.people))
	}
	off, _ := NewSmoother(Smoothing{})
	p := pictureOf(0, a)
	off.Smooth(p)
	off.Smooth(p)
	if len(off.people) != 0 {
		t.Error("without smoothing people are remembered")
	}
	if _, err := NewSmoother(Smoothing{MinCutoffHz: -1}); err == nil {
		t.Error("a cutoff below 0 passes")
	}
}

// take is a person who walks, with an error, at uneven times; frames in gone lack the person.
func take(t *testing.T, frames int, noise float64, gone func(n int) bool) []*pose.Picture {
	set := muco(t)
	rng := rand.New(rand.NewPCG(2, 3))
	var out []*pose.Picture
	at := 0.0
	for n := range frames {
		p := pictureOf(time.Duration(at * 1e9))
		if gone == nil || !gone(n) {
			one := standing(set, -1000+1000*at, 0, 4000)
			for j := range one.Joints {
				c := one.Joints[j].Camera
				one.Joints[j] = jointAt(c.X+noise*rng.NormFloat64(), c.Y+noise*rng.NormFloat64(), c.Z, [3]float64{-1000 + 1000*at, 0, 4000})
			}
			one.ID = 3
			p.People = append(p.People, one)
		}
		out = append(out, p)
		at += 1.0 / 60
		if n%4 == 3 {
			at += 1.0 / 60
		}
	}
	return out
}

func TestOfflineHasNoDelayAndLessNoise(t *testing.T) {
	frames := take(t, 240, 12, nil)
	var before, after []float64
	errorOf := func(p *pose.Picture) float64 {
		return p.People[0].Joints[0].Camera.X - (-1000 + 1000*p.Time.Seconds())
	}
	for _, p := range frames {
		before = append(before, errorOf(p))
	}
	Offline(frames, OfflineCutoffHz)
	for _, p := range frames {
		after = append(after, errorOf(p))
	}
	if r := spread(after) / spread(before); !(r < 0.6) {
		t.Errorf("the noise is still %.2f of what it was", r)
	}
	mean := 0.0
	for _, v := range after {
		mean += v / float64(len(after))
	}
	// 1 m/s: a delay of 2 ms would be 2 mm.
	if math.Abs(mean) > 2 {
		t.Errorf("a walk of 1 m/s lies %.1f mm behind", mean)
	}
}

// gaussian against its slow, plain twin: the fit by normal equations over all values.
func TestGaussianIsTheLocalFit(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	var times, values []float64
	at := 0.0
	for range 60 {
		at += 0.01 + 0.05*rng.Float64()
		times, values = append(times, at), append(values, rng.NormFloat64()+5*at)
	}
	got := gaussian(times, values, 3)
	sigma := sigmaOf(3)
	for i, t0 := range times {
		var a [2][2]float64
		var b [2]float64
		for k, tk := range times {
			if math.Abs(tk-t0) > 4*sigma {
				continue
			}
			w := math.Exp(-(tk - t0) * (tk - t0) / 2 / sigma / sigma)
			x := [2]float64{1, tk - t0}
			for r := range 2 {
				b[r] += w * x[r] * values[k]
				for c := range 2 {
					a[r][c] += w * x[r] * x[c]
				}
			}
		}
		want := (a[1][1]*b[0] - a[0][1]*b[1]) / (a[0][0]*a[1][1] - a[0][1]*a[1][0])
		if math.Abs(got[i]-want) > 1e-9 {
			t.Fatalf("value %d is %g, want %g", i, got[i], want)
		}
	}
	// The response at the cutoff is 1/sqrt(2).
	times, values = nil, nil
	for n := range 2000 {
		times = append(times, float64(n)/500)
		values = append(values, math.Sin(2*math.Pi*6*float64(n)/500))
	}
	if r := spread(gaussian(times, values, 6)[500:1500]) / spread(values[500:1500]); math.Abs(r-math.Sqrt2/2) > 0.01 {
		t.Errorf("the response at the cutoff is %.3f", r)
	}
}

func TestFillGaps(t *testing.T) {
	gone := func(n int) bool { return n >= 10 && n < 14 || n >= 30 && n < 60 }
	frames := take(t, 80, 0, gone)
	other := standing(muco(t), 1500, 0, 5000)
	other.ID = 1
	for _, p := range frames {
		p.People = append([]pose.Person{other}, p.People...)
	}
	if n := FillGaps(frames, 200*time.Millisecond); n != 4 {
		t.Errorf("%d poses filled in, want 4", n)
	}
	for n, p := range frames {
		want := 2
		if n >= 30 && n < 60 {
			want = 1
		}
		if len(p.People) != want || p.People[0].ID != 1 || p.People[0].Interpolated {
			t.Fatalf("frame %d: %d people, first id %d", n, len(p.People), p.People[0].ID)
		}
		if want == 2 {
			one := p.People[1]
			if one.Interpolated != (n >= 10 && n < 14) {
				t.Errorf("frame %d is marked %v", n, one.Interpolated)
			}
			if x := one.Joints[14].Camera.X; math.Abs(x-(-1000+1000*p.Time.Seconds())) > 1e-6 {
				t.Errorf("frame %d: x is %g", n, x)
			}
		}
	}
}

// TestFloor tilts the camera and lets people walk about; the room must be
// level again, with the feet on its floor.
func TestFloor(t *testing.T) {
	set := muco(t)
	rng := rand.New(rand.NewPCG(4, 4))
	for _, tiltDeg := range []float64{-25, 0, 10, 35} {
		sin, cos := math.Sincos(tiltDeg * math.Pi / 180)
		const cameraHeight = 1800.0
		floor := NewFloor()
		var last pose.Person
		for n := range 90 {
			// Level coordinates: y down from the camera, the feet at cameraHeight.
			x, z := 1500*math.Sin(float64(n)/9), 4500+1200*math.Cos(float64(n)/13)
			one := standing(set, x, cameraHeight-900, z)
			for j := range one.Joints {
				c := one.Joints[j].Camera
				c.X, c.Y, c.Z = c.X+15*rng.NormFloat64(), c.Y+15*rng.NormFloat64(), c.Z+15*rng.NormFloat64()
				one.Joints[j].Camera = geom.CameraPointMM{X: c.X, Y: cos*c.Y - sin*c.Z, Z: sin*c.Y + cos*c.Z}
			}
			last = one
			floor.Add(pictureOf(time.Duration(n)*tick, one))
		}
		level := floor.Estimate()
		for joint, want := range map[string]float64{"L_Toe": 0, "R_Toe": 0, "Head_top": 1650, "Pelvis": 900} {
			h := -level.Point(last.Joints[set.Index(joint)].Camera).Y
			if math.Abs(h-want) > 80 {
				t.Errorf("tilt %g: %s is %.0f mm above the floor, want %g", tiltDeg, joint, h, want)
			}
		}
		if y := level.Point(geom.CameraPointMM{}); math.Abs(-y.Y-cameraHeight) > 120 || y.X != 0 || y.Z != 0 {
			t.Errorf("tilt %g: the camera is at %+v", tiltDeg, y)
		}
		// The room's down, before the camera, against the true one (0, cos, sin).
		down := level.R[1]
		if off := math.Acos(min(1, down[1]*cos+down[2]*sin)) * 180 / math.Pi; off > 1.5 {
			t.Errorf("tilt %g: down is off by %.1f degrees", tiltDeg, off)
		}
		// A rotation: right-handed, unit length.
		if det := vec(level.R[0]).cross(vec(level.R[1])).dot(vec(level.R[2])); math.Abs(det-1) > 1e-9 {
			t.Errorf("the room's axes have determinant %g", det)
		}
	}
}

func TestFloorOfNobody(t *testing.T) {
	floor := NewFloor()
	floor.Add(pictureOf(0))
	if floor.Level() != nil || floor.Estimate() != nil {
		t.Error("there is a floor without anybody")
	}
	set := muco(t)
	for n := range 5000 {
		floor.Add(pictureOf(time.Duration(n)*tick, standing(set, 0, 0, 4000)))
	}
	if len(floor.samples) >= mostSamples || floor.Level() == nil {
		t.Errorf("%d sights are kept, level %v", len(floor.samples), floor.Level())
	}
}
