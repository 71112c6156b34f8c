package render

import (
	"image"
	"testing"
	"time"

	"mhp/internal/frame"
	"mhp/internal/geom"
)

func TestLiveShowsPictureAndSpace(t *testing.T) {
	p := group(t)
	for i := range p.People {
		p.People[i].ID = 10 + i
	}
	var v LiveView
	o := LiveOptions{YawDeg: 30, PitchDeg: 15, FPS: 29.97, Delay: 31 * time.Millisecond}
	img := v.Draw(scenery(640, 480), p, o)
	if img.Bounds() != image.Rect(0, 0, 640+480, 480+30) {
		t.Fatalf("the drawing is %v", img.Bounds())
	}
	ink := [3]uint8{leftInk.R, leftInk.G, leftInk.B}
	if n := inked(img, ink); n < 200 {
		t.Errorf("%d px of the view in space have the left side's colour", n)
	}
	if n := inked(img, [3]uint8{leftColor.R, leftColor.G, leftColor.B}); n < 200 {
		t.Errorf("%d px of the picture have the left side's colour", n)
	}
	o.YawDeg = 90
	if turned := v.Draw(scenery(640, 480), p, o); string(turned.Pix) == string(img.Pix) {
		t.Error("turning changes nothing")
	}
	o.Lines = []string{"h: help"}
	if help := v.Draw(scenery(640, 480), p, o); help.RGBAAt(12, 12).R > 60 {
		t.Error("no help is shown")
	}
}

// The room only grows: a person who walks away must not make the view jump back.
func TestLiveRoomIsSteady(t *testing.T) {
	var v LiveView
	near := picture(person(t, "muco21", testCamera, geom.CameraPointMM{Z: 3000}, 0))
	far := picture(person(t, "muco21", testCamera, geom.CameraPointMM{X: 2500, Z: 6000}, 0))
	o := LiveOptions{PitchDeg: 20}
	v.Draw(nil, near, o)
	v.Draw(nil, far, o)
	big := append([]mm3{}, v.seen...)
	v.Draw(nil, near, o)
	v.Draw(nil, picture(), o)
	if lo, hi, _ := bounds([]figure{{mm: v.seen}}); lo != min3(big) || hi != max3(big) {
		t.Errorf("the room became %v to %v, was %v", lo, hi, big)
	}
	if v.Forget(); v.seen != nil {
		t.Error("the room is not forgotten")
	}
}

func min3(list []mm3) mm3 { lo, _, _ := bounds([]figure{{mm: list}}); return lo }
func max3(list []mm3) mm3 { _, hi, _ := bounds([]figure{{mm: list}}); return hi }

func TestLiveOfOddPictures(t *testing.T) {
	var v LiveView
	for _, size := range [][2]int{{1, 1}, {4000, 30}, {30, 4000}, {1920, 1080}, {1080, 1920}} {
		img := v.Draw(frame.New(size[0], size[1]), picture(), LiveOptions{Delay: -1})
		if b := img.Bounds(); b.Dy() > 630 || b.Dx() > 1700 || b.Dx() < 240 {
			t.Errorf("%v px become %v", size, b)
		}
	}
}

func BenchmarkLive720p(b *testing.B) {
	p := group(b)
	f := scenery(1280, 720)
	var v LiveView
	for b.Loop() {
		v.Draw(f, p, LiveOptions{YawDeg: 30, PitchDeg: 20})
	}
}
