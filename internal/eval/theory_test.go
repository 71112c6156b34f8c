package eval

import (
	"math"
	"testing"

	"mhp/internal/geom"
)

// figure is a person who stands upright before the camera, facing it: joints
// in mm and, seen by a camera of 1000 px, in px.
func standing() *Sample {
	places := map[string]vec{
		"Head_top": {0, -850, 4000}, "Thorax": {0, -550, 4010}, "Head": {0, -700, 3990}, "Spine": {0, -250, 4005}, "Pelvis": {0, 0, 4000},
		"R_Shoulder": {-180, -520, 4000}, "R_Elbow": {-210, -230, 4020}, "R_Wrist": {-220, 20, 3960},
		"L_Shoulder": {180, -520, 4000}, "L_Elbow": {210, -230, 4030}, "L_Wrist": {220, 20, 3970},
		"R_Hip": {-100, 10, 4000}, "R_Knee": {-110, 430, 3980}, "R_Ankle": {-115, 850, 4030},
		"L_Hip": {100, 10, 4000}, "L_Knee": {110, 430, 3990}, "L_Ankle": {115, 850, 4020},
	}
	s := &Sample{Joints: goldenJoints, Root: 14, Labelled: all(17), Score: make([]float64, 17)}
	for _, name := range goldenJoints {
		v := places[name]
		s.TruthMM = append(s.TruthMM, geom.CameraPointMM{X: v[0], Y: v[1], Z: v[2]})
		s.TruthPx = append(s.TruthPx, geom.ImagePoint{X: 1000*v[0]/v[2] + 500, Y: 1000*v[1]/v[2] + 500})
	}
	s.PredMM = append(s.PredMM, s.TruthMM...)
	s.PredPx = append(s.PredPx, s.TruthPx...)
	return s
}

func average(values []float64) float64 {
	var v Values
	v.Add(values)
	return v.Figure("").Value
}

func TestTruthHasNoError(t *testing.T) {
	s := standing()
	for how := Absolute; how <= Similarity; how++ {
		if e := average(s.ErrorsMM(how)); e > 1e-9 {
			t.Errorf("%v: %g mm", how, e)
		}
	}
	if pck, auc := average(PCK3D(s.ErrorsMM(Root))), average(AUC3D(s.ErrorsMM(Root))); pck != 100 || auc != 100 {
		t.Errorf("3DPCK %g %%, AUC %g %%", pck, auc)
	}
	torso, ok := s.TorsoPx()
	if pck := average(s.PCK(torso, PCKShare)); !ok || pck != 100 {
		t.Errorf("PCK %g %%", pck)
	}
	if swapped, asked := s.Swapped(); swapped || !asked {
		t.Errorf("swapped %v, asked %v", swapped, asked)
	}
	if e, ok := s.RootErrorMM(); e != 0 || !ok {
		t.Errorf("root error %g", e)
	}
}

