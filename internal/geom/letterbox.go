package geom

// LetterboxToImage maps px of a detector's input picture, into which the whole
// picture was fitted, to image px. Both count from the outer edge of the first
// pixel, as boxes do:
//
//	image = (input - Pad) * Scale
//
// The axes have scales of their own, since the picture fills whole pixels of
// the input along each.
type LetterboxToImage struct{ ScaleX, ScaleY, PadXPx, PadYPx float64 }

// Box maps the box between two corners in input px to the picture.
func (m LetterboxToImage) Box(x1, y1, x2, y2 float64) BoxPx {
	return BoxPx{
		X: (x1 - m.PadXPx) * m.ScaleX, Y: (y1 - m.PadYPx) * m.ScaleY,
		W: (x2 - x1) * m.ScaleX, H: (y2 - y1) * m.ScaleY,
	}
}
