package track

import (
	"math"
	"slices"
	"time"

	"mhp/internal/geom"
	"mhp/internal/pose"
)

type vec [3]float64

func (a vec) dot(b vec) float64   { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }
func (a vec) plus(b vec) vec      { return vec{a[0] + b[0], a[1] + b[1], a[2] + b[2]} }
func (a vec) minus(b vec) vec     { return a.plus(b.times(-1)) }
func (a vec) times(s float64) vec { return vec{a[0] * s, a[1] * s, a[2] * s} }
func (a vec) cross(b vec) vec {
	return vec{a[1]*b[2] - a[2]*b[1], a[2]*b[0] - a[0]*b[2], a[0]*b[1] - a[1]*b[0]}
}
func (a vec) unit() vec { return a.times(1 / math.Sqrt(a.dot(a))) }

func vecOf(p geom.CameraPointMM) vec { return vec{p.X, p.Y, p.Z} }

// Floor finds out which way is up and where the floor is, from people who
// stand and walk on it. It is for one goroutine.
//
// Up is first the way from people's feet to their heads, on average: they
// seldom lean for long. Where feet were seen far enough apart, the plane
// through them corrects it. The floor lies where the lowest feet do.
type Floor struct {
	samples []stand
	stride  int // every how manyth sight is kept
	skipped int
	level   *geom.Level
	since   time.Duration // time of the first sight
	due     time.Duration // when the floor is estimated next
}

// stand is what one sight of a person says: body is the unit vector from the
// feet to the head, foot the lower foot, before the camera, mm.
type stand struct{ body, foot vec }

const (
	mostSamples  = 2000
	leastSamples = 10
	firstDue     = 500 * time.Millisecond
	// slopePriorMM weighs the people's uprightness against the plane of the
	// feet: the spread of feet at which both count the same.
	slopePriorMM = 1500
	lowestShare  = 0.1 // of the feet stand lower than the floor, by error
)

// NewFloor begins without a floor.
func NewFloor() *Floor { return &Floor{stride: 1} }

// Add takes in the people of a picture.
func (f *Floor) Add(p *pose.Picture) {
	for i := range p.People {
		s, ok := standOf(&p.People[i])
		if !ok {
			continue
		}
		if len(f.samples) == 0 {
			f.since, f.due = p.Time, p.Time+firstDue
		}
		f.skipped++
		if f.skipped < f.stride {
			continue
		}
		f.skipped = 0
		f.samples = append(f.samples, s)
		if len(f.samples) == mostSamples {
			f.thin()
		}
	}
	// The level changes seldom, and ever more seldom, so that it does not
	// shake: after 0.5, 1, 2, 4 ... seconds.
	if len(f.samples) >= leastSamples && p.Time >= f.due {
		f.level = f.Estimate()
		f.due = f.since + 2*(p.Time-f.since)
	}
}

// thin keeps every other sight.
func (f *Floor) thin() {
	for i := range f.samples[:len(f.samples)/2] {
		f.samples[i] = f.samples[2*i]
	}
	f.samples = f.samples[:len(f.samples)/2]
	f.stride *= 2
}

// Level is what was last made of the sights so far, nil before the first estimate.
func (f *Floor) Level() *geom.Level { return f.level }

// standOf reads feet and head of a person whose joint set has them.
func standOf(p *pose.Person) (stand, bool) {
	at := func(names ...string) (vec, bool) {
		for _, name := range names {
			if i := p.Set.Index(name); i >= 0 {
				return vecOf(p.Joints[i].Camera), true
			}
		}
		return vec{}, false
	}
	left, ok1 := at("L_Ankle")
	right, ok2 := at("R_Ankle")
	head, ok3 := at("Head", "Head_top", "Neck", "Thorax")
	if !ok1 || !ok2 || !ok3 {
		return stand{}, false
	}
	body := head.minus(left.plus(right).times(0.5))
	if !(body.dot(body) > 1) {
		return stand{}, false
	}
	s := stand{body: body.unit()}
	// Toes where the set has them: they are nearer to the floor than ankles.
	first := true
	for _, name := range [...]string{"L_Toe", "R_Toe", "L_Ankle", "R_Ankle"} {
		if v, ok := at(name); ok && (first || v.dot(s.body) < s.foot.dot(s.body)) {
			s.foot, first = v, false
		}
	}
	return s, true
}

