// Package track follows people over time: which pose is whose, and what of it
// is movement and what is noise.
//
//	poses of a frame --Tracker--> the same with ids --Smoother--> steady joints
//	all poses of a take --FillGaps, Offline--> the same, looking ahead
//	joints of a take --Floor--> which way is up and where people stand
//
// A person who is out of sight for a moment keeps the id; one who stays away
// longer gets a new one. No id is given twice.
package track

import (
	"fmt"
	"math"
	"slices"
	"time"

	"mhp/internal/geom"
	"mhp/internal/pose"
)

// Options configure a Tracker.
type Options struct {
	MaxPeople int           // at the same time; 0: no limit
	Keep      time.Duration // for how long somebody out of sight is waited for
	// StartScore is what a pose must score to begin a track, SeenScore what it
	// must score to go on with one: 0..1, mean of the joints.
	StartScore, SeenScore float64
	// Sure is the box's score from which one sight is enough to be somebody;
	// below it ConfirmFrames sights in a row are asked for.
	Sure          float64
	ConfirmFrames int
}

// Defaults are the options that mhp uses.
func Defaults() Options {
	return Options{Keep: time.Second, StartScore: 0.4, SeenScore: 0.3, Sure: 0.6, ConfirmFrames: 3}
}

// Validate refuses what cannot be meant.
func (o Options) Validate() error {
	switch {
	case o.MaxPeople < 0:
		return fmt.Errorf("at most %d people make no sense; 0 means any number", o.MaxPeople)
	case o.Keep < 0:
		return fmt.Errorf("people cannot be waited for %s", o.Keep)
	case !(o.SeenScore >= 0 && o.StartScore >= o.SeenScore && o.StartScore <= 1):
		return fmt.Errorf("scores %g to begin and %g to go on are not in the order 1 >= begin >= go on >= 0", o.StartScore, o.SeenScore)
	}
	return nil
}

// Guess is where somebody should be.
type Guess struct {
	Track    int // for Candidate.Track; not the id
	Box      geom.BoxPx
	BoxScore float64 // of the last box that a finder gave
	Lost     bool    // was not seen in the last frame
	Score    float64 // of the joints when seen last
}

// Candidate is a pose that may be somebody's.
type Candidate struct {
	Person pose.Person
	Track  int // whose guess its box was, -1: a finder's
}

// Tracker gives poses their ids. It is for one goroutine.
type Tracker struct {
	opts   Options
	tracks []*track
	serial int // of the last track
	lastID int
	now    time.Duration

	justLost bool
}

// track is somebody who is followed.
type track struct {
	serial   int
	id       int // 0: not yet sure to be somebody
	sights   int
	seen     time.Duration
	lost     bool
	alone    time.Duration // when nobody older was at the same place last
	twin     bool
	boxScore float64
	x, y     motion // centre of the box, px
	size     motion // log of the side, px: constant relative growth
	aspect   float64
	last     pose.Person
	centre   geom.ImagePoint // of last's box
}

// How people move, in sides of their own box (the root of its area), and
// seconds: they hardly exceed these.
const (
	usualAccel = 3.0
	usualSpeed = 1.0
	seenNoise  = 0.04 // of the place
	sizeNoise  = 0.05 // of the log of the size
	sizeAccel  = 1.0
	sizeSpeed  = 0.3
	fadeSec    = 0.7 // of the speed of somebody out of sight

	shrinkDoubt = 3   // how much less a smaller box is believed than a larger one
	sureScore   = 0.5 // from which joints are believed
)

// NewTracker starts with nobody.
func NewTracker(o Options) (*Tracker, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	return &Tracker{opts: o}, nil
}

// Advance moves everybody to the time of the next frame, which must not be
// earlier than the last one's, and says where they should be.
func (t *Tracker) Advance(at time.Duration, widthPx, heightPx int) []Guess {
	dt := max(0, (at - t.now).Seconds())
	t.now = at
	picture := geom.BoxPx{X: -0.5, Y: -0.5, W: float64(widthPx), H: float64(heightPx)}
	t.tracks = slices.DeleteFunc(t.tracks, func(k *track) bool {
		k.advance(dt)
		return k.lost && (at-k.seen > t.opts.Keep || left(k.box(), picture))
	})
	var guesses []Guess
	for _, k := range t.tracks {
		if box := k.box(); !left(box, picture) {
			guesses = append(guesses, Guess{Track: k.serial, Box: box, BoxScore: k.boxScore, Lost: k.lost, Score: k.last.Score})
		}
	}
	return guesses
}