// Each alignment forgives exactly what it names.
func TestKnownTransformsHaveTheErrorOfTheory(t *testing.T) {
	sin, cos := math.Sincos(0.7)
	turned := func(v vec) vec { return vec{cos*v[0] + sin*v[2], v[1], -sin*v[0] + cos*v[2]} }
	for _, c := range []struct {
		name string
		move func(vec) vec
		zero []Alignment // what these give
		root float64     // MRPE, mm
	}{
		{"shift", func(v vec) vec { return v.add(vec{30, 40, 120}) }, []Alignment{Root, Rigid, Similarity}, 130},
		{"turn", turned, []Alignment{Rigid, Similarity}, vec{0, 0, 4000}.sub(turned(vec{0, 0, 4000})).norm()},
		{"scale", func(v vec) vec { return v.times(1.1) }, []Alignment{Similarity}, 400},
	} {
		s := standing()
		for j, p := range s.PredMM {
			v := c.move(vecOf(p))
			s.PredMM[j] = geom.CameraPointMM{X: v[0], Y: v[1], Z: v[2]}
		}
		zero := map[Alignment]bool{}
		for _, how := range c.zero {
			zero[how] = true
		}
		for how := Absolute; how <= Similarity; how++ {
			if e := average(s.ErrorsMM(how)); zero[how] != (e < 1e-9) {
				t.Errorf("%s, %v: %g mm", c.name, how, e)
			}
		}
		if e, _ := s.RootErrorMM(); math.Abs(e-c.root) > 1e-9 {
			t.Errorf("%s: root error %g mm, want %g", c.name, e, c.root)
		}
	}
	// Scaled by 1.1 about the camera, root-aligned: a tenth of each joint's distance from the root.
	s := standing()
	want := 0.0
	for j, p := range s.TruthMM {
		s.PredMM[j] = geom.CameraPointMM{X: 1.1 * p.X, Y: 1.1 * p.Y, Z: 1.1 * p.Z}
		want += 0.1 * vecOf(p).sub(vecOf(s.TruthMM[14])).norm() / 17
	}
	if got := average(s.ErrorsMM(Root)); math.Abs(got-want) > 1e-9 {
		t.Errorf("scaled: %g mm, want %g", got, want)
	}
	// 50 mm along z for every joint but the root.
	s = standing()
	for j := range s.PredMM {
		if j != s.Root {
			s.PredMM[j].Z += 50
		}
	}
	if got := s.AxisErrorsMM(Root); got[0] != 0 || got[1] != 0 || math.Abs(got[2]-50*16.0/17) > 1e-9 {
		t.Errorf("parts along the axes: %v", got)
	}
}

func TestMirroredPersonIsNotReflectedBack(t *testing.T) {
	s := standing()
	for j := range s.PredMM {
		s.PredMM[j].X *= -1
		s.PredMM[j].Z += 40 * float64(j%5) // no longer flat
	}
	if e := average(s.ErrorsMM(Similarity)); e < 20 {
		t.Errorf("a mirrored person has %g mm after alignment", e)
	}
}

func TestSwapsAndWhoIsAsked(t *testing.T) {
	exchange := func(points []geom.ImagePoint) {
		for _, k := range []int{2, 3, 4, 8, 9, 10} {
			points[k], points[k+3] = points[k+3], points[k]
		}
	}
	s := standing()
	exchange(s.PredPx)
	if swapped, asked := s.Swapped(); !swapped || !asked {
		t.Errorf("exchanged sides: swapped %v, asked %v", swapped, asked)
	}
	s = standing() // seen from behind
	exchange(s.TruthPx)
	if _, asked := s.Swapped(); asked {
		t.Error("a person seen from behind counts")
	}
	s = standing() // on the head
	for j := range s.TruthPx {
		s.TruthPx[j].Y *= -1
	}
	if _, asked := s.Swapped(); asked {
		t.Error("a handstand counts")
	}
	s = standing()
	s.Labelled = all(17)
	s.Labelled[8] = false
	if _, asked := s.Swapped(); asked {
		t.Error("a person without a labelled hip counts")
	}
	if torso, ok := s.TorsoPx(); !ok || torso != distancePx(s.TruthPx[11], s.TruthPx[2]) {
		t.Error("without the right hip the torso is left hip to right shoulder")
	}
	s.Labelled[11] = false
	if _, ok := s.TorsoPx(); ok {
		t.Error("a torso without hips")
	}
}

func TestUsableNamesWhatIsWrong(t *testing.T) {
	s := standing()
	if problem := s.Usable(); problem != "" {
		t.Errorf("a good sample: %s", problem)
	}
	s.TruthMM[3].Y = math.NaN()
	if s.Usable() != "the 3D label of R_Elbow is not a finite number" {
		t.Errorf("got %q", s.Usable())
	}
	s = standing()
	s.PredPx[0].X = math.Inf(1)
	if s.Usable() != "the prediction of Head_top is not a finite number" {
		t.Errorf("got %q", s.Usable())
	}
	s = standing()
	s.Labelled = make([]bool, 17)
	if s.Usable() != "no joint is labelled" {
		t.Errorf("got %q", s.Usable())
	}
}

