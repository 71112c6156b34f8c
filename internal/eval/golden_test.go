package eval

import (
	"fmt"
	"math"
	"os"
	"testing"

	"mhp/internal/geom"
	"mhp/internal/testkit"
)

// goldenJoints are MuPoTS-3D's 17 in their order; Pelvis is number 14.
var goldenJoints = []string{"Head_top", "Thorax", "R_Shoulder", "R_Elbow", "R_Wrist", "L_Shoulder", "L_Elbow", "L_Wrist",
	"R_Hip", "R_Knee", "R_Ankle", "L_Hip", "L_Knee", "L_Ankle", "Pelvis", "Spine", "Head"}

// goldenKinds are the kinds of pairs, four each; in those marked, which of
// several best rotations is found is open, so that only the squares agree.
var goldenKinds = []struct {
	name string
	open bool
}{
	{"noise", false}, {"turned", false}, {"mirrored", false}, {"collinear", false}, {"collinear_both", false}, {"flat", false},
	{"flat_mirrored", false}, {"all_equal", false}, {"target_equal", true}, {"two_places", false}, {"tiny", false}, {"far", false},
}

func goldens(t *testing.T) *testkit.File {
	t.Helper()
	data, err := os.ReadFile("testdata/eval.safetensors")
	if err != nil {
		t.Fatalf("%v; scripts/make_eval_goldens.py writes it", err)
	}
	f, err := testkit.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func cloud(values []float64) []geom.CameraPointMM {
	out := make([]geom.CameraPointMM, len(values)/3)
	for i := range out {
		out[i] = geom.CameraPointMM{X: values[3*i], Y: values[3*i+1], Z: values[3*i+2]}
	}
	return out
}

func all(n int) []bool {
	out := make([]bool, n)
	for i := range out {
		out[i] = true
	}
	return out
}

func pairSample(pred, truth []float64) *Sample {
	return &Sample{Joints: goldenJoints, Root: 14, Labelled: all(17), TruthMM: cloud(truth), PredMM: cloud(pred)}
}

const limit = 1e-6 // of mm, or of the value where that is larger

func near(got, want float64) bool {
	return math.Abs(got-want) <= limit*math.Max(1, math.Abs(want))
}

func TestAlignmentsAgreeWithScipy(t *testing.T) {
	f := goldens(t)
	n := 4 * len(goldenKinds)
	pred, truth := f.Values(t, "pred", n, 17, 3), f.Values(t, "truth", n, 17, 3)
	errors, squares, axis := f.Values(t, "errors", n, 4, 17), f.Values(t, "squares", n, 4), f.Values(t, "axis", n, 4, 3)
	worst := 0.0
	for i := range n {
		kind := goldenKinds[i/4]
		s := pairSample(pred[i*51:(i+1)*51], truth[i*51:(i+1)*51])
		for how := Absolute; how <= Similarity; how++ {
			name := fmt.Sprintf("%s %d, %v", kind.name, i%4, how)
			got := s.ErrorsMM(how)
			sum := 0.0
			for j, e := range got {
				sum += e * e
				want := errors[(i*4+int(how))*17+j]
				worst = math.Max(worst, math.Abs(e-want))
				if !near(e, want) && !kind.open {
					t.Errorf("%s: %s is off by %.9g mm, scipy says %.9g", name, goldenJoints[j], e, want)
				}
			}
			if !near(sum, squares[i*4+int(how)]) {
				t.Errorf("%s: squares add up to %.9g, scipy's to %.9g", name, sum, squares[i*4+int(how)])
			}
			for k, e := range s.AxisErrorsMM(how) {
				if !near(e, axis[(i*4+int(how))*3+k]) && !kind.open {
					t.Errorf("%s: axis %d has %.9g mm, scipy says %.9g", name, k, e, axis[(i*4+int(how))*3+k])
				}
			}
		}
	}
	t.Logf("%d pairs, four alignments: worst joint is off by %.3g mm", n, worst)
}

func TestPCKAndAUCAgreeWithNumpy(t *testing.T) {
	f := goldens(t)
	n := 4 * len(goldenKinds)
	pred, truth := f.Values(t, "pred", n, 17, 3), f.Values(t, "truth", n, 17, 3)
	pck, auc := f.Values(t, "pck", n), f.Values(t, "auc", n)
	for i := range n {
		s := pairSample(pred[i*51:(i+1)*51], truth[i*51:(i+1)*51])
		var a, b Values
		a.Add(PCK3D(s.ErrorsMM(Root)))
		b.Add(AUC3D(s.ErrorsMM(Root)))
		if got := a.Figure("%").Value; !near(got, pck[i]) {
			t.Errorf("pair %d: 3DPCK %g, numpy says %g", i, got, pck[i])
		}
		if got := b.Figure("%").Value; !near(got, auc[i]) {
			t.Errorf("pair %d: AUC %g, numpy says %g", i, got, auc[i])
		}
	}
}

func TestRescaledBonesAgreeWithNumpy(t *testing.T) {
	f := goldens(t)
	n := 4 * len(goldenKinds)
	pred, truth, want := f.Values(t, "pred", n, 17, 3), f.Values(t, "truth", n, 17, 3), f.Values(t, "rescaled", n, 17, 3)
	for i := range 12 {
		s := pairSample(pred[i*51:(i+1)*51], truth[i*51:(i+1)*51])
		s.RescaleBones()
		for j, p := range s.PredMM {
			w := want[i*51+3*j:]
			if !near(p.X, w[0]) || !near(p.Y, w[1]) || !near(p.Z, w[2]) {
				t.Errorf("pair %d, %s: %v, numpy says %v", i, goldenJoints[j], p, w[:3])
			}
		}
	}
}

func TestFiguresAgreeWithNumpy(t *testing.T) {
	f := goldens(t)
	n := 4 * len(goldenKinds)
	sums, counts, want := f.Values(t, "sums", n), f.Values(t, "counts", n), f.Values(t, "figure", 3)
	v := Values{sums: sums, counts: counts}
	got := v.Figure("mm")
	for k, value := range [...]float64{got.Value, got.Low, got.High} {
		if !near(value, want[k]) {
			t.Errorf("figure %v, numpy says %v", got, want)
		}
	}
	w := f.Values(t, "wilson", 5)
	rate := Rate(int(w[0]), int(w[1]))
	if !near(rate.Value, w[2]) || !near(rate.Low, w[3]) || !near(rate.High, w[4]) {
		t.Errorf("rate %v, want %v", rate, w)
	}
}

func TestScoreTableAgreesWithScipy(t *testing.T) {
	f := goldens(t)
	table, rho := ScoreTable(f.Values(t, "score", 237), f.Values(t, "score_error", 237))
	for i, want := range f.Values(t, "score_bins", 10) {
		if !near(table[i].Error, want) {
			t.Errorf("bin %d: %g, numpy says %g", i, table[i].Error, want)
		}
	}
	if want := f.Values(t, "score_rho", 1)[0]; !near(rho, want) {
		t.Errorf("Spearman %g, scipy says %g", rho, want)
	}
	ties := f.Values(t, "ties", 2, 40)
	if got, want := Spearman(ties[:40], ties[40:]), f.Values(t, "ties_rho", 1)[0]; !near(got, want) {
		t.Errorf("Spearman with ties %g, scipy says %g", got, want)
	}
}

func TestAveragePrecisionAgreesWithNumpy(t *testing.T) {
	f := goldens(t)
	joints := []string{"L_Shoulder", "R_Shoulder", "L_Elbow", "R_Elbow", "L_Wrist", "R_Wrist", "L_Hip", "R_Hip", "L_Knee", "R_Knee", "L_Ankle", "R_Ankle"}
	people := f.Values(t, "oks_people", -1, 39)
	pictures := make([]KeyPointPicture, 12)
	for at := 0; at < len(people); at += 39 {
		row := people[at : at+39]
		k := KeyPoints{Joints: joints, AreaPx2: row[2], Score: row[2]}
		for j := range 12 {
			k.Points = append(k.Points, geom.ImagePoint{X: row[3+2*j], Y: row[4+2*j]})
			k.Visible = append(k.Visible, row[27+j] > 0)
		}
		p := &pictures[int(row[0])]
		if row[1] == 0 {
			p.Truth = append(p.Truth, k)
		} else {
			p.Found = append(p.Found, k)
		}
	}
	got, want := AveragePrecision(pictures, COCOSimilarities()), f.Values(t, "oks_ap", 1)[0]
	if !near(got, want) {
		t.Errorf("AP %.9g, numpy says %.9g", got, want)
	}
	t.Logf("AP %.4f", got)
}
