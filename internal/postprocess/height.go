package postprocess

import (
	"fmt"
	"math"

	"mhp/internal/camera"
	"mhp/internal/geom"
	"mhp/internal/skeleton"
)

// statureBones is what HeightDepthMM needs of a joint set, with its buffers.
type statureBones struct {
	known []skeleton.BoneLength
	bones []camera.Bone
	rays  []camera.Ray
}

func newStatureBones(set *skeleton.Set) *statureBones {
	known := set.BoneLengths()
	return &statureBones{
		known: known,
		bones: make([]camera.Bone, len(known)),
		rays:  make([]camera.Ray, len(set.Joints)),
	}
}

// HeightDepthMM is the root depth at which the person's bones, weighted by
// the lesser score of their two joints, have the length of a person of that
// stature (camera.HeightDepthMM holds the equation, skeleton.BoneLengths the
// proportions). It fails if the set's bones have no known proportions or if no
// depth fits.
func (d *Decoder) HeightDepthMM(points []HeatPoint, m geom.CropToImage, k geom.Intrinsics, statureMM float64) (float64, error) {
	s := d.stature
	if len(s.known) == 0 {
		return 0, fmt.Errorf("root depth by height: no bone of joint set %q has a known share of a person's height", d.spec.Set.Name)
	}
	// Bones are as long in the frame of a camera that faces along the depths' axis.
	axis := d.DepthAxis(m, k)
	for j := range s.rays {
		x, y := axis.Facing(camera.Undistort(k, m.Image(d.Crop(points[j]))))
		s.rays[j] = camera.Ray{X: x, Y: y, ZMM: d.spec.DepthMM(points[j].Z)}
	}
	for i, b := range s.known {
		s.bones[i] = camera.Bone{
			A: b.Joint, B: b.Parent,
			LengthMM: b.OfStature * statureMM,
			Weight:   math.Min(points[b.Joint].Score, points[b.Parent].Score),
		}
	}
	depthMM, ok := camera.HeightDepthMM(s.rays, s.bones)
	if !ok {
		return 0, fmt.Errorf("root depth by height: at no distance do the bones have the lengths of a person of %g mm", statureMM)
	}
	return camera.BackProject(k, axis, m.Image(d.Crop(points[d.root])), depthMM).Z, nil
}
