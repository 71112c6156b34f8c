package render

import (
	"image"
	"image/color"
	"math"
	"strings"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// The Go fonts come with their package, so no system font is needed. They
// cover Latin, Greek and Cyrillic; other letters show as a box.
var (
	regularFont = sync.OnceValue(func() *sfnt.Font { return parseFont(goregular.TTF) })
	boldFont    = sync.OnceValue(func() *sfnt.Font { return parseFont(gobold.TTF) })
)

func parseFont(ttf []byte) *sfnt.Font {
	f, err := opentype.Parse(ttf)
	if err != nil {
		panic("render: the built-in font cannot be read: " + err.Error())
	}
	return f
}

// align says which part of a text sits on the position given.
type align int

const (
	alignLeft align = iota
	alignCentre
	alignRight
)

// lettering writes at one size on one canvas. A face is not safe for use by
// several goroutines, so each drawing makes its own.
type lettering struct {
	face   font.Face
	sizePx float64
}

func newLettering(f *sfnt.Font, sizePx float64) lettering {
	face, err := opentype.NewFace(f, &opentype.FaceOptions{Size: sizePx, DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		panic("render: the built-in font cannot be scaled: " + err.Error())
	}
	return lettering{face: face, sizePx: sizePx}
}

// widthPx is the width of the text in px.
func (l lettering) widthPx(text string) float64 {
	return float64(font.MeasureString(l.face, text)) / 64
}

// write puts the text with its base line at y.
func (l lettering) write(c *canvas, text string, x, y float64, a align, col color.Color) {
	switch a {
	case alignCentre:
		x -= l.widthPx(text) / 2
	case alignRight:
		x -= l.widthPx(text)
	}
	d := font.Drawer{
		Dst: c.img, Src: image.NewUniform(col), Face: l.face,
		Dot: fixed.Point26_6{X: fixed.Int26_6(math.Round(x * 64)), Y: fixed.Int26_6(math.Round(y * 64))},
	}
	d.DrawString(text)
}

// fit shortens the text in its middle until it is at most widthPx wide, so
// that a long path keeps its start and its file name. Control characters
// become spaces.
func (l lettering) fit(text string, widthPx float64) string {
	text = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	if l.widthPx(text) <= widthPx {
		return text
	}
	runes := []rune(text)
	for keep := len(runes) - 1; keep > 0; keep-- {
		head := keep / 3
		short := string(runes[:head]) + "…" + string(runes[len(runes)-(keep-head):])
		if l.widthPx(short) <= widthPx {
			return short
		}
	}
	return ""
}
