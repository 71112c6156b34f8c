package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mhp/internal/dataset"
	"mhp/internal/eval"
	"mhp/internal/geom"
	"mhp/internal/skeleton"
	"mhp/internal/testkit"
)

// layEvalSets lays the tiny data sets of testdata/evalsets out in a folder,
// with the sample's pictures under the names that the sets give them.
func layEvalSets(t *testing.T, root, dir string) {
	t.Helper()
	from := filepath.Join(root, "internal", "cli", "testdata", "evalsets")
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	list, err := os.Open(filepath.Join(from, "pictures.txt"))
	if err != nil {
		t.Fatalf("%v; scripts/make_eval_sets.py writes it", err)
	}
	defer list.Close()
	if err := os.CopyFS(filepath.Join(dir, "rendered"), os.DirFS(filepath.Join(root, "testdata", "sample"))); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(list)
	for lines.Scan() {
		to, of, _ := strings.Cut(lines.Text(), " ")
		data, err := os.ReadFile(filepath.Join(root, "testdata", "sample", of))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.FromSlash(to))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// perfect predicts the labels: exact px, depth relative to the root, sure.
// move may change the joints before the camera.
func perfect(set *dataset.Set, model *skeleton.Set, p *dataset.Picture, person *dataset.Person, move func(geom.CameraPointMM) geom.CameraPointMM) *dataset.Prediction {
	matches, _ := skeleton.MatchJoints(set.Labels, model, nil)
	n := len(model.Joints)
	out := &dataset.Prediction{Px: make([]geom.ImagePoint, n), DepthMM: make([]float64, n), Score: make([]float64, n), Axis: geom.OpticalAxis}
	root := 0.0
	for _, m := range matches {
		if m.Anatomy == "Pelvis" && person.MM != nil {
			root = person.MM[m.Label].Z
		}
	}
	out.BoxDepthMM = root
	for _, m := range matches {
		out.Px[m.Joint], out.Score[m.Joint] = person.Px[m.Label], 1
		if person.MM != nil {
			q := move(person.MM[m.Label])
			out.DepthMM[m.Joint] = q.Z - root
			out.Px[m.Joint] = geom.ImagePoint{X: p.Camera.FxPx*q.X/q.Z + p.Camera.CxPx, Y: p.Camera.FyPx*q.Y/q.Z + p.Camera.CyPx}
		}
	}
	return out
}

func stay(p geom.CameraPointMM) geom.CameraPointMM { return p }

// measured runs a meter over a set with predictions made of its labels; boxes
// follow the order of the people.
func measured(t *testing.T, set *dataset.Set, model string, common bool, meter func(*dataset.Plan) evalMeter, move func(geom.CameraPointMM) geom.CameraPointMM) *eval.Report {
	t.Helper()
	s, err := skeleton.Named(model)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := dataset.NewPlan(set, s, common)
	if err != nil {
		t.Fatal(err)
	}
	m := meter(plan)
	for i := range set.Pictures {
		p := &set.Pictures[i]
		found := make([]*dataset.Prediction, len(p.Boxes))
		for k := range p.Boxes {
			who := p.Boxes[k].Person
			if who < 0 {
				who = nearest(p, p.Boxes[k].BoxPx)
			}
			found[k] = perfect(set, s, p, &p.People[who], move)
		}
		m.picture(p, found)
	}
	return m.report("test")
}

// nearest is the person whose joints lie most within the box.
func nearest(p *dataset.Picture, b geom.BoxPx) int {
	best, at := -1.0, 0
	for i := range p.People {
		if iou := geom.Bounds(p.People[i].Px).IoU(b); iou > best {
			best, at = iou, i
		}
	}
	return at
}

func want(t *testing.T, r *eval.Report, metric string, value, within float64) {
	t.Helper()
	f, ok := r.Find(metric)
	if !ok || f.N == 0 || math.Abs(f.Value-value) > within {
		t.Errorf("%s is %v, want %g within %g", metric, f, value, within)
	}
}

func given(p *dataset.Plan) evalMeter { return newGivenMeter(p, depthTrue) }

// Every reader, fed back its own labels through the camera, gives 0 mm and 100 %.
func TestTruthIsPerfectInEveryFormat(t *testing.T) {
	dir := t.TempDir()
	layEvalSets(t, testkit.RepoRoot(t), dir)
	in := func(parts ...string) string { return filepath.Join(append([]string{dir}, parts...)...) }
	for _, protocol := range []int{1, 2} {
		set, err := dataset.ReadH36M(dataset.H36MOptions{Annotations: in("h36m", "annotations"), Images: in("h36m", "images"), Protocol: protocol, Every: 64, Boxes: "gt"})
		if err != nil {
			t.Fatal(err)
		}
		if wantN := map[int]int{1: 1, 2: 3}[protocol]; len(set.Pictures) != wantN || len(set.Missing) > 0 {
			t.Errorf("protocol %d: %d pictures, missing %v", protocol, len(set.Pictures), set.Missing)
		}
		r := measured(t, set, "h36m18", false, given, stay)
		for _, metric := range []string{eval.MPJPE, eval.PARigid, eval.PASimilarity, eval.MRPE} {
			want(t, r, metric, 0, 1e-6)
		}
		if f, _ := r.Find(eval.MPJPE); f.N != 17*len(set.Pictures) {
			t.Errorf("protocol %d averages %d joints of %d pictures", protocol, f.N, len(set.Pictures))
		}
		r = measured(t, set, "muco21", true, given, stay)
		want(t, r, eval.MPJPE, 0, 1e-6)
		if f, _ := r.Find(eval.MPJPE); f.N != 14*len(set.Pictures) {
			t.Errorf("muco21 shares %d joints in %d pictures", f.N, len(set.Pictures))
		}
	}
	set, err := dataset.Read3DHP(in("3dhp", "mpi_inf_3dhp_test_valid.npz"), in("3dhp"))
	if err != nil {
		t.Fatal(err)
	}
	if k := set.Pictures[0].Camera; math.Abs(k.FxPx-1250) > 1e-3 || math.Abs(k.CyPx-479.5) > 1e-3 {
		t.Errorf("3dhp: the camera was worked out as %+v", k)
	}
	r := measured(t, set, "muco21", false, func(p *dataset.Plan) evalMeter {
		return &mpi3DHPMeter{givenMeter: newGivenMeter(p, depthTrue), official: newGivenMeter(p.Only(dataset.Official14), depthTrue)}
	}, stay)
	want(t, r, eval.MPJPE, 0, 1e-3) // the camera is a fit
	want(t, r, eval.PCK150, 100, 0)
	want(t, r, eval.PCK150+", 14 joints", 100, 0)
	if f, _ := r.Find(eval.PCK150 + ", 14 joints"); f.N != 14*3 {
		t.Errorf("3dhp: %d joints of the official 14 in 3 pictures", f.N)
	}
	set, err = dataset.ReadLSP(in("lspet"), "all")
	if err != nil {
		t.Fatal(err)
	}
	r = measured(t, set, "muco21", false, given, stay)
	want(t, r, eval.PCKTorso, 100, 0)
	want(t, r, eval.PCKHead, 100, 0)
	if f, _ := r.Find(eval.PCKTorso); f.N != 3*14-1 {
		t.Errorf("lsp: %d joints", f.N)
	}
	set, err = dataset.ReadCOCO(dataset.COCOOptions{Annotations: in("coco", "people.json"), Images: in("coco", "images")})
	if err != nil {
		t.Fatal(err)
	}
	r = measured(t, set, "muco21", false, newCOCOMeter, stay)
	want(t, r, eval.PCKTorso, 100, 0)
	want(t, r, eval.AveragePrec, 100, 1e-9)
	set, err = dataset.ReadPose2Sim(dataset.Pose2SimOptions{Dir: in("pose2sim"), Every: 5, Frames: in("pose2sim", "frames")})
	if err != nil {
		t.Fatal(err)
	}
	r = measured(t, set, "muco21", false, given, stay)
	want(t, r, eval.MPJPE, 0, 1e-6)
	want(t, r, eval.MRPE, 0, 1e-6)
	if f, _ := r.Find(eval.MPJPE); f.N != 2*16 {
		t.Errorf("pose2sim: %d joints in 2 frames of one camera", f.N)
	}
	set, err = dataset.ReadSynth(in("rendered"))
	if err != nil {
		t.Fatal(err)
	}
	r = measured(t, set, "muco21", false, given, stay)
	want(t, r, eval.MPJPE, 0, 1e-9)
	want(t, r, eval.AUC150, 100, 0)
	want(t, r, eval.PCKTorso, 100, 0)
	want(t, r, eval.SwapRate, 0, 0)
}

// Known displacements have the error of theory, through files and cameras.
func TestKnownDisplacementsThroughTheFiles(t *testing.T) {
	dir := t.TempDir()
	layEvalSets(t, testkit.RepoRoot(t), dir)
	set, err := dataset.ReadMuPoTS(dataset.MuPoTSOptions{Annotations: filepath.Join(dir, "mupots", "MuPoTS-3D.json"), Images: filepath.Join(dir, "mupots"), Boxes: "gt"})
	if err != nil {
		t.Fatal(err)
	}
	if set.People() != 5 {
		t.Errorf("%d valid people, want 5: one is marked as not valid", set.People())
	}
	crowd := func(p *dataset.Plan) evalMeter {
		return &crowdMeter{meter: eval.NewCrowdMeter(p.Joints), plan: p, depth: depthTrue}
	}
	r := measured(t, set, "muco21", false, crowd, stay)
	for _, metric := range []string{eval.RelativeAll, eval.RelativeMatched, eval.AbsoluteAll, eval.AbsoluteMatched} {
		want(t, r, metric, 100, 0)
	}
	want(t, r, "AUC relative, all", 100, 0)
	// 200 mm farther away along x: the shape is right, the place is not.
	r = measured(t, set, "muco21", false, crowd, func(p geom.CameraPointMM) geom.CameraPointMM { p.X += 25; p.Z += 200; return p })
	want(t, r, eval.RelativeMatched, 100, 0)
	want(t, r, eval.AbsoluteMatched, 0, 0)

	// A detector that misses the first of TS1's three people.
	set, err = dataset.ReadMuPoTS(dataset.MuPoTSOptions{Annotations: filepath.Join(dir, "mupots", "MuPoTS-3D.json"), Images: filepath.Join(dir, "mupots"), Boxes: filepath.Join(dir, "mupots", "bbox_root.json")})
	if err != nil {
		t.Fatal(err)
	}
	r = measured(t, set, "muco21", false, crowd, stay)
	want(t, r, eval.RelativeMatched, 100, 0)
	want(t, r, eval.RelativeAll, 100*(2.0/3+1+1)/3, 1e-9)

	// Protocol 1 is fitted on 18 joints: a turn about the vertical costs MPJPE, not PA-MPJPE.
	h36m, err := dataset.ReadH36M(dataset.H36MOptions{Annotations: filepath.Join(dir, "h36m", "annotations"), Images: filepath.Join(dir, "h36m", "images"), Protocol: 2, Every: 64, Boxes: "gt"})
	if err != nil {
		t.Fatal(err)
	}
	r = measured(t, h36m, "h36m18", false, func(p *dataset.Plan) evalMeter { return newGivenMeter(p, depthBox) }, func(p geom.CameraPointMM) geom.CameraPointMM { p.Z += 100; return p })
	want(t, r, eval.MPJPE, 0, 1e-6)
	want(t, r, eval.MRPE, 100, 1e-6)
}

// What a detector does not find counts as wrong.
func TestCOCOWithADetectorsBoxes(t *testing.T) {
	dir := t.TempDir()
	layEvalSets(t, testkit.RepoRoot(t), dir)
	boxes := `[{"image_id": 0, "category_id": 1, "bbox": [552, 145, 258, 758], "score": 0.9}]`
	if err := os.WriteFile(filepath.Join(dir, "boxes.json"), []byte(boxes), 0o644); err != nil {
		t.Fatal(err)
	}
	set, err := dataset.ReadCOCO(dataset.COCOOptions{Annotations: filepath.Join(dir, "coco", "people.json"), Images: filepath.Join(dir, "coco", "images")})
	if err != nil {
		t.Fatal(err)
	}
	boxesOf := evalBoxes{boxes: filepath.Join(dir, "boxes.json")}
	if _, err := boxesOf.apply(context.Background(), env{err: io.Discard}, set, nil, true); err != nil {
		t.Fatal(err)
	}
	r := measured(t, set, "muco21", false, newCOCOMeter, stay)
	want(t, r, eval.PCKTorso, 100.0/5, 1e-9) // one of five people
	if len(set.Missing) != 1 || !strings.Contains(set.Missing[0], "1 of 2 pictures have no boxes") {
		t.Errorf("missing %q", set.Missing)
	}
}

// Each person gets the box that overlaps the given one most; who gets none
// counts as wrong in every joint, and boxes of nobody do not count.
func TestFoundBoxesGoToPeople(t *testing.T) {
	dir := t.TempDir()
	layEvalSets(t, testkit.RepoRoot(t), dir)
	set, err := dataset.ReadLSP(filepath.Join(dir, "lspet"), "all")
	if err != nil {
		t.Fatal(err)
	}
	given := set.Pictures[0].Boxes[0].BoxPx
	moved := func(dx, share float64) string {
		return fmt.Sprintf(`{"image_id": %q, "bbox": [%g, %g, %g, %g], "score": 0.5}`, set.Pictures[0].Name, given.X+dx, given.Y, given.W, share*given.H)
	}
	boxes := "[" + strings.Join([]string{moved(0.4*given.W, 1), moved(0.1*given.W, 1), moved(given.W+5, 1)}, ",") + "]"
	if err := os.WriteFile(filepath.Join(dir, "boxes.json"), []byte(boxes), 0o644); err != nil {
		t.Fatal(err)
	}
	job := evalJob{set: set, boxes: &evalBoxes{boxes: filepath.Join(dir, "boxes.json")}}
	if err := job.findBoxes(context.Background(), env{err: io.Discard}, nil); err != nil {
		t.Fatal(err)
	}
	if b := set.Pictures[0].Boxes; len(b) != 1 || b[0].Person != 0 || math.Abs(b[0].X-given.X-0.1*given.W) > 1e-9 || b[0].Score != 0.5 {
		t.Errorf("the boxes are %+v", b)
	}
	r := measured(t, set, "muco21", false, job.meter, stay)
	if f, _ := r.Find(eval.PCKTorso); f.N != 3*14-1 || f.Value >= 50 || f.Value < 30 {
		t.Errorf("PCK is %v, want about a third of 41 joints: one of three people was found", f)
	}
	if !strings.Contains(job.protocol, "boxes.json") || job.settings["found"] == "" {
		t.Errorf("protocol %q, settings %v", job.protocol, job.settings)
	}
	if o := job.boxes.people(); o.Refine != 0 {
		t.Errorf("boxes of a file are refined: %+v", o)
	}
}

// runEval runs a command and gives what it wrote.
func runEval(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = Run(context.Background(), append([]string{"eval"}, args...), strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}

func needLibrary(t *testing.T) {
	t.Helper()
	library := testLibrary(testkit.RepoRoot(t))
	if library == "" {
		t.Skip("no ONNX Runtime library; make onnxruntime fetches it")
	}
	t.Setenv("MHP_ORT_LIBRARY", library)
}

// The whole command on every format: exit 0 and a report that can be read back.
func TestEvalCommandsFromFilesToTable(t *testing.T) {
	needLibrary(t)
	dir := t.TempDir()
	layEvalSets(t, testkit.RepoRoot(t), dir)
	t.Chdir(dir)
	for _, c := range []struct {
		args   string
		metric string
		n      int
	}{
		{"h36m --annotations h36m/annotations --images h36m/images --protocol 1 --common-joints --looks 2", eval.PARigid, 14},
		{"h36m --annotations h36m/annotations --images h36m/images --common-joints --root-depth box", eval.MPJPE, 42},
		{"mupots --annotations mupots/MuPoTS-3D.json --images mupots", eval.RelativeAll, 70},
		{"mupots --annotations mupots/MuPoTS-3D.json --images mupots --boxes mupots/bbox_root.json --root-depth file", eval.AbsoluteAll, 70},
		{"3dhp --annotations 3dhp/mpi_inf_3dhp_test_valid.npz --images 3dhp", eval.MPJPE, 51},
		{"lsp lspet --split all", eval.PCKTorso, 41},
		{"coco --annotations coco/people.json --images coco/images", eval.AveragePrec, 5},
		{"pose2sim pose2sim --frames pose2sim/frames", eval.PASimilarity, 32},
		{"synth rendered", eval.MPJPE, 147},
	} {
		code, out, errOut := runEval(t, append(strings.Fields(c.args), "--json", "report.json", "--csv", "report.csv", "--markdown", "report.md", "--plot", "plots", "--worst", "2")...)
		if code != exitDone {
			t.Errorf("%s: exit code %d: %s", c.args, code, errOut)
			continue
		}
		if !strings.Contains(out, c.metric) {
			t.Errorf("%s: no %s in the table:\n%s", c.args, c.metric, out)
		}
		var report struct {
			Figures []eval.Entry `json:"figures"`
		}
		data, err := os.ReadFile("report.json")
		if err != nil || json.Unmarshal(data, &report) != nil {
			t.Fatalf("%s: report.json cannot be read back: %v", c.args, err)
		}
		found := false
		for _, f := range report.Figures {
			found = found || f.Metric == c.metric && f.Over == eval.All && f.N == c.n
		}
		if !found {
			t.Errorf("%s: no %s over %d in %+v", c.args, c.metric, c.n, report.Figures)
		}
		for _, path := range []string{"report.csv", "report.md", "worst"} {
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s: %v", c.args, err)
			}
		}
	}
}

// Stopped half way and gone on from the cache, and with any number of
// threads: the same figures.
func TestEvalCacheAndThreadsChangeNothing(t *testing.T) {
	needLibrary(t)
	dir := t.TempDir()
	layEvalSets(t, testkit.RepoRoot(t), dir)
	t.Chdir(dir)
	args := []string{"mupots", "--annotations", "mupots/MuPoTS-3D.json", "--images", "mupots", "--json", "-"}
	code, fresh, errOut := runEval(t, args...)
	if code != 0 {
		t.Fatal(errOut)
	}
	if _, again, _ := runEval(t, args...); again != fresh {
		t.Error("a second run gives another report")
	}
	if _, cached, _ := runEval(t, append(args, "--cache", "c.jsonl")...); cached != fresh {
		t.Error("writing a cache changes the report")
	}
	data, err := os.ReadFile("c.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	cut := append(bytes.Join(lines[:2], nil), lines[2][:20]...) // the head, one picture, and a torn line
	if err := os.WriteFile("c.jsonl", cut, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, resumed, e := runEval(t, append(args, "--cache", "c.jsonl")...); resumed != fresh {
		t.Errorf("a resumed evaluation gives another report: %s", e)
	}
	if again, err := os.ReadFile("c.jsonl"); err != nil || len(again) != len(data) {
		t.Errorf("the resumed cache has %d bytes, the first %d", len(again), len(data))
	}
	if code, _, e := runEval(t, append(args, "--cache", "c.jsonl", "--looks", "1")...); code != exitFailed || !strings.Contains(e, "c.jsonl") {
		t.Errorf("a cache of other settings: exit code %d, %s", code, e)
	}
	_, one, _ := runEval(t, append(args, "--threads", "1")...)
	_, three, _ := runEval(t, append(args, "--threads", "3")...)
	var a, b struct {
		Figures []eval.Entry `json:"figures"`
	}
	if json.Unmarshal([]byte(one), &a) != nil || json.Unmarshal([]byte(three), &b) != nil || len(a.Figures) == 0 || len(a.Figures) != len(b.Figures) {
		t.Fatal("reports with 1 and 3 threads cannot be compared")
	}
	for i := range a.Figures {
		if math.Abs(a.Figures[i].Value-b.Figures[i].Value) > 1e-3 {
			t.Errorf("%s %s: %g with one thread, %g with three", a.Figures[i].Metric, a.Figures[i].Name, a.Figures[i].Value, b.Figures[i].Value)
		}
	}
}

// Bad input: a clear message that names the file, and what can be evaluated is.
func TestEvalBadInput(t *testing.T) {
	needLibrary(t)
	dir := t.TempDir()
	layEvalSets(t, testkit.RepoRoot(t), dir)
	t.Chdir(dir)
	rewrite := func(path, old, new string) {
		t.Helper()
		data, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(data), old) {
			t.Fatalf("%s: no %q, %v", path, old, err)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(data), old, new, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(code int, says, args string) {
		t.Helper()
		got, out, errOut := runEval(t, strings.Fields(args)...)
		if got != code || !strings.Contains(errOut+out, says) {
			t.Errorf("%s: exit code %d, want %d and %q:\n%s%s", args, got, code, says, errOut, out)
		}
	}
	h36m := "h36m --annotations h36m/annotations --images h36m/images"
	expect(exitFailed, "lacks 3 of the protocol's 17 joints: H36M_Neck, H36M_Torso, Nose", h36m)
	expect(exitDone, "COMMON JOINTS ONLY", h36m+" --common-joints")
	expect(exitUsage, "--protocol", h36m+" --protocol 3")
	expect(exitFailed, "Human36M_subject9_data.json", "h36m --annotations . --images h36m/images")
	expect(exitFailed, "none of the 3 pictures", "h36m --annotations h36m/annotations --images nowhere --common-joints")
	if err := os.RemoveAll("h36m/images/s_11_act_14_subact_01_ca_01"); err != nil {
		t.Fatal(err)
	}
	expect(exitDone, "1 of 3 pictures are not in h36m/images", h36m+" --common-joints")
	rewrite("h36m/annotations/Human36M_subject9_camera.json", `"f":[1250.0,1250.0]`, `"f":[]`)
	expect(exitDone, "1 of 3 pictures have no camera", h36m+" --common-joints")

	mupots := "mupots --annotations mupots/MuPoTS-3D.json --images mupots"
	expect(exitUsage, "--root-depth", mupots+" --root-depth file")
	rewrite("mupots/MuPoTS-3D.json", `"image_id":2`, `"image_id":77`)
	expect(exitDone, "1 of 6 annotations name an image that is not listed", mupots)
	rewrite("mupots/MuPoTS-3D.json", `"keypoints_cam":[[`, `"keypoints_cam":[[1e999,0,0],[`)
	expect(exitFailed, "MuPoTS-3D.json: is not the JSON", mupots)

	expect(exitFailed, "no picture of split", "lsp lspet --split test --threads 1")
	expect(exitFailed, "neither labels.npz nor joints.mat", "lsp coco")
	if err := os.WriteFile("lspet/joints.mat", append(bytes.Repeat([]byte{0}, 512), "\x89HDF\r\n\x1a\n       "...), 0o644); err != nil {
		t.Fatal(err)
	}
	expect(exitFailed, "version 7.3", "lsp lspet")
	expect(exitFailed, "version 7.3", "3dhp --annotations lspet/joints.mat --images 3dhp")
	if err := os.WriteFile("coco/images/street.jpg", []byte("no picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	expect(exitDone, "1 of 2 pictures could not be evaluated", "coco --annotations coco/people.json --images coco/images")
	expect(exitUsage, "standard output", "coco --annotations coco/people.json --images coco/images --json - --csv -")
	expect(exitMissing, "nothere.onnx", "coco --annotations coco/people.json --images coco/images --model nothere.onnx")
	expect(exitUsage, "needs one folder", "lsp")
}
