package track

import (
	"math"
	"slices"
	"time"

	"mhp/internal/geom"
	"mhp/internal/pose"
)

// Offline cutoffs: 6 Hz is what gait analysis uses for joints (Winter 2009).
const (
	OfflineCutoffHz      = 6.0
	offlineDepthCutoffHz = 1.5
)

// sight is a person in one frame of a take.
type sight struct {
	frame int // index into the take
	at    float64
	p     *pose.Person
}

// sightsByID lists everybody's appearances in the order of time.
func sightsByID(take []*pose.Picture) map[int][]sight {
	all := map[int][]sight{}
	for n, p := range take {
		for i := range p.People {
			one := &p.People[i]
			all[one.ID] = append(all[one.ID], sight{n, p.Time.Seconds(), one})
		}
	}
	return all
}

// FillGaps puts people where they were out of sight for at most the given
// time, on a straight way between the sights before and after, and marks them Interpolated. The
// take is in the order of time. It gives the number of poses filled in.
func FillGaps(take []*pose.Picture, most time.Duration) int {
	filled := 0
	for _, sights := range sightsByID(take) {
		for i := 1; i < len(sights); i++ {
			// Copies: inserting people moves those that the sights point to.
			a, b := sights[i-1], sights[i]
			if b.frame-a.frame < 2 || b.at-a.at > most.Seconds() || len(a.p.Joints) != len(b.p.Joints) {
				continue
			}
			for n := a.frame + 1; n < b.frame; n++ {
				share := (take[n].Time.Seconds() - a.at) / (b.at - a.at)
				insert(take[n], between(a.p, b.p, share))
				filled++
			}
		}
	}
	return filled
}

// insert keeps the people in the order of their ids.
func insert(p *pose.Picture, one pose.Person) {
	at, _ := slices.BinarySearchFunc(p.People, one.ID, func(q pose.Person, id int) int { return q.ID - id })
	// A new slice: pointers into the old one stay good.
	people := make([]pose.Person, 0, len(p.People)+1)
	people = append(append(people, p.People[:at]...), one)
	p.People = append(people, p.People[at:]...)
}

// between is the pose that lies that share of the way from a to b.
func between(a, b *pose.Person, share float64) pose.Person {
	mix := func(x, y float64) float64 { return x + share*(y-x) }
	p := *a
	p.Interpolated = true
	p.Box = geom.BoxPx{X: mix(a.Box.X, b.Box.X), Y: mix(a.Box.Y, b.Box.Y), W: mix(a.Box.W, b.Box.W), H: mix(a.Box.H, b.Box.H)}
	p.Score = math.Min(a.Score, b.Score)
	p.RootDepthMM = mix(a.RootDepthMM, b.RootDepthMM)
	p.Joints = make([]pose.Joint, len(a.Joints))
	for i := range p.Joints {
		j, k := a.Joints[i], b.Joints[i]
		p.Joints[i] = pose.Joint{
			Image:        geom.ImagePoint{X: mix(j.Image.X, k.Image.X), Y: mix(j.Image.Y, k.Image.Y)},
			Camera:       geom.CameraPointMM{X: mix(j.Camera.X, k.Camera.X), Y: mix(j.Camera.Y, k.Camera.Y), Z: mix(j.Camera.Z, k.Camera.Z)},
			RootRelative: geom.RootRelativeMM{X: mix(j.RootRelative.X, k.RootRelative.X), Y: mix(j.RootRelative.Y, k.RootRelative.Y), Z: mix(j.RootRelative.Z, k.RootRelative.Z)},
			Score:        math.Min(j.Score, k.Score),
		}
	}
	return p
}

// Offline steadies a whole take without delay, for each frame sees what comes
// after it too: a Gaussian low-pass over the frames' true times, with cutoff
// cutoffHz (-3 dB), the root's depth at a lower one. Where frames stand to one
// side only, as at a track's ends, the line through them is followed.
func Offline(take []*pose.Picture, cutoffHz float64) {
	for _, sights := range sightsByID(take) {
		for _, run := range runs(sights) {
			smoothRun(run, cutoffHz)
		}
	}
}

