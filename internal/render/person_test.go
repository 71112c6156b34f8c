package render

import (
	"math"
	"testing"

	"mhp/internal/frame"
	"mhp/internal/geom"
	"mhp/internal/pose"
	"mhp/internal/skeleton"
)

// walker is a person in mid step, mm from the pelvis, facing the camera:
// the own left is on the picture's right. Names serve both joint sets.
var walker = map[string][3]float64{
	"Pelvis": {0, 0, 0}, "Spine": {0, -230, 10}, "Torso": {0, -230, 10}, "Thorax": {5, -480, 0}, "Neck": {5, -540, -10},
	"Head": {8, -640, -40}, "Head_top": {10, -770, -20}, "Nose": {8, -610, -110},
	"L_Shoulder": {175, -470, 40}, "L_Elbow": {240, -200, 130}, "L_Wrist": {250, 20, 60}, "L_Hand": {245, 90, 20},
	"R_Shoulder": {-170, -465, -40}, "R_Elbow": {-250, -220, -160}, "R_Wrist": {-200, -60, -330}, "R_Hand": {-190, -10, -400},
	"L_Hip": {110, 20, 0}, "L_Knee": {130, 440, -190}, "L_Ankle": {130, 850, -170}, "L_Toe": {150, 900, -320},
	"R_Hip": {-110, 20, 0}, "R_Knee": {-125, 450, 60}, "R_Ankle": {-130, 800, 330}, "R_Toe": {-140, 900, 260},
}

// camera is a 640 x 480 picture's, 55 degrees along the longer side.
var testCamera = geom.Intrinsics{FxPx: 614.7, FyPx: 614.7, CxPx: 319.5, CyPx: 239.5, Source: "default-fov"}

// person places the walker at a root position, turned about the vertical, seen by k.
func person(t testing.TB, set string, k geom.Intrinsics, root geom.CameraPointMM, turnDeg float64) pose.Person {
	t.Helper()
	s, err := skeleton.Named(set)
	if err != nil {
		t.Fatal(err)
	}
	sin, cos := math.Sincos(turnDeg * math.Pi / 180)
	p := pose.Person{Set: s, RootDepthMM: root.Z, RootDepthSource: "box", BoxSource: "given", BoxScore: 1}
	var seen []geom.ImagePoint
	for i, name := range s.Joints {
		m, ok := walker[name]
		if !ok {
			t.Fatalf("the walker has no %s", name)
		}
		c := geom.CameraPointMM{X: root.X + m[0]*cos + m[2]*sin, Y: root.Y + m[1], Z: root.Z - m[0]*sin + m[2]*cos}
		j := pose.Joint{Camera: c, RootRelative: c.Sub(root), Score: 0.9 - 0.02*float64(i)}
		j.Image = geom.ImagePoint{X: k.CxPx + k.FxPx*c.X/c.Z, Y: k.CyPx + k.FyPx*c.Y/c.Z}
		seen = append(seen, j.Image)
		p.Joints = append(p.Joints, j)
	}
	p.Box = geom.Bounds(seen).Grow(1.2)
	p.Score = pose.MeanScore(p.Joints)
	return p
}

// picture holds people in a 640 x 480 picture of a trained model.
func picture(people ...pose.Person) *pose.Picture {
	return &pose.Picture{Name: "walk.jpg", WidthPx: 640, HeightPx: 480, Camera: testCamera, People: people,
		Model:    pose.ModelInfo{Name: "mhp-xs", Variant: "xs", Trained: true},
		Provider: "cpu", Library: "onnxruntime 1.27.0"}
}

// group is three people at different distances, one with unsure legs.
func group(t testing.TB) *pose.Picture {
	a := person(t, "muco21", testCamera, geom.CameraPointMM{X: -900, Y: 0, Z: 3600}, 20)
	b := person(t, "muco21", testCamera, geom.CameraPointMM{X: 200, Y: -50, Z: 5200}, 180)
	c := person(t, "muco21", testCamera, geom.CameraPointMM{X: 1000, Y: 50, Z: 4000}, -60)
	for i, name := range c.Set.Joints {
		switch name {
		case "L_Knee", "L_Ankle", "L_Toe", "R_Knee", "R_Ankle", "R_Toe":
			c.Joints[i].Score = 0.01
		}
	}
	return picture(a, b, c)
}

// scenery is a frame with a plain grey gradient, scaled to any size.
func scenery(widthPx, heightPx int) *frame.Frame {
	f := frame.New(widthPx, heightPx)
	f.Name = "walk.jpg"
	for y := 0; y < heightPx; y++ {
		for x := 0; x < widthPx; x++ {
			v := uint8(90 + 80*y/heightPx)
			copy(f.Pix[y*f.Stride+3*x:], []uint8{v, v, uint8(70 + 60*x/widthPx)})
		}
	}
	return f
}
