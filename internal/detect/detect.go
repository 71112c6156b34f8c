// Package detect finds people: from a frame to boxes in image px. Boxes come
// from the user (Given), from a file (FromFile), or are the whole picture
// (Picture); a network that finds people is one more Finder.
package detect

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"mhp/internal/frame"
	"mhp/internal/geom"
)

// Where a box comes from, as results state it.
const (
	SourceGiven    = "given"
	SourceFile     = "file"
	SourcePicture  = "picture"
	SourceDetector = "detector"
)

// Box is where a person is, in image px of the upright picture. It may reach
// beyond the picture but not lie wholly outside.
type Box struct {
	geom.BoxPx
	Score  float64 // 0..1; 1 for boxes that a person gave
	Source string  // one of the Source names
	// Crop says that the box is the crop itself, square and with what lies
	// round the person: it is taken as it is, also beyond the picture.
	Crop bool
}

// Finder finds the people in a picture. No people is no error. The boxes may
// be shared with other calls: they are not to be changed. Find may be called
// from several goroutines unless its maker says otherwise.
type Finder interface {
	Find(ctx context.Context, f *frame.Frame) ([]Box, error)
}

// Rough is a Finder that may say its boxes are too loose to be the last word:
// the pipeline then runs the network on them, takes the box round the joints
// found, and runs it once more.
type Rough interface {
	Finder
	SecondPass() bool
}

// SecondPass tells whether the finder's boxes ask for a second run.
func SecondPass(f Finder) bool {
	r, ok := f.(Rough)
	return ok && r.SecondPass()
}

// Given finds the same boxes in every picture. A box that lies outside a
// picture is that picture's error.
func Given(boxes []geom.BoxPx) Finder {
	g := make(given, len(boxes))
	for i, b := range boxes {
		g[i] = Box{BoxPx: b, Score: 1, Source: SourceGiven}
	}
	return g
}

type given []Box

func (g given) Find(_ context.Context, f *frame.Frame) ([]Box, error) {
	for _, b := range g {
		if err := Check(b.BoxPx, f.WidthPx, f.HeightPx); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return g, nil
}

// Picture takes the whole picture for one person's box; it asks for a second pass.
type Picture struct{}

// Find gives one box of the picture's size.
func (Picture) Find(_ context.Context, f *frame.Frame) ([]Box, error) {
	return []Box{{BoxPx: geom.BoxPx{W: float64(f.WidthPx), H: float64(f.HeightPx)}, Score: 1, Source: SourcePicture}}, nil
}

// SecondPass is true: a person seldom fills the picture.
func (Picture) SecondPass() bool { return true }

// BoxError is a box that cannot be used.
type BoxError struct {
	Problem string
	Remedy  string
}

// Error says what is wrong.
func (e *BoxError) Error() string { return e.Problem }

// Hint says what to do.
func (e *BoxError) Hint() string { return e.Remedy }

const boxForm = "a box is left, top, width and height in px of the picture as it is shown, such as 120,40,200,420"

// ParseBox reads "x,y,w,h" in px.
func ParseBox(text string) (geom.BoxPx, error) {
	fields := strings.Split(text, ",")
	if len(fields) != 4 {
		return geom.BoxPx{}, &BoxError{fmt.Sprintf("box %q has %d numbers instead of 4", text, len(fields)), boxForm}
	}
	var v [4]float64
	for i, field := range fields {
		n, err := strconv.ParseFloat(strings.TrimSpace(field), 64)
		if err != nil {
			return geom.BoxPx{}, &BoxError{fmt.Sprintf("box %q: %q is not a number", text, field), boxForm}
		}
		v[i] = n
	}
	b := geom.BoxPx{X: v[0], Y: v[1], W: v[2], H: v[3]}
	if problem := malformed(b); problem != "" {
		return geom.BoxPx{}, &BoxError{fmt.Sprintf("box %q %s", text, problem), boxForm}
	}
	return b, nil
}

// maxPx bounds the figures of a box; no picture comes near.
const maxPx = 1e7

// malformed says what is wrong with a box, whatever the picture; "" is nothing.
func malformed(b geom.BoxPx) string {
	switch {
	case !b.Finite():
		return "has a figure that is not a finite number"
	case b.W <= 0 || b.H <= 0:
		return fmt.Sprintf("is %g x %g px: its width and height must be above 0", b.W, b.H)
	case max(math.Abs(b.X), math.Abs(b.Y), b.W, b.H) > maxPx:
		return fmt.Sprintf("has a figure above %.0f px", maxPx)
	}
	return ""
}

// Check refuses a box that is malformed or shares no pixel with a picture of
// that size. The picture spans -0.5 to widthPx-0.5 (see geom).
func Check(b geom.BoxPx, widthPx, heightPx int) error {
	at := fmt.Sprintf("box %g,%g,%g,%g", b.X, b.Y, b.W, b.H)
	if problem := malformed(b); problem != "" {
		return &BoxError{at + " " + problem, boxForm}
	}
	picture := geom.BoxPx{X: -0.5, Y: -0.5, W: float64(widthPx), H: float64(heightPx)}
	if common := b.Intersect(picture); common.W <= 0 || common.H <= 0 {
		return &BoxError{fmt.Sprintf("%s lies outside the picture, which is %d x %d px", at, widthPx, heightPx),
			"give the box in px of this picture, turned upright as EXIF says"}
	}
	return nil
}
