package track

import (
	"math"
	"slices"
	"time"

	"mhp/internal/geom"
	"mhp/internal/pose"
)

// What makes a pose somebody's. Distances are in sides of the box.
const (
	overlapWeight = 0.5 // of 1 - overlap in the cost; joints have the rest
	farJoints     = 0.6 // mean distance of joints that costs all of their share
	mostCost      = 0.85
	ownBonus      = 0.1 // for the track whose guess the box was
	strayPerSec   = 0.6 // how much farther somebody may be for each second out of sight
)

// match gives each pose its track (index into t.tracks) or -1.
func (t *Tracker) match(usable []Candidate) []int {
	cost := make([][]float64, len(usable))
	for i := range usable {
		cost[i] = make([]float64, len(t.tracks))
		for j, k := range t.tracks {
			cost[i][j] = t.cost(&usable[i], k)
		}
	}
	return Assign(cost)
}

// cost is how unlikely it is that a pose is the track's: 0 where it is just
// where it should be, forbidden where it cannot be.
func (t *Tracker) cost(c *Candidate, k *track) float64 {
	if len(c.Person.Joints) != len(k.last.Joints) {
		return forbidden
	}
	box := bodyBox(&c.Person)
	guess := k.box()
	side := (math.Sqrt(box.W*box.H) + math.Exp(k.size.p)) / 2
	off := jointDistance(&c.Person, k) / side
	// Out of sight people may turn and stop, so what is far may still be they.
	reach := farJoints
	if k.lost {
		reach += strayPerSec * (t.now - k.seen).Seconds()
	}
	cost := overlapWeight*(1-box.IoU(guess)) + (1-overlapWeight)*min(1, off/reach)
	if off > reach || cost > mostCost && !k.lost {
		return forbidden
	}
	if c.Track == k.serial {
		cost -= ownBonus
	}
	return cost
}

// jointDistance is the mean distance in px of a pose's joints from where the track's should be.
func jointDistance(p *pose.Person, k *track) float64 {
	sum := 0.0
	for j := range p.Joints {
		want := k.joint(j)
		sum += math.Hypot(p.Joints[j].Image.X-want.X, p.Joints[j].Image.Y-want.Y)
	}
	return sum / float64(len(p.Joints))
}

// Mean distances of joints, in sides of the box, under which two poses are
// taken for one person: found in one frame by two boxes; somebody new so near
// to somebody known; two who are followed and do not part for twinTime.
const (
	sameBody = 0.08
	nearBody = 0.2
	twinTime = 700 * time.Millisecond
)

// single leaves one of several poses that show the same body: the one that is
// nearest to where its track should be, or that a guess was made for, or that
// scores best.
func (t *Tracker) single(usable []Candidate) []Candidate {
	var kept []Candidate
	gone := make([]bool, len(usable))
	for i := range usable {
		for j := range i {
			if gone[i] || gone[j] || poseDistance(&usable[i].Person, &usable[j].Person) >= t.sameWithin(&usable[i], &usable[j]) {
				continue
			}
			if t.better(&usable[i], &usable[j]) {
				gone[j] = true
			} else {
				gone[i] = true
			}
		}
	}
	for i, c := range usable {
		if !gone[i] {
			kept = append(kept, c)
		}
	}
	return kept
}

// poseDistance is the mean distance of two poses' joints in sides of the smaller one's box.
func poseDistance(a, b *pose.Person) float64 {
	if len(a.Joints) != len(b.Joints) {
		return math.Inf(1)
	}
	sum := 0.0
	for j := range a.Joints {
		sum += math.Hypot(a.Joints[j].Image.X-b.Joints[j].Image.X, a.Joints[j].Image.Y-b.Joints[j].Image.Y)
	}
	boxA, boxB := bodyBox(a), bodyBox(b)
	side := math.Sqrt(math.Min(boxA.W*boxA.H, boxB.W*boxB.H))
	return sum / float64(len(a.Joints)) / side
}

// known tells whether a pose is too near to somebody in sight to be somebody new.
func (t *Tracker) known(p *pose.Person) bool {
	for _, k := range t.tracks {
		if !k.lost && poseDistance(p, &k.last) < nearBody {
			return true
		}
	}
	return false
}

// partTwins ends tracks that have shown the same body as an older one for too
// long: two people who pass each other part sooner.
func (t *Tracker) partTwins() {
	for i, b := range t.tracks {
		near := false
		for _, a := range t.tracks[:i] {
			near = near || !a.lost && !b.lost && !a.twin && poseDistance(&a.last, &b.last) < nearBody
		}
		if !near {
			b.alone = t.now
		}
		b.twin = t.now-b.alone > twinTime
	}
	t.tracks = slices.DeleteFunc(t.tracks, func(k *track) bool { return k.twin })
}

// sameWithin is the distance under which two candidates are one body. Somebody
// out of sight is not found again where another one is seen.
func (t *Tracker) sameWithin(a, b *Candidate) float64 {
	ka, kb := t.bySerial(a.Track), t.bySerial(b.Track)
	if ka != nil && kb != nil && ka.lost != kb.lost {
		return nearBody
	}
	return sameBody
}

// better tells which of two poses of one body is to be kept: a followed
// person's before a stranger's, one in sight before one waited for, then the
// one whose track the body fits better.
func (t *Tracker) better(a, b *Candidate) bool {
	ka, kb := t.bySerial(a.Track), t.bySerial(b.Track)
	switch {
	case (ka == nil) != (kb == nil):
		return ka != nil
	case ka == nil:
		return a.Person.Score > b.Person.Score
	case ka.lost != kb.lost:
		return kb.lost
	}
	return misfit(ka, a, b) < misfit(kb, a, b)
}

// frontBonus favours who is larger, and so nearer: where two people overlap,
// the network sees the one in front.
const frontBonus = 0.5

// misfit is how far the body that two poses show is from where a track should
// be, in sides of its box.
func misfit(k *track, a, b *Candidate) float64 {
	off := math.Min(jointDistance(&a.Person, k), jointDistance(&b.Person, k))
	return off/math.Exp(k.size.p) - frontBonus*k.size.p
}

func (t *Tracker) bySerial(serial int) *track {
	for _, k := range t.tracks {
		if k.serial == serial {
			return k
		}
	}
	return nil
}

// overlaps is for each pose the largest share of its box that another one's covers, 0..1.
func overlaps(usable []Candidate) []float64 {
	boxes := make([]geom.BoxPx, len(usable))
	for i := range usable {
		boxes[i] = bodyBox(&usable[i].Person)
	}
	most := make([]float64, len(boxes))
	for i, a := range boxes {
		for j, b := range boxes {
			if i != j {
				common := a.Intersect(b)
				most[i] = max(most[i], common.W*common.H/(a.W*a.H))
			}
		}
	}
	return most
}
