// Package sink writes results: JSON, OpenPose's JSON, CSV, drawings, pages and
// a table for people. Every sink is what the pipeline calls a Sink.
//
//	frame + pose.Picture --Write--> row or file --Close--> complete output
//
// What all of them keep to:
//
//   - An output comes into being with its first byte, under a temporary name
//     beside its place, and is renamed when it is complete; nothing
//     half-written is left behind. Files of many rows are complete at Close;
//     if a row cannot be written, the rows before it stay readable.
//   - No input of the run is overwritten.
//   - Data sinks refuse a result with a number that is not finite.
//   - A call is made by one goroutine at a time.
package sink

import (
	"context"
	"errors"
	"fmt"
	"math"

	"mhp/internal/frame"
	"mhp/internal/pose"
)

// Program names who wrote a file.
type Program struct{ Name, Version string }

// Sink takes results in order. It is the pipeline's interface of that name,
// said again here because this package does not know the pipeline.
type Sink interface {
	Write(ctx context.Context, f *frame.Frame, p *pose.Picture) error
	Close() error
}

// PixelWanter is a sink whose Write needs the frame. The pipeline may pass a
// nil frame to all others.
type PixelWanter interface{ WantsPixels() bool }

// WantsPixels tells whether the sink's Write needs the frame.
func WantsPixels(s Sink) bool {
	w, ok := s.(PixelWanter)
	return ok && w.WantsPixels()
}

// Multi hands each result to several sinks in turn.
type Multi struct{ sinks []Sink }

// NewMulti joins sinks. None at all is allowed.
func NewMulti(sinks ...Sink) *Multi { return &Multi{sinks} }

// Write gives the result to every sink, even if one fails, and returns all
// errors joined. A context cancelled before the call writes nothing; one
// cancelled later does not part the sinks: all of them get the picture.
func (m *Multi) Write(ctx context.Context, f *frame.Frame, p *pose.Picture) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	var problems []error
	for _, s := range m.sinks {
		problems = append(problems, s.Write(ctx, f, p))
	}
	return errors.Join(problems...)
}

// Close closes every sink and returns all errors joined.
func (m *Multi) Close() error {
	var problems []error
	for _, s := range m.sinks {
		problems = append(problems, s.Close())
	}
	return errors.Join(problems...)
}

// WantsPixels tells whether any of the sinks needs the frame.
func (m *Multi) WantsPixels() bool {
	for _, s := range m.sinks {
		if WantsPixels(s) {
			return true
		}
	}
	return false
}

// UntrainedWarning goes into every output of a network that was not trained.
const UntrainedWarning = "the model is not trained: these joints mean nothing"

// warnings lists what a reader of the result must know. It is never nil.
func warnings(p *pose.Picture) []string {
	list := []string{}
	if !p.Model.Trained {
		list = append(list, UntrainedWarning)
	}
	return list
}

// checkFinite refuses what a data format has no word for.
func checkFinite(p *pose.Picture) error {
	k := p.Camera
	if !finite(k.FxPx, k.FyPx, k.CxPx, k.CyPx) || !finite(k.Distortion[:]...) {
		return fmt.Errorf("%s: the camera has a number that is not finite; check the camera's figures", p.Name)
	}
	for i := range p.People {
		one := &p.People[i]
		if !one.Box.Finite() || !finite(one.BoxScore, one.Score, one.RootDepthMM) {
			return fmt.Errorf("%s: person %d has a box, depth or score that is not finite; check the boxes and the model", p.Name, i+1)
		}
		if one.Set == nil || len(one.Joints) != len(one.Set.Joints) {
			return fmt.Errorf("%s: person %d has %d joints, which do not fit the joint set", p.Name, i+1, len(one.Joints))
		}
		for n, j := range one.Joints {
			if !finite(j.Image.X, j.Image.Y, j.Camera.X, j.Camera.Y, j.Camera.Z,
				j.RootRelative.X, j.RootRelative.Y, j.RootRelative.Z, j.Score) {
				return fmt.Errorf("%s: joint %s of person %d is not finite; the model's output is broken (mhp models verify)",
					p.Name, one.Set.Joints[n], i+1)
			}
		}
	}
	return nil
}

func finite(values ...float64) bool {
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}
