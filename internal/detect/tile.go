package detect

import (
	"math"

	"mhp/internal/frame"
)

// tilePersonPx is how high a person must be in the detector's input to be
// found for sure.
const tilePersonPx = 24

// tile is a part of the picture that goes through the detector by itself.
type tile struct{ x, y, w, h int } // px of the picture

// view is the tile's part of the picture; it shares the pixels.
func (t tile) view(f *frame.Frame) frame.Frame {
	v := *f
	v.Pix = f.Pix[t.y*f.Stride+3*t.x : (t.y+t.h-1)*f.Stride+3*(t.x+t.w)]
	v.WidthPx, v.HeightPx, v.ReleaseFunc = t.w, t.h, nil
	return v
}

// tiles cuts a picture so that a person personPx high is tilePersonPx high in
// an input of inputW x inputH px. The whole picture comes first, alone if that
// is enough or if personPx is 0. Neighbours overlap by the height of the
// largest person that the whole picture does not show well enough, so that
// everybody is wholly in one tile or large enough in the whole picture.
func tiles(width, height, inputW, inputH int, personPx float64) []tile {
	all := []tile{{0, 0, width, height}}
	shrink := math.Max(float64(width)/float64(inputW), float64(height)/float64(inputH))
	if personPx <= 0 || personPx/shrink >= tilePersonPx {
		return all
	}
	wanted := math.Max(personPx/tilePersonPx, 1) // enlarging shows nothing new
	overlap := tilePersonPx * shrink
	columns := cut(width, int(float64(inputW)*wanted), overlap)
	rows := cut(height, int(float64(inputH)*wanted), overlap)
	for _, y := range rows {
		for _, x := range columns {
			all = append(all, tile{x[0], y[0], x[1], y[1]})
		}
	}
	return all
}

// cut lays pieces of the given length evenly over n px; they overlap by at
// least overlap, or by half their length if that is less.
func cut(n, length int, overlap float64) [][2]int {
	if length >= n {
		return [][2]int{{0, n}}
	}
	step := float64(length) - math.Min(overlap, float64(length)/2)
	pieces := int(math.Ceil(float64(n-length)/step)) + 1
	out := make([][2]int, pieces)
	for i := range out {
		out[i] = [2]int{i * (n - length) / (pieces - 1), length}
	}
	return out
}

// cutOff tells whether a person touches a side of the tile that is not the
// picture's: such a one is seen whole elsewhere. The box is in px of the picture.
func (t tile) cutOff(c candidate, width, height int, slackPx float64) bool {
	return t.x > 0 && c.x1 < float64(t.x)+slackPx || t.y > 0 && c.y1 < float64(t.y)+slackPx ||
		t.x+t.w < width && c.x2 > float64(t.x+t.w)-slackPx || t.y+t.h < height && c.y2 > float64(t.y+t.h)-slackPx
}
