package pipeline

import (
	"context"
	"fmt"
	"math"
	"slices"

	"mhp/internal/detect"
	"mhp/internal/frame"
	"mhp/internal/geom"
	"mhp/internal/pose"
	"mhp/internal/preprocess"
)

// PeopleOptions say what becomes of the people that a finder found. The zero
// value leaves them as they are. Boxes that users gave are never merged or
// dropped: somebody said that there is a person.
type PeopleOptions struct {
	// Refine is how often the network looks again, at the box of the joints
	// found; of both looks the surer one stays. A finder's rough boxes get one
	// more look at least, and their first does not stay.
	Refine int
	// SameWithin: a second look stays only if its joints are nearer to the first's
	// than this part of the person's size, on average; else it shows somebody
	// else. 0: any may stay. Rough boxes' second looks always may.
	SameWithin float64
	// Grow is how much larger than a detector's tight box the box is that the
	// crop is made for; 0 is 1. Networks are trained on boxes with a margin.
	Grow float64
	// MergeBelow: of two people whose joints in the box of the fainter one are
	// nearer to each other than this part of their size, in the median, the surer
	// one stays: a box of a part of somebody gives joints that agree where that
	// part is. 0: all stay.
	MergeBelow float64
	// DropBelow: people whose joints score less on average are left out and
	// counted. 0: all stay.
	DropBelow float64
	// FaintBelow: those, too, whose box's score times their joints' is less, or
	// less than FaintOfBest of the picture's best: what the finder and the
	// network both doubt is nobody, and beside somebody clear a part of them. 0: all stay.
	FaintBelow, FaintOfBest float64
}

// Validate reports an option that makes no sense.
func (o PeopleOptions) Validate() error {
	switch {
	case o.Refine < 0 || o.Refine > 2:
		return fmt.Errorf("boxes can be refined 0, 1 or 2 times, not %d", o.Refine)
	case !(o.Grow >= 0 && o.Grow <= 3):
		return fmt.Errorf("found boxes can grow 0 to 3 times, not %g", o.Grow)
	case !(o.SameWithin >= 0 && o.SameWithin <= 1):
		return fmt.Errorf("the distance of two looks at one person must be between 0 and 1 of their size, not %g", o.SameWithin)
	case !(o.MergeBelow >= 0 && o.MergeBelow <= 1):
		return fmt.Errorf("the distance for merging people must be between 0 and 1 of their size, not %g", o.MergeBelow)
	case !(o.DropBelow >= 0 && o.DropBelow <= 1):
		return fmt.Errorf("the score for leaving people out must be between 0 and 1, not %g", o.DropBelow)
	case !(o.FaintBelow >= 0 && o.FaintBelow <= 1 && o.FaintOfBest >= 0 && o.FaintOfBest <= 1):
		return fmt.Errorf("the product of scores for leaving people out, and its part of the best, must be between 0 and 1, not %g and %g", o.FaintBelow, o.FaintOfBest)
	}
	return nil
}

// refined runs the network again on the boxes of the joints found, as often as
// the options or the finder ask for. The surer look stays: joints found
// badly make a bad box, and the second look is worse then.
func (e *Estimator) refined(ctx context.Context, f *frame.Frame, k geom.Intrinsics, boxes []detect.Box, people []pose.Person) ([]pose.Person, error) {
	passes := e.opts.People.Refine
	if detect.SecondPass(e.finder) {
		passes = max(passes, 1)
	}
	for range passes {
		tight := slices.Clone(boxes)
		for i := range tight {
			tight[i].BoxPx, tight[i].Crop = tightBox(f, people[i]).Grow(1/e.growth(tight[i])), false
		}
		again, err := e.pass(ctx, f, k, tight)
		if err != nil {
			return nil, err
		}
		for i := range again {
			// A sharp detector's box stays the person's: it is that of what shows,
			// and joints are guessed beyond, or lie inside.
			if boxes[i].Source == detect.SourceDetector && !detect.SecondPass(e.finder) {
				again[i].Box = boxes[i].BoxPx
			}
			// The whole picture is no box to stay with. Of two people in a crop the
			// second look may show the other: there is one box a person.
			within := e.opts.People.SameWithin
			same := within == 0 || detect.SecondPass(e.finder) || jointDistance(&again[i], &people[i]) < within
			if people[i].BoxSource == detect.SourcePicture || same && again[i].Score >= people[i].Score {
				people[i] = again[i]
			}
		}
	}
	return people, nil
}

