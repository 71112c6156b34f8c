// Package pose is what the program finds: people, each with joints in image
// px and camera mm.
package pose

import (
	"time"

	"mhp/internal/geom"
	"mhp/internal/skeleton"
)

// Joint is one joint of one person.
type Joint struct {
	Image        geom.ImagePoint     // px of the upright picture
	Camera       geom.CameraPointMM  // before the camera
	RootRelative geom.RootRelativeMM // Camera minus the root joint's
	Score        float64             // 0..1, the peak probability of the heat volume
}

// Person is one person in one picture. Joints follow Set's order.
type Person struct {
	Set             *skeleton.Set
	Joints          []Joint
	Box             geom.BoxPx // image px; the crop was made from it, or from one round the joints that agrees too little with it
	BoxScore        float64    // the detector's, 1 for given boxes
	BoxSource       string     // "given", "file", "picture", "detector"
	RootDepthMM     float64    // distance of the root joint along the optical axis
	RootDepthSource string     // "box", "height", "fixed"
	DepthAxis       geom.Axis  // what the network's depths are along
	Score           float64    // mean of the joints' scores
	ID              int        // stable over a video, from 1, never given twice; 0 for photographs
	Interpolated    bool       // the joints were filled in between two frames that had them
}

// Root is the person's root joint.
func (p *Person) Root() Joint { return p.Joints[p.Set.Root()] }

// MeanScore averages the joints' scores.
func MeanScore(joints []Joint) float64 {
	if len(joints) == 0 {
		return 0
	}
	sum := 0.0
	for _, j := range joints {
		sum += j.Score
	}
	return sum / float64(len(joints))
}

// Picture is the result for one picture.
type Picture struct {
	Name     string // as given by the user
	Index    int
	Time     time.Duration // since the start of the source; 0 for photographs
	WidthPx  int
	HeightPx int
	Camera   geom.Intrinsics
	People   []Person
	Model    ModelInfo
	Provider string // the execution provider that ran the network
	Library  string // "onnxruntime 1.27.0"
	Looks    int    // at each crop: 1, 2 where its mirror image was looked at too, 6 where both were turned as well
	Dropped  int    // people left out because their joints scored under the limit
	// Level leads from before the camera to a level room with its floor at 0;
	// nil where nobody asked for it or nothing is known of the floor.
	Level *geom.Level
}

// ModelInfo identifies the network that made a result.
type ModelInfo struct {
	Name    string
	SHA256  string
	Variant string
	Set     *skeleton.Set
	Trained bool
}
