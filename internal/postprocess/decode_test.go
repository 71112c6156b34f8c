package postprocess

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"mhp/internal/camera"
	"mhp/internal/geom"
	"mhp/internal/model"
	"mhp/internal/pose"
	"mhp/internal/skeleton"
	"mhp/internal/testkit"
)

func muco(t testing.TB) *model.Spec {
	set, err := skeleton.Named("muco21")
	if err != nil {
		t.Fatal(err)
	}
	return heatSpec(set, 32, 32, 32)
}

// heatPoints reads [n, 21, 4] of a golden.
func heatPoints(t *testing.T, golden *testkit.File, name string) [][]HeatPoint {
	values := golden.Values(t, name, -1, 21, 4)
	people := make([][]HeatPoint, len(values)/(21*4))
	for i := range people {
		for j := range 21 {
			v := values[(i*21+j)*4:]
			people[i] = append(people[i], HeatPoint{v[0], v[1], v[2], v[3]})
		}
	}
	return people
}

func TestJointGoldens(t *testing.T) {
	golden := testkit.Golden(t, "joints")
	points, mirrored := heatPoints(t, golden, "points"), heatPoints(t, golden, "mirrored")
	n := len(points)
	cameras, maps := golden.Values(t, "cameras", n, 9), golden.Values(t, "maps", n, 3)
	rootDepth := golden.Values(t, "box_depth_mm", n)
	spec := muco(t)
	d := New(spec)
	var flipped, cropPx, imagePx, cameraMM, relativeMM []float64
	joints := make([]pose.Joint, 21)
	for i := range n {
		MirrorBack(points[i], mirrored[i], spec)
		m := geom.CropToImage{Scale: maps[3*i], ShiftX: maps[3*i+1], ShiftY: maps[3*i+2]}
		d.Person(joints, points[i], m, intrinsics(cameras[9*i:]), rootDepth[i])
		flipped = append(flipped, flatten(points[i])...)
		for j, joint := range joints {
			crop := d.Crop(points[i][j])
			cropPx = append(cropPx, crop.X, crop.Y)
			imagePx = append(imagePx, joint.Image.X, joint.Image.Y)
			cameraMM = append(cameraMM, joint.Camera.X, joint.Camera.Y, joint.Camera.Z)
			relativeMM = append(relativeMM, joint.RootRelative.X, joint.RootRelative.Y, joint.RootRelative.Z)
			if joint.Score != points[i][j].Score {
				t.Errorf("person %d joint %d: score %g, want %g", i, j, joint.Score, points[i][j].Score)
			}
		}
	}
	label := func(axes int) func(int) string {
		return func(i int) string {
			return fmt.Sprintf("person %d %s axis %d", i/axes/21, spec.Set.Joints[i/axes%21], i%axes)
		}
	}
	testkit.Within(t, "flip test", "cells", cellLimit, flipped, golden.Values(t, "flipped", n, 21, 4), label(4))
	testkit.Within(t, "crop", "px", 0.01, cropPx, golden.Values(t, "crop_px", n, 21, 2), label(2))
	testkit.Within(t, "image", "px", 0.01, imagePx, golden.Values(t, "image_px", n, 21, 2), label(2))
	testkit.Within(t, "camera", "mm", 0.1, cameraMM, golden.Values(t, "camera_mm", n, 21, 3), label(3))
	testkit.Within(t, "root relative", "mm", 0.1, relativeMM, golden.Values(t, "root_relative_mm", n, 21, 3), label(3))
}

func TestMergeGoldens(t *testing.T) {
	golden := testkit.Golden(t, "looks")
	looks := make([]Look, 6)
	for i := range looks {
		part := func(name string, n int) []float32 {
			values := golden.Values(t, name, 6, 21, n)
			out := make([]float32, 21*n)
			for k := range out {
				out[k] = float32(values[i*21*n+k])
			}
			return out
		}
		looks[i] = Look{Plane: part("plane", 1024), Depth: part("depth", 32)}
		for _, v := range golden.Values(t, "peaks", 6, 21)[21*i : 21*(i+1)] {
			looks[i].Score = append(looks[i].Score, float32(v))
		}
	}
	spec := muco(t)
	d, points := New(spec), make([]HeatPoint, 21)
	for name, n := range map[string]int{"merged": 6, "merged_two": 2} {
		d.Merge(points, looks[:n])
		testkit.Within(t, fmt.Sprint(n, " looks merged"), "cells", cellLimit, flatten(points), golden.Values(t, name, 21, 4), func(i int) string {
			return fmt.Sprintf("%s axis %d", spec.Set.Joints[i/4], i%4)
		})
	}
}

