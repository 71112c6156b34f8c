package gocv

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"mhp/internal/detect"
	"mhp/internal/frame"
)

var _ detect.Finder = (*HOG)(nil)

// Both builds: a detector that finds nobody on a wall, or the reason for having none.
func TestHOGOrExplanation(t *testing.T) {
	h, err := NewHOG()
	if err != nil {
		if !strings.Contains(err.Error(), "tag lite") {
			t.Fatal(err)
		}
		return
	}
	defer h.Close()
	f := frame.New(300, 200)
	rng := rand.New(rand.NewPCG(1, 2)) // a wall without any grain looks like anything to HOG
	for i := range f.Pix {
		f.Pix[i] = uint8(90 + rng.UintN(9))
	}
	if boxes, err := h.Find(context.Background(), f); err != nil || len(boxes) > 0 {
		t.Errorf("on a grainy wall: %v, %v", boxes, err)
	}
}
