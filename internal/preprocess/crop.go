// Package preprocess turns a picture and a person's box into the network's
// input, in one pass from pixels to the normalised planar tensor.
//
//	box --SquareBox--> square --geom.SquareCrop--> map --Cropper.Crop--> [3, H, W]
//
// The sampling is that of OpenCV's warpAffine with INTER_LINEAR, to the bit:
// positions are rounded to 1/32 px, the blend to whole grey levels. The
// network was trained on pictures made so, and whole grey levels let a table
// of 256 entries do the normalisation.
package preprocess

import (
	"math"
	"sync"
	"sync/atomic"

	"mhp/internal/frame"
	"mhp/internal/geom"
	"mhp/internal/model"
)

// OpenCV's fixed-point steps: positions are first rounded to 1/1024 px, then
// to 1/32 px; a blend of four pixels thus has weights of 1/1024.
const (
	positionBits = 10
	fractionBits = 5
	fractionOne  = 1 << fractionBits
)

// rowsAtOnce is how many rows a goroutine takes: enough that taking them costs
// nothing, few enough that all goroutines end at about the same time.
const rowsAtOnce = 8

// Cropper makes crops for one network. It keeps its tables between calls and
// allocates nothing after the first. It is for one goroutine.
type Cropper struct {
	// Threads is how many goroutines share the rows of one crop; 0 and 1 mean
	// the caller's alone.
	Threads int

	width, height int
	middleX       float64 // px between the first px of the first and of the last heat cell
	middleY       float64
	bgr           bool            // the network wants blue first
	level         [3][256]float32 // tensor value of each grey level, by plane
	line          line            // the same as a line
	straight      bool            // all three are that line, and this processor is faster with it

	turn turn // of a turned crop

	// What the goroutines share during one call.
	column     []sample    // [width] where each column of the crop lies
	begin, end int         // the columns whose pixels are all in the picture
	picture    frame.Frame // with the size of its pixels
	place      geom.CropToImage
	plane      [3][]float32     // planes of dst in the order of the picture's bytes
	byteLevel  [3]*[256]float32 // their levels
	nextRow    atomic.Int64     // first row that nobody has taken
	goroutines sync.WaitGroup
	help       func()
}

// sample is where one column or row of the crop lies in the picture: between
// pixel first and first+1, part 1/32 px after first.
type sample struct{ first, part int32 }

// New makes a Cropper for crops of spec's input size, colour order and normalisation.
func New(spec *model.Spec) *Cropper {
	c := &Cropper{
		width:   spec.InputWPx,
		height:  spec.InputHPx,
		bgr:     spec.ColorOrder == "bgr",
		column:  make([]sample, spec.InputWPx),
		turn:    turn{stepX: make([]int64, spec.InputWPx), stepY: make([]int64, spec.InputWPx)},
		middleX: float64(spec.InputWPx) * (1 - 1/float64(spec.HeatW)) / 2,
		middleY: float64(spec.InputHPx) * (1 - 1/float64(spec.HeatH)) / 2,
	}
	for plane := range c.level {
		for grey := range c.level[plane] {
			c.level[plane][grey] = float32((float64(grey)*spec.InputScale - spec.InputMean[plane]) / spec.InputStd[plane])
		}
	}
	if l, ok := lineOf(&c.level[0]); ok && c.level[1] == c.level[0] && c.level[2] == c.level[0] {
		c.line, c.straight = l, lineFits()
	}
	c.help = func() {
		defer c.goroutines.Done()
		c.takeRows()
	}
	return c
}

// Crop fills dst, [3, height, width] in the network's colour order, with the
// part of the picture that m maps the crop to, as view has it. What lies outside
// the picture is black before normalisation, and blends into the border as in
// OpenCV. A reduced picture is sampled at its own pixels; m speaks of the whole one.
func (c *Cropper) Crop(dst []float32, f *frame.Frame, m geom.CropToImage, view geom.View) {
	if view.Mirrored && view.TurnDeg == 0 {
		m.ShiftX -= (float64(c.width-1) - 2*c.middleX) * m.Scale
	}
	m = toPixels(f, m)
	c.turn.deg = view.TurnDeg
	switch {
	case view.TurnDeg != 0:
		c.aim(m, view)
	case view.Mirrored:
		for x := range c.column {
			c.column[x] = sampleAt(m.Scale, m.ShiftX, c.width-1-x)
		}
	default:
		for x := range c.column {
			c.column[x] = sampleAt(m.Scale, m.ShiftX, x)
		}
	}
	c.fill(dst, f, m)
}

