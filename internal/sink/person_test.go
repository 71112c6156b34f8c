package sink

import (
	"math"
	"testing"

	"mhp/internal/frame"
	"mhp/internal/geom"
	"mhp/internal/pose"
	"mhp/internal/skeleton"
)

// person is somebody whose joints are spread by a simple rule, so that every
// number of an output differs from every other.
func person(t testing.TB, set *skeleton.Set, n int) pose.Person {
	t.Helper()
	root := geom.CameraPointMM{X: -412.26 + 300*float64(n), Y: 55.52, Z: 3210.04 + 500*float64(n)}
	p := pose.Person{
		Set: set, Joints: make([]pose.Joint, len(set.Joints)),
		Box:      geom.BoxPx{X: 101.256 + float64(n), Y: 40, W: 80.5, H: 201.004},
		BoxScore: 1, BoxSource: "given", RootDepthMM: root.Z, RootDepthSource: "box",
	}
	for i := range p.Joints {
		a := float64(i) * 0.7
		c := geom.CameraPointMM{X: root.X + 200*math.Sin(a), Y: root.Y - 700 + 85*float64(i), Z: root.Z + 150*math.Cos(a)}
		if i == set.Root() {
			c = root
		}
		p.Joints[i] = pose.Joint{
			Camera: c, RootRelative: c.Sub(root), Score: 0.912345 - 0.03*float64(i),
			Image: geom.ImagePoint{X: 319.5 + 614.7*c.X/c.Z, Y: 239.5 + 614.7*c.Y/c.Z},
		}
	}
	p.Score = pose.MeanScore(p.Joints)
	return p
}

// picture has so many people of a joint set.
func picture(t testing.TB, name, set string, people int) *pose.Picture {
	t.Helper()
	s, err := skeleton.Named(set)
	if err != nil {
		t.Fatal(err)
	}
	p := &pose.Picture{
		Name: name, WidthPx: 640, HeightPx: 480, Provider: "cpu", Library: "onnxruntime 1.27.0", Looks: 6,
		Camera: geom.Intrinsics{FxPx: 614.7, FyPx: 614.7, CxPx: 319.5, CyPx: 239.5, Source: "default-fov"},
		Model: pose.ModelInfo{Name: "mhp-xs", Variant: "xs", Set: s, Trained: true,
			SHA256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	}
	for i := range people {
		p.People = append(p.People, person(t, s, i))
	}
	return p
}

// pixels is a grey frame that goes with picture.
func pixels(name string) *frame.Frame {
	f := frame.New(640, 480)
	f.Name = name
	for i := range f.Pix {
		f.Pix[i] = 128
	}
	return f
}

var program = Program{"mhp", "0.0.0-test"}
