package cli

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"mhp/internal/eval"
	"mhp/internal/testkit"
)

// genericReport runs eval generic and reads its JSON.
func genericReport(t *testing.T, args ...string) map[string]eval.Figure {
	t.Helper()
	code, out, errOut := runEval(t, append([]string{"generic", "--json", "-"}, args...)...)
	if code != exitDone {
		t.Fatalf("%v: exit code %d: %s", args, code, errOut)
	}
	var report struct {
		Figures []eval.Entry `json:"figures"`
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatal(err)
	}
	figures := map[string]eval.Figure{}
	for _, f := range report.Figures {
		if f.Over == eval.All {
			figures[f.Metric] = f.Figure
		}
	}
	return figures
}

func near(t *testing.T, figures map[string]eval.Figure, metric string, value, within float64) {
	t.Helper()
	f, ok := figures[metric]
	if !ok || f.N == 0 || f.Value < value-within || f.Value > value+within {
		t.Errorf("%s is %v, want %g within %g", metric, f, value, within)
	}
}

// Labels in mm against predictions in cm that are 30 and 40 mm off.
func TestGenericMeasuresAKnownShift(t *testing.T) {
	dir := t.TempDir()
	layEvalSets(t, testkit.RepoRoot(t), dir)
	t.Chdir(dir)
	figures := genericReport(t, "--truth", "truth.csv", "--predictions", "predictions.csv")
	near(t, figures, eval.MPJPE, 0, 1e-3)
	near(t, figures, eval.PARigid, 0, 1e-3)
	near(t, figures, eval.MRPE, 50, 1e-3)
	near(t, figures, eval.PCK150, 100, 0)
	if n := figures[eval.MPJPE].N; n != 42 {
		t.Errorf("%d joints, want 42", n)
	}
	// The same as offsets from the root has no place before the camera.
	text, err := os.ReadFile("predictions.csv")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("offsets.csv", []byte(strings.ReplaceAll(string(text), "camera_", "root_relative_")), 0o644); err != nil {
		t.Fatal(err)
	}
	figures = genericReport(t, "--truth", "truth.csv", "--predictions", "offsets.csv")
	near(t, figures, eval.MPJPE, 0, 1e-3)
	if f, ok := figures[eval.MRPE]; ok {
		t.Errorf("offsets have an error of the root's place: %v", f)
	}
}

// What mhp predict writes as JSON and as CSV measures the same.
func TestGenericReadsWhatPredictWrites(t *testing.T) {
	needLibrary(t)
	dir := t.TempDir()
	layEvalSets(t, testkit.RepoRoot(t), dir)
	t.Chdir(dir)
	var out, errOut strings.Builder
	if code := Run(t.Context(), []string{"predict", "rendered", "--json", "p.json", "--csv", "p.csv"}, strings.NewReader(""), &out, &errOut); code != exitDone {
		t.Fatal(errOut.String())
	}
	a := genericReport(t, "--truth", "p.json", "--predictions", "p.csv")
	near(t, a, eval.MPJPE, 0, 0.2) // rounded when written
	near(t, a, eval.PCKTorso, 100, 0)
	a = genericReport(t, "--truth", "truth.csv", "--predictions", "p.json")
	b := genericReport(t, "--truth", "truth.csv", "--predictions", "p.csv")
	near(t, b, eval.MPJPE, a[eval.MPJPE].Value, 0.2)
	if a[eval.MPJPE].N != 42 {
		t.Errorf("%d joints of two pictures", a[eval.MPJPE].N)
	}
}

func TestGenericBadInput(t *testing.T) {
	dir := t.TempDir()
	layEvalSets(t, testkit.RepoRoot(t), dir)
	t.Chdir(dir)
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("few.csv", "image,joint,camera_x_mm,camera_y_mm,camera_z_mm\none.jpg,Pelvis,1,2,3\none.jpg,Head,4,5,6\n")
	write("nan.csv", "image,joint,camera_x_mm,camera_y_mm,camera_z_mm\none.jpg,Pelvis,1,2,NaN\none.jpg,Head,4,5,6\n")
	write("nounit.csv", "image,joint,x,y,z\none.jpg,Pelvis,1,2,3\n")
	write("word.csv", "image,joint,image_x_px,image_y_px\none.jpg,Pelvis,left,2\n")
	write("other.csv", "image,joint,image_x_px,image_y_px\none.jpg,left_knee,1,2\n")
	write("elsewhere.csv", "image,joint,camera_x_mm,camera_y_mm,camera_z_mm\nnobody.jpg,Pelvis,1,2,3\n")
	write("broken.json", `{"image": {"name": "a.jpg"}, "people": [`)
	for _, c := range []struct {
		code       int
		says, args string
	}{
		{exitUsage, "--truth FILE", "generic"},
		{exitFailed, "nothere.csv", "generic --truth truth.csv --predictions nothere.csv"},
		{exitFailed, "lacks joints that are labelled", "generic --truth truth.csv --predictions few.csv"},
		{exitDone, "COMMON JOINTS ONLY", "generic --truth truth.csv --predictions few.csv --common-joints"},
		{exitDone, "1 people could not be measured: one.jpg: the 3D prediction of Pelvis is not a finite number", "generic --truth few.csv --predictions nan.csv"},
		{exitFailed, "no columns of positions with units", "generic --truth truth.csv --predictions nounit.csv"},
		{exitFailed, `line 2: "left" in column image_x_px`, "generic --truth truth.csv --predictions word.csv"},
		{exitFailed, "--prediction-joints", "generic --truth truth.csv --predictions other.csv"},
		{exitFailed, "predictions for none of the 2 pictures", "generic --truth truth.csv --predictions elsewhere.csv --common-joints"},
		{exitFailed, "document 1 is not the JSON", "generic --truth truth.csv --predictions broken.json"},
		{exitFailed, "no joint names are known", "generic --truth truth.csv --predictions few.csv --truth-joints mars"},
	} {
		code, out, errOut := runEval(t, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(out+errOut, c.says) {
			t.Errorf("%s: exit code %d, want %d and %q:\n%s%s", c.args, code, c.code, c.says, errOut, out)
		}
	}
}