func TestRescaledBonesHaveTheTruthsLengths(t *testing.T) {
	s := standing()
	for j, p := range s.PredMM {
		s.PredMM[j] = geom.CameraPointMM{X: 1.7 * p.X, Y: 1.7 * p.Y, Z: 4000 + 1.7*(p.Z-4000)}
	}
	s.RescaleBones()
	if e := average(s.ErrorsMM(Root)); e > 1e-9 {
		t.Errorf("a person drawn 1.7 times too large is off by %g mm after rescaling", e)
	}
	s = standing()
	s.Labelled[15] = false // no spine: the thorax hangs from the pelvis
	for j, p := range s.PredMM {
		s.PredMM[j] = geom.CameraPointMM{X: 0.5 * p.X, Y: 0.5 * p.Y, Z: 4000 + 0.5*(p.Z-4000)}
	}
	s.RescaleBones()
	if e := average(s.ErrorsMM(Root)); e > 1e-9 {
		t.Errorf("without the spine: %g mm", e)
	}
}

func TestMatchPeople(t *testing.T) {
	at := func(x float64) []geom.ImagePoint { return []geom.ImagePoint{{X: x}, {X: x + 10}} }
	got := MatchPeople([][]geom.ImagePoint{at(0), at(100), at(500)}, [][]geom.ImagePoint{at(139.9), at(5), at(900)}, 40)
	if got[0] != 1 || got[1] != 0 || got[2] != -1 {
		t.Errorf("matches %v, want [1 0 -1]", got)
	}
	if got := MatchPeople([][]geom.ImagePoint{at(0), at(1)}, [][]geom.ImagePoint{at(0)}, 40); got[0] != 0 || got[1] != -1 {
		t.Errorf("one prediction for two people: %v", got)
	}
}

func TestFigureOfNothing(t *testing.T) {
	var v Values
	v.Add(nil)
	if f := v.Figure("mm"); f.N != 0 || f.String() != "-" {
		t.Errorf("got %v", f)
	}
	if f := Rate(0, 0); f.N != 0 {
		t.Errorf("got %v", f)
	}
	if bins, rho := ScoreTable([]float64{1}, []float64{2}); len(bins) != 1 || !math.IsNaN(rho) {
		t.Errorf("got %v, %g", bins, rho)
	}
	if !math.IsNaN(AveragePrecision(nil, COCOSimilarities())) {
		t.Error("AP of nothing")
	}
}

// Crowds and people without key points count neither for nor against.
func TestCrowdsAreIgnored(t *testing.T) {
	joints := []string{"L_Shoulder", "R_Shoulder"}
	person := KeyPoints{Joints: joints, Points: []geom.ImagePoint{{X: 10, Y: 10}, {X: 20, Y: 10}}, Visible: []bool{true, true}, AreaPx2: 900}
	crowd := KeyPoints{Joints: joints, Points: make([]geom.ImagePoint, 2), Visible: make([]bool, 2), AreaPx2: 1e4,
		Box: geom.BoxPx{X: 100, Y: 100, W: 100, H: 100}, Ignore: true, Crowd: true}
	hit, inCrowd := person, KeyPoints{Joints: joints, Points: []geom.ImagePoint{{X: 150, Y: 150}, {X: 160, Y: 150}}, Score: 0.9}
	hit.Score = 0.5
	picture := KeyPointPicture{Truth: []KeyPoints{crowd, person}, Found: []KeyPoints{inCrowd, inCrowd, hit}}
	if ap := AveragePrecision([]KeyPointPicture{picture}, COCOSimilarities()); math.Abs(ap-100) > 1e-9 {
		t.Errorf("AP %g, want 100", ap)
	}
	picture.Truth = picture.Truth[1:] // without the crowd the two are false
	if ap := AveragePrecision([]KeyPointPicture{picture}, COCOSimilarities()); ap > 34 {
		t.Errorf("AP %g, want a third", ap)
	}
}
