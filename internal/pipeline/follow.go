package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"mhp/internal/detect"
	"mhp/internal/frame"
	"mhp/internal/pose"
	"mhp/internal/track"
)

// SourceTrack is where a box comes from that follows from the frames before.
const SourceTrack = "track"

// FollowOptions configure a Follower.
type FollowOptions struct {
	// DetectEvery is after how many frames the finder is asked again; between, a
	// person's box comes from the joints of the frames before. 1: every frame.
	DetectEvery int
	Track       track.Options
	Smooth      track.Smoothing
	Floor       bool // find the floor and level the world to it
}

// Validate refuses what cannot be meant.
func (o FollowOptions) Validate() error {
	if o.DetectEvery < 1 {
		return fmt.Errorf("people cannot be looked for every %d frames; 1 means in every frame", o.DetectEvery)
	}
	return errors.Join(o.Track.Validate(), o.Smooth.Validate())
}

// Follower turns frame after frame into people with ids and steady joints.
//
//	frame --Find, every few frames--> boxes
//	  |                                 |
//	  +--Picture: guesses of the tracks + boxes --Estimator--> poses --ids--> smooth
//
// Find may be called from another goroutine than Picture, which is for one.
type Follower struct {
	opts      FollowOptions
	estimator *Estimator
	tracker   *track.Tracker
	smoother  *track.Smoother
	floor     *track.Floor

	finding sync.Mutex // around the finder, which need not bear two calls at once
	finder  detect.Finder
	rough   bool
	detect  time.Duration

	sinceFound int         // frames since the finder was asked
	lost       bool        // somebody went out of sight since then
	misses     map[int]int // by track: how often in a row the finder did not find it
	follow     time.Duration
}

// NewFollower joins an estimator with a finder of people. The estimator's own
// finder is not asked: it must not be a rough one.
func NewFollower(e *Estimator, finder detect.Finder, opts FollowOptions) (*Follower, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	f := &Follower{opts: opts, estimator: e, finder: finder, rough: detect.SecondPass(finder), sinceFound: opts.DetectEvery, misses: map[int]int{}}
	var err1, err2 error
	f.tracker, err1 = track.NewTracker(opts.Track)
	f.smoother, err2 = track.NewSmoother(opts.Smooth)
	if opts.Floor {
		f.floor = track.NewFloor()
	}
	return f, errors.Join(err1, err2)
}

// FollowTimings say where the time of all frames went.
type FollowTimings struct {
	Timings
	Follow time.Duration // ids, smoothing, floor
}

// Timings may be asked for when no call is under way.
func (f *Follower) Timings() FollowTimings {
	t := FollowTimings{Timings: f.estimator.Timings(), Follow: f.follow}
	t.Detect += f.detect
	return t
}

// People is how many got an id so far.
func (f *Follower) People() int { return f.tracker.People() }

// Ahead tells whether the finder may be asked before Picture, in a stage of its
// own. A rough one may not: it is worth asking only when nobody is in sight.
func (f *Follower) Ahead() bool { return !f.rough }

// Find asks the finder.
func (f *Follower) Find(ctx context.Context, fr *frame.Frame) ([]detect.Box, error) {
	f.finding.Lock()
	defer f.finding.Unlock()
	start := time.Now()
	boxes, err := f.finder.Find(ctx, fr)
	f.detect += time.Since(start)
	return boxes, err
}

// minPause is after how many frames the finder is asked again where nobody is
// in sight, or somebody whose joints are doubtful.
const minPause = 3

// Picture finds, follows and steadies the people of the next frame. found are
// the boxes of a finder that was asked already; asked is false where it was not.
func (f *Follower) Picture(ctx context.Context, fr *frame.Frame, found []detect.Box, asked bool) (*pose.Picture, error) {
	guesses := slices.DeleteFunc(f.tracker.Advance(fr.Time, fr.WidthPx, fr.HeightPx), collapsed)
	f.sinceFound++
	if !asked && f.wanted(guesses) {
		var err error
		if found, err = f.Find(ctx, fr); err != nil {
			return nil, err
		}
		asked = true
	}
	if asked {
		f.sinceFound, f.lost = 0, false
	}
	boxes, of := f.join(guesses, found, asked)
	p, err := f.estimator.Boxes(ctx, fr, boxes)
	if err != nil {
		return nil, err
	}
	if err := f.tighten(ctx, fr, p, of); err != nil {
		return nil, err
	}
	start := time.Now()
	f.identify(p, of)
	f.follow += time.Since(start)
	return p, nil
}

