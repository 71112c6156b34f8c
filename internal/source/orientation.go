package source

// orientation is EXIF's: how the stored picture must be turned to stand
// upright. 1 is upright; 2, 4, 5 and 7 are mirrored; 5 to 8 swap the sides.
type orientation int

const upright orientation = 1

// swapsSides tells whether the stored rows are the upright columns.
func (o orientation) swapsSides() bool { return o >= 5 && o <= 8 }

// layout says where a stored pixel goes: stored column x, row y lies at byte
// origin + x*stepX + y*stepY of the upright, packed RGB picture.
type layout struct {
	widthPx, heightPx    int // upright
	origin, stepX, stepY int // bytes
}

// layoutOf lays out a stored picture of w x h px.
func layoutOf(w, h int, o orientation) layout {
	l := layout{widthPx: w, heightPx: h}
	if o.swapsSides() {
		l.widthPx, l.heightPx = h, w
	}
	row := 3 * l.widthPx
	right, bottom := 3*(l.widthPx-1), row*(l.heightPx-1)
	switch o {
	case 2: // mirrored left to right
		l.origin, l.stepX, l.stepY = right, -3, row
	case 3: // upside down
		l.origin, l.stepX, l.stepY = right+bottom, -3, -row
	case 4: // mirrored top to bottom
		l.origin, l.stepX, l.stepY = bottom, 3, -row
	case 5: // mirrored along the main diagonal
		l.origin, l.stepX, l.stepY = 0, row, 3
	case 6: // to be turned clockwise
		l.origin, l.stepX, l.stepY = right, row, -3
	case 7: // mirrored along the other diagonal
		l.origin, l.stepX, l.stepY = right+bottom, -row, -3
	case 8: // to be turned anticlockwise
		l.origin, l.stepX, l.stepY = bottom, -row, 3
	default:
		l.stepX, l.stepY = 3, row
	}
	return l
}

// readOut writes the stored rows of a picture to their place in dst.
// Turned pictures are not read in tiles: the lines that one stored row touches
// stay in the second-level cache until the next row comes.
func readOut(dst []uint8, rows int, l layout, span spanFunc) {
	for y := range rows {
		span(dst, l.origin+y*l.stepY, l.stepX, y)
	}
}
