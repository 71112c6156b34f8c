package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mhp/internal/camera"
	"mhp/internal/detect"
	"mhp/internal/frame"
	"mhp/internal/geom"
	"mhp/internal/infer"
	"mhp/internal/pose"
	"mhp/internal/postprocess"
	"mhp/internal/preprocess"
)

// DepthMode says how the distance of a person's root joint is found.
type DepthMode string

// The ways to a root depth.
const (
	DepthBox    DepthMode = "box"    // from the size of the crop box
	DepthHeight DepthMode = "height" // from the length of the bones of a person of known height
	DepthFixed  DepthMode = "fixed"  // told by the user
)

// EstimatorOptions configures an Estimator.
type EstimatorOptions struct {
	Looks          int // at each crop, see Looks: a run each; 0 = 1
	Depth          DepthMode
	PersonHeightMM float64 // for DepthHeight
	FixedDepthMM   float64 // for DepthFixed
	Threads        int     // that crop and decode share; 0 = one
	People         PeopleOptions
	// Camera gives the intrinsics of a picture.
	Camera func(f *frame.Frame) (geom.Intrinsics, error)
}

// Validate reports an option that makes no sense.
func (o EstimatorOptions) Validate() error {
	_, known := postprocess.Views(max(1, o.Looks))
	switch {
	case o.Camera == nil:
		return errors.New("no camera given")
	case !known:
		return fmt.Errorf("a crop can be looked at 1, 2 or 6 times, not %d", o.Looks)
	case o.Depth == DepthHeight && !(o.PersonHeightMM > 0):
		return fmt.Errorf("a person's height must be above 0 mm, not %g", o.PersonHeightMM)
	case o.Depth == DepthFixed && !(o.FixedDepthMM > 0):
		return fmt.Errorf("a root depth must be above 0 mm, not %g", o.FixedDepthMM)
	case o.Depth != DepthBox && o.Depth != DepthHeight && o.Depth != DepthFixed:
		return fmt.Errorf("unknown way to the root depth %q", o.Depth)
	}
	return o.People.Validate()
}

// maxBatch bounds the people of one run: the buffers of a run grow with it,
// and on a CPU a larger batch is no faster per person.
const maxBatch = 8

// refineGrow is how much wider than the joints found a person's box is for the second pass.
const refineGrow = 1.2

// Timings say where the time of the pictures so far went.
type Timings struct {
	Detect, Crop, Run time.Duration
	Joints            time.Duration // heat volume to heat cells
	Camera            time.Duration // heat cells to the picture and before the camera
	People            int
}

// Estimator turns one picture into people. It is for one goroutine.
//
//	frame -> boxes -> n crops [n,3,H,W] -> one Run -> heat cells -> image px -> camera mm
type Estimator struct {
	opts    EstimatorOptions
	runner  infer.Runner
	finder  detect.Finder
	cropper *preprocess.Cropper
	decoder *postprocess.Decoder

	views    []geom.View // what each look sees
	crops    []geom.CropToImage
	squares  []geom.BoxPx
	points   [][]postprocess.HeatPoint // [batch][J]
	looks    [][]postprocess.Look      // [batch][looks] what was said of the crops, until all views are seen
	mirrored []postprocess.HeatPoint   // of networks that tell no marginals
	batch    int                       // the most people of one run
	sharp    *frame.Frame              // the picture at hand, decoded again; nil if it was not
	timings  Timings
}

// Looks is how often the network looks at each crop where so many are wanted (see postprocess.Views). Of
// one that tells no marginals only looks at the crop and its mirror image can be made one.
func Looks(runner infer.Runner, wanted int) int {
	if runner.Marginals() {
		return max(1, wanted)
	}
	return min(max(1, wanted), 2)
}

// NewEstimator joins a finder of people and a runner; it owns neither.
func NewEstimator(runner infer.Runner, finder detect.Finder, opts EstimatorOptions) (*Estimator, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	spec := runner.Spec()
	batch := maxBatch
	if spec.FixedBatch > 0 {
		batch = spec.FixedBatch
	}
	views, _ := postprocess.Views(Looks(runner, opts.Looks))
	e := &Estimator{
		views: views, opts: opts, batch: batch, runner: runner, finder: finder,
		cropper: preprocess.New(spec), decoder: postprocess.New(spec),
		crops: make([]geom.CropToImage, batch), squares: make([]geom.BoxPx, batch),
		points:   make([][]postprocess.HeatPoint, batch),
		looks:    make([][]postprocess.Look, batch),
		mirrored: make([]postprocess.HeatPoint, len(spec.Set.Joints)),
	}
	for i := range e.points {
		e.points[i] = make([]postprocess.HeatPoint, len(spec.Set.Joints))
		e.looks[i] = make([]postprocess.Look, len(views))
	}
	e.cropper.Threads, e.decoder.Threads = opts.Threads, opts.Threads
	return e, nil
}

// Timings is where the time went so far.
func (e *Estimator) Timings() Timings { return e.timings }

// Picture finds the people of a picture. Nobody is a valid, empty result.
func (e *Estimator) Picture(ctx context.Context, f *frame.Frame) (*pose.Picture, error) {
	start := time.Now()
	boxes, err := e.finder.Find(ctx, f)
	e.timings.Detect += time.Since(start)
	if err != nil {
		return nil, err
	}
	return e.Boxes(ctx, f, boxes)
}

// Boxes estimates one person in each of the boxes, in their order, without asking the finder.
func (e *Estimator) Boxes(ctx context.Context, f *frame.Frame, boxes []detect.Box) (*pose.Picture, error) {
	start := time.Now()
	k, err := e.opts.Camera(f)
	e.timings.Camera += time.Since(start)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	p := &pose.Picture{
		Name: f.Name, Index: f.Index, Time: f.Time, WidthPx: f.WidthPx, HeightPx: f.HeightPx,
		Camera: k, Provider: e.runner.Provider(), Library: e.runner.Library(), Looks: len(e.views),
	}
	defer e.dropSharp()
	for len(boxes) > 0 {
		n := min(len(boxes), e.batch)
		people, err := e.people(ctx, f, k, boxes[:n])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		p.People = append(p.People, people...)
		boxes = boxes[n:]
	}
	e.timings.People += len(p.People)
	e.settle(p)
	return p, nil
}

// people runs the network on at most e.batch boxes, and again on better ones
// where that is asked for.
func (e *Estimator) people(ctx context.Context, f *frame.Frame, k geom.Intrinsics, boxes []detect.Box) ([]pose.Person, error) {
	people, err := e.pass(ctx, f, k, boxes)
	if err != nil {
		return nil, err
	}
	return e.refined(ctx, f, k, boxes, people)
}

func (e *Estimator) pass(ctx context.Context, f *frame.Frame, k geom.Intrinsics, boxes []detect.Box) ([]pose.Person, error) {
	spec := e.runner.Spec()
	for i, b := range boxes {
		square, err := e.cropOf(b, f)
		if err != nil {
			return nil, err
		}
		e.squares[i], e.crops[i] = square, geom.SquareCrop(square, spec.InputWPx)
	}
	f, err := e.sharpFor(f, len(boxes))
	if err != nil {
		return nil, err
	}
	for look := range e.views {
		if err := e.infer(ctx, f, len(boxes), look); err != nil {
			return nil, err
		}
	}
	start := time.Now()
	defer func() { e.timings.Camera += time.Since(start) }()
	people := make([]pose.Person, len(boxes))
	for i, b := range boxes {
		people[i] = e.person(i, b, k)
	}
	return people, nil
}