// Merge says nothing but numbers, whatever the network said, and with the
// file's curve the score is a chance.
func TestMergeOfWhatIsNoProbability(t *testing.T) {
	spec := *muco(t)
	spec.ScoreMerged = &model.ScoreCurve{Slope: 1, Offset: 2}
	nan := float32(math.NaN())
	for _, value := range []float32{0, nan, float32(math.Inf(1)), -1} {
		look := Look{Score: make([]float32, 21), Plane: make([]float32, 21*1024), Depth: make([]float32, 21*32)}
		for _, values := range [][]float32{look.Score, look.Plane, look.Depth} {
			for i := range values {
				values[i] = value
			}
		}
		points := make([]HeatPoint, 21)
		New(&spec).Merge(points, []Look{look, look, look, look, look, look})
		for _, p := range points {
			if math.Abs(p.X-15.5) > 1e-9 || math.Abs(p.Y-15.5) > 1e-9 || math.Abs(p.Z-15.5) > 1e-9 || !(p.Score >= 0 && p.Score <= 1) {
				t.Fatalf("of %g everywhere: %v", value, p)
			}
		}
	}
}

// intrinsics reads fx fy cx cy k1 k2 p1 p2 k3.
func intrinsics(v []float64) geom.Intrinsics {
	k := geom.Intrinsics{FxPx: v[0], FyPx: v[1], CxPx: v[2], CyPx: v[3]}
	copy(k.Distortion[:], v[4:9])
	return k
}

func TestCoordsHonoursTheUnit(t *testing.T) {
	for _, c := range []struct {
		unit string
		x, y float32
	}{{"cells", 8, 12}, {"px", 64, 96}, {"unit", 0.25, 0.375}} {
		spec := heatSpec(chain(t, 1), 16, 32, 32)
		spec.CoordsUnit = c.unit
		got := make([]HeatPoint, 1)
		New(spec).Coords(got, []float32{c.x, c.y, 5}, []float32{0.5})
		if want := (HeatPoint{8, 12, 5, 0.5}); got[0] != want {
			t.Errorf("%s: %v, want %v", c.unit, got[0], want)
		}
	}
}

func TestCoordsStayInTheVolume(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	spec := heatSpec(chain(t, 1), 16, 32, 64)
	for _, c := range []struct {
		x, y, z, score float32
		want           HeatPoint
	}{
		{70, -1, 99, 2, HeatPoint{63, 0, 15, 1}},
		{inf, 31, -inf, nan, HeatPoint{63, 31, 0, 0}},
		{3, nan, 4, 0.7, HeatPoint{31.5, 15.5, 7.5, 0}},
	} {
		got := make([]HeatPoint, 1)
		New(spec).Coords(got, []float32{c.x, c.y, c.z}, []float32{c.score})
		if got[0] != c.want {
			t.Errorf("%v %v %v: %v, want %v", c.x, c.y, c.z, got[0], c.want)
		}
	}
}

func TestMirrorBackOfTheMirroredSelfChangesNothing(t *testing.T) {
	for _, name := range skeleton.Names() {
		set, err := skeleton.Named(name)
		if err != nil {
			t.Fatal(err)
		}
		points, mirrored := make([]HeatPoint, len(set.Joints)), make([]HeatPoint, len(set.Joints))
		for j, partner := range set.MirrorIndex() {
			points[j] = HeatPoint{float64(j), float64(2 * j), float64(j) / 2, 0.25}
			mirrored[partner] = HeatPoint{31 - float64(j), float64(2 * j), float64(j) / 2, 0.25}
		}
		want := append([]HeatPoint(nil), points...)
		MirrorBack(points, mirrored, &model.Spec{Set: set, InputWPx: 256, HeatW: 32})
		for j := range want {
			if points[j] != want[j] {
				t.Errorf("%s %s: %v, want %v", name, set.Joints[j], points[j], want[j])
			}
		}
	}
}

