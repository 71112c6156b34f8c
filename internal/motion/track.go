// Package motion turns joints over time into what animation wants: bones of
// constant length that turn.
//
//	pose.Picture, frame by frame --Clip.Add--> one Track a person
//	Track --Even--> frames at one rate, gaps bridged
//	      --NewRig--> rest pose: a T with the median length of every bone
//	      --Rig.Fit--> for each frame where the root is and how each joint turns
//	Rig.Forward is the way back to positions.
//
// Everything lies in mm in axes with y up and z towards the camera, origin in
// the camera; the camera is taken as level.
package motion

import (
	"math"
	"slices"
	"sort"
	"time"

	"mhp/internal/geom"
	"mhp/internal/pose"
	"mhp/internal/skeleton"
)

// Clip gathers the people of a video. It grows by 12 bytes a joint, about 250
// bytes a person and frame.
type Clip struct {
	Name  string          // of the first picture
	Times []time.Duration // of every frame, also of those with nobody
	// Numbers are the frames' numbers in the source: a live one leaves some out.
	Numbers []int
	Trained bool

	tracks map[int]*Track
}

// Track is where one person's joints were.
type Track struct {
	ID     int
	Set    *skeleton.Set
	Frames []int // index into the clip's Times, rising
	Times  []time.Duration
	joints [][3]float32 // [len(Frames)][len(Set.Joints)], mm, y up
}

// Add takes one frame's people. Those without an id are left out: nothing says
// who they are in the next frame.
func (c *Clip) Add(p *pose.Picture) {
	if c.tracks == nil {
		c.tracks, c.Name = map[int]*Track{}, p.Name
	}
	c.Trained = p.Model.Trained
	frame := len(c.Times)
	c.Times, c.Numbers = append(c.Times, p.Time), append(c.Numbers, p.Index)
	for i := range p.People {
		one := &p.People[i]
		if one.ID <= 0 || one.Set == nil || len(one.Joints) != len(one.Set.Joints) {
			continue
		}
		t := c.tracks[one.ID]
		if t == nil {
			t = &Track{ID: one.ID, Set: one.Set}
			c.tracks[one.ID] = t
		}
		if n := len(t.Frames); n > 0 && t.Frames[n-1] == frame {
			continue // an id can stand for one person of a frame only
		}
		t.Frames, t.Times = append(t.Frames, frame), append(t.Times, p.Time)
		for _, j := range one.Joints {
			t.joints = append(t.joints, upright(p.Level.Point(j.Camera)))
		}
	}
}

// upright turns camera mm into the package's axes.
func upright(p geom.CameraPointMM) [3]float32 {
	return [3]float32{float32(p.X), float32(-p.Y), float32(-p.Z)}
}

// Tracks are the people in the order of their ids.
func (c *Clip) Tracks() []*Track {
	var list []*Track
	for _, t := range c.tracks {
		list = append(list, t)
	}
	sort.Slice(list, func(a, b int) bool { return list[a].ID < list[b].ID })
	return list
}

// Step is the time from frame to frame: the source's own rate where the clip
// keeps to it within 2 %, else the median. fps 0 means that the source states
// none. A clip of one frame without a stated rate counts 30 a second.
func (c *Clip) Step(fps float64) time.Duration {
	stated := time.Duration(0)
	if fps > 0 && !math.IsInf(fps, 0) {
		stated = time.Duration(math.Round(float64(time.Second) / fps))
	}
	var steps []time.Duration
	for i := 1; i < len(c.Times); i++ {
		if d := c.Times[i] - c.Times[i-1]; d > 0 {
			steps = append(steps, d)
		}
	}
	if len(steps) == 0 {
		if stated > 0 {
			return stated
		}
		return time.Second / 30
	}
	slices.Sort(steps)
	median := steps[len(steps)/2]
	if stated > 0 && math.Abs(float64(median-stated)) < 0.02*float64(stated) {
		return stated
	}
	return median
}

// Joints are the positions at one of the track's frames, in mm.
func (t *Track) Joints(i int) []Vec {
	n := len(t.Set.Joints)
	out := make([]Vec, n)
	for j, p := range t.joints[i*n : (i+1)*n] {
		out[j] = Vec{float64(p[0]), float64(p[1]), float64(p[2])}
	}
	return out
}

// Seen are the positions at all of the track's frames.
func (t *Track) Seen() [][]Vec {
	out := make([][]Vec, len(t.Frames))
	for i := range out {
		out[i] = t.Joints(i)
	}
	return out
}

// Even gives the track's positions every step from its first to its last
// frame, each joint on the straight line between the frames around it. Gaps
// are bridged the same way.
func (t *Track) Even(step time.Duration) [][]Vec {
	if len(t.Times) == 0 || step <= 0 {
		return nil
	}
	first, last := t.Times[0], t.Times[len(t.Times)-1]
	n := int(math.Round(float64(last-first)/float64(step))) + 1
	out := make([][]Vec, n)
	next := 0 // first frame at or after the time wanted
	for k := range out {
		at := min(first+time.Duration(k)*step, last)
		for next < len(t.Times)-1 && t.Times[next] < at {
			next++
		}
		out[k] = t.Joints(next)
		if next == 0 || t.Times[next] <= at {
			continue
		}
		before := t.Joints(next - 1)
		share := float64(at-t.Times[next-1]) / float64(t.Times[next]-t.Times[next-1])
		for j := range before {
			out[k][j] = before[j].add(out[k][j].sub(before[j]).times(share))
		}
	}
	return out
}
