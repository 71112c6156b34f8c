package eval

import (
	"testing"

	"mhp/internal/geom"
)

func TestFinderMeter(t *testing.T) {
	box := func(x, y, w, h float64) geom.BoxPx { return geom.BoxPx{X: x, Y: y, W: w, H: h} }
	person := func(x, y, w, h float64) LabelledBox { return LabelledBox{BoxPx: box(x, y, w, h)} }
	crowd := func(x, y, w, h float64) LabelledBox { return LabelledBox{BoxPx: box(x, y, w, h), Crowd: true} }
	found := func(x, y, w, h, score float64) FoundBox { return FoundBox{box(x, y, w, h), score} }
	for _, c := range []struct {
		name          string
		truth         []LabelledBox
		found         []FoundBox
		hit, wanted   int
		right, judged int
	}{
		{"nobody", nil, nil, 0, 0, 0, 0},
		{"not found", []LabelledBox{person(0, 0, 40, 100)}, nil, 0, 1, 0, 0},
		{"found", []LabelledBox{person(0, 0, 40, 100)}, []FoundBox{found(2, 0, 40, 100, 0.5)}, 1, 1, 1, 1},
		{"half covered is too little", []LabelledBox{person(0, 0, 40, 100)}, []FoundBox{found(0, 0, 40, 49, 0.5)}, 0, 1, 0, 0},
		{"beside", []LabelledBox{person(0, 0, 40, 100)}, []FoundBox{found(30, 0, 40, 100, 0.5)}, 0, 1, 0, 1},
		{"twice", []LabelledBox{person(0, 0, 40, 100)}, []FoundBox{found(2, 0, 40, 100, 0.5), found(0, 0, 40, 100, 0.4)}, 1, 1, 1, 2},
		{"a small one found", []LabelledBox{person(0, 0, 20, 50)}, []FoundBox{found(0, 0, 20, 70, 0.5)}, 0, 0, 0, 0},
		{"something small", nil, []FoundBox{found(0, 0, 20, 50, 0.5)}, 0, 0, 0, 0},
		{"in a crowd", []LabelledBox{crowd(0, 0, 500, 200)}, []FoundBox{found(10, 10, 40, 100, 0.5), found(480, 10, 40, 100, 0.5), found(490, 10, 40, 100, 0.4)}, 0, 0, 0, 1},
		{"the one that counts comes first", []LabelledBox{person(0, 0, 40, 59), person(0, 0, 40, 64)}, []FoundBox{found(0, 0, 40, 59, 0.5)}, 1, 1, 1, 1},
		{"the surer one chooses", []LabelledBox{person(0, 0, 40, 100), person(15, 0, 40, 100)},
			[]FoundBox{found(10, 0, 40, 100, 0.4), found(14, 0, 40, 100, 0.5)}, 2, 2, 2, 2},
	} {
		m := FinderMeter{LeastPx: 60}
		m.Picture(c.truth, c.found)
		r := m.Report("test")
		recall, _ := r.Find(FinderRecall)
		precision, _ := r.Find(FinderPrecision)
		if m.hit != c.hit || recall.N != c.wanted || m.right != c.right || precision.N != c.judged {
			t.Errorf("%s: %d of %d found, %d of %d right; want %d of %d, %d of %d", c.name, m.hit, recall.N, m.right, precision.N, c.hit, c.wanted, c.right, c.judged)
		}
	}
	var m FinderMeter
	m.Empty(0)
	m.Empty(2)
	if quiet, _ := m.Report("test").Find(FinderQuiet); quiet.N != 2 || quiet.Value != 50 {
		t.Errorf("quiet views: %v", quiet)
	}
}
