package preprocess

import (
	"fmt"
	"math"

	"mhp/internal/geom"
)

// contextScale is how much wider than the person the crop is (process_bbox of
// the official code), so that hands and feet outside the box are still seen.
const contextScale = 1.25

// BoxError is a box that no crop can be made from.
type BoxError struct {
	Box     geom.BoxPx
	Problem string
}

func (e *BoxError) Error() string {
	return fmt.Sprintf("box %g,%g,%g,%g: %s", e.Box.X, e.Box.Y, e.Box.W, e.Box.H, e.Problem)
}

// Hint names the remedy.
func (e *BoxError) Hint() string {
	return "a box is left,top,width,height in pixels of the upright picture, with both sides above 0"
}

// SquareBox is process_bbox of the official code: it clips the box to the
// picture, whose last column is widthPx-1, grows the shorter side until the
// box is square, and scales it by 1.25 about its centre. The result may reach
// beyond the picture.
//
// The official code measures the width from the clipped left side, so that a
// box which begins left of the picture keeps its width; here such a box loses
// what lies outside. The error is a *BoxError.
func SquareBox(box geom.BoxPx, widthPx, heightPx int) (geom.BoxPx, error) {
	if !box.Finite() {
		return geom.BoxPx{}, &BoxError{box, "holds a number that is not finite"}
	}
	if box.W <= 0 || box.H <= 0 {
		return geom.BoxPx{}, &BoxError{box, "has no area"}
	}
	x1, y1 := math.Max(0, box.X), math.Max(0, box.Y)
	x2 := math.Min(float64(widthPx-1), box.X+math.Max(0, box.W-1))
	y2 := math.Min(float64(heightPx-1), box.Y+math.Max(0, box.H-1))
	if x2 < x1 || y2 < y1 {
		return geom.BoxPx{}, &BoxError{box, fmt.Sprintf("lies outside the picture of %d x %d px", widthPx, heightPx)}
	}
	side := math.Max(x2-x1, y2-y1)
	if side <= 0 {
		return geom.BoxPx{}, &BoxError{box, fmt.Sprintf("covers a single pixel of the picture of %d x %d px", widthPx, heightPx)}
	}
	square := geom.BoxPx{X: (x1+x2)/2 - side/2, Y: (y1+y2)/2 - side/2, W: side, H: side}
	return square.Grow(contextScale), nil
}