// growth is how much larger than a box its crop's is.
func (e *Estimator) growth(b detect.Box) float64 {
	if b.Source != detect.SourceDetector || e.opts.People.Grow == 0 {
		return 1
	}
	return e.opts.People.Grow
}

// cropOf is the square that a box's crop shows.
func (e *Estimator) cropOf(b detect.Box, f *frame.Frame) (geom.BoxPx, error) {
	if b.Crop {
		return b.BoxPx, nil
	}
	return preprocess.SquareBox(b.Grow(e.growth(b)), f.WidthPx, f.HeightPx)
}

// tightBox is the part of the picture round a person's joints, grown a little.
func tightBox(f *frame.Frame, p pose.Person) geom.BoxPx {
	whole := geom.BoxPx{W: float64(f.WidthPx), H: float64(f.HeightPx)}
	box := jointBox(&p).Grow(refineGrow).Intersect(whole)
	if box.W < 1 || box.H < 1 {
		return whole
	}
	return box
}

func jointBox(p *pose.Person) geom.BoxPx {
	points := make([]geom.ImagePoint, len(p.Joints))
	for i, j := range p.Joints {
		points[i] = j.Image
	}
	return geom.Bounds(points)
}

// settle leaves out people found twice and people who score too low.
func (e *Estimator) settle(p *pose.Picture) {
	o := e.opts.People
	faint := o.FaintBelow
	for i := range p.People {
		if found(&p.People[i]) {
			faint = max(faint, o.FaintOfBest*sureness(&p.People[i]))
		}
	}
	before := len(p.People)
	p.People = slices.DeleteFunc(p.People, func(q pose.Person) bool {
		return found(&q) && (q.Score < o.DropBelow || faint > 0 && sureness(&q) < faint)
	})
	p.Dropped += before - len(p.People)
	if o.MergeBelow > 0 {
		p.People = mergeTwins(p.People, o.MergeBelow)
	}
}

// found tells people whom a finder found from those whom somebody gave.
func found(p *pose.Person) bool {
	return p.BoxSource != detect.SourceGiven && p.BoxSource != detect.SourceFile
}

// sureness is what the finder and the network together say for a person.
func sureness(p *pose.Person) float64 { return p.BoxScore * p.Score }

// mergeTwins keeps, of people whose joints nearly coincide where both are, the surest. The
// others stay in their order.
func mergeTwins(people []pose.Person, below float64) []pose.Person {
	twin := make([]bool, len(people))
	for i := range people {
		for k := range i {
			a, b := &people[k], &people[i]
			if twin[i] || twin[k] || !found(a) || !found(b) || commonDistance(a, b) >= below {
				continue
			}
			if sureness(a) >= sureness(b) {
				twin[i] = true
			} else {
				twin[k] = true
			}
		}
	}
	kept := people[:0]
	for i := range people {
		if !twin[i] {
			kept = append(kept, people[i])
		}
	}
	clear(people[len(kept):])
	return kept
}

// leastCommon: so many joints of one person in the box of another can tell
// whether both are the same.
const leastCommon = 4

// jointDistance is the mean distance of two people's joints in the picture in
// parts of their size, the longer side of the box round the joints.
func jointDistance(a, b *pose.Person) float64 {
	sum := 0.0
	for _, d := range jointDistances(a, b) {
		sum += d
	}
	return sum / float64(len(a.Joints))
}

// commonDistance is the median distance, in the same parts, of those joints that
// the person with the better box has in the box of the other; infinite where
// they are too few to tell.
func commonDistance(a, b *pose.Person) float64 {
	sure, faint := a, b
	if b.BoxScore > a.BoxScore {
		sure, faint = b, a
	}
	var common []float64
	for i, d := range jointDistances(a, b) {
		if faint.Box.Contains(sure.Joints[i].Image) {
			common = append(common, d)
		}
	}
	if len(common) < leastCommon {
		return math.Inf(1)
	}
	slices.Sort(common)
	return common[len(common)/2]
}

// jointDistances are those of each joint, in parts of the mean size of both.
func jointDistances(a, b *pose.Person) []float64 {
	boxA, boxB := jointBox(a), jointBox(b)
	size := max((max(boxA.W, boxA.H)+max(boxB.W, boxB.H))/2, 1)
	distances := make([]float64, len(a.Joints))
	for i := range a.Joints {
		distances[i] = math.Hypot(a.Joints[i].Image.X-b.Joints[i].Image.X, a.Joints[i].Image.Y-b.Joints[i].Image.Y) / size
	}
	return distances
}
