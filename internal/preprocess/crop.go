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
	"encoding/binary"
	"math"

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

// lanes picks every second byte of eight into a lane of 16 bits.
const lanes = 0x00ff00ff00ff00ff

// laneHalf is half a grey level in every lane after the vertical blend, so
// that dropping the fraction at the end rounds to the nearest level.
const laneHalf = (fractionOne / 2) * 0x0001000100010001

// Cropper makes crops for one network. It keeps its tables between calls and
// allocates nothing after New. It is for one goroutine.
type Cropper struct {
	width, height int
	bgr           bool             // the network wants blue first
	level         [3][256]float32  // tensor value of each grey level, by plane
	column        []samplePosition // [width] where each column of the crop lies
}

// samplePosition is where one column or row of the crop lies in the picture:
// between pixel first and first+1, part 1/32 px after first.
type samplePosition struct {
	first int
	part  uint64
}

// New makes a Cropper for crops of spec's input size, colour order and normalisation.
func New(spec *model.Spec) *Cropper {
	c := &Cropper{
		width:  spec.InputWPx,
		height: spec.InputHPx,
		bgr:    spec.ColorOrder == "bgr",
		column: make([]samplePosition, spec.InputWPx),
	}
	for plane := range c.level {
		for grey := range c.level[plane] {
			c.level[plane][grey] = float32((float64(grey)*spec.InputScale - spec.InputMean[plane]) / spec.InputStd[plane])
		}
	}
	return c
}

// Crop fills dst, [3, height, width] in the network's colour order, with the
// part of the picture that m maps the crop to. What lies outside the picture
// is black before normalisation, and blends into the border as in OpenCV.
func (c *Cropper) Crop(dst []float32, f *frame.Frame, m geom.CropToImage) {
	for x := range c.column {
		c.column[x] = position(m.Scale, m.ShiftX, x)
	}
	c.fill(dst, f, m)
}

// CropMirrored is Crop with left and right exchanged: its column x is Crop's
// column width-1-x.
func (c *Cropper) CropMirrored(dst []float32, f *frame.Frame, m geom.CropToImage) {
	for x := range c.column {
		c.column[x] = position(m.Scale, m.ShiftX, c.width-1-x)
	}
	c.fill(dst, f, m)
}

// position is where crop index i lies along one axis of the picture, rounded
// as OpenCV does: scale and shift apart to 1/1024 px, their sum to 1/32 px.
func position(scale, shift float64, i int) samplePosition {
	fixed := fixedPoint(shift) + fixedPoint(scale*float64(i)) + 1<<(positionBits-fractionBits-1)
	fixed >>= positionBits - fractionBits
	return samplePosition{first: int(fixed >> fractionBits), part: uint64(fixed & (fractionOne - 1))}
}

// fixedPoint rounds px to 1/1024. What is beyond any picture, NaN included,
// stays beyond: far to the left or right.
func fixedPoint(px float64) int64 {
	const beyond = 1 << 40
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
	// Plane k of the tensor takes byte k of the pixel, or byte 2-k where the orders differ.
	planes := [3][]float32{dst[:size], dst[size : 2*size], dst[2*size : 3*size]}
	level := [3]*[256]float32{&c.level[0], &c.level[1], &c.level[2]}
	if c.bgr != (f.Order == frame.BGR) {
		planes[0], planes[2] = planes[2], planes[0]
		level[0], level[2] = level[2], level[0]
	}
	begin, end := c.inside(f.WidthPx)
	for y := range c.height {
		row := output{level: level}
		for k := range row.plane {
			row.plane[k] = planes[k][y*c.width : (y+1)*c.width]
		}
		at := position(m.Scale, m.ShiftY, y)
		if at.first < -1 || at.first >= f.HeightPx {
			row.black(0, c.width)
			continue
		}
		src := newRowPair(f, at)
		c.border(&row, &src, 0, begin)
		c.blend(&row, &src, begin, end)
		c.border(&row, &src, end, c.width)
	}
}

