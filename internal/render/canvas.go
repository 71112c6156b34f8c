package render

import (
	"image"
	"image/color"
	"math"

	"golang.org/x/image/vector"
)

// pt is a position on a canvas in px; whole numbers are pixel corners, so the
// centre of the first pixel is (0.5, 0.5).
type pt struct{ x, y float64 }

// canvas draws anti-aliased convex shapes on an opaque picture. The rasteriser
// covers only a shape's own bounds, so that a small bone on a 12-megapixel
// photograph costs little.
type canvas struct {
	img *image.RGBA
	ras vector.Rasterizer
}

func newCanvas(img *image.RGBA) *canvas { return &canvas{img: img} }

// fill paints a convex polygon. Parts outside the picture are cut off.
func (c *canvas) fill(path []pt, col color.NRGBA) {
	for _, p := range path {
		if !finite(p.x, p.y) {
			return
		}
	}
	b := c.img.Bounds()
	path = clip(path, float64(b.Min.X), float64(b.Min.Y), float64(b.Max.X), float64(b.Max.Y))
	if len(path) < 3 || col.A == 0 {
		return
	}
	x1, y1, x2, y2 := path[0].x, path[0].y, path[0].x, path[0].y
	for _, p := range path {
		x1, x2 = math.Min(x1, p.x), math.Max(x2, p.x)
		y1, y2 = math.Min(y1, p.y), math.Max(y2, p.y)
	}
	r := image.Rect(int(math.Floor(x1)), int(math.Floor(y1)), int(math.Ceil(x2)), int(math.Ceil(y2)))
	r = r.Intersect(b) // cutting leaves corners a rounding error outside
	if r.Empty() {
		return
	}
	c.ras.Reset(r.Dx(), r.Dy())
	at := func(p pt) (float32, float32) {
		return float32(p.x - float64(r.Min.X)), float32(p.y - float64(r.Min.Y))
	}
	c.ras.MoveTo(at(path[0]))
	for _, p := range path[1:] {
		c.ras.LineTo(at(p))
	}
	c.ras.ClosePath()
	c.ras.Draw(c.img, r, image.NewUniform(col), image.Point{})
}

// clip cuts a convex polygon to a rectangle (Sutherland-Hodgman).
func clip(path []pt, x1, y1, x2, y2 float64) []pt {
	path = clipHalf(path, func(p pt) float64 { return p.x - x1 })
	path = clipHalf(path, func(p pt) float64 { return x2 - p.x })
	path = clipHalf(path, func(p pt) float64 { return p.y - y1 })
	return clipHalf(path, func(p pt) float64 { return y2 - p.y })
}

// clipHalf keeps the part of a convex polygon where inside is not negative.
func clipHalf(path []pt, inside func(pt) float64) []pt {
	var out []pt
	for i, p := range path {
		q := path[(i+1)%len(path)]
		dp, dq := inside(p), inside(q)
		if dp >= 0 {
			out = append(out, p)
		}
		if (dp >= 0) != (dq >= 0) {
			t := dp / (dp - dq)
			out = append(out, pt{p.x + t*(q.x-p.x), p.y + t*(q.y-p.y)})
		}
	}
	return out
}

// line draws a straight stroke with round ends, width px wide.
func (c *canvas) line(a, b pt, width float64, col color.NRGBA) {
	dx, dy := b.x-a.x, b.y-a.y
	length := math.Hypot(dx, dy)
	if length < 1e-9 {
		c.disc(a, width/2, col)
		return
	}
	r := width / 2
	start := math.Atan2(dy, dx) - math.Pi/2
	n := arcSteps(r)
	path := make([]pt, 0, 2*n+2)
	for i := 0; i <= n; i++ {
		s, co := math.Sincos(start + math.Pi*float64(i)/float64(n))
		path = append(path, pt{b.x + r*co, b.y + r*s})
	}
	for i := 0; i <= n; i++ {
		s, co := math.Sincos(start + math.Pi + math.Pi*float64(i)/float64(n))
		path = append(path, pt{a.x + r*co, a.y + r*s})
	}
	c.fill(path, col)
}

// disc draws a filled circle.
func (c *canvas) disc(m pt, r float64, col color.NRGBA) {
	n := 2 * arcSteps(r)
	path := make([]pt, n)
	for i := range path {
		s, co := math.Sincos(2 * math.Pi * float64(i) / float64(n))
		path[i] = pt{m.x + r*co, m.y + r*s}
	}
	c.fill(path, col)
}

// rect fills an upright rectangle.
func (c *canvas) rect(x1, y1, x2, y2 float64, col color.NRGBA) {
	c.fill([]pt{{x1, y1}, {x2, y1}, {x2, y2}, {x1, y2}}, col)
}

// arcSteps is how many straight pieces make half a circle look round.
func arcSteps(r float64) int {
	return int(math.Min(32, 4+math.Sqrt(math.Max(0, r))*2))
}

// faded is the colour at a part of its opacity.
func faded(col color.NRGBA, alpha float64) color.NRGBA {
	col.A = uint8(math.Round(float64(col.A) * math.Max(0, math.Min(1, alpha))))
	return col
}