// left tells whether most of a box is outside the picture.
func left(box, picture geom.BoxPx) bool {
	common := box.Intersect(picture)
	return !(common.W*common.H > 0.2*box.W*box.H)
}

func (k *track) advance(dt float64) {
	for _, m := range []*motion{&k.x, &k.y, &k.size} {
		m.predict(dt)
		if k.lost {
			m.slow(dt, fadeSec)
		}
	}
}

// box is where the person should be now.
func (k *track) box() geom.BoxPx {
	side := math.Exp(k.size.p)
	w, h := side*k.aspect, side/k.aspect
	return geom.BoxPx{X: k.x.p - w/2, Y: k.y.p - h/2, W: w, H: h}
}

// joint is where joint j should be now.
func (k *track) joint(j int) geom.ImagePoint {
	p := k.last.Joints[j].Image
	return geom.ImagePoint{X: p.X + k.x.p - k.centre.X, Y: p.Y + k.y.p - k.centre.Y}
}

// Seen takes in the poses of the frame that Advance was called for, and gives
// those that are somebody's, with ids, in the order of the ids. Poses that
// score too low, or show somebody twice, are left out; dropped counts the former.
func (t *Tracker) Seen(candidates []Candidate) (people []pose.Person, dropped int) {
	usable := make([]Candidate, 0, len(candidates))
	for _, c := range candidates {
		if c.Person.Score >= t.opts.SeenScore && len(c.Person.Joints) > 0 && finite(&c.Person) {
			usable = append(usable, c)
		} else if c.Track < 0 {
			dropped++
		}
	}
	usable = t.single(usable)
	of := t.match(usable)
	crowd := overlaps(usable)
	before := make([]bool, len(t.tracks))
	for i, k := range t.tracks {
		before[i], k.lost = !k.lost, true
	}
	for i, c := range usable {
		if of[i] >= 0 {
			t.tracks[of[i]].take(&c.Person, t.now, crowd[i])
		}
	}
	t.justLost = false
	for i, k := range t.tracks {
		t.justLost = t.justLost || before[i] && k.lost
	}
	dropped += t.begin(usable, of)
	t.forgetDoubtful()
	t.partTwins()
	return t.sure(), dropped
}

// begin starts tracks for poses that are nobody's.
func (t *Tracker) begin(usable []Candidate, of []int) (dropped int) {
	var fresh []int
	for i, c := range usable {
		switch {
		case of[i] >= 0 || c.Track >= 0: // known, or a guess that found somebody else
		case c.Person.Score < t.opts.StartScore:
			dropped++
		case t.known(&c.Person): // somebody in sight, found once more
		default:
			fresh = append(fresh, i)
		}
	}
	slices.SortStableFunc(fresh, func(a, b int) int {
		switch sa, sb := usable[a].Person.BoxScore, usable[b].Person.BoxScore; {
		case sa > sb:
			return -1
		case sa < sb:
			return 1
		}
		return 0
	})
	for _, i := range fresh {
		if t.opts.MaxPeople > 0 && t.followed() >= t.opts.MaxPeople {
			break
		}
		t.serial++
		t.tracks = append(t.tracks, newTrack(t.serial, &usable[i].Person, t.now))
	}
	return dropped
}

// followed counts who is in sight.
func (t *Tracker) followed() int {
	n := 0
	for _, k := range t.tracks {
		if !k.lost {
			n++
		}
	}
	return n
}

// forgetDoubtful drops who vanished before being sure to be somebody.
func (t *Tracker) forgetDoubtful() {
	t.tracks = slices.DeleteFunc(t.tracks, func(k *track) bool { return k.lost && k.id == 0 && !t.certain(k) })
}

// certain tells whether a track is somebody: by a box that is sure, by several
// sights with good joints, or by many.
func (t *Tracker) certain(k *track) bool {
	good := k.last.Score >= goodOverStart*t.opts.StartScore
	return k.boxScore >= t.opts.Sure || k.sights >= t.opts.ConfirmFrames && (good || k.sights >= manySights*t.opts.ConfirmFrames)
}

const (
	goodOverStart = 1.1
	manySights    = 4
)

