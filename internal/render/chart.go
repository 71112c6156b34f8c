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
	TopY                  float64 // 0: the largest value
}

const chartW, chartH = 900, 560

var chartInks = []color.NRGBA{leftInk, rightInk, middleInk, {0x2a, 0x8a, 0x3a, 0xff}}

// Chart draws curves over a grid, from 0 on both axes.
func Chart(lines []Line, o ChartOptions) *image.RGBA {
	topX, topY := 0.0, o.TopY
	for _, l := range lines {
		for i := range l.X {
			topX = math.Max(topX, l.X[i])
			if o.TopY == 0 {
				topY = math.Max(topY, l.Y[i])
			}
		}
	}
	p := newChartPaper(o, topX, topY)
	small := newLettering(regularFont(), 16)
	for k := range 6 {
		x := p.x(topX * float64(k) / 5)
		p.line(pt{x, p.bottom}, pt{x, p.top}, 1, chartGrid)
		small.write(p.canvas, tick(topX*float64(k)/5), x, p.bottom+22, alignCentre, textInk)
	}
	for n, l := range lines {
		ink := chartInks[n%len(chartInks)]
		for i := 1; i < len(l.X); i++ {
			p.line(pt{p.x(l.X[i-1]), p.y(l.Y[i-1])}, pt{p.x(l.X[i]), p.y(l.Y[i])}, 3, ink)
		}
		small.write(p.canvas, l.Name, p.right-10, p.bottom-16-20*float64(n), alignRight, ink)
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
	const left, right = 150.0, chartW - 90.0
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
	for k := range 6 {
		v := topY * float64(k) / 5
		p.line(pt{p.left, p.y(v)}, pt{p.right, p.y(v)}, 1, chartGrid)
		small.write(p.canvas, tick(v), p.left-8, p.y(v)+5, alignRight, textInk)
	}
	return p
}

func (p *chartPaper) x(v float64) float64 { return p.left + (p.right-p.left)*share(v, p.topX) }
func (p *chartPaper) y(v float64) float64 { return p.bottom - (p.bottom-p.top)*share(v, p.topY) }

func share(v, top float64) float64 {
	if top <= 0 {
		return 0
	}
	return v / top
}

func tick(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }
