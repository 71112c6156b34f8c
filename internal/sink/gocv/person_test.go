package gocv

import (
	"testing"
	"time"

	"mhp/internal/frame"
	"mhp/internal/geom"
	"mhp/internal/pose"
	"mhp/internal/skeleton"
)

// result is frame number n of a video of 320 x 240 px with one person who
// moves to the right.
func result(t testing.TB, n int) (*frame.Frame, *pose.Picture) {
	t.Helper()
	set, err := skeleton.Named("muco21")
	if err != nil {
		t.Fatal(err)
	}
	f := frame.New(320, 240)
	f.Order = frame.BGR
	for i := 0; i < len(f.Pix); i += 3 {
		f.Pix[i], f.Pix[i+1], f.Pix[i+2] = 40, 90, 60 // blue, green, red
	}
	one := pose.Person{Set: set, ID: 3, Joints: make([]pose.Joint, len(set.Joints)), RootDepthMM: 3000}
	for j := range one.Joints {
		x := -700 + 8*float64(n) + 70*float64(j%5)
		c := geom.CameraPointMM{X: x, Y: -700 + 70*float64(j), Z: 3000 + 20*float64(j%3)}
		one.Joints[j] = pose.Joint{Camera: c, Score: 1, Image: geom.ImagePoint{X: 159.5 + 400*c.X/c.Z, Y: 119.5 + 400*c.Y/c.Z}}
	}
	return f, &pose.Picture{Name: "a.mp4", Index: n, Time: time.Duration(n) * time.Second / 25, WidthPx: 320, HeightPx: 240,
		People: []pose.Person{one}, Model: pose.ModelInfo{Trained: true}}
}
