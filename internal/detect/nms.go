package detect

import (
	"cmp"
	"math"
	"slices"
)

// suppress sorts the people by falling score and, of any two that overlap by
// more than limit (intersection over union), keeps the one with the better
// score. It works in place.
func suppress(found []candidate, limit float64) []candidate {
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(b.score, a.score) })
	kept := found[:0]
	for _, c := range found {
		if !slices.ContainsFunc(kept, func(k candidate) bool { return k.overlap(c) > limit }) {
			kept = append(kept, c)
		}
	}
	return kept
}

// overlap is the intersection over the union, 0..1.
func (c candidate) overlap(o candidate) float64 {
	w := math.Min(c.x2, o.x2) - math.Max(c.x1, o.x1)
	h := math.Min(c.y2, o.y2) - math.Max(c.y1, o.y1)
	if w <= 0 || h <= 0 {
		return 0
	}
	common := w * h
	return common / ((c.x2-c.x1)*(c.y2-c.y1) + (o.x2-o.x1)*(o.y2-o.y1) - common)
}