// inside gives the columns [begin, end) that blend can do: both pixels in the
// picture, and eight readable bytes from the first one on. Columns lie in
// order, rising or falling, so they are one range.
func (c *Cropper) inside(pictureWidth int) (begin, end int) {
	last := (3*pictureWidth - 8) / 3
	if 3*pictureWidth < 8 {
		return 0, 0
	}
	ok := func(x int) bool { return c.column[x].first >= 0 && c.column[x].first <= last }
	for begin < c.width && !ok(begin) {
		begin++
	}
	for end = begin; end < c.width && ok(end); end++ {
	}
	return begin, end
}

// output is one row of the crop: three planes in the order of the picture's bytes.
type output struct {
	plane [3][]float32
	level [3]*[256]float32
}

func (o *output) black(begin, end int) {
	for k, plane := range o.plane {
		for x := begin; x < end; x++ {
			plane[x] = o.level[k][0]
		}
	}
}

// rowPair is the two rows of the picture that a row of the crop lies between.
// A row outside the picture has weight 0, and the other one stands in for it.
type rowPair struct {
	top, bottom             []uint8 // WidthPx*3 bytes each
	topWeight, bottomWeight uint64  // of 32
}

func newRowPair(f *frame.Frame, at samplePosition) rowPair {
	row := func(y int) []uint8 {
		y = min(max(y, 0), f.HeightPx-1)
		return f.Pix[y*f.Stride : y*f.Stride+3*f.WidthPx]
	}
	p := rowPair{row(at.first), row(at.first + 1), fractionOne - at.part, at.part}
	if at.first < 0 {
		p.topWeight = 0
	}
	if at.first+1 >= f.HeightPx {
		p.bottomWeight = 0
	}
	return p
}

// blend does columns whose pixels are all in the picture. Eight bytes hold
// two neighbouring pixels; the vertical blend treats their even and odd bytes
// as four lanes of 16 bits each, the horizontal one then works by channel.
func (c *Cropper) blend(o *output, src *rowPair, begin, end int) {
	if begin >= end {
		return
	}
	columns := c.column[begin:end]
	n := len(columns)
	p0, p1, p2 := o.plane[0][begin:][:n], o.plane[1][begin:][:n], o.plane[2][begin:][:n]
	l0, l1, l2 := o.level[0], o.level[1], o.level[2]
	top, bottom, wt, wb := src.top, src.bottom, src.topWeight, src.bottomWeight
	for x := range columns {
		at := columns[x].first * 3
		part := columns[x].part
		t := binary.LittleEndian.Uint64(top[at:])
		b := binary.LittleEndian.Uint64(bottom[at:])
		// Bytes: 0 1 2 are the left pixel's channels, 3 4 5 the right one's.
		even := (t&lanes)*wt + (b&lanes)*wb + laneHalf      // 0 2 4
		odd := (t>>8&lanes)*wt + (b>>8&lanes)*wb + laneHalf // 1 3 5
		v0 := uint64(uint16(even))*(fractionOne-part) + uint64(uint16(odd>>16))*part
		v1 := uint64(uint16(odd))*(fractionOne-part) + uint64(uint16(even>>32))*part
		v2 := uint64(uint16(even>>16))*(fractionOne-part) + uint64(uint16(odd>>32))*part
		p0[x] = l0[uint8(v0>>(2*fractionBits))]
		p1[x] = l1[uint8(v1>>(2*fractionBits))]
		p2[x] = l2[uint8(v2>>(2*fractionBits))]
	}
}

// border does columns that touch or leave the picture's sides; a pixel
// outside counts as black.
func (c *Cropper) border(o *output, src *rowPair, begin, end int) {
	width := len(src.top) / 3
	for x := begin; x < end; x++ {
		at := c.column[x]
		for k := range o.plane {
			sum := uint64(fractionOne * fractionOne / 2)
			if at.first >= 0 && at.first < width {
				i := 3*at.first + k
				sum += (uint64(src.top[i])*src.topWeight + uint64(src.bottom[i])*src.bottomWeight) * (fractionOne - at.part)
			}
			if at.first >= -1 && at.first+1 < width {
				i := 3*(at.first+1) + k
				sum += (uint64(src.top[i])*src.topWeight + uint64(src.bottom[i])*src.bottomWeight) * at.part
			}
			o.plane[k][x] = o.level[k][sum>>(2*fractionBits)]
		}
	}
}
