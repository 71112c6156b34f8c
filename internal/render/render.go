// Package render draws what the program found: the skeleton over the
// photograph, the skeletons in space from three sides, and a page for the
// browser in which they turn.
//
//	frame + pose.Picture --Overlay--> picture with skeletons
//	        pose.Picture --Plot-----> front, side and top view over a floor grid
//	frame + pose.Picture --Page-----> self-contained HTML with both
//	frame + pose.Picture --LiveView-> picture beside a view in space, for a window
//
// Everything here is pure: no files, no environment, and but for LiveView no
// state kept between calls. Positions that are not finite are left out of a drawing.
package render

import (
	"image/color"
	"math"

	"mhp/internal/pose"
	"mhp/internal/skeleton"
)

// The sides of the body by colour, the person's own left and right. Blue and
// orange stay apart under every common colour blindness, and so do both from
// a grey middle.
var (
	leftColor   = color.NRGBA{0x1f, 0x8f, 0xff, 0xff}
	rightColor  = color.NRGBA{0xff, 0x8c, 0x1a, 0xff}
	middleColor = color.NRGBA{0xf2, 0xf2, 0xf2, 0xff}
	haloColor   = color.NRGBA{0x10, 0x10, 0x10, 0xff}

	// On the plot's white paper the same blue and orange are darker and the middle is grey.
	leftInk   = color.NRGBA{0x00, 0x66, 0xcc, 0xff}
	rightInk  = color.NRGBA{0xd9, 0x66, 0x00, 0xff}
	middleInk = color.NRGBA{0x50, 0x50, 0x58, 0xff}
)

// DefaultSureScore is the score from which a joint is drawn at full strength
// unless the options say otherwise: where the score is the chance that the
// joint is right, right is then likelier than wrong.
const DefaultSureScore = 0.5

// faintest is the opacity of a joint with score 0: hardly there, still found by who looks for it.
const faintest = 0.15

// untrainedNote stands on every drawing made with a network that was not trained.
const untrainedNote = "UNTRAINED MODEL: these joints mean nothing"

// opacity of a joint: from faintest at score 0 up to 1 at the sure score.
// A score that is not a number counts as 0.
func opacity(score, sure float64) float64 {
	if sure <= 0 {
		sure = DefaultSureScore
	}
	if !(score > 0) {
		return faintest
	}
	return faintest + (1-faintest)*math.Min(1, score/sure)
}

// boneSide is the side a bone belongs to: either end decides.
func boneSide(set *skeleton.Set, bone [2]int) skeleton.Side {
	if side := set.SideOf(bone[1]); side != skeleton.Middle {
		return side
	}
	return set.SideOf(bone[0])
}

func photoColor(side skeleton.Side) color.NRGBA {
	switch side {
	case skeleton.Left:
		return leftColor
	case skeleton.Right:
		return rightColor
	}
	return middleColor
}

func paperColor(side skeleton.Side) color.NRGBA {
	switch side {
	case skeleton.Left:
		return leftInk
	case skeleton.Right:
		return rightInk
	}
	return middleInk
}

// bones lists the person's edges whose joints exist: a result that was put
// together by hand may carry fewer joints than its set.
func bones(p *pose.Person) [][2]int {
	if p.Set == nil {
		return nil
	}
	var out [][2]int
	for _, e := range p.Set.Edges {
		if e[0] < len(p.Joints) && e[1] < len(p.Joints) {
			out = append(out, e)
		}
	}
	return out
}

func sideOf(p *pose.Person, joint int) skeleton.Side {
	if p.Set == nil || joint >= len(p.Set.Joints) {
		return skeleton.Middle
	}
	return p.Set.SideOf(joint)
}

func finite(values ...float64) bool {
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}
