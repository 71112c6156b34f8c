package model

import (
	"errors"
	"maps"
	"math"
	"strings"
	"testing"
)

func TestParseSpec(t *testing.T) {
	s := mustSpec(t, with(tinyMeta(HeadCoords), "mhp.input_mean", "0.5, 1,2", "mhp.accuracy", `{"mpjpe_mm":"71.5"}`, "mhp.coords_unit", "px"))
	if s.InputMean != [3]float64{0.5, 1, 2} || s.Accuracy["mpjpe_mm"] != "71.5" || s.CoordsUnit != "px" || s.Trained {
		t.Errorf("got %+v", s)
	}
	if len(s.Set.Mirror) != 1 || s.Set.Root() != 0 {
		t.Errorf("joint set %+v", s.Set)
	}
}

func TestParseSpecKnownSet(t *testing.T) {
	meta := with(tinyMeta(HeadCoords), "mhp.joint_set", "muco21")
	if _, err := ParseSpec(meta); err == nil || !strings.Contains(err.Error(), "not those of joint set muco21") {
		t.Errorf("other joints under a known set's name: %v", err)
	}
}

func TestDefaultsOfAbsentKeys(t *testing.T) {
	s := mustSpec(t, with(tinyMeta(HeadCoords), "mhp.coords_unit", "-", "mhp.depth_axis", "-"))
	if s.CoordsUnit != "cells" || s.DepthAxis != DepthAlongCamera {
		t.Errorf("absent coords_unit is %q, want cells; absent depth_axis is %q, want camera", s.CoordsUnit, s.DepthAxis)
	}
}

func TestDepthMM(t *testing.T) {
	s := mustSpec(t, tinyMeta(HeadCoords))
	for cells, want := range map[float64]float64{0: -1000, 2: 0, 3: 500, 4: 1000} {
		if got := s.DepthMM(cells); got != want {
			t.Errorf("DepthMM(%g) = %g mm, want %g", cells, got, want)
		}
	}
}

func TestMetadataThereAndBack(t *testing.T) {
	for _, head := range []Head{HeadCoords, HeadHeatmap} {
		meta := with(tinyMeta(head), "mhp.input_mean", "0.485,0.456,0.406", "mhp.trained", "true", "mhp.depth_axis", "crop")
		got := mustSpec(t, meta).Metadata()
		if !maps.Equal(got, meta) {
			t.Errorf("%v\nbecame\n%v", meta, got)
		}
	}
}

// Every key is needed, and its absence is named.
func TestParseSpecMissing(t *testing.T) {
	for key := range tinyMeta(HeadCoords) {
		if key == "mhp.coords_unit" || key == "mhp.depth_axis" {
			continue
		}
		_, err := ParseSpec(with(tinyMeta(HeadCoords), key, "-"))
		if !errors.Is(err, ErrModel) {
			t.Errorf("without %s: %v", key, err)
		} else if key != "mhp.format" && !strings.Contains(err.Error(), key+" is missing") {
			t.Errorf("without %s the message is %q", key, err)
		}
	}
}

func TestParseSpecWrong(t *testing.T) {
	tests := []struct{ key, value, want string }{
		{"mhp.format", "2", `format "2"`},
		{"mhp.variant", "xxl", "not one of xs, s, l, custom"},
		{"mhp.input_width_px", "12.5", "not a whole number"},
		{"mhp.heatmap_width", "0", "from 1 to 1024"},
		{"mhp.depth_bins", "99999999999999999999", "not a whole number"},
		{"mhp.depth_min_mm", "1000", "must be above"},
		{"mhp.depth_max_mm", "NaN", "finite"},
		{"mhp.input_mean", "0,0", "not 3 numbers"},
		{"mhp.input_std", "1,0,1", "must not hold 0"},
		{"mhp.input_std", "1,Inf,1", "finite"},
		{"mhp.input_scale", "0", "must not be 0"},
		{"mhp.joints", `["a","b"]`, "as many parents as joints"},
		{"mhp.joints", `{`, "not the JSON"},
		{"mhp.parents", "[-1,2,1]", "circle"},
		{"mhp.parents", "[-1,-1,0]", "exactly one root"},
		{"mhp.parents", "[-1,7,0]", "outside"},
		{"mhp.joint_set", "coco17", "unknown joint set"},
		{"mhp.accuracy", "[1]", "not the JSON"},
		{"mhp.coords_unit", "mm", "not one of cells, px, unit"},
		{"mhp.depth_axis", "x", "not one of camera, crop"},
	}
	for _, test := range tests {
		_, err := ParseSpec(with(tinyMeta(HeadCoords), test.key, test.value))
		if !errors.Is(err, ErrModel) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s=%q: got %v, want a model error with %q", test.key, test.value, err, test.want)
		}
	}
}

func TestParseSpecListsAllProblems(t *testing.T) {
	_, err := ParseSpec(with(tinyMeta(HeadCoords), "mhp.licence", "-", "mhp.head", "hat"))
	if err == nil || !strings.Contains(err.Error(), "mhp.licence") || !strings.Contains(err.Error(), "mhp.head") {
		t.Errorf("both problems should be named: %v", err)
	}
}

func TestScoreCurve(t *testing.T) {
	c := &ScoreCurve{Slope: 1.5, Offset: 6}
	last := -1.0
	for _, peak := range []float64{0, 1e-5, 0.001, 0.01, 0.1, 1} {
		score := c.Score(peak)
		if score < 0 || score > 1 || score <= last {
			t.Errorf("peak %g has score %g after %g: not rising within 0..1", peak, score, last)
		}
		last = score
	}
	// Where slope * ln(peak) + offset is 0, the chance is even.
	if got := c.Score(math.Exp(-4)); math.Abs(got-0.5) > 1e-12 {
		t.Errorf("score %g, want 0.5", got)
	}
}

func TestScoreCurvesThereAndBack(t *testing.T) {
	for _, key := range []string{"mhp.score_logit", "mhp.score_logit_merged"} {
		s := mustSpec(t, with(tinyMeta(HeadCoords), key, "1.25,5.5"))
		curve, other := s.ScoreCurve, s.ScoreMerged
		if key == "mhp.score_logit_merged" {
			curve, other = other, curve
		}
		if curve == nil || *curve != (ScoreCurve{1.25, 5.5}) || other != nil {
			t.Errorf("%s: curves %v, %v", key, s.ScoreCurve, s.ScoreMerged)
		}
		if got := s.Metadata()[key]; got != "1.25,5.5" {
			t.Errorf("%s written back as %q", key, got)
		}
		for _, wrong := range []string{"-1,5", "1"} {
			if _, err := ParseSpec(with(tinyMeta(HeadCoords), key, wrong)); err == nil || !strings.Contains(err.Error(), key) {
				t.Errorf("%s %s: error %v", key, wrong, err)
			}
		}
	}
}
