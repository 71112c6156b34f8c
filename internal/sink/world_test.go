package sink

import (
	"strings"
	"testing"

	"mhp/internal/geom"
	"mhp/internal/pose"
)

// A level room is taken before its axes are turned; without one nothing changes but the text.
func TestLevelledWorld(t *testing.T) {
	level := &geom.Level{R: [3][3]float64{{1, 0, 0}, {0, 0, 1}, {0, -1, 0}}, TMM: [3]float64{0, -5, 0}} // the camera looks straight down
	p := &pose.Picture{Level: level}
	point := geom.CameraPointMM{X: 1, Y: 2, Z: 3} // level: 1, -2, -2
	for _, c := range []struct {
		world World
		want  WorldPointMM
	}{
		{World{}.Levelled(), WorldPointMM{1, -2, -2}},
		{CameraWorld.Levelled(), WorldPointMM{1, -2, -2}},
		{YUpWorld.Levelled(), WorldPointMM{1, 2, 2}},
		{ZUpWorld.Levelled(), WorldPointMM{1, -2, 2}},
		{YUpWorld, WorldPointMM{1, -2, -3}},
	} {
		if got := c.world.of(p, point); got != c.want {
			t.Errorf("%s: %v, want %v", c.world.text, got, c.want)
		}
		if c.world.levelled && (c.world.plain() || !strings.HasSuffix(c.world.text, "origin on the floor below the camera")) {
			t.Errorf("%q is not told as level", c.world.text)
		}
	}
	if got := CameraWorld.Levelled().of(&pose.Picture{}, point); got != WorldPointMM(point) {
		t.Errorf("without a floor: %v", got)
	}
}