// infer takes one look at n crops and fills e.points with what is known after it.
func (e *Estimator) infer(ctx context.Context, f *frame.Frame, n, look int) error {
	start := time.Now()
	// A file of one batch size runs full; what its last crops hold does not matter.
	run := n
	if e.runner.Spec().FixedBatch > 0 {
		run = e.batch
	}
	input, err := e.runner.Input(run)
	if err != nil {
		return err
	}
	size := len(input.Data) / run
	for i := range n {
		dst := input.Data[i*size : (i+1)*size]
		e.cropper.Crop(dst, f, e.crops[i], e.views[look])
	}
	cropped := time.Now()
	e.timings.Crop += cropped.Sub(start)
	out, err := e.runner.Run(ctx, run)
	ran := time.Now()
	e.timings.Run += ran.Sub(cropped)
	if err != nil {
		return err
	}
	last := len(e.views) - 1
	for i := range n {
		switch seen, whole := lookOf(out, i, run); {
		case last > 0 && whole:
			keep(&e.looks[i][look], seen)
			if look == last {
				e.decoder.Merge(e.points[i], e.looks[i])
			}
		case look == 0:
			e.decode(e.points[i], out, i, run)
		default:
			e.decode(e.mirrored, out, i, run)
			postprocess.MirrorBack(e.points[i], e.mirrored, e.runner.Spec())
		}
	}
	e.timings.Joints += time.Since(ran)
	return nil
}

// lookOf is what the network said of crop i of n, if it tells marginals; valid until its next run.
func lookOf(out infer.Output, i, n int) (look postprocess.Look, ok bool) {
	part := func(values []float32) []float32 { return values[i*len(values)/n : (i+1)*len(values)/n] }
	return postprocess.Look{Score: part(out.Score.Data), Plane: part(out.Plane.Data), Depth: part(out.Depth.Data)}, len(out.Plane.Data) > 0
}

// keep copies a look to memory that is used again.
func keep(dst *postprocess.Look, look postprocess.Look) {
	dst.Score = append(dst.Score[:0], look.Score...)
	dst.Plane = append(dst.Plane[:0], look.Plane...)
	dst.Depth = append(dst.Depth[:0], look.Depth...)
}

// decode reads person i of n out of whatever head the network has.
func (e *Estimator) decode(dst []postprocess.HeatPoint, out infer.Output, i, n int) {
	if len(out.Heatmap.Data) > 0 {
		size := len(out.Heatmap.Data) / n
		e.decoder.Volume(dst, out.Heatmap.Data[i*size:(i+1)*size])
		return
	}
	joints := len(dst)
	e.decoder.Coords(dst, out.Coords.Data[i*joints*3:(i+1)*joints*3], out.Score.Data[i*joints:(i+1)*joints])
}

// person gives crop i its place in the picture and before the camera.
func (e *Estimator) person(i int, box detect.Box, k geom.Intrinsics) pose.Person {
	set := e.runner.Spec().Set
	p := pose.Person{
		Set: set, Joints: make([]pose.Joint, len(set.Joints)),
		Box: box.BoxPx, BoxScore: box.Score, BoxSource: box.Source,
		RootDepthSource: string(e.opts.Depth), DepthAxis: e.decoder.DepthAxis(e.crops[i], k),
	}
	switch e.opts.Depth {
	case DepthFixed:
		p.RootDepthMM = e.opts.FixedDepthMM
	case DepthHeight:
		depth, err := e.decoder.HeightDepthMM(e.points[i], e.crops[i], k, e.opts.PersonHeightMM)
		if err == nil {
			p.RootDepthMM = depth
		}
	}
	// Without a usable bone there is no height, but the box always has a size;
	// RootDepthSource says which of them it was.
	if p.RootDepthMM == 0 {
		p.RootDepthMM, p.RootDepthSource = camera.BoxDepthMM(k, e.squares[i]), string(DepthBox)
	}
	e.decoder.Person(p.Joints, e.points[i], e.crops[i], k, p.RootDepthMM)
	p.Score = pose.MeanScore(p.Joints)
	return p
}
