package render

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"strconv"
)

// Line is one curve of a chart.
type Line struct {
	Name string
	X, Y []float64
}

// ChartOptions say what stands at a chart's axes.
type ChartOptions struct {
	Title, XLabel, YLabel string
	TopY                  float64 // 0: the first round figure that is not below the largest value
	LegendAbove           bool    // the curves' names at the top, for curves that begin low
}

const chartW, chartH = 900, 560

// legendRoom is what curves leave free above them for their names.
const legendRoom = 1.25

var chartInks = []color.NRGBA{leftInk, rightInk, middleInk, {0x2a, 0x8a, 0x3a, 0xff}}

// Chart draws curves over a grid, from 0 on both axes.
func Chart(lines []Line, o ChartOptions) *image.RGBA {
	topX, topY := 0.0, 0.0
	for _, l := range lines {
		for i := range l.X {
			topX = math.Max(topX, l.X[i])
			topY = math.Max(topY, l.Y[i])
		}
	}
	if o.TopY > 0 {
		topY = o.TopY
	} else {
		if o.LegendAbove {
			topY *= legendRoom
		}
		topY = math.Ceil(topY/roundStep(topY)) * roundStep(topY)
	}
	p := newChartPaper(o, topX, topY)
	small := newLettering(regularFont(), 16)
	for _, x := range roundFigures(topX) {
		p.line(pt{p.x(x), p.bottom}, pt{p.x(x), p.top}, 1, chartGrid)
		small.write(p.canvas, tick(x), p.x(x), p.bottom+22, alignCentre, textInk)
	}
	legend := p.bottom - 16 - 20*float64(len(lines)-1)
	if o.LegendAbove {
		legend = p.top + 22
	}
	for n, l := range lines {
		ink := chartInks[n%len(chartInks)]
		for i := 1; i < len(l.X); i++ {
			p.line(pt{p.x(l.X[i-1]), p.y(l.Y[i-1])}, pt{p.x(l.X[i]), p.y(l.Y[i])}, 3, ink)
		}
		small.write(p.canvas, l.Name, p.right-10, legend+20*float64(n), alignRight, ink)
	}
	small.write(p.canvas, o.XLabel, (p.left+p.right)/2, chartH-14, alignCentre, textInk)
	return p.img
}

// Bars draws a bar for each name, lying down, with its value at its end.
func Bars(names []string, values []float64, o ChartOptions) *image.RGBA {
	top := o.TopY
	for _, v := range values {
		top = math.Max(top, v)
	}
	height := 110 + 26*len(names)
	img := image.NewRGBA(image.Rect(0, 0, chartW, height))
	draw.Draw(img, img.Bounds(), image.NewUniform(paper), image.Point{}, draw.Src)
	c := newCanvas(img)
	newLettering(boldFont(), 22).write(c, o.Title, 24, 36, alignLeft, textInk)
	small := newLettering(regularFont(), 16)
	small.write(c, o.XLabel, 24, 62, alignLeft, textInk)
	const right = chartW - 90.0
	left := 150.0
	for _, name := range names {
		left = math.Max(left, 24+9*float64(len(name)))
	}
	for i, name := range names {
		y := 84 + 26*float64(i)
		ink := middleInk
		if len(name) > 1 && name[1] == '_' {
			ink = map[byte]color.NRGBA{'L': leftInk, 'R': rightInk}[name[0]]
		}
		end := left
		if top > 0 && finite(values[i]) {
			end += (right - left) * values[i] / top
		}
		c.rect(left, y, end, y+18, ink)
		small.write(c, name, left-10, y+15, alignRight, textInk)
		small.write(c, strconv.FormatFloat(values[i], 'f', 1, 64), end+8, y+15, alignLeft, textInk)
	}
	return img
}

// chartPaper is a canvas with axes.
type chartPaper struct {
	*canvas
	left, right, top, bottom float64
	topX, topY               float64
}

var chartGrid = color.NRGBA{0xd8, 0xd8, 0xdc, 0xff}

func newChartPaper(o ChartOptions, topX, topY float64) *chartPaper {
	img := image.NewRGBA(image.Rect(0, 0, chartW, chartH))
	draw.Draw(img, img.Bounds(), image.NewUniform(paper), image.Point{}, draw.Src)
	p := &chartPaper{canvas: newCanvas(img), left: 80, right: chartW - 40, top: 84, bottom: chartH - 64, topX: topX, topY: topY}
	newLettering(boldFont(), 22).write(p.canvas, o.Title, 24, 36, alignLeft, textInk)
	small := newLettering(regularFont(), 16)
	small.write(p.canvas, o.YLabel, 24, 66, alignLeft, textInk)
	for _, v := range roundFigures(topY) {
		p.line(pt{p.left, p.y(v)}, pt{p.right, p.y(v)}, 1, chartGrid)
		small.write(p.canvas, tick(v), p.left-8, p.y(v)+5, alignRight, textInk)
	}
	return p
}

func (p *chartPaper) x(v float64) float64 { return p.left + (p.right-p.left)*share(v, p.topX) }
func (p *chartPaper) y(v float64) float64 { return p.bottom - (p.bottom-p.top)*share(v, p.topY) }

// roundFigures are the round figures from 0 to top.
func roundFigures(top float64) []float64 {
	const last = 12 // more than there ever are, unless top is no number
	var list []float64
	for k := 0; k <= last && float64(k)*roundStep(top) <= top*(1+1e-9); k++ {
		list = append(list, float64(k)*roundStep(top))
	}
	return list
}

// roundStep divides 0..top into 4 to 10 steps of 1, 2 or 5 times a power of ten.
func roundStep(top float64) float64 {
	if !(top > 0) {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(top)))
	switch lead := top / power; {
	case lead < 2:
		return power / 5
	case lead < 5:
		return power / 2
	}
	return power
}

func share(v, top float64) float64 {
	if top <= 0 {
		return 0
	}
	return v / top
}

func tick(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }
