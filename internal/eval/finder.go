package eval

import (
	"cmp"
	"fmt"
	"slices"

	"mhp/internal/geom"
)

// LabelledBox is an annotated person's box.
type LabelledBox struct {
	geom.BoxPx
	Crowd bool // stands for many people
}

// FoundBox is a box that a detector found.
type FoundBox struct {
	geom.BoxPx
	Score float64
}

// The metrics of finding people.
const (
	FinderRecall    = "recall at IoU 0.5"
	FinderPrecision = "precision at IoU 0.5"
	FinderQuiet     = "views without people where nobody is found"
)

// foundIoU is the overlap from which a box shows the person, foundInCrowd the
// part of a box that must lie in a crowd's for it to count for nothing.
const (
	foundIoU     = 0.5
	foundInCrowd = 0.5
)

// FinderMeter measures how people are found. People lower than LeastPx and
// crowds count neither for nor against, nor do boxes that match them; boxes
// lower than LeastPx that match nobody do not count either.
type FinderMeter struct {
	LeastPx float64

	wanted, hit  int
	right, wrong int
	views, quiet int
}

// Picture takes one picture of people. Found boxes are matched in the order of
// their scores, each to the free annotated one it overlaps most: those that
// count come before those that do not.
func (m *FinderMeter) Picture(truth []LabelledBox, found []FoundBox) {
	found = slices.Clone(found)
	slices.SortStableFunc(found, func(a, b FoundBox) int { return cmp.Compare(b.Score, a.Score) })
	counts := func(t LabelledBox) bool { return !t.Crowd && t.H >= m.LeastPx }
	for _, t := range truth {
		if counts(t) {
			m.wanted++
		}
	}
	taken := make([]bool, len(truth))
	for _, f := range found {
		at := -1
		for i, t := range truth {
			if taken[i] || t.Crowd || f.IoU(t.BoxPx) < foundIoU {
				continue
			}
			better := at < 0 || counts(t) && !counts(truth[at])
			if better || counts(t) == counts(truth[at]) && f.IoU(t.BoxPx) > f.IoU(truth[at].BoxPx) {
				at = i
			}
		}
		switch {
		case at >= 0:
			taken[at] = true
			if counts(truth[at]) {
				m.hit++
				m.right++
			}
		case f.H >= m.LeastPx && !inCrowd(f, truth):
			m.wrong++
		}
	}
}

func inCrowd(f FoundBox, truth []LabelledBox) bool {
	return slices.ContainsFunc(truth, func(t LabelledBox) bool {
		common := f.Intersect(t.BoxPx)
		return t.Crowd && common.W*common.H >= foundInCrowd*f.W*f.H
	})
}

// Empty takes one picture without people.
func (m *FinderMeter) Empty(found int) {
	m.views++
	if found == 0 {
		m.quiet++
	}
}

// Report gives the figures with Wilson's intervals.
func (m *FinderMeter) Report(title string) *Report {
	r := &Report{Title: title, People: m.wanted}
	r.Add(FinderRecall, Rate(m.hit, m.wanted))
	r.Add(FinderPrecision, Rate(m.right, m.right+m.wrong))
	r.Add(FinderQuiet, Rate(m.quiet, m.views))
	r.Facts = []Fact{{"people", fmt.Sprintf("%d at least %g px high; lower ones and crowds count neither for nor against", m.wanted, m.LeastPx)}}
	return r
}
