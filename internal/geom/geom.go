// Package geom holds points, boxes and affine maps, one type per space.
//
//	crop px  --Affine-->  image px  --camera-->  camera mm
//
// The pixel-centre rule is written here and nowhere else: the centre of the
// top left pixel is (0, 0), so a picture W px wide spans [-0.5, W-0.5]. This
// is OpenCV's rule and the one the network was defined with.
package geom

import "math"

// CropPoint is a position in the network's input picture, in px.
type CropPoint struct{ X, Y float64 }

// ImagePoint is a position in the picture as shown (EXIF orientation applied), in px.
type ImagePoint struct{ X, Y float64 }

// CameraPointMM is a position before the camera in mm: x right, y down,
// z away from the camera, origin in the projection centre.
type CameraPointMM struct{ X, Y, Z float64 }

// RootRelativeMM is an offset from the person's root joint in mm, axes as CameraPointMM.
type RootRelativeMM struct{ X, Y, Z float64 }

// Sub gives the offset of p from root.
func (p CameraPointMM) Sub(root CameraPointMM) RootRelativeMM {
	return RootRelativeMM{p.X - root.X, p.Y - root.Y, p.Z - root.Z}
}

// Norm is the length of the offset in mm.
func (p RootRelativeMM) Norm() float64 {
	return math.Sqrt(p.X*p.X + p.Y*p.Y + p.Z*p.Z)
}

// BoxPx is a rectangle in image px: left, top, width, height.
type BoxPx struct{ X, Y, W, H float64 }

// Finite tells whether no field is NaN or infinite.
func (b BoxPx) Finite() bool {
	for _, v := range [...]float64{b.X, b.Y, b.W, b.H} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}

// Contains tells whether p lies in b or on its edge.
func (b BoxPx) Contains(p ImagePoint) bool {
	return p.X >= b.X && p.X <= b.X+b.W && p.Y >= b.Y && p.Y <= b.Y+b.H
}

// Intersect is the common part of b and o; width or height is 0 where they do not meet.
func (b BoxPx) Intersect(o BoxPx) BoxPx {
	x1, y1 := math.Max(b.X, o.X), math.Max(b.Y, o.Y)
	x2, y2 := math.Min(b.X+b.W, o.X+o.W), math.Min(b.Y+b.H, o.Y+o.H)
	return BoxPx{x1, y1, math.Max(0, x2-x1), math.Max(0, y2-y1)}
}

// IoU is the area of the intersection over the area of the union, 0..1.
func (b BoxPx) IoU(o BoxPx) float64 {
	i := b.Intersect(o)
	inter := i.W * i.H
	union := b.W*b.H + o.W*o.H - inter
	if union <= 0 {
		return 0
	}
	return inter / union
}

// Grow scales the box about its centre: 1.2 adds a fifth to each side.
func (b BoxPx) Grow(factor float64) BoxPx {
	w, h := b.W*factor, b.H*factor
	return BoxPx{b.X - (w-b.W)/2, b.Y - (h-b.H)/2, w, h}
}

// Bounds is the tight box round the points. It is the zero box for no points.
func Bounds(points []ImagePoint) BoxPx {
	if len(points) == 0 {
		return BoxPx{}
	}
	x1, y1 := math.Inf(1), math.Inf(1)
	x2, y2 := math.Inf(-1), math.Inf(-1)
	for _, p := range points {
		x1, x2 = math.Min(x1, p.X), math.Max(x2, p.X)
		y1, y2 = math.Min(y1, p.Y), math.Max(y2, p.Y)
	}
	return BoxPx{x1, y1, x2 - x1, y2 - y1}
}

// CropToImage maps crop px to image px by scale and shift:
//
//	image = crop * Scale + (ShiftX, ShiftY)
//
// A crop is the upright part of a picture, so one scale and a shift are the
// whole affine map; that keeps the crop's inner loop separable. A View says how
// the network may look at it besides.
type CropToImage struct{ Scale, ShiftX, ShiftY float64 }

// View is how a crop is looked at: turned counter-clockwise about the middle of
// its heat cells, then mirrored, so that cells of the mirror image fall on cells.
// The zero View is the crop itself.
type View struct {
	TurnDeg  float64
	Mirrored bool
}

// SquareCrop is the map under which the centre of the square box lands on the
// centre (size/2, size/2) of a crop of sizePx and the box fills the crop.
func SquareCrop(square BoxPx, sizePx int) CropToImage {
	scale := square.W / float64(sizePx)
	half := float64(sizePx) / 2
	return CropToImage{
		Scale:  scale,
		ShiftX: square.X + square.W/2 - half*scale,
		ShiftY: square.Y + square.H/2 - half*scale,
	}
}

// Image maps a crop position to the picture.
func (m CropToImage) Image(p CropPoint) ImagePoint {
	return ImagePoint{p.X*m.Scale + m.ShiftX, p.Y*m.Scale + m.ShiftY}
}

// Crop maps a picture position into the crop.
func (m CropToImage) Crop(p ImagePoint) CropPoint {
	return CropPoint{(p.X - m.ShiftX) / m.Scale, (p.Y - m.ShiftY) / m.Scale}
}
