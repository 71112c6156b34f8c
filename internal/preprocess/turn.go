package preprocess

import (
	"math"
	"unsafe"

	"mhp/internal/geom"
)

// turn is the affine map of a turned crop: px (x, y) of the crop lies at
// (stepX[x], stepY[x]) and the start of row y, in 1/1024 px of the picture, as in
// OpenCV's warpAffine.
type turn struct {
	deg          float64 // 0: the crop is upright
	stepX, stepY []int64 // [width]
	sin, cos     float64 // times the scale
	fromX, fromY float64 // where px (0, 0) lies
}

// aim sets the map of the crop m in the picture's own pixels, as view has it.
func (c *Cropper) aim(m geom.CropToImage, view geom.View) {
	sin, cos := math.Sincos(view.TurnDeg * math.Pi / 180)
	t := &c.turn
	t.sin, t.cos = m.Scale*sin, m.Scale*cos
	side := 1.0 // px of the turned crop for a px of what is seen, across
	if view.Mirrored {
		side = -1
	}
	t.fromX = m.Scale*c.middleX + m.ShiftX - t.cos*side*c.middleX + t.sin*c.middleY
	t.fromY = m.Scale*c.middleY + m.ShiftY - t.sin*side*c.middleX - t.cos*c.middleY
	for x := range t.stepX {
		t.stepX[x] = fixedPoint(t.cos * side * float64(x))
		t.stepY[x] = fixedPoint(t.sin * side * float64(x))
	}
}

// turnedRow makes row y of a turned crop.
func (c *Cropper) turnedRow(dst *[3][]float32, y int) {
	const half = 1 << (positionBits - fractionBits - 1)
	t, f := &c.turn, &c.picture
	startX := fixedPoint(t.fromX-t.sin*float64(y)) + half
	startY := fixedPoint(t.fromY+t.cos*float64(y)) + half
	// Where both rows and eight bytes from the first pixel on are in the picture.
	lastX, lastY := int64(f.WidthPx-3), int64(f.HeightPx-2)
	pix := unsafe.Pointer(unsafe.SliceData(f.Pix))
	var pixels [stretch]uint64
	for begin := 0; begin < c.width; begin += stretch {
		part := pixels[:min(stretch, c.width-begin)]
		for i := range part {
			atX := (startX + t.stepX[begin+i]) >> (positionBits - fractionBits)
			atY := (startY + t.stepY[begin+i]) >> (positionBits - fractionBits)
			column, row := atX>>fractionBits, atY>>fractionBits
			partX, partY := uint64(atX&(fractionOne-1)), uint64(atY&(fractionOne-1))
			if column < 0 || row < 0 || column > lastX || row > lastY {
				part[i] = c.edge(column, row, partX, partY)
				continue
			}
			at := int(row)*f.Stride + int(column)*3
			part[i] = blended(load(pix, at), load(pix, at+f.Stride), fractionOne-partY, partY, partX)
		}
		c.unpack(dst, begin, part)
	}
}

// edge is one packed pixel that touches or leaves the picture's sides; a pixel outside counts as black.
func (c *Cropper) edge(column, row int64, partX, partY uint64) uint64 {
	f := &c.picture
	packed := uint64(0)
	for _, corner := range [4]struct {
		column, row int64
		weight      uint64
	}{
		{column, row, (fractionOne - partX) * (fractionOne - partY)}, {column + 1, row, partX * (fractionOne - partY)},
		{column, row + 1, (fractionOne - partX) * partY}, {column + 1, row + 1, partX * partY},
	} {
		if corner.column < 0 || corner.row < 0 || corner.column >= int64(f.WidthPx) || corner.row >= int64(f.HeightPx) {
			continue
		}
		p := f.Pix[int(corner.row)*f.Stride+int(corner.column)*3:][:3]
		packed += corner.weight * (uint64(p[0]) | uint64(p[1])<<channelBits | uint64(p[2])<<(2*channelBits))
	}
	const half = fractionOne * fractionOne / 2 // of a grey level
	return packed + half*(1|1<<channelBits|1<<(2*channelBits))
}