// TestMirrorBackBelievesTheSurerLook: the mean of equally sure looks, nearly the surer of two that differ, and nothing but numbers
// from scores at the ends. All joints but one are equally sure, or the others are twice as sure in one look as in the other.
func TestMirrorBackBelievesTheSurerLook(t *testing.T) {
	spec := muco(t)
	centre := float64(spec.HeatW-1) / 2
	const joint, person = surerJoint, surerPerson / 21.0
	odds := func(score float64) float64 { return score / (1 - score) }
	between := func(weight float64) float64 { return centre - 4/(1+weight) } // of the mirrored look over the other
	for _, c := range []struct{ score, other, rest, restOther, want, within float64 }{
		{0.5, 0.5, 0.5, 0.5, centre - 2, 1e-9},
		{0.7, 0.3, 0.5, 0.5, between(math.Pow(odds(0.3)/odds(0.7), joint+person)), 1e-9},
		{0.3, 0.7, 0.5, 0.5, between(math.Pow(odds(0.7)/odds(0.3), joint+person)), 1e-9},
		{0.5, 0.5, 0.6, 0.4, between(math.Pow(odds(0.4)/odds(0.6), 20*person)), 1e-9},
		{0.6, 0.4, 0.4, 0.6, between(math.Pow(odds(0.6)/odds(0.4), 19*person-joint)), 1e-9},
		{0, 0, 0.5, 0.5, centre - 2, 1e-9},
		{1, 1, 0.5, 0.5, centre - 2, 1e-9},
		{1, 0, 0.5, 0.5, centre - 4, 1e-9},
	} {
		points, mirrored := make([]HeatPoint, len(spec.Set.Joints)), make([]HeatPoint, len(spec.Set.Joints))
		for j := range points {
			points[j].Score, mirrored[j].Score = c.rest, c.restOther
		}
		points[spec.Set.Root()] = HeatPoint{centre - 4, 1, 1, c.score}
		mirrored[spec.Set.Root()] = HeatPoint{centre, 1, 1, c.other}
		MirrorBack(points, mirrored, spec)
		got := points[spec.Set.Root()]
		if !(math.Abs(got.X-c.want) <= c.within) || got.Score != (c.score+c.other)/2 {
			t.Errorf("scores %g and %g: x %g, score %g, want x %g", c.score, c.other, got.X, got.Score, c.want)
		}
	}
}

