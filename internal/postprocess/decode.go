// Package postprocess turns what the network said about a crop into joints in
// the picture and before the camera.
//
//	coords [J,3] --Coords--+
//	                       +--> heat cells --Person--> crop px -> image px -> camera mm
//	volume [J*D,H,W] --Volume--+      ^
//	                            Merge, MirrorBack (several looks)
package postprocess

import (
	"math"
	"sync"
	"sync/atomic"

	"mhp/internal/camera"
	"mhp/internal/geom"
	"mhp/internal/model"
	"mhp/internal/pose"
)

// HeatPoint is one joint in cells of the heat volume, 0..N-1 along each axis,
// with a score 0..1: the volume's peak probability or, where the model has a
// curve for it, the chance that the joint is right.
type HeatPoint struct{ X, Y, Z, Score float64 }

// Decoder reads the output of one network. It keeps its buffers between calls
// and allocates nothing after the first. It is for one goroutine.
type Decoder struct {
	// Threads is how many goroutines Volume spreads the joints over; 0 and 1
	// mean the caller's alone.
	Threads int

	spec   *model.Spec
	joints int
	root   int
	floor  float32 // exponents below it cannot move a result, see exponentFloor

	stature *statureBones             // for HeightDepthMM
	mirror  []int                     // for Merge: the set's mirror index
	merged  []float64                 // for Merge: a product of marginals
	logs    [maxLooks][]float64       // for Merge: logarithms of one joint's marginals in each look
	framed  []float64                 // for Merge: the same of a turned plane, with a frame of cells round it that are not seen
	turned  map[float64][]turnedPlace // for Merge: by the turn in degrees

	// What Volume's goroutines share during one call.
	volume []float32
	points []HeatPoint
	next   atomic.Int64
	group  sync.WaitGroup
	help   func()
}

// New makes a Decoder for networks that spec describes.
func New(spec *model.Spec) *Decoder {
	d := &Decoder{
		spec:    spec,
		joints:  len(spec.Set.Joints),
		root:    spec.Set.Root(),
		floor:   exponentFloor(spec.DepthBins, spec.HeatH, spec.HeatW),
		stature: newStatureBones(spec.Set),
		mirror:  spec.Set.MirrorIndex(),
		merged:  make([]float64, max(spec.HeatH*spec.HeatW, spec.DepthBins)),
	}
	d.turned = map[float64][]turnedPlace{}
	d.framed = make([]float64, (spec.HeatW+2)*(spec.HeatH+2))
	for i := range d.framed {
		d.framed[i] = math.Log(unseenShare)
	}
	for k := range d.logs {
		d.logs[k] = make([]float64, len(d.merged))
	}
	d.help = func() {
		defer d.group.Done()
		d.takeJoints()
	}
	return d
}

// Coords reads one person's coords [J, 3] (x, y, z in spec.CoordsUnit; z
// always in cells) and score [J] into dst [J]. A coordinate outside the volume
// is moved to its border, one that is not a number to the middle with score 0.
func (d *Decoder) Coords(dst []HeatPoint, coords, score []float32) {
	scaleX, scaleY := d.cellsPerUnit()
	for j := range dst[:d.joints] {
		dst[j] = d.inside(HeatPoint{
			X:     float64(coords[3*j]) * scaleX,
			Y:     float64(coords[3*j+1]) * scaleY,
			Z:     float64(coords[3*j+2]),
			Score: float64(score[j]),
		})
	}
}

// cellsPerUnit is what x and y of a coords output are multiplied by.
func (d *Decoder) cellsPerUnit() (x, y float64) {
	switch d.spec.CoordsUnit {
	case "px":
		return float64(d.spec.HeatW) / float64(d.spec.InputWPx), float64(d.spec.HeatH) / float64(d.spec.InputHPx)
	case "unit":
		return float64(d.spec.HeatW), float64(d.spec.HeatH)
	}
	return 1, 1
}

// inside moves a point into the volume.
func (d *Decoder) inside(p HeatPoint) HeatPoint {
	if math.IsNaN(p.X) || math.IsNaN(p.Y) || math.IsNaN(p.Z) {
		return d.middle()
	}
	return HeatPoint{
		X:     clamp(p.X, float64(d.spec.HeatW-1)),
		Y:     clamp(p.Y, float64(d.spec.HeatH-1)),
		Z:     clamp(p.Z, float64(d.spec.DepthBins-1)),
		Score: d.score(clamp(p.Score, 1)),
	}
}

// score makes of a peak probability what the model's file says it is worth.
func (d *Decoder) score(peak float64) float64 {
	if d.spec.ScoreCurve == nil {
		return peak
	}
	return d.spec.ScoreCurve.Score(peak)
}

// clamp is v limited to 0..top, and 0 for what is not a number.
func clamp(v, top float64) float64 {
	if !(v > 0) {
		return 0
	}
	return math.Min(v, top)
}

// middle is what is said of a joint that the network said nothing of.
func (d *Decoder) middle() HeatPoint {
	return HeatPoint{
		X: float64(d.spec.HeatW-1) / 2,
		Y: float64(d.spec.HeatH-1) / 2,
		Z: float64(d.spec.DepthBins-1) / 2,
	}
}

// Crop turns heat cells into crop px: index * input size / heatmap size.
func (d *Decoder) Crop(p HeatPoint) geom.CropPoint {
	return geom.CropPoint{
		X: p.X * float64(d.spec.InputWPx) / float64(d.spec.HeatW),
		Y: p.Y * float64(d.spec.InputHPx) / float64(d.spec.HeatH),
	}
}

// Person places one person's joints, points [J] in heat cells, in the picture
// and before the camera, and writes them to dst [J]. rootDepthMM is along the
// camera's axis; a joint lies the network's z in mm farther than the root
// along the axis that the model's depths are measured on. Its offset is from
// the root joint.
func (d *Decoder) Person(dst []pose.Joint, points []HeatPoint, m geom.CropToImage, k geom.Intrinsics, rootDepthMM float64) {
	axis := d.DepthAxis(m, k)
	root := camera.DepthAlong(k, axis, m.Image(d.Crop(points[d.root])), rootDepthMM)
	for j, p := range points[:d.joints] {
		at := m.Image(d.Crop(p))
		dst[j] = pose.Joint{
			Image:  at,
			Camera: camera.BackProject(k, axis, at, root+d.spec.DepthMM(p.Z)),
			Score:  p.Score,
		}
	}
	origin := dst[d.root].Camera
	for j := range dst[:d.joints] {
		dst[j].RootRelative = dst[j].Camera.Sub(origin)
	}
}

// DepthAxis is what the model's depths are measured along in that crop.
func (d *Decoder) DepthAxis(m geom.CropToImage, k geom.Intrinsics) geom.Axis {
	if d.spec.DepthAxis != model.DepthAlongCrop {
		return geom.OpticalAxis
	}
	return camera.AxisThrough(k, m.Image(geom.CropPoint{X: float64(d.spec.InputWPx) / 2, Y: float64(d.spec.InputHPx) / 2}))
}
