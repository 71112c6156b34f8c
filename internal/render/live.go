package render

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"
	"strconv"
	"strings"
	"time"

	"mhp/internal/frame"
	"mhp/internal/pose"
)

// LiveOptions say how one frame of a video is drawn for a window.
type LiveOptions struct {
	SureScore float64 // as in OverlayOptions
	// MaxHeightPx bounds the height of picture and view; 0 means 600.
	MaxHeightPx int
	// YawDeg and PitchDeg turn the view in space: about the vertical, and up
	// from level (0) to straight from above (90).
	YawDeg, PitchDeg float64
	FPS              float64       // frames shown a second; 0 leaves it out
	Delay            time.Duration // from capture to result; negative leaves it out
	Lines            []string      // written over the picture, such as help
}

// LiveView draws frame after frame. It remembers the room that people moved
// in, so that the view in space keeps its scale.
type LiveView struct {
	seen  []mm3
	floor floorPicture
}

// floorPicture is a drawn floor, kept as long as nobody turns the view: its
// long thin lines cost more than all people.
type floorPicture struct {
	img        *image.RGBA
	room       room
	yaw, pitch float64
}

// Forget starts with a new room.
func (v *LiveView) Forget() { *v = LiveView{} }

// Draw puts the picture with the skeletons beside a view in space. A nil frame
// leaves the picture dark.
func (v *LiveView) Draw(f *frame.Frame, p *pose.Picture, o LiveOptions) *image.RGBA {
	if o.MaxHeightPx == 0 {
		o.MaxHeightPx = 600
	}
	if f == nil {
		f = frame.New(max(1, p.WidthPx), max(1, p.HeightPx))
	}
	h := min(f.HeightPx, o.MaxHeightPx)
	w := int(math.Round(float64(f.WidthPx) * float64(h) / float64(f.HeightPx)))
	if most := h * 16 / 9; w > most { // very wide pictures get lower, not wider
		w, h = most, max(1, f.HeightPx*most/f.WidthPx)
	}
	picture := Overlay(f, p, OverlayOptions{SureScore: o.SureScore, MaxSidePx: max(w, h)})
	w, h = picture.Rect.Dx(), picture.Rect.Dy()
	side := max(h, 240)
	const strip = 30
	img := image.NewRGBA(image.Rect(0, 0, w+side, side+strip))
	draw.Draw(img, img.Bounds(), image.NewUniform(haloColor), image.Point{}, draw.Src)
	draw.Draw(img, image.Rect(0, 0, w, h), picture, image.Point{}, draw.Src)
	c := newCanvas(img)
	v.space(c, p, o, float64(w), float64(side))
	small := newLettering(regularFont(), 16)
	small.write(c, small.fit(liveFigures(p, o), float64(w+side)-24), 12, float64(side)+20, alignLeft, middleColor)
	writeLines(c, o.Lines)
	return img
}

// liveFigures is the line below a live picture.
func liveFigures(p *pose.Picture, o LiveOptions) string {
	parts := []string{fmt.Sprintf("%.1f s", p.Time.Seconds()), fmt.Sprintf("frame %d", p.Index), countPeople(len(p.People))}
	if o.FPS > 0 {
		parts = append(parts, fmt.Sprintf("%.1f frames/s", o.FPS))
	}
	if o.Delay >= 0 {
		parts = append(parts, fmt.Sprintf("delay %d ms", o.Delay.Milliseconds()))
	}
	return strings.Join(parts, "   ")
}

func countPeople(n int) string {
	if n == 1 {
		return "1 person"
	}
	return strconv.Itoa(n) + " people"
}

// space draws the people in their room into a square whose left side is at x.
func (v *LiveView) space(c *canvas, p *pose.Picture, o LiveOptions, x, side float64) {
	var figures []figure
	for i := range p.People {
		label := strconv.Itoa(i + 1)
		if id := p.People[i].ID; id > 0 {
			label = strconv.Itoa(id)
		}
		figures = append(figures, figureOf(&p.People[i], false, label))
	}
	if lo, hi, ok := bounds(figures); ok {
		v.seen = append(v.seen, lo, hi)
	}
	room := roomFor([]figure{{person: &pose.Person{}, mm: v.seen}}, 6)
	if len(v.seen) > 2 {
		lo, hi, _ := bounds([]figure{{mm: v.seen}})
		v.seen = []mm3{lo, hi}
	}
	s := panel{canvas: c, view: view{yawDeg: o.YawDeg, pitchDeg: o.PitchDeg}, room: room, sure: o.SureScore, unit: 1,
		labels: newLettering(regularFont(), 14)}
	// The scale holds for every yaw, so that turning does not make people breathe.
	size := room.hi
	for i := range size {
		size[i] -= room.lo[i]
	}
	across := math.Sqrt(size[0]*size[0] + size[1]*size[1] + size[2]*size[2])
	scale := 0.9 * side / math.Max(1, across)
	px := int(side)
	if f := &v.floor; f.img == nil || f.img.Rect.Dx() != px || f.room != room || f.yaw != o.YawDeg || f.pitch != o.PitchDeg {
		*f = floorPicture{image.NewRGBA(image.Rect(0, 0, px, px)), room, o.YawDeg, o.PitchDeg}
		draw.Draw(f.img, f.img.Rect, image.NewUniform(paper), image.Point{}, draw.Src)
		on := s
		on.canvas = newCanvas(f.img)
		on.place(0, 0, side, side, scale)
		on.grid()
	}
	draw.Draw(c.img, image.Rect(int(x), 0, int(x)+px, px), v.floor.img, image.Point{}, draw.Src)
	s.place(x, 0, side, side, scale)
	s.people(figures)
}

// writeLines puts lines of text on a dark ground in the upper left corner.
func writeLines(c *canvas, lines []string) {
	if len(lines) == 0 {
		return
	}
	l := newLettering(regularFont(), 18)
	wide := 0.0
	for _, text := range lines {
		wide = math.Max(wide, l.widthPx(text))
	}
	c.rect(8, 8, 32+wide, 20+24*float64(len(lines)), color.NRGBA{0x10, 0x10, 0x10, 0xd0})
	for i, text := range lines {
		l.write(c, text, 20, 30+24*float64(i), alignLeft, middleColor)
	}
}