// A person whose bones all have their share of the stature, in any pose, is
// found at the depth where it stands, and stands there with all joints, whatever
// the depths of the network are measured along.
func TestHeightDepthFindsThePerson(t *testing.T) {
	for _, name := range skeleton.Names() {
		set, err := skeleton.Named(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, depthAxis := range []string{model.DepthAlongCamera, model.DepthAlongCrop} {
			// Sixteen times finer than a real volume, since its cells must hold the pose exactly.
			spec := heatSpec(set, 512, 512, 512)
			spec.DepthAxis = depthAxis
			d := New(spec)
			rng := rand.New(rand.NewPCG(3, 4))
			for n := range 20 {
				statureMM, rootMM := 1200+rng.Float64()*800, 2000+rng.Float64()*6000
				k := camera.Default(1920, 1080)
				k.Distortion[0] = -0.02
				root := geom.CameraPointMM{X: -0.25 * rootMM, Y: 0.1 * rootMM, Z: rootMM}
				joints := randomPerson(rng, set, statureMM, root)
				at := camera.Project(k, root)
				m := geom.SquareCrop(geom.BoxPx{X: at.X - 1000, Y: at.Y - 900, W: 1920, H: 1920}, 256)
				axis := [3]float64{0, 0, 1}
				if depthAxis == model.DepthAlongCrop {
					axis = unit(camera.BackProject(k, geom.OpticalAxis, m.Image(geom.CropPoint{X: 128, Y: 128}), 1))
				}
				points := make([]HeatPoint, len(joints))
				for j, p := range joints {
					crop := m.Crop(camera.Project(k, p))
					from := p.Sub(root)
					zMM := axis[0]*from.X + axis[1]*from.Y + axis[2]*from.Z
					z := (zMM - spec.DepthMinMM) / (spec.DepthMaxMM - spec.DepthMinMM) * 512
					points[j] = HeatPoint{crop.X * 2, crop.Y * 2, z, 0.2 + 0.8*rng.Float64()}
				}
				got, err := d.HeightDepthMM(points, m, k, statureMM)
				if err != nil {
					t.Fatal(err)
				}
				if math.Abs(got-rootMM) > 0.1 {
					t.Errorf("%s along the %s, person %d: %.3f mm, stands at %.3f mm", name, depthAxis, n, got, rootMM)
				}
				placed := make([]pose.Joint, len(joints))
				d.Person(placed, points, m, k, got)
				for j, p := range placed {
					if off := p.Camera.Sub(joints[j]); off.Norm() > 0.2 {
						t.Fatalf("%s along the %s, person %d: joint %d is at %v, not at %v", name, depthAxis, n, j, p.Camera, joints[j])
					}
				}
			}
		}
	}
}

func unit(p geom.CameraPointMM) [3]float64 {
	length := math.Sqrt(p.X*p.X + p.Y*p.Y + p.Z*p.Z)
	return [3]float64{p.X / length, p.Y / length, p.Z / length}
}

// randomPerson has bones of the right lengths in random directions; joints
// whose bone has no known share sit on their parent.
func randomPerson(rng *rand.Rand, set *skeleton.Set, statureMM float64, root geom.CameraPointMM) []geom.CameraPointMM {
	length := make([]float64, len(set.Joints))
	for _, b := range set.BoneLengths() {
		length[b.Joint] = b.OfStature * statureMM
	}
	placed := map[int]geom.CameraPointMM{set.Root(): root}
	for len(placed) < len(set.Joints) {
		for j, parent := range set.Parents {
			from, ok := placed[parent]
			if _, done := placed[j]; done || !ok {
				continue
			}
			x, y, z := rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()
			s := length[j] / math.Sqrt(x*x+y*y+z*z)
			placed[j] = geom.CameraPointMM{X: from.X + x*s, Y: from.Y + y*s, Z: from.Z + z*s}
		}
	}
	joints := make([]geom.CameraPointMM, len(set.Joints))
	for j := range joints {
		joints[j] = placed[j]
	}
	return joints
}

func TestHeightDepthRefuses(t *testing.T) {
	unknown := New(heatSpec(chain(t, 3), 32, 32, 32))
	m, k := geom.CropToImage{Scale: 1}, camera.Default(256, 256)
	if _, err := unknown.HeightDepthMM(make([]HeatPoint, 3), m, k, 1700); err == nil {
		t.Error("a set without known bones has a depth")
	}
	d := New(muco(t))
	points := make([]HeatPoint, 21)
	for j := range points {
		points[j] = HeatPoint{16, 16, float64(31 * (j % 2)), 1} // bones along the axis, far too long
	}
	if depth, err := d.HeightDepthMM(points, m, k, 1700); err == nil {
		t.Errorf("bones of two metres fit a person of 1.7 m at %g mm", depth)
	}
}

func TestCoordsToPersonAllocatesNothing(t *testing.T) {
	d := New(muco(t))
	coords, score := make([]float32, 63), make([]float32, 21)
	for i := range coords {
		coords[i], score[i/3] = float32(8+i*5%16), 0.5
	}
	points, mirrored, joints := make([]HeatPoint, 21), make([]HeatPoint, 21), make([]pose.Joint, 21)
	k := camera.Default(640, 480)
	k.Distortion[0] = -0.1
	m := geom.SquareCrop(geom.BoxPx{W: 300, H: 300}, 256)
	n := testing.AllocsPerRun(50, func() {
		d.Coords(points, coords, score)
		d.Coords(mirrored, coords, score)
		MirrorBack(points, mirrored, d.spec)
		for j := range points {
			points[j].Z = 16 // a flat person fits some depth
		}
		depthMM, err := d.HeightDepthMM(points, m, k, 1700)
		if err != nil {
			t.Error(err)
		}
		d.Person(joints, points, m, k, depthMM)
	})
	if n != 0 {
		t.Errorf("%g allocations a person, want none", n)
	}
}

func BenchmarkCoordsToPerson(b *testing.B) {
	d := New(muco(b))
	coords, score := make([]float32, 63), make([]float32, 21)
	for i := range coords {
		coords[i] = float32(i) / 2
	}
	points, joints := make([]HeatPoint, 21), make([]pose.Joint, 21)
	m := geom.SquareCrop(geom.BoxPx{W: 300, H: 300}, 256)
	k := camera.Default(640, 480)
	for _, people := range []int{1, 4, 16} {
		b.Run(fmt.Sprintf("people=%d", people), func(b *testing.B) {
			for b.Loop() {
				for range people {
					d.Coords(points, coords, score)
					d.Person(joints, points, m, k, 3000)
				}
			}
		})
	}
}

func BenchmarkMerge(b *testing.B) {
	d := New(muco(b))
	look := Look{Score: make([]float32, 21), Plane: make([]float32, 21*1024), Depth: make([]float32, 21*32)}
	for i := range look.Plane {
		look.Plane[i] = float32(i%7) * 1e-4
	}
	points := make([]HeatPoint, 21)
	b.ReportAllocs()
	for b.Loop() {
		d.Merge(points, []Look{look, look, look, look, look, look})
	}
}

func TestScoreCurveIsApplied(t *testing.T) {
	spec := muco(t)
	spec.ScoreCurve = &model.ScoreCurve{Slope: 1, Offset: 3}
	n := len(spec.Set.Joints)
	points := make([]HeatPoint, n)
	score := make([]float32, n)
	for j := range score {
		score[j] = 0.25
	}
	New(spec).Coords(points, make([]float32, 3*n), score)
	want := 1 / (1 + math.Exp(-(math.Log(0.25) + 3)))
	if got := points[0].Score; math.Abs(got-want) > 1e-6 {
		t.Errorf("score %g, want %g", got, want)
	}
}
