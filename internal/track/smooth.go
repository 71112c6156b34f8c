package track

import (
	"fmt"
	"math"
	"time"

	"mhp/internal/geom"
	"mhp/internal/pose"
)

// Smoothing are the figures of the One-Euro filter (Casiez, Roussel, Vogel
// 2012): a low-pass whose cutoff rises with the speed, so that what stands
// still is steady and what is fast is not held back.
//
//	cutoff = MinCutoffHz + Beta * speed
//
// The speed is that of the joint in space, so the same figures serve pictures
// of any size. Zero MinCutoffHz means no smoothing.
type Smoothing struct {
	MinCutoffHz float64
	Beta        float64 // Hz for each mm/s
}

// The settings that have names.
var (
	Light  = Smoothing{MinCutoffHz: 0.8, Beta: 0.005}
	Strong = Smoothing{MinCutoffHz: 0.3, Beta: 0.002}
)

// On tells whether there is anything to do.
func (s Smoothing) On() bool { return s.MinCutoffHz > 0 }

// Validate refuses what cannot be meant.
func (s Smoothing) Validate() error {
	if !(s.MinCutoffHz >= 0 && s.MinCutoffHz <= 1000 && s.Beta >= 0 && s.Beta <= 1000) {
		return fmt.Errorf("smoothing with a least cutoff of %g Hz and %g Hz for each mm/s is not between 0 and 1000", s.MinCutoffHz, s.Beta)
	}
	return nil
}

const (
	// speedCutoffHz smooths the speed that the cutoff follows; 1 Hz as in the paper.
	speedCutoffHz = 1.0
	// The root's depth is the least certain figure, and wrong for all joints at
	// once: its cutoff is this share of the others'.
	depthShare = 0.4
	// depthBetaShare keeps the noise of the depth from opening its own filter.
	depthBetaShare = 0.1
)

// Smoother steadies the joints of everybody by id, in the picture and in
// space alike. It is for one goroutine.
type Smoother struct {
	opts   Smoothing
	people map[int]*personFilter
}

// NewSmoother knows nobody yet.
func NewSmoother(s Smoothing) (*Smoother, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return &Smoother{opts: s, people: map[int]*personFilter{}}, nil
}

// personFilter is the past of one person.
type personFilter struct {
	at     time.Duration
	joints []jointFilter
	depth  axis
	speed  float64 // of the depth, mm/s, smoothed
}

// jointFilter holds a joint's place in the picture (px), its direction (x/z,
// y/z) and its depth from the root (mm), which share one cutoff.
type jointFilter struct {
	u, v, rx, ry, dz axis
	su, sv, sz       float64 // speeds, px/s and mm/s, smoothed
}

// axis is a low-pass of first order.
type axis struct{ raw, smooth float64 }

func (a *axis) step(x, alpha float64) float64 {
	a.raw = x
	a.smooth += alpha * (x - a.smooth)
	return a.smooth
}

func startAxis(x float64) axis { return axis{x, x} }

// alpha is the share of the new value in a low-pass of first order.
func alpha(cutoffHz, dt float64) float64 {
	return 1 / (1 + 1/(2*math.Pi*cutoffHz*dt))
}

// Smooth replaces the people's joints by steadier ones. Each person has its own slice of
// joints, which may be kept: the given one is not written to.
func (s *Smoother) Smooth(p *pose.Picture) {
	if !s.opts.On() {
		return
	}
	for i := range p.People {
		one := &p.People[i]
		f := s.people[one.ID]
		if f == nil || len(f.joints) != len(one.Joints) {
			s.people[one.ID] = startFilter(one, p.Time)
			continue
		}
		f.step(one, p.Time, p.Camera, s.opts)
	}
}

// Forget drops the past of people of whom known says that they are gone for good.
func (s *Smoother) Forget(known func(id int) bool) {
	for id := range s.people {
		if !known(id) {
			delete(s.people, id)
		}
	}
}

func startFilter(p *pose.Person, at time.Duration) *personFilter {
	f := &personFilter{at: at, joints: make([]jointFilter, len(p.Joints)), depth: startAxis(p.RootDepthMM)}
	for i, j := range p.Joints {
		rx, ry := direction(j.Camera)
		f.joints[i] = jointFilter{
			u: startAxis(j.Image.X), v: startAxis(j.Image.Y), rx: startAxis(rx), ry: startAxis(ry),
			dz: startAxis(j.Camera.Z - p.RootDepthMM),
		}
	}
	return f
}

// direction is where a point lies as (x/z, y/z).
func direction(p geom.CameraPointMM) (rx, ry float64) {
	if p.Z == 0 {
		return 0, 0
	}
	return p.X / p.Z, p.Y / p.Z
}

func (f *personFilter) step(p *pose.Person, at time.Duration, k geom.Intrinsics, o Smoothing) {
	dt := (at - f.at).Seconds()
	if !(dt > 0) {
		dt = 1e-3
	}
	f.at = at
	slow := alpha(speedCutoffHz, dt)
	f.speed += slow * ((p.RootDepthMM-f.depth.raw)/dt - f.speed)
	cutoff := depthShare*o.MinCutoffHz + depthBetaShare*o.Beta*math.Abs(f.speed)
	rawDepth := p.RootDepthMM
	depth := f.depth.step(rawDepth, alpha(cutoff, dt))
	// How many mm a px is, where the person stands.
	mmPerPx := math.Abs(depth / k.FxPx)

	joints := make([]pose.Joint, len(p.Joints))
	for i := range p.Joints {
		joints[i] = f.joints[i].step(p.Joints[i], rawDepth, depth, mmPerPx, dt, slow, o)
	}
	root := joints[p.Set.Root()].Camera
	for i := range joints {
		joints[i].RootRelative = joints[i].Camera.Sub(root)
	}
	p.Joints, p.RootDepthMM = joints, depth
}

func (f *jointFilter) step(j pose.Joint, rawDepth, depth, mmPerPx, dt, slow float64, o Smoothing) pose.Joint {
	dz := j.Camera.Z - rawDepth
	rx, ry := direction(j.Camera)
	f.su += slow * ((j.Image.X-f.u.raw)/dt - f.su)
	f.sv += slow * ((j.Image.Y-f.v.raw)/dt - f.sv)
	f.sz += slow * ((dz-f.dz.raw)/dt - f.sz)
	speed := math.Sqrt(f.su*f.su*mmPerPx*mmPerPx + f.sv*f.sv*mmPerPx*mmPerPx + f.sz*f.sz)
	a := alpha(o.MinCutoffHz+o.Beta*speed, dt)
	j.Image = geom.ImagePoint{X: f.u.step(j.Image.X, a), Y: f.v.step(j.Image.Y, a)}
	z := depth + f.dz.step(dz, a)
	j.Camera = geom.CameraPointMM{X: f.rx.step(rx, a) * z, Y: f.ry.step(ry, a) * z, Z: z}
	return j
}
