package render

import (
	"image/color"
	"math"
	"sort"
	"strconv"

	"mhp/internal/pose"
)

// view says from where a scene is looked at: turned by yaw about the vertical,
// then raised by pitch (0 level with the people, 90 from straight above).
//
//	yaw 0   as the camera sees it
//	yaw 90  from the camera's right hand, the camera being on the left
type view struct {
	title    string
	yawDeg   float64
	pitchDeg float64
}

func (v view) level() bool { return v.pitchDeg == 0 }
func (v view) above() bool { return v.pitchDeg == 90 }

// mm3 is a position in a plot: x, y, z in mm along the camera's axes, counted
// from the camera or from the root joint.
type mm3 [3]float64

// flat gives the position in the viewer's plane in mm, right and down, and how
// far away it is (only the order matters).
func (v view) flat(p mm3) (right, down, away float64) {
	s, c := math.Sincos(v.yawDeg * math.Pi / 180)
	h, d := p[0]*c+p[2]*s, -p[0]*s+p[2]*c
	s, c = math.Sincos(v.pitchDeg * math.Pi / 180)
	return h, p[1]*c - d*s, p[1]*s + d*c
}

// figure is one person in the frame of a plot.
type figure struct {
	person *pose.Person
	mm     []mm3 // per joint
	label  string
}

// figureOf takes the person's joints relative to the root, or in the camera's frame.
func figureOf(p *pose.Person, relative bool, label string) figure {
	f := figure{person: p, mm: make([]mm3, len(p.Joints)), label: label}
	for i, j := range p.Joints {
		if relative {
			f.mm[i] = mm3{j.RootRelative.X, j.RootRelative.Y, j.RootRelative.Z}
		} else {
			f.mm[i] = mm3{j.Camera.X, j.Camera.Y, j.Camera.Z}
		}
	}
	return f
}

// room is the block of space that a plot shows: x and z in whole grid steps,
// y from the floor (hi, the lowest joint) up in whole steps. The camera is
// taken as level.
type room struct {
	lo, hi mm3
	stepMM float64
}

// bounds is the tight block round all finite joints; ok is false when there are none.
func bounds(figures []figure) (lo, hi mm3, ok bool) {
	for _, f := range figures {
		for _, mm := range f.mm {
			if !finite(mm[:]...) {
				continue
			}
			if !ok {
				lo, hi, ok = mm, mm, true
			}
			for i := range mm {
				lo[i], hi[i] = math.Min(lo[i], mm[i]), math.Max(hi[i], mm[i])
			}
		}
	}
	return lo, hi, ok
}

// roomFor is the smallest room that holds all figures, with at most maxLines
// grid steps along its longest side.
func roomFor(figures []figure, maxLines float64) room {
	lo, hi, ok := bounds(figures)
	if !ok {
		lo, hi = mm3{-1000, -1500, 0}, mm3{1000, 0, 2000}
	}
	step := stepFor(math.Max(hi[0]-lo[0], math.Max(hi[1]-lo[1], hi[2]-lo[2])) / maxLines)
	for _, i := range []int{0, 2} {
		lo[i], hi[i] = math.Floor(lo[i]/step)*step, math.Ceil(hi[i]/step)*step
		if hi[i]-lo[i] < step {
			hi[i] = lo[i] + step
		}
	}
	lo[1] = hi[1] - step*math.Max(1, math.Ceil((hi[1]-lo[1])/step))
	return room{lo, hi, step}
}

// stepFor is the round number of mm from which a grid line is no less than least apart.
func stepFor(least float64) float64 {
	for unit := 10.0; unit < 1e9; unit *= 10 {
		for _, m := range []float64{1, 2.5, 5} {
			if least <= unit*m {
				return unit * m
			}
		}
	}
	return 1e9
}

