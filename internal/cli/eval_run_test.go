package cli

import (
	"math/rand/v2"
	"testing"

	"mhp/internal/camera"
	"mhp/internal/geom"
	"mhp/internal/model"
	"mhp/internal/pose"
	"mhp/internal/postprocess"
	"mhp/internal/skeleton"
)

// What the meters place at the true root depth is what the network would have
// given there, whatever its depths are along and wherever the person is.
func TestPredictionsDoNotDependOnTheRootDepth(t *testing.T) {
	set, err := skeleton.Named("muco21")
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	k := camera.Default(1920, 1080)
	m := geom.SquareCrop(geom.BoxPx{X: 1300, Y: 500, W: 500, H: 500}, 256)
	for _, axis := range []string{model.DepthAlongCamera, model.DepthAlongCrop} {
		d := postprocess.New(&model.Spec{Set: set, InputWPx: 256, InputHPx: 256, HeatW: 32, HeatH: 32, DepthBins: 32, DepthMinMM: -1000, DepthMaxMM: 1000, DepthAxis: axis})
		points := make([]postprocess.HeatPoint, len(set.Joints))
		for j := range points {
			points[j] = postprocess.HeatPoint{X: 31 * rng.Float64(), Y: 31 * rng.Float64(), Z: 8 + 16*rng.Float64(), Score: 0.5}
		}
		placed := func(rootMM float64) *pose.Person {
			p := &pose.Person{Set: set, Joints: make([]pose.Joint, len(points)), RootDepthMM: rootMM, DepthAxis: d.DepthAxis(m, k)}
			d.Person(p.Joints, points, m, k, rootMM)
			return p
		}
		want := placed(6000)
		for j, got := range predictionOf(placed(4000)).CameraMM(k, 6000) {
			if off := got.Sub(want.Joints[j].Camera); off.Norm() > 1e-6 {
				t.Errorf("along the %s, joint %s: %v, not %v", axis, set.Joints[j], got, want.Joints[j].Camera)
			}
		}
	}
}
