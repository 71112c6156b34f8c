// Package postprocess turns what the network said about a crop into joints in
// the picture and before the camera.
//
//	coords [J,3] --Coords--+
//	                       +--> heat cells --Person--> crop px -> image px -> camera mm
//	volume [J*D,H,W] --Volume--+      ^
//	                            MirrorBack (flip test)
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

	stature *statureBones // for HeightDepthMM

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

// The powers of the odds that a joint weighs with in MirrorBack: of its own, and
// of the mean of all joints' log odds. The mean of two places that exclude each
// other is neither: on photographs of the development sets the plain mean gained
// nothing. Who is seen from the front in one look and from behind in the other
// must be taken from one of them as a whole.
const (
	surerJoint  = 2
	surerPerson = 12
)

// MirrorBack is the flip test: dst becomes the mean of dst and of what the
// network said of the mirrored crop, each weighted by powers of the odds
// score/(1-score) of its joint and of all joints. Scores are averaged, too, unless the model's
// file says what agreement is worth. In the mirrored crop left and right joints
// are exchanged, and column x of the input is column InputWPx-1-x: of cells,
// which begin at the first column's centre, that is not HeatW-1-x. mirrored is
// used up.
func MirrorBack(dst, mirrored []HeatPoint, spec *model.Spec) {
	for _, pair := range spec.Set.Mirror {
		mirrored[pair[0]], mirrored[pair[1]] = mirrored[pair[1]], mirrored[pair[0]]
	}
	last := float64(spec.InputWPx-1) * float64(spec.HeatW) / float64(spec.InputWPx)
	whole := 0.0 // by how much dst is the surer look
	for j, p := range dst {
		whole += (model.LogOdds(p.Score) - model.LogOdds(mirrored[j].Score)) / float64(len(dst))
	}
	for j, p := range dst {
		q := mirrored[j]
		q.X = last - q.X
		part := 1 / (1 + math.Exp(surerJoint*(model.LogOdds(p.Score)-model.LogOdds(q.Score))+surerPerson*whole)) // of q
		dst[j] = HeatPoint{
			X:     p.X + part*(q.X-p.X),
			Y:     p.Y + part*(q.Y-p.Y),
			Z:     p.Z + part*(q.Z-p.Z),
			Score: (p.Score + q.Score) / 2,
		}
		if spec.Agreement != nil {
			apart := math.Hypot((q.X-p.X)/float64(spec.HeatW), (q.Y-p.Y)/float64(spec.HeatH))
			dst[j].Score = spec.Agreement.Score(p.Score, q.Score, apart)
		}
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
	axis := d.depthAxis(m, k)
	root := rootDepthMM * axis.Along(k, m.Image(d.Crop(points[d.root])))
	for j, p := range points[:d.joints] {
		at := m.Image(d.Crop(p))
		dst[j] = pose.Joint{
			Image:  at,
			Camera: camera.BackProject(k, at, (root+d.spec.DepthMM(p.Z))/axis.Along(k, at)),
			Score:  p.Score,
		}
	}
	origin := dst[d.root].Camera
	for j := range dst[:d.joints] {
		dst[j].RootRelative = dst[j].Camera.Sub(origin)
	}
}

// depthAxis is what the model's depths are measured along in that crop.
func (d *Decoder) depthAxis(m geom.CropToImage, k geom.Intrinsics) camera.Axis {
	if d.spec.DepthAxis != model.DepthAlongCrop {
		return camera.OpticalAxis
	}
	return camera.AxisThrough(k, m.Image(geom.CropPoint{X: float64(d.spec.InputWPx) / 2, Y: float64(d.spec.InputHPx) / 2}))
}