// sure gives ids to who has earned one and lists who is in sight.
func (t *Tracker) sure() []pose.Person {
	var people []pose.Person
	for _, k := range t.tracks {
		if k.id == 0 && t.certain(k) {
			t.lastID++
			k.id = t.lastID
		}
		if k.id > 0 && !k.lost {
			k.last.ID = k.id
			people = append(people, k.last)
		}
	}
	slices.SortFunc(people, func(a, b pose.Person) int { return a.ID - b.ID })
	// Somebody who was waited for may come back to a place that was taken.
	if t.opts.MaxPeople > 0 && len(people) > t.opts.MaxPeople {
		people = people[:t.opts.MaxPeople]
	}
	return people
}

// People is how many got an id so far.
func (t *Tracker) People() int { return t.lastID }

// JustLost tells whether somebody went out of sight in the last frame.
func (t *Tracker) JustLost() bool { return t.justLost }

// Known tells whether somebody with that id is followed or waited for.
func (t *Tracker) Known(id int) bool {
	return slices.ContainsFunc(t.tracks, func(k *track) bool { return k.id == id })
}

func newTrack(serial int, p *pose.Person, at time.Duration) *track {
	box := bodyBox(p)
	side := math.Sqrt(box.W * box.H)
	k := &track{
		serial: serial, sights: 1, seen: at, alone: at, boxScore: p.BoxScore, last: *p, centre: centreOf(box), aspect: aspectOf(box),
		x:    newMotion(box.X+box.W/2, seenNoise*side, usualSpeed*side, usualAccel*side),
		y:    newMotion(box.Y+box.H/2, seenNoise*side, usualSpeed*side, usualAccel*side),
		size: newMotion(math.Log(side), sizeNoise, sizeSpeed, sizeAccel),
	}
	return k
}

// take moves the track to where the person was seen. In a crowd a pose is less
// sure to be the person's, so the motion counts for more.
func (k *track) take(p *pose.Person, at time.Duration, crowd float64) {
	box := bodyBox(p)
	side := math.Sqrt(box.W * box.H)
	noise := 1 + 4*crowd
	c := centreOf(box)
	k.x.update(c.X, noise*seenNoise*side)
	k.y.update(c.Y, noise*seenNoise*side)
	// A box that is too small hides limbs, of which the next pose knows nothing
	// then: what shrinks is believed slowly, and the less the joints are sure.
	if math.Log(side) < k.size.p {
		noise *= shrinkDoubt * math.Max(1, sureScore/math.Max(p.Score, 0.05))
	}
	k.size.update(math.Log(side), noise*sizeNoise)
	// The shape follows at once where people spread their arms, and slowly where they draw them in.
	share := 0.3
	if aspect := aspectOf(box); math.Abs(math.Log(aspect/k.aspect)) > 0.2 {
		share = 0.7
	}
	k.aspect *= math.Pow(aspectOf(box)/k.aspect, share)
	k.boxScore = p.BoxScore
	k.last, k.centre, k.seen, k.lost = *p, c, at, false
	k.sights++
}

func centreOf(b geom.BoxPx) geom.ImagePoint { return geom.ImagePoint{X: b.X + b.W/2, Y: b.Y + b.H/2} }

// aspectOf is the root of width over height, so that side*aspect is the width.
func aspectOf(b geom.BoxPx) float64 { return math.Sqrt(b.W / b.H) }

// bodyGrow is how much wider than the joints a person is.
const bodyGrow = 1.2

// bodyBox is the box round a person's joints, grown a little, at least a pixel wide.
func bodyBox(p *pose.Person) geom.BoxPx {
	points := make([]geom.ImagePoint, len(p.Joints))
	for i, j := range p.Joints {
		points[i] = j.Image
	}
	b := geom.Bounds(points)
	c := centreOf(b)
	b.W, b.H = max(b.W, 1), max(b.H, 1)
	// Somebody seen from the side, standing straight, is no line.
	b.W, b.H = max(b.W, b.H/5), max(b.H, b.W/5)
	b.X, b.Y = c.X-b.W/2, c.Y-b.H/2
	return b.Grow(bodyGrow)
}

func finite(p *pose.Person) bool {
	for _, j := range p.Joints {
		for _, v := range [...]float64{j.Image.X, j.Image.Y, j.Camera.X, j.Camera.Y, j.Camera.Z} {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return false
			}
		}
	}
	return true
}