// leastSidePx is the longer side of a box under which nobody is followed: where
// there is nobody, joints can draw together frame by frame until no crop can be made.
const leastSidePx = 8

func collapsed(g track.Guess) bool { return max(g.Box.W, g.Box.H) < leastSidePx }

// wanted tells whether the finder must be asked for this frame although it was not its turn.
func (f *Follower) wanted(guesses []track.Guess) bool {
	inSight, doubtful := 0, false
	for _, g := range guesses {
		if !g.Lost {
			inSight++
			doubtful = doubtful || f.doubtful(g.Score)
		}
	}
	switch {
	case f.rough:
		// A box as large as the picture finds again who is followed already.
		return inSight == 0 && f.sinceFound >= minPause
	case f.sinceFound >= f.opts.DetectEvery, f.lost:
		return true
	}
	return (len(guesses) == 0 || doubtful) && f.sinceFound >= minPause
}

// Overlaps of boxes: from sameOverlap on a found box is a followed person's,
// from goodOverlap on the person's own box is the better one, since it does not jump.
const (
	sameOverlap = 0.3
	goodOverlap = 0.5
)

// join lists the boxes to estimate and, for each, the track that it was made
// for, -1 for people who are new.
func (f *Follower) join(guesses []track.Guess, found []detect.Box, asked bool) (boxes []detect.Box, of []int) {
	cost := make([][]float64, len(guesses))
	for i, g := range guesses {
		cost[i] = make([]float64, len(found))
		for j, b := range found {
			cost[i][j] = 1e9
			if overlap := g.Box.IoU(b.BoxPx); overlap >= sameOverlap {
				cost[i][j] = 1 - overlap
			}
		}
	}
	taken := make([]bool, len(found))
	missed := map[int]int{}
	for i, j := range track.Assign(cost) {
		g := guesses[i]
		box := detect.Box{BoxPx: g.Box, Score: g.BoxScore, Source: SourceTrack}
		if j >= 0 {
			taken[j] = true
			box.Score = found[j].Score
			if g.Box.IoU(found[j].BoxPx) < goodOverlap || f.doubtful(g.Score) || f.opts.DetectEvery == 1 {
				box = found[j]
			}
		} else if asked && !f.rough {
			missed[g.Track] = f.misses[g.Track] + 1
		}
		boxes, of = append(boxes, box), append(of, g.Track)
	}
	if asked {
		f.misses = missed
	}
	for j, b := range found {
		if !taken[j] {
			boxes, of = append(boxes, b), append(of, -1)
		}
	}
	return boxes, of
}

// tighten estimates new people once more on the box of their joints, so that
// what follows from frame to frame begins with the same kind of box.
func (f *Follower) tighten(ctx context.Context, fr *frame.Frame, p *pose.Picture, of []int) error {
	var boxes []detect.Box
	var at []int
	for i, t := range of {
		if t < 0 {
			one := p.People[i]
			boxes = append(boxes, detect.Box{BoxPx: tightBox(fr, one), Score: one.BoxScore, Source: one.BoxSource})
			at = append(at, i)
		}
	}
	if len(boxes) == 0 {
		return nil
	}
	again, err := f.estimator.Boxes(ctx, fr, boxes)
	if err != nil {
		return err
	}
	for n, i := range at {
		p.People[i] = again.People[n]
	}
	return nil
}

// mostMisses is how often in a row the finder may miss somebody whose joints are doubtful.
const mostMisses = 3

// doubtOverSeen is how much surer than just in sight joints must be to be
// believed rather than the finder.
const doubtOverSeen = 4.0 / 3

// doubtful tells whether joints of that score are to be checked by the finder.
func (f *Follower) doubtful(score float64) bool { return score < doubtOverSeen*f.opts.Track.SeenScore }

func (f *Follower) identify(p *pose.Picture, of []int) {
	candidates := make([]track.Candidate, 0, len(p.People))
	for i, one := range p.People {
		if t := of[i]; t >= 0 && f.misses[t] >= mostMisses && f.doubtful(one.Score) {
			continue
		}
		candidates = append(candidates, track.Candidate{Person: one, Track: of[i]})
	}
	p.People, p.Dropped = f.tracker.Seen(candidates)
	f.lost = f.lost || f.tracker.JustLost()
	f.smoother.Smooth(p)
	f.smoother.Forget(f.tracker.Known)
	if f.floor != nil {
		f.floor.Add(p)
		p.Level = f.floor.Level()
	}
}