// longestBreak is how long somebody may be away before what was is of no use for what comes.
const longestBreak = 1.0

// runs cuts sights where somebody was away for long.
func runs(sights []sight) [][]sight {
	var out [][]sight
	start := 0
	for i := 1; i <= len(sights); i++ {
		if i == len(sights) || sights[i].at-sights[i-1].at > longestBreak || len(sights[i].p.Joints) != len(sights[start].p.Joints) {
			out = append(out, sights[start:i])
			start = i
		}
	}
	return out
}

func smoothRun(run []sight, cutoffHz float64) {
	times := make([]float64, len(run))
	for i, s := range run {
		times[i] = s.at
	}
	read := make([]float64, len(run))
	smooth := func(value func(p *pose.Person) float64, hz float64) []float64 {
		for i, s := range run {
			read[i] = value(s.p)
		}
		return gaussian(times, read, hz)
	}
	raw := make([]float64, len(run))
	for i, s := range run {
		raw[i] = s.p.RootDepthMM
	}
	depth := smooth(func(p *pose.Person) float64 { return p.RootDepthMM }, math.Min(cutoffHz, offlineDepthCutoffHz))
	joints := make([][]pose.Joint, len(run))
	for i, s := range run {
		joints[i] = slices.Clone(s.p.Joints)
	}
	for j := range run[0].p.Joints {
		u := smooth(func(p *pose.Person) float64 { return p.Joints[j].Image.X }, cutoffHz)
		v := smooth(func(p *pose.Person) float64 { return p.Joints[j].Image.Y }, cutoffHz)
		rx := smooth(func(p *pose.Person) float64 { x, _ := direction(p.Joints[j].Camera); return x }, cutoffHz)
		ry := smooth(func(p *pose.Person) float64 { _, y := direction(p.Joints[j].Camera); return y }, cutoffHz)
		dz := smooth(func(p *pose.Person) float64 { return p.Joints[j].Camera.Z - p.RootDepthMM }, cutoffHz)
		for i := range run {
			z := depth[i] + dz[i]
			joints[i][j].Image = geom.ImagePoint{X: u[i], Y: v[i]}
			joints[i][j].Camera = geom.CameraPointMM{X: rx[i] * z, Y: ry[i] * z, Z: z}
		}
	}
	for i, s := range run {
		root := joints[i][s.p.Set.Root()].Camera
		for j := range joints[i] {
			joints[i][j].RootRelative = joints[i][j].Camera.Sub(root)
		}
		s.p.Joints, s.p.RootDepthMM = joints[i], depth[i]
	}
}

// sigmaOf is the width in seconds of the Gaussian whose response is 1/sqrt(2)
// at a frequency: exp(-2 pi^2 f^2 sigma^2) = 1/sqrt(2).
func sigmaOf(hz float64) float64 { return math.Sqrt(math.Ln2/4) / math.Pi / hz }

// gaussian is the local straight-line fit to values at rising times, weighted by a Gaussian.
func gaussian(times, values []float64, cutoffHz float64) []float64 {
	sigma := sigmaOf(cutoffHz)
	const reach = 4
	out := make([]float64, len(values))
	from := 0
	for i, t := range times {
		for times[from] < t-reach*sigma {
			from++
		}
		var w0, w1, w2, y0, y1 float64
		for k := from; k < len(times) && times[k] <= t+reach*sigma; k++ {
			d := (times[k] - t) / sigma
			w := math.Exp(-d * d / 2)
			w0, w1, w2 = w0+w, w1+w*d, w2+w*d*d
			y0, y1 = y0+w*values[k], y1+w*d*values[k]
		}
		// The fit's value at d = 0; with one value alone its slope is not known.
		if det := w0*w2 - w1*w1; det > 1e-9*w0*w0 {
			out[i] = (w2*y0 - w1*y1) / det
		} else {
			out[i] = y0 / w0
		}
	}
	return out
}
