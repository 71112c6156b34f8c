package render

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"
	"strconv"

	"mhp/internal/pose"
)

// PlotOptions say how a plot is drawn. The zero value is 1600 px wide.
type PlotOptions struct {
	WidthPx   int     // 0 means 1600; at least 400
	SureScore float64 // as in OverlayOptions
}

// tileLimit is how many people get a picture of their own below the three views.
const tileLimit = 8

var (
	frontView  = view{title: "Front (as the camera sees it)"}
	sideView   = view{title: "Side (camera on the left)", yawDeg: 90}
	topView    = view{title: "Top (camera at the bottom)", pitchDeg: 90}
	turnedView = view{title: "Turned", yawDeg: 30, pitchDeg: 18}
)

// Plot draws the people of a picture in space from the front, the side and the
// top in parallel projection with a grid in metres, all at one scale. One
// person is shown relative to the root joint, with a turned view over the floor
// beside; several are shown where they stand before the camera, with each
// one's shape over the floor below.
//
// The floor is drawn at the lowest joint and takes the camera as level.
func Plot(p *pose.Picture, o PlotOptions) *image.RGBA {
	if o.WidthPx == 0 {
		o.WidthPx = 1600
	}
	w := float64(max(400, o.WidthPx))
	several := len(p.People) > 1
	height := 0.44 * w
	if several {
		height += 0.23 * w * math.Ceil(float64(min(len(p.People), tileLimit))/4)
	}
	img := image.NewRGBA(image.Rect(0, 0, int(w), int(height)))
	draw.Draw(img, img.Bounds(), image.NewUniform(paper), image.Point{}, draw.Src)
	s := sheet{canvas: newCanvas(img), w: w, unit: w / 1600, options: o}
	s.header(p)

	var figures []figure
	for i := range p.People {
		label := ""
		if several {
			label = strconv.Itoa(i + 1)
		}
		figures = append(figures, figureOf(&p.People[i], !several, label))
	}
	s.views(figures, 0.055*w, 0.44*w, len(p.People) == 1)
	if several {
		s.tiles(p.People, 0.44*w)
	}
	return img
}

// sheet is the paper that a plot is laid out on; unit is 1 at 1600 px width.
type sheet struct {
	*canvas
	w, unit float64
	options PlotOptions
}

// header writes what the plot shows, from which model and camera, and the colours' meaning.
func (s *sheet) header(p *pose.Picture) {
	title := newLettering(boldFont(), 24*s.unit)
	small := newLettering(regularFont(), 17*s.unit)
	x := 24 * s.unit
	title.write(s.canvas, title.fit(p.Name, 0.5*s.w), x, 34*s.unit, alignLeft, textInk)
	small.write(s.canvas, small.fit(summary(p), s.w-2*x), x, 64*s.unit, alignLeft, textInk)

	at := s.w - x
	for _, k := range []struct {
		name string
		col  color.NRGBA
	}{{"middle", middleInk}, {"right", rightInk}, {"left (the person's own)", leftInk}} {
		at -= small.widthPx(k.name)
		small.write(s.canvas, k.name, at, 33*s.unit, alignLeft, textInk)
		s.line(pt{at - 34*s.unit, 27 * s.unit}, pt{at - 12*s.unit, 27 * s.unit}, 6*s.unit, k.col)
		at -= 60 * s.unit
	}
	if !p.Model.Trained {
		small = newLettering(boldFont(), 17*s.unit)
		small.write(s.canvas, untrainedNote, s.w-x, 64*s.unit, alignRight, color.NRGBA{0xa0, 0x10, 0x10, 0xff})
	}
}

// summary is one line on how many people there are, where, and what camera was assumed.
func summary(p *pose.Picture) string {
	people := fmt.Sprintf("%d people, placed as seen from the camera", len(p.People))
	switch len(p.People) {
	case 0:
		people = "nobody in the picture"
	case 1:
		one := p.People[0]
		people = fmt.Sprintf("1 person, relative to the root joint (%.2f m from the camera, depth by %s)",
			one.RootDepthMM/1000, one.RootDepthSource)
	}
	text := people
	if p.Camera.Source != "" {
		text += fmt.Sprintf("  ·  focal length %.0f px (%s)", p.Camera.FxPx, p.Camera.Source)
	}
	if p.Model.Name != "" {
		text += "  ·  model " + p.Model.Name
	}
	return text
}

// views draws the views between two heights, all at the scale that fits the
// tightest: three of them, and a turned one with the floor beside them where
// no pictures of each person follow. relative says that x and z count from the root joint.
func (s *sheet) views(figures []figure, top, bottom float64, relative bool) {
	list := []view{frontView, sideView, topView}
	if relative {
		list = append(list, turnedView)
	}
	r := roomFor(figures, 7)
	wide := s.w / float64(len(list))
	left, right, above, below := 66*s.unit, 50*s.unit, 64*s.unit, 62*s.unit
	scale := math.Inf(1)
	for _, v := range list {
		_, _, w, h := r.extent(v)
		scale = math.Min(scale, math.Min((wide-left-right)/w, (bottom-top-above-below)/h))
	}
	title := newLettering(boldFont(), 19*s.unit)
	labels := newLettering(regularFont(), 16*s.unit)
	origin := "camera"
	if relative {
		origin = "root"
	}
	for i, v := range list {
		x := float64(i) * wide
		p := panel{canvas: s.canvas, view: v, room: r, sure: s.options.SureScore, unit: s.unit, labels: labels}
		p.place(x+left, top+above, wide-left-right, bottom-top-above-below, scale)
		title.write(s.canvas, v.title, x+wide/2, top+28*s.unit, alignCentre, textInk)
		p.grid()
		p.people(figures)
		_, _, w, h := r.extent(v)
		across, up := "x from the "+origin+", m", "height, m"
		switch {
		case v.above():
			up = "z from the " + origin + ", m"
		case v.yawDeg == 90:
			across = "z from the " + origin + ", m"
		case !v.level():
			across, up = "floor: x to the right, z into the picture, m", ""
		}
		labels.write(s.canvas, across, p.left+w*scale/2, p.top+h*scale+46*s.unit, alignCentre, textInk)
		labels.write(s.canvas, up, p.left-50*s.unit, p.top-16*s.unit, alignLeft, textInk)
	}
}

// tiles draws each person's shape, turned a little over the floor, four in a row.
func (s *sheet) tiles(people []pose.Person, top float64) {
	shown := min(len(people), tileLimit)
	w, h := s.w/4, 0.23*s.w
	labels := newLettering(regularFont(), 16*s.unit)
	small := newLettering(regularFont(), 12*s.unit)
	for i := 0; i < shown; i++ {
		f := []figure{figureOf(&people[i], true, "")}
		p := panel{canvas: s.canvas, view: turnedView, room: roomFor(f, 4), sure: s.options.SureScore, unit: s.unit, labels: small}
		_, _, ew, eh := p.extent(turnedView)
		x, y := float64(i%4)*w, top+float64(i/4)*h
		p.place(x+20*s.unit, y+40*s.unit, w-40*s.unit, h-70*s.unit, math.Min((w-60*s.unit)/ew, (h-70*s.unit)/eh))
		p.grid()
		p.people(f)
		text := fmt.Sprintf("%d  ·  root at %.2f m (%s)", i+1, people[i].RootDepthMM/1000, people[i].RootDepthSource)
		if i == shown-1 && len(people) > shown {
			text += fmt.Sprintf("  ·  and %d more", len(people)-shown)
		}
		labels.write(s.canvas, text, x+w/2, y+26*s.unit, alignCentre, textInk)
	}
}
