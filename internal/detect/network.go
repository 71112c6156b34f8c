package detect

import (
	"context"
	"fmt"
	"math"

	"mhp/internal/frame"
	"mhp/internal/geom"
	"mhp/internal/infer"
	"mhp/internal/model"
	"mhp/internal/preprocess"
)

// NetworkOptions say which of the people that a network finds are reported.
type NetworkOptions struct {
	MinScore  float64 // 0: the detector's own threshold
	MaxPeople int     // the best so many; 0: all
	MinBoxPx  float64 // people whose box's longer side is shorter are left out
	// TilePersonPx: pictures in which a person of this height would be under
	// 24 px high in the detector's input are cut in tiles. 0: never.
	TilePersonPx float64
	Threads      int // that fit pictures into the input; 0 = one
}

// Validate reports an option that makes no sense.
func (o NetworkOptions) Validate() error {
	switch {
	case !(o.MinScore >= 0 && o.MinScore <= 1):
		return fmt.Errorf("the least score must be between 0 and 1, not %g", o.MinScore)
	case o.MaxPeople < 0:
		return fmt.Errorf("the most people must be 0 or more, not %d", o.MaxPeople)
	case !(o.MinBoxPx >= 0) || math.IsInf(o.MinBoxPx, 0):
		return fmt.Errorf("the least size of a box must be 0 px or more, not %g", o.MinBoxPx)
	case !(o.TilePersonPx >= 0) || math.IsInf(o.TilePersonPx, 0):
		return fmt.Errorf("the height of the people that pictures are tiled for must be 0 px or more, not %g", o.TilePersonPx)
	}
	return nil
}

// leastOfBest: boxes that score less than this part of the picture's best are
// none of our own detectors' people. Where somebody is plainly seen, faint
// boxes are mostly parts of people; where nobody is, they may be all there is.
const leastOfBest = 0.36

// Network is a Finder that asks a network. It is for one goroutine.
//
//	frame --tiles--> parts --letterbox--> input --Run--> candidates --suppress--> boxes
type Network struct {
	runner infer.DetectorRunner
	opts   NetworkOptions
	score  float64
	box    *preprocess.Letterboxer
	found  []candidate // of the picture at hand, in its px
}

// NewNetwork makes a Finder of a runner, which it does not own.
func NewNetwork(runner infer.DetectorRunner, opts NetworkOptions) (*Network, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	n := &Network{runner: runner, opts: opts, score: opts.MinScore, box: preprocess.NewLetterboxer(runner.Spec())}
	if n.score == 0 {
		n.score = runner.Spec().ScoreThreshold
	}
	n.box.Threads = opts.Threads
	return n, nil
}

// Find gives the people's boxes, the surest first, within the picture.
func (n *Network) Find(ctx context.Context, f *frame.Frame) ([]Box, error) {
	spec := n.runner.Spec()
	n.found = n.found[:0]
	parts := tiles(f.WidthPx, f.HeightPx, spec.InputWPx, spec.InputHPx, n.opts.TilePersonPx)
	for i, t := range parts {
		least := 0.0
		if i == 0 && len(parts) > 1 {
			least = tilePersonPx // who is smaller in the whole picture is seen better in a tile
		}
		if err := n.search(ctx, f, t, least); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	n.found = suppress(n.found, spec.NMSIoU)
	var boxes []Box
	for _, c := range n.found {
		if c.score < n.leastScore(n.found[0].score) {
			break
		}
		box := geom.BoxPx{X: c.x1, Y: c.y1, W: c.x2 - c.x1, H: c.y2 - c.y1}
		if math.Max(box.W, box.H) < math.Max(n.opts.MinBoxPx, 1) {
			continue
		}
		if boxes = append(boxes, Box{BoxPx: box, Score: c.score, Source: SourceDetector}); len(boxes) == n.opts.MaxPeople {
			break
		}
	}
	return boxes, nil
}

// leastScore is that of a person in a picture whose best box scores best. A
// limit that somebody gave is taken as it is.
func (n *Network) leastScore(best float64) float64 {
	if n.opts.MinScore > 0 || n.runner.Spec().Format != model.FormatMHP {
		return n.score
	}
	return max(n.score, leastOfBest*best)
}

// search appends the people of one part of the picture whose longer side is at
// least leastPx in the input.
func (n *Network) search(ctx context.Context, f *frame.Frame, t tile, leastPx float64) error {
	view := t.view(f)
	back := n.box.Fill(n.runner.Input().Data, &view)
	outputs, err := n.runner.Run(ctx)
	if err != nil {
		return err
	}
	first := len(n.found)
	if n.found, err = decode(n.found, n.runner.Spec(), outputs, n.score); err != nil {
		return fmt.Errorf("detector %s: %w", n.runner.Spec().Name, err)
	}
	kept := n.found[:first]
	slack := 2 * math.Max(back.ScaleX, back.ScaleY) // a box is no surer than that
	for _, c := range n.found[first:] {
		if math.Max(c.x2-c.x1, c.y2-c.y1) < leastPx {
			continue
		}
		b := back.Box(c.x1, c.y1, c.x2, c.y2).Intersect(geom.BoxPx{W: float64(t.w), H: float64(t.h)})
		c.x1, c.y1, c.x2, c.y2 = b.X+float64(t.x), b.Y+float64(t.y), b.X+b.W+float64(t.x), b.Y+b.H+float64(t.y)
		if b.W > 0 && b.H > 0 && !t.cutOff(c, f.WidthPx, f.HeightPx, slack) {
			kept = append(kept, c)
		}
	}
	n.found = kept
	return nil
}

// Spec is the network's meaning.
func (n *Network) Spec() *model.Detector { return n.runner.Spec() }

// MinScore is the score from which people are reported.
func (n *Network) MinScore() float64 { return n.score }

// CheckOutputs runs the network on whatever its input holds and tells whether
// its outputs can be decoded.
func CheckOutputs(ctx context.Context, r infer.DetectorRunner) error {
	outputs, err := r.Run(ctx)
	if err != nil {
		return err
	}
	if _, err := decode(nil, r.Spec(), outputs, r.Spec().ScoreThreshold); err != nil {
		return fmt.Errorf("detector %s: %w", r.Spec().Name, err)
	}
	return nil
}