// extent is the room's place and size in the viewer's plane in mm.
func (r room) extent(v view) (left, top, width, height float64) {
	x1, y1, x2, y2 := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for corner := 0; corner < 8; corner++ {
		p := r.lo
		for i := range p {
			if corner>>i&1 == 1 {
				p[i] = r.hi[i]
			}
		}
		x, y, _ := v.flat(p)
		x1, x2 = math.Min(x1, x), math.Max(x2, x)
		y1, y2 = math.Min(y1, y), math.Max(y2, y)
	}
	return x1, y1, x2 - x1, y2 - y1
}

// panel is one view placed on a canvas.
type panel struct {
	*canvas
	view
	room
	scale     float64 // px per mm
	left, top float64 // canvas px of the extent's corner
	originX   float64 // mm of that corner in the viewer's plane
	originY   float64
	sure      float64
	unit      float64 // 1 for a plot of the usual size
	labels    lettering
}

// place fits the room's extent centred into a rectangle of the canvas, at the given scale.
func (p *panel) place(x, y, w, h, scale float64) {
	ox, oy, ew, eh := p.extent(p.view)
	p.originX, p.originY, p.scale = ox, oy, scale
	p.left, p.top = x+(w-ew*scale)/2, y+(h-eh*scale)/2
}

func (p *panel) at(q mm3) pt {
	x, y, _ := p.flat(q)
	return pt{p.left + (x-p.originX)*p.scale, p.top + (y-p.originY)*p.scale}
}

var (
	paper     = color.NRGBA{0xff, 0xff, 0xff, 0xff}
	floorInk  = color.NRGBA{0xee, 0xf1, 0xf4, 0xff}
	gridInk   = color.NRGBA{0xc4, 0xcb, 0xd2, 0xff}
	textInk   = color.NRGBA{0x30, 0x36, 0x3d, 0xff}
	shadowInk = color.NRGBA{0x30, 0x36, 0x3d, 0x38}
)

// grid draws the floor, or for a level view the wall behind, with a line for
// every step and its figure in metres. A level view thus reads exactly: were
// it tilted, a figure before the wall would stand lower than its height.
func (p *panel) grid() {
	corner := func(x, y, z float64) pt { return p.at(mm3{x, y, z}) }
	lo, hi := p.lo, p.hi
	if p.level() {
		axis := 0 // what runs to the right: x as the camera sees it, z from the side
		if p.yawDeg == 90 {
			axis = 2
		}
		along := func(v, y float64) pt {
			q := mm3{lo[0], y, lo[2]}
			q[axis] = v
			return p.at(q)
		}
		p.fill([]pt{along(lo[axis], lo[1]), along(hi[axis], lo[1]), along(hi[axis], hi[1]), along(lo[axis], hi[1])}, floorInk)
		ticks(lo[axis], hi[axis], p.stepMM, func(v float64) {
			p.line(along(v, lo[1]), along(v, hi[1]), p.unit, gridInk)
			p.tick(along(v, hi[1]), metres(v), alignCentre)
		})
		ticks(0, hi[1]-lo[1], p.stepMM, func(up float64) {
			p.line(along(lo[axis], hi[1]-up), along(hi[axis], hi[1]-up), p.unit, gridInk)
			p.tick(along(lo[axis], hi[1]-up), metres(up), alignRight)
		})
		p.line(along(lo[axis], hi[1]), along(hi[axis], hi[1]), 2.5*p.unit, textInk)
		return
	}
	floor := hi[1]
	p.fill([]pt{corner(lo[0], floor, lo[2]), corner(hi[0], floor, lo[2]), corner(hi[0], floor, hi[2]), corner(lo[0], floor, hi[2])}, floorInk)
	ticks(lo[0], hi[0], p.stepMM, func(x float64) {
		p.line(corner(x, floor, lo[2]), corner(x, floor, hi[2]), p.unit, gridInk)
		p.tick(corner(x, floor, lo[2]), metres(x), alignCentre)
	})
	ticks(lo[2], hi[2], p.stepMM, func(z float64) {
		p.line(corner(lo[0], floor, z), corner(hi[0], floor, z), p.unit, gridInk)
		if p.above() {
			p.tick(corner(lo[0], floor, z), metres(z), alignRight)
		} else if z > lo[2] { // the x axis ends in the first corner
			p.tick(corner(hi[0], floor, z), metres(z), alignLeft)
		}
	})
}

// tick writes a grid line's figure below the position, left or right of it.
func (p *panel) tick(m pt, text string, a align) {
	size := p.labels.sizePx
	switch a {
	case alignCentre:
		m.y += 1.4 * size
	case alignRight:
		m.x, m.y = m.x-0.5*size, m.y+0.35*size
	case alignLeft:
		m.x, m.y = m.x+0.5*size, m.y+0.7*size
	}
	p.labels.write(p.canvas, text, m.x, m.y, a, textInk)
}

// ticks calls draw for every whole step from lo to hi.
func ticks(lo, hi, step float64, draw func(mm float64)) {
	for i := 0; i <= int(math.Round((hi-lo)/step)); i++ {
		draw(lo + float64(i)*step)
	}
}

// metres writes mm in metres without useless digits.
func metres(mm float64) string {
	return strconv.FormatFloat(math.Round(mm)/1000+0, 'f', -1, 64)
}

// people draws the figures with their shadows on the floor, far bones first.
func (p *panel) people(figures []figure) {
	type stroke struct {
		f    *figure
		bone [2]int
		away float64
	}
	var strokes []stroke
	for i := range figures {
		f := &figures[i]
		for _, b := range bones(f.person) {
			if !finite(f.mm[b[0]][:]...) || !finite(f.mm[b[1]][:]...) {
				continue
			}
			_, _, za := p.flat(f.mm[b[0]])
			_, _, zb := p.flat(f.mm[b[1]])
			strokes = append(strokes, stroke{f, b, za + zb})
		}
	}
	sort.SliceStable(strokes, func(a, b int) bool { return strokes[a].away > strokes[b].away })
	width := p.boneWidth()
	if !p.level() && !p.above() {
		for _, s := range strokes {
			a, b := s.f.mm[s.bone[0]], s.f.mm[s.bone[1]]
			a[1], b[1] = p.hi[1], p.hi[1]
			p.line(p.at(a), p.at(b), width, shadowInk)
		}
	}
	for _, s := range strokes {
		person := s.f.person
		a, b := p.at(s.f.mm[s.bone[0]]), p.at(s.f.mm[s.bone[1]])
		ja, jb := person.Joints[s.bone[0]], person.Joints[s.bone[1]]
		alpha := math.Min(opacity(ja.Score, p.sure), opacity(jb.Score, p.sure))
		p.line(a, b, width+1.5*p.unit, faded(paper, 0.8))
		p.line(a, b, width, faded(paperColor(boneSide(person.Set, s.bone)), alpha))
		p.disc(a, 0.8*width, faded(paperColor(sideOf(person, s.bone[0])), opacity(ja.Score, p.sure)))
		p.disc(b, 0.8*width, faded(paperColor(sideOf(person, s.bone[1])), opacity(jb.Score, p.sure)))
	}
	for _, f := range figures {
		p.name(f)
	}
}

// boneWidth is 28 mm in the scene, within what can be seen.
func (p *panel) boneWidth() float64 {
	return math.Max(1.5*p.unit, math.Min(7*p.unit, 28*p.scale))
}

// name writes the figure's label above its highest point.
func (p *panel) name(f figure) {
	top := pt{0, math.Inf(1)}
	for _, mm := range f.mm {
		if !finite(mm[:]...) {
			continue
		}
		if m := p.at(mm); m.y < top.y {
			top = m
		}
	}
	if f.label != "" && finite(top.y) {
		p.labels.write(p.canvas, f.label, top.x, top.y-0.6*p.labels.sizePx, alignCentre, textInk)
	}
}
