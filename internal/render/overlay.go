package render

import (
	"image"
	"image/color"
	"math"
	"sort"
	"strconv"

	"mhp/internal/frame"
	"mhp/internal/geom"
	"mhp/internal/pose"
)

// OverlayOptions say how the skeletons are drawn over a picture. The zero
// value is what most people want.
type OverlayOptions struct {
	// SureScore is the score from which a joint is drawn at full strength; 0 means DefaultSureScore.
	SureScore float64
	// MaxSidePx shrinks the result so that its longer side is at most this; 0 keeps the picture's size.
	MaxSidePx int
	// Boxes draws the box that each person was cropped from.
	Boxes bool
}

// Overlay draws the people of p over a copy of f: the person's own left in
// blue, right in orange, the middle in white; bones farther away first, joints
// with a low score faint. People who have an id show it; others are numbered
// from 1 when there are several.
// The result has the frame's size unless MaxSidePx shrinks it.
func Overlay(f *frame.Frame, p *pose.Picture, o OverlayOptions) *image.RGBA {
	img := copyWithin(f, o.MaxSidePx)
	b := img.Bounds()
	d := overlay{
		canvas: newCanvas(img),
		scaleX: float64(b.Dx()) / float64(f.WidthPx),
		scaleY: float64(b.Dy()) / float64(f.HeightPx),
		sure:   o.SureScore,
	}
	for _, i := range farthestFirst(p.People) {
		if o.Boxes {
			d.box(p.People[i].Box)
		}
		d.person(&p.People[i])
	}
	for i := range p.People {
		if one := &p.People[i]; one.ID > 0 {
			d.number(one, one.ID)
		} else if len(p.People) > 1 {
			d.number(one, i+1)
		}
	}
	if !p.Model.Trained && len(p.People) > 0 {
		d.banner(untrainedNote)
	}
	return img
}

// overlay draws people whose positions are image px of the frame onto a
// canvas that may be smaller than the frame.
type overlay struct {
	*canvas
	scaleX, scaleY float64
	sure           float64
}

// point maps image px (pixel centres at whole numbers) to the canvas (pixel
// corners at whole numbers).
func (d *overlay) point(p geom.ImagePoint) pt {
	return pt{(p.X + 0.5) * d.scaleX, (p.Y + 0.5) * d.scaleY}
}

// sizePx is how large the person is on the canvas: the longer side of the
// joints' bounds, as far as they lie in the picture.
func (d *overlay) sizePx(p *pose.Person) float64 {
	var seen []geom.ImagePoint
	for _, j := range p.Joints {
		if finite(j.Image.X, j.Image.Y) {
			seen = append(seen, j.Image)
		}
	}
	b := geom.Bounds(seen).Intersect(geom.BoxPx{X: -0.5, Y: -0.5,
		W: float64(d.img.Bounds().Dx()) / d.scaleX, H: float64(d.img.Bounds().Dy()) / d.scaleY})
	return math.Max(b.W*d.scaleX, b.H*d.scaleY)
}

// strokePx is the width of a bone: proportional to the person, but never so
// thin that it vanishes.
func (d *overlay) strokePx(p *pose.Person) float64 {
	return math.Max(1.3, 0.014*d.sizePx(p))
}

func (d *overlay) person(p *pose.Person) {
	stroke := d.strokePx(p)
	halo := stroke + math.Max(1, 0.5*stroke)
	for _, bone := range byDepth(p) {
		a, b := p.Joints[bone[0]], p.Joints[bone[1]]
		alpha := math.Min(opacity(a.Score, d.sure), opacity(b.Score, d.sure))
		from, to := d.point(a.Image), d.point(b.Image)
		d.line(from, to, halo, faded(haloColor, 0.55*alpha))
		d.line(from, to, stroke, faded(photoColor(boneSide(p.Set, bone)), alpha))
	}
	for i, j := range p.Joints {
		alpha := opacity(j.Score, d.sure)
		m := d.point(j.Image)
		d.disc(m, 0.5*halo+0.25*stroke, faded(haloColor, 0.55*alpha))
		d.disc(m, 0.75*stroke, faded(photoColor(sideOf(p, i)), alpha))
	}
}

// number writes who this is above the topmost joint.
func (d *overlay) number(p *pose.Person, n int) {
	top := pt{0, math.Inf(1)}
	for _, j := range p.Joints {
		if m := d.point(j.Image); finite(m.x, m.y) && m.y < top.y {
			top = m
		}
	}
	if !finite(top.y) {
		return
	}
	size := math.Min(0.1*d.sizePx(p), 0.05*float64(d.img.Bounds().Dy()))
	if size < 4 {
		return // on a thumbnail it would hide the person
	}
	size = math.Max(9, size)
	l := newLettering(boldFont(), size)
	text := strconv.Itoa(n)
	half := l.widthPx(text)/2 + 0.3*size
	b := d.img.Bounds()
	x := math.Max(half, math.Min(top.x, float64(b.Dx())-half))
	y := math.Max(1.2*size, math.Min(top.y-2*d.strokePx(p)-0.3*size, float64(b.Dy())))
	d.rect(x-half, y-1.1*size, x+half, y+0.1*size, faded(haloColor, 0.7))
	l.write(d.canvas, text, x, y-0.15*size, alignCentre, middleColor)
}

func (d *overlay) box(b geom.BoxPx) {
	if !b.Finite() {
		return
	}
	p, q := d.point(geom.ImagePoint{X: b.X, Y: b.Y}), d.point(geom.ImagePoint{X: b.X + b.W, Y: b.Y + b.H})
	width := math.Max(1, 0.004*math.Max(q.x-p.x, q.y-p.y))
	corners := []pt{p, {q.x, p.y}, q, {p.x, q.y}}
	for i, a := range corners {
		d.line(a, corners[(i+1)%4], width, faded(middleColor, 0.7))
	}
}

// banner writes a warning along the lower edge, as large as fits.
func (d *overlay) banner(text string) {
	w, h := float64(d.img.Bounds().Dx()), float64(d.img.Bounds().Dy())
	size := math.Max(6, math.Min(0.045*h, 40))
	l := newLettering(boldFont(), size)
	if need := l.widthPx(text); need > 0.96*w {
		size = math.Max(5, size*0.96*w/need)
		l = newLettering(boldFont(), size)
	}
	d.rect(0, h-1.6*size, w, h, color.NRGBA{0x90, 0x10, 0x10, 0xd8})
	l.write(d.canvas, l.fit(text, w), w/2, h-0.5*size, alignCentre, middleColor)
}

// farthestFirst orders people so that nearer ones are drawn over farther ones.
func farthestFirst(people []pose.Person) []int {
	order := make([]int, len(people))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool {
		return people[order[a]].RootDepthMM > people[order[b]].RootDepthMM
	})
	return order
}

// byDepth orders a person's bones so that nearer ones are drawn over farther ones.
func byDepth(p *pose.Person) [][2]int {
	list := bones(p)
	depth := func(e [2]int) float64 { return p.Joints[e[0]].Camera.Z + p.Joints[e[1]].Camera.Z }
	sort.SliceStable(list, func(a, b int) bool { return depth(list[a]) > depth(list[b]) })
	return list
}