// Estimate makes a level of all sights so far, nil without any.
func (f *Floor) Estimate() *geom.Level {
	if len(f.samples) == 0 {
		return nil
	}
	up := f.bodyUp()
	up = f.alongFeet(up)
	heights := make([]float64, len(f.samples))
	for i, s := range f.samples {
		heights[i] = s.foot.dot(up)
	}
	slices.Sort(heights)
	return levelOf(up, heights[int(lowestShare*float64(len(heights)))])
}

// bodyUp averages the people's bodies; those who lean most, a quarter, do not count.
func (f *Floor) bodyUp() vec {
	up := vec{}
	for _, s := range f.samples {
		up = up.plus(s.body)
	}
	for range 3 {
		up = up.unit()
		lean := make([]float64, len(f.samples))
		for i, s := range f.samples {
			lean[i] = s.body.dot(up)
		}
		limit := slices.Clone(lean)
		slices.Sort(limit)
		least := limit[len(limit)/4]
		next := vec{}
		for i, s := range f.samples {
			if lean[i] >= least {
				next = next.plus(s.body)
			}
		}
		up = next
	}
	return up.unit()
}

// alongFeet turns up until it stands on the plane of the feet: the heights
// over two level directions, fitted by least squares that favour no slope and
// leave out feet in the air.
func (f *Floor) alongFeet(up vec) vec {
	across, ahead := levelAxes(up)
	use := f.samples
	for range 4 {
		a, b, c := slope(use, across, ahead, up)
		turned := up.minus(across.times(a)).minus(ahead.times(b)).unit()
		rest := make([]float64, len(f.samples))
		for i, s := range f.samples {
			rest[i] = s.foot.dot(up) - a*s.foot.dot(across) - b*s.foot.dot(ahead) - c
		}
		sorted := slices.Clone(rest)
		slices.Sort(sorted)
		limit := sorted[len(sorted)*3/4]
		use = nil
		for i, s := range f.samples {
			if rest[i] <= limit {
				use = append(use, s)
			}
		}
		if len(use) < leastSamples {
			return turned
		}
		if a == 0 && b == 0 {
			return up
		}
	}
	a, b, _ := slope(use, across, ahead, up)
	return up.minus(across.times(a)).minus(ahead.times(b)).unit()
}

// levelAxes are two unit vectors at right angles to up: across the view and away from the camera.
func levelAxes(up vec) (across, ahead vec) {
	ahead = vec{0, 0, 1}
	if math.Abs(up[2]) > 0.95 { // the camera looks straight down or up
		ahead = vec{0, -1, 0}
	}
	ahead = ahead.minus(up.times(ahead.dot(up))).unit()
	return ahead.cross(up), ahead
}

// slope fits height = a across + b ahead + c, with a and b drawn to 0.
func slope(samples []stand, across, ahead, up vec) (a, b, c float64) {
	n := float64(len(samples))
	var mx, mz, mh float64
	for _, s := range samples {
		mx, mz, mh = mx+s.foot.dot(across)/n, mz+s.foot.dot(ahead)/n, mh+s.foot.dot(up)/n
	}
	var xx, xz, zz, xh, zh float64
	for _, s := range samples {
		x, z, h := s.foot.dot(across)-mx, s.foot.dot(ahead)-mz, s.foot.dot(up)-mh
		xx, xz, zz, xh, zh = xx+x*x/n, xz+x*z/n, zz+z*z/n, xh+x*h/n, zh+z*h/n
	}
	xx += slopePriorMM * slopePriorMM
	zz += slopePriorMM * slopePriorMM
	det := xx*zz - xz*xz
	a, b = (zz*xh-xz*zh)/det, (xx*zh-xz*xh)/det
	return a, b, mh - a*mx - b*mz
}

// levelOf has its floor at the given height along up, and the origin on it below the camera.
func levelOf(up vec, heightMM float64) *geom.Level {
	across, ahead := levelAxes(up)
	return &geom.Level{R: [3][3]float64{across, up.times(-1), ahead}, TMM: [3]float64{0, heightMM, 0}}
}
