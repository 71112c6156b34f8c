package camera

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mhp/internal/geom"
	"mhp/internal/testkit"
)

func TestFocalLengths(t *testing.T) {
	exact := func(k geom.Intrinsics, err error) geom.Intrinsics {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	fov := 1920 / 2 / math.Tan(30*math.Pi/180)
	half := math.Hypot(3000, 2000) / 2
	lens := func(l Lens, w, h int) (geom.Intrinsics, error) {
		k, ok := FromLens(l, w, h)
		if !ok {
			return k, errors.New("refused")
		}
		return k, nil
	}
	for _, c := range []struct {
		name   string
		k      geom.Intrinsics
		fx, fy float64
		source string
	}{
		{"px", exact(FromFocalPx(1500, 1501, 1920, 1080)), 1500, 1501, "focal-px"},
		{"fov", exact(FromFOV(60, 1920, 1080)), fov, fov, "fov-deg"},
		{"fov of a portrait", exact(FromFOV(60, 1080, 1920)), fov, fov, "fov-deg"},
		{"default", Default(1000, 400), 500 / math.Tan(27.5*math.Pi/180), 500 / math.Tan(27.5*math.Pi/180), "default-fov"},
		// 43.2666 mm sees a diagonal of twice half its length, whatever the picture's shape.
		{"35 mm", exact(lens(Lens{Focal35MM: 43.266615305567875 / 2}, 3000, 2000)), half, half, "exif-35mm"},
		{"35 mm of 4:3", exact(lens(Lens{Focal35MM: 26}, 4000, 3000)), 26 / 43.266615305567875 * 5000, 26 / 43.266615305567875 * 5000, "exif-35mm"},
		{"sensor", exact(lens(Lens{FocalMM: 50, SensorWidthMM: 36, SensorHeightMM: 24}, 6000, 4000)), 50. / 36 * 6000, 50. / 36 * 6000, "exif-sensor"},
		{"sensor upright", exact(lens(Lens{FocalMM: 50, SensorWidthMM: 24, SensorHeightMM: 36}, 4000, 6000)), 50. / 36 * 6000, 50. / 36 * 6000, "exif-sensor"},
		{"sensor of 3:2, picture of 16:9", exact(lens(Lens{FocalMM: 50, SensorWidthMM: 36, SensorHeightMM: 24}, 6000, 3375)), 50. / 36 * 6000, 50. / 36 * 6000, "exif-sensor"},
		{"sensor's other side", exact(lens(Lens{FocalMM: 50, SensorHeightMM: 24}, 6000, 4000)), 50. / 24 * 4000, 50. / 24 * 4000, "exif-sensor"},
		{"35 mm absurd, sensor not", exact(lens(Lens{FocalMM: 50, Focal35MM: 65535, SensorWidthMM: 36}, 6000, 4000)), 50. / 36 * 6000, 50. / 36 * 6000, "exif-sensor"},
	} {
		if math.Abs(c.k.FxPx-c.fx) > 1e-9*c.fx || math.Abs(c.k.FyPx-c.fy) > 1e-9*c.fy || c.k.Source != c.source {
			t.Errorf("%s: %+v, want fx %g, fy %g from %s", c.name, c.k, c.fx, c.fy, c.source)
		}
	}
	if k := Default(1920, 1080); k.CxPx != 959.5 || k.CyPx != 539.5 {
		t.Errorf("principal point %g, %g is not the centre of 1920 x 1080 px", k.CxPx, k.CyPx)
	}
}

func TestImpossibleCameras(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, f := range []float64{0, -1, 0.5, 1e9, nan, inf} {
		if _, err := FromFocalPx(1000, f, 640, 480); !isCameraError(err) {
			t.Errorf("focal length %g: %v", f, err)
		}
	}
	for _, deg := range []float64{0, -5, 180, 171, 0.1, nan, inf} {
		if _, err := FromFOV(deg, 640, 480); !isCameraError(err) {
			t.Errorf("field of view %g: %v", deg, err)
		}
	}
	for _, l := range []Lens{
		{}, {FocalMM: 50}, {SensorWidthMM: 36}, {Focal35MM: -20}, {Focal35MM: 65535}, {Focal35MM: 0.5}, {Focal35MM: nan},
		{FocalMM: inf, SensorWidthMM: 36}, {FocalMM: 1e-9, SensorWidthMM: 36}, {FocalMM: 0, SensorWidthMM: 0},
	} {
		if k, ok := FromLens(l, 6000, 4000); ok {
			t.Errorf("%+v gives %+v", l, k)
		}
	}
}

func isCameraError(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Hint() != "" && strings.HasPrefix(e.Error(), "camera: ")
}

func TestBoxDepth(t *testing.T) {
	// A square of 2 m that fills 500 px at f = 1500 px is 6 m away.
	k := geom.Intrinsics{FxPx: 1500, FyPx: 1500}
	if got := BoxDepthMM(k, geom.BoxPx{W: 500, H: 500}); math.Abs(got-6000) > 1e-9 {
		t.Errorf("BoxDepthMM = %g, want 6000", got)
	}
}

func TestProjectionGoldens(t *testing.T) {
	golden := testkit.Golden(t, "joints")
	cameras := golden.Values(t, "cameras", -1, 9)
	n := len(cameras) / 9
	space, squares := golden.Values(t, "space_mm", n, 30, 3), golden.Values(t, "squares", n, 4)
	var px, back, depth []float64
	for i := range n {
		k := intrinsics(cameras[9*i:])
		s := squares[4*i:]
		depth = append(depth, BoxDepthMM(k, geom.BoxPx{X: s[0], Y: s[1], W: s[2], H: s[3]}))
		for j := range 30 {
			v := space[(30*i+j)*3:]
			p := Project(k, geom.CameraPointMM{X: v[0], Y: v[1], Z: v[2]})
			q := BackProject(k, geom.OpticalAxis, p, v[2])
			px = append(px, p.X, p.Y)
			back = append(back, q.X, q.Y, q.Z)
		}
	}
	label := func(i int) string { return fmt.Sprintf("value %d", i) }
	testkit.Within(t, "projectPoints", "px", 1e-6, px, golden.Values(t, "space_px", n, 30, 2), label)
	testkit.Within(t, "there and back", "mm", 1e-6, back, space, label)
	testkit.Within(t, "root depth by box", "mm", 1e-6, depth, golden.Values(t, "box_depth_mm", n), label)
}

// intrinsics reads fx fy cx cy k1 k2 p1 p2 k3.
func intrinsics(v []float64) geom.Intrinsics {
	k := geom.Intrinsics{FxPx: v[0], FyPx: v[1], CxPx: v[2], CyPx: v[3]}
	copy(k.Distortion[:], v[4:9])
	return k
}

// Where a lens images nothing, the answer is still a number.
func TestUndistortOfAnUnreachablePoint(t *testing.T) {
	k := geom.Intrinsics{FxPx: 100, FyPx: 100, Distortion: [5]float64{-1}}
	x, y := Undistort(k, geom.ImagePoint{X: 5000, Y: -3000})
	if math.IsNaN(x+y) || math.IsInf(x+y, 0) {
		t.Errorf("direction %g, %g", x, y)
	}
	miss := func(x, y float64) float64 {
		xd, yd := distort(&k.Distortion, x, y)
		return math.Hypot(xd-50, yd+30)
	}
	if miss(x, y) > miss(50, -30) {
		t.Errorf("direction %g, %g misses by %g, the undistorted one by %g", x, y, miss(x, y), miss(50, -30))
	}
}

func TestHeightDepthOfOneBone(t *testing.T) {
	// Two joints 0.1 apart in x/z at equal depth: 500 mm long at 5 m.
	rays := []Ray{{0, 0, 0}, {0.1, 0, 0}}
	if z, ok := HeightDepthMM(rays, []Bone{{0, 1, 500, 1}}); !ok || math.Abs(z-5000) > 1e-3 {
		t.Errorf("depth %g %v, want 5000", z, ok)
	}
	// The same bone with 300 of its 500 mm along the axis: 400 mm across, the far end at 4 m.
	rays[1].ZMM = 300
	z, ok := HeightDepthMM(rays, []Bone{{0, 1, 500, 1}})
	if !ok || math.Abs(0.1*(z+300)-400) > 1e-3 {
		t.Errorf("depth %g %v, want 3700", z, ok)
	}
}

func TestHeightDepthWithoutSolution(t *testing.T) {
	for name, c := range map[string]struct {
		rays  []Ray
		bones []Bone
	}{
		"no bones":           {[]Ray{{}, {}}, nil},
		"no weight":          {[]Ray{{}, {0.1, 0, 0}}, []Bone{{0, 1, 500, 0}}},
		"one direction":      {[]Ray{{}, {0, 0, 10}}, []Bone{{0, 1, 500, 1}}},
		"depth alone":        {[]Ray{{}, {0.1, 0, 600}}, []Bone{{0, 1, 500, 1}}},
		"not a number":       {[]Ray{{}, {math.NaN(), 0, 0}}, []Bone{{0, 1, 500, 1}}},
		"weight no number":   {[]Ray{{}, {0.1, 0, 0}}, []Bone{{0, 1, 500, math.NaN()}}},
		"beyond a kilometre": {[]Ray{{}, {1e-7, 0, 0}}, []Bone{{0, 1, 500, 1}}},
	} {
		if z, ok := HeightDepthMM(c.rays, c.bones); ok {
			t.Errorf("%s: depth %g", name, z)
		}
	}
}

// A person so near that the sum of bones first falls with distance: the depth
// where it rises is the one.
func TestHeightDepthTakesTheRisingBranch(t *testing.T) {
	rays := []Ray{{-0.5, 0, -400}, {0.5, 0, 400}, {0.5, 0.2, 400}}
	bones := []Bone{{0, 1, 1600, 1}, {1, 2, 300, 1}}
	z, ok := HeightDepthMM(rays, bones)
	if !ok {
		t.Fatal("no depth")
	}
	if e := excessMM(rays, bones, z); math.Abs(e) > 1e-3 {
		t.Errorf("at %g mm the bones are %g mm too long", z, e)
	}
	if excessMM(rays, bones, z+1) <= excessMM(rays, bones, z-1) {
		t.Errorf("at %g mm the bones grow shorter with distance", z)
	}
}

func TestFromFile(t *testing.T) {
	full := `{"fx": 1500, "fy": 1510, "cx": 950, "cy": 530, "k1": -0.1, "k2": 0.02, "p1": 0.001, "p2": -0.002, "k3": 0.003, "width": 1920, "height": 1080}`
	for _, c := range []struct {
		name, text    string
		width, height int
		want          geom.Intrinsics
	}{
		{"all", full, 1920, 1080, geom.Intrinsics{FxPx: 1500, FyPx: 1510, CxPx: 950, CyPx: 530, Distortion: [5]float64{-0.1, 0.02, 0.001, -0.002, 0.003}}},
		{"half the size", full, 960, 540, geom.Intrinsics{FxPx: 750, FyPx: 755, CxPx: 474.75, CyPx: 264.75, Distortion: [5]float64{-0.1, 0.02, 0.001, -0.002, 0.003}}},
		{"fx alone", `{"fx": 900}`, 640, 480, geom.Intrinsics{FxPx: 900, FyPx: 900, CxPx: 319.5, CyPx: 239.5}},
		{"rounded height", `{"fx": 1000, "width": 1000, "height": 667}`, 300, 200, geom.Intrinsics{FxPx: 300, FyPx: 300 * 200 / 200.1, CxPx: 149.5, CyPx: 99.5}},
	} {
		path := filepath.Join(t.TempDir(), "camera.json")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := FromFile(path, c.width, c.height)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		c.want.Source = "file"
		if math.Abs(got.FyPx-c.want.FyPx) < 1e-9*c.want.FyPx {
			got.FyPx = c.want.FyPx
		}
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestFromFileRefuses(t *testing.T) {
	for _, c := range []struct{ text, problem string }{
		{"", "not a camera"},
		{"[1500]", "not a camera"},
		{`{"fx": "1500"}`, "not a camera"},
		{`{"fx": 1500, "focal": 3}`, "unknown field"},
		{`{"fx": 1500} {"fx": 1600}`, "more than one"},
		{`{"fy": 1500}`, "no fx"},
		{`{"fx": 0}`, "fx 0"},
		{`{"fx": 1e-320}`, "not between"},
		{`{"fx": 1500, "fy": -3}`, "fy -3"},
		{`{"fx": 1500, "width": 640}`, "only one of"},
		{`{"fx": 1500, "width": 0, "height": 0}`, "at least 1"},
		{`{"fx": 1500, "width": 480, "height": 640}`, "no resized copy"},
		{`{"fx": 1e308, "width": 0.5e-300, "height": 1}`, "at least 1"},
		{`{"fx": 1500, "k1": 1e999}`, "not a camera"},
		{`{"fx": 1500, "pad": "` + strings.Repeat("x", maxFileBytes) + `"}`, "larger than"},
	} {
		path := filepath.Join(t.TempDir(), "camera.json")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := FromFile(path, 640, 480)
		if !isCameraError(err) || !strings.Contains(err.Error(), c.problem) || !strings.Contains(err.Error(), path) {
			t.Errorf("%.60s: error %v, want one that names the file and says %q", c.text, err, c.problem)
		}
	}
	if _, err := FromFile(filepath.Join(t.TempDir(), "none.json"), 640, 480); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file gives %v", err)
	}
}

// Whatever a camera file says, what is accepted is a usable camera.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"fx": 1500, "fy": 1500, "cx": 959.5, "cy": 539.5, "k1": -0.1, "width": 1920, "height": 1080}`))
	f.Add([]byte(`{"fx": 1e308, "width": 1, "height": 1, "cx": -1e308}`))
	f.Add([]byte(`{"fx": 1e-320}`))
	f.Add([]byte(`{"FX": 12, "fx": null}`))
	f.Add([]byte(`{"fx": 1} x`))
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := parse(data, 640, 480)
		if err != nil {
			return
		}
		for _, v := range [...]float64{k.FxPx, k.FyPx, k.CxPx, k.CyPx} {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Fatalf("%s gives %+v", data, k)
			}
		}
		if !possible(k.FxPx) || !possible(k.FyPx) {
			t.Fatalf("%s gives %+v", data, k)
		}
	})
}