// toPixels maps the crop to the pixels that a frame holds, where that is a
// reduced picture: the centre of its pixel i is that of px i*r .. i*r+r-1.
func toPixels(f *frame.Frame, m geom.CropToImage) geom.CropToImage {
	if f.Reduce <= 1 {
		return m
	}
	r := float64(f.Reduce)
	m.Scale /= r
	m.ShiftX, m.ShiftY = (m.ShiftX+0.5)/r-0.5, (m.ShiftY+0.5)/r-0.5
	return m
}

// sampleAt is where crop index i lies along one axis of the picture, rounded
// as OpenCV does: scale and shift apart to 1/1024 px, their sum to 1/32 px.
func sampleAt(scale, shift float64, i int) sample {
	fixed := fixedPoint(shift) + fixedPoint(scale*float64(i)) + 1<<(positionBits-fractionBits-1)
	fixed >>= positionBits - fractionBits
	return sample{first: int32(fixed >> fractionBits), part: int32(fixed & (fractionOne - 1))}
}

// fixedPoint rounds px to 1/1024. What is beyond any picture, NaN included,
// stays beyond, so that the sum of two still fits a sample.
func fixedPoint(px float64) int64 {
	const beyond = 1 << 39
	v := math.RoundToEven(px * (1 << positionBits))
	switch {
	case v > beyond:
		return beyond
	case v > -beyond:
		return int64(v)
	}
	return -beyond
}

func (c *Cropper) fill(dst []float32, f *frame.Frame, m geom.CropToImage) {
	size := c.width * c.height
	c.plane = [3][]float32{dst[:size], dst[size : 2*size], dst[2*size : 3*size]}
	c.byteLevel = [3]*[256]float32{&c.level[0], &c.level[1], &c.level[2]}
	if c.bgr != (f.Order == frame.BGR) {
		c.plane[0], c.plane[2] = c.plane[2], c.plane[0]
		c.byteLevel[0], c.byteLevel[2] = c.byteLevel[2], c.byteLevel[0]
	}
	c.picture, c.place = *f, m
	c.picture.WidthPx, c.picture.HeightPx = f.PixelSize()
	if c.turn.deg == 0 {
		c.findInside()
	}
	c.nextRow.Store(0)
	for range c.Threads - 1 {
		c.goroutines.Add(1)
		go c.help()
	}
	c.takeRows()
	c.goroutines.Wait()
	c.picture, c.plane = frame.Frame{}, [3][]float32{}
}

// findInside sets the columns [begin, end) that blend can do: both pixels in
// the picture, and eight readable bytes from the first one on. Columns lie in
// order, rising or falling, so they are one range.
func (c *Cropper) findInside() {
	last := int32(c.picture.WidthPx - 3) // three pixels are nine bytes
	inside := func(x int) bool { return c.column[x].first >= 0 && c.column[x].first <= last }
	for c.begin = 0; c.begin < c.width && !inside(c.begin); {
		c.begin++
	}
	for c.end = c.begin; c.end < c.width && inside(c.end); {
		c.end++
	}
}

// takeRows makes rows that no other goroutine has taken, until none is left.
func (c *Cropper) takeRows() {
	for {
		y := int(c.nextRow.Add(rowsAtOnce)) - rowsAtOnce
		if y >= c.height {
			return
		}
		for end := min(y+rowsAtOnce, c.height); y < end; y++ {
			c.row(y)
		}
	}
}

func (c *Cropper) row(y int) {
	var dst [3][]float32
	for k, plane := range c.plane {
		dst[k] = plane[y*c.width : (y+1)*c.width]
	}
	if c.turn.deg != 0 {
		c.turnedRow(&dst, y)
		return
	}
	at := sampleAt(c.place.Scale, c.place.ShiftY, y)
	if at.first < -1 || int(at.first) >= c.picture.HeightPx {
		c.black(&dst)
		return
	}
	src := newRowPair(&c.picture, at)
	c.border(&dst, &src, 0, c.begin)
	c.inside(&dst, &src)
	c.border(&dst, &src, c.end, c.width)
}

func (c *Cropper) black(dst *[3][]float32) {
	for k, plane := range dst {
		for x := range plane {
			plane[x] = c.byteLevel[k][0]
		}
	}
}
