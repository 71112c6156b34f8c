package sink

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"mhp/internal/pose"
	"mhp/internal/skeleton"
)

// writeAll gives pictures to a sink and closes it.
func writeAll(t *testing.T, s Sink, pictures ...*pose.Picture) {
	t.Helper()
	for _, p := range pictures {
		if err := s.Write(context.Background(), pixels(p.Name), p); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func jsonOf(t *testing.T, lines bool, pictures ...*pose.Picture) []byte {
	t.Helper()
	var b bytes.Buffer
	s, err := NewJSON(JSONOptions{FileOptions: FileOptions{Path: "-", Stdout: &b}, Program: program, Lines: lines})
	if err != nil {
		t.Fatal(err)
	}
	writeAll(t, s, pictures...)
	return b.Bytes()
}

func csvOf(t *testing.T, pictures ...*pose.Picture) []byte {
	t.Helper()
	var b bytes.Buffer
	s, err := NewCSV(FileOptions{Path: "-", Stdout: &b})
	if err != nil {
		t.Fatal(err)
	}
	writeAll(t, s, pictures...)
	return b.Bytes()
}

func openPoseOfFile(t *testing.T, p *pose.Picture) []byte {
	t.Helper()
	dir := t.TempDir()
	writeAll(t, NewOpenPose(DirOptions{Dir: dir}), p)
	b, err := os.ReadFile(filepath.Join(dir, stemOf(p.Name)+"_000000000000_keypoints.json"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func tableOf(t *testing.T, o TableOptions, pictures ...*pose.Picture) []byte {
	t.Helper()
	var b bytes.Buffer
	writeAll(t, NewTable(&b, o), pictures...)
	return b.Bytes()
}

func untrained(p *pose.Picture) *pose.Picture {
	p.Model.Trained = false
	return p
}

func TestGoldens(t *testing.T) {
	two := picture(t, "holiday/a <b> & \"c\".jpg", "muco21", 2)
	two.Dropped = 1
	two.Camera.Distortion = [5]float64{-0.1, 0.02, 1e-5, 0, 0}
	bare := untrained(picture(t, "one.jpg", "h36m18", 1))
	nobody := picture(t, "nobody.png", "muco21", 0)
	golden(t, "two.json", jsonOf(t, false, two))
	golden(t, "nobody.json", jsonOf(t, false, nobody))
	golden(t, "lines.jsonl", jsonOf(t, true, bare, nobody))
	golden(t, "table.csv", csvOf(t, two, nobody, bare))
	golden(t, "muco21_keypoints.json", openPoseOfFile(t, two))
	golden(t, "h36m18_keypoints.json", openPoseOfFile(t, bare))
	golden(t, "nobody_keypoints.json", openPoseOfFile(t, nobody))
	golden(t, "table.txt", tableOf(t, TableOptions{}, two, nobody, bare))
	golden(t, "table-joints-120.txt", tableOf(t, TableOptions{Columns: 120, Joints: true}, two))
	golden(t, "table-joints-40.txt", tableOf(t, TableOptions{Columns: 40, Joints: true}, bare))
}

// schema is docs/result.schema.json, compiled.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile("../../docs/result.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDocumentsFitTheSchema(t *testing.T) {
	s := schema(t)
	distorted := picture(t, "d.jpg", "muco21", 1)
	distorted.Camera.Distortion[2] = 1e-9
	for _, p := range []*pose.Picture{
		picture(t, "two.jpg", "muco21", 2), untrained(picture(t, "one.jpg", "h36m18", 1)),
		picture(t, "nobody.jpg", "muco21", 0), distorted,
	} {
		for _, lines := range []bool{false, true} {
			v, err := jsonschema.UnmarshalJSON(bytes.NewReader(jsonOf(t, lines, p)))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Validate(v); err != nil {
				t.Errorf("%s: %v", p.Name, err)
			}
		}
	}
}

// A schema that lets everything pass would prove nothing.
func TestSchemaIsStrict(t *testing.T) {
	s := schema(t)
	good := jsonOf(t, false, picture(t, "one.jpg", "muco21", 1))
	for what, change := range map[string]func(map[string]any){
		"a field too many":        func(d map[string]any) { d["extra"] = 1 },
		"no units":                func(d map[string]any) { delete(d, "units") },
		"another unit":            func(d map[string]any) { d["units"].(map[string]any)["camera"] = "m" },
		"a name that is a number": func(d map[string]any) { d["image"].(map[string]any)["name"] = 3 },
		"a score above 1": func(d map[string]any) {
			d["people"].([]any)[0].(map[string]any)["score"] = 1.5
		},
		"two coordinates in space": func(d map[string]any) {
			j := d["people"].([]any)[0].(map[string]any)["joints"].([]any)[0].(map[string]any)
			j["camera_mm"] = []any{1.0, 2.0}
		},
		"an untrained model without a warning": func(d map[string]any) { d["model"].(map[string]any)["trained"] = false },
	} {
		var d map[string]any
		if err := json.Unmarshal(good, &d); err != nil {
			t.Fatal(err)
		}
		change(d)
		if s.Validate(d) == nil {
			t.Errorf("the schema accepts %s", what)
		}
	}
}

// python runs a script with the first interpreter that has the module, or skips.
func python(t *testing.T, module, script string, args ...string) string {
	t.Helper()
	for _, exe := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(exe, "-c", "import "+module).Run() != nil {
			continue
		}
		out, err := exec.Command(exe, append([]string{"-c", script}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", exe, err, out)
		}
		return string(out)
	}
	t.Skipf("no python3 with %s here: the second reader was not tried", module)
	return ""
}

func TestPythonsSchemaReaderAgrees(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lines.jsonl")
	lines := jsonOf(t, true, picture(t, "two.jpg", "muco21", 2), untrained(picture(t, "one.jpg", "h36m18", 1)), picture(t, "n.jpg", "muco21", 0))
	if err := os.WriteFile(file, lines, 0o666); err != nil {
		t.Fatal(err)
	}
	out := python(t, "jsonschema", `
import json, sys, jsonschema
schema = json.load(open(sys.argv[1], encoding="utf-8"))
jsonschema.Draft202012Validator.check_schema(schema)
check = jsonschema.Draft202012Validator(schema)
documents = [json.loads(line) for line in open(sys.argv[2], encoding="utf-8")]
for d in documents: check.validate(d)
documents[0]["extra"] = 1
print(len(documents), sum(len(d["people"]) for d in documents), check.is_valid(documents[0]))`,
		"../../docs/result.schema.json", file)
	if strings.TrimSpace(out) != "3 3 False" {
		t.Errorf("Python read %q, want 3 documents, 3 people, and the spoilt one refused", out)
	}
}

// What was rounded into the document must be the pose within its precision.
func TestJSONKeepsTheNumbers(t *testing.T) {
	p := picture(t, "two.jpg", "muco21", 2)
	var d document
	if err := json.Unmarshal(jsonOf(t, false, p), &d); err != nil {
		t.Fatal(err)
	}
	for i, one := range p.People {
		for j, k := range one.Joints {
			got := d.People[i].Joints[j]
			for _, c := range [][3]float64{
				{float64(got.Image[0]), k.Image.X, 0.005}, {float64(got.Image[1]), k.Image.Y, 0.005},
				{float64(got.Camera[0]), k.Camera.X, 0.05}, {float64(got.Camera[2]), k.Camera.Z, 0.05},
				{float64(got.RootRelative[1]), k.RootRelative.Y, 0.05}, {float64(got.Score), k.Score, 0.00005},
			} {
				if math.Abs(c[0]-c[1]) > c[2]+1e-9 {
					t.Fatalf("%s of person %d: wrote %v for %v", got.Name, i+1, c[0], c[1])
				}
			}
		}
	}
}

func TestDecimal(t *testing.T) {
	for _, c := range []struct {
		v    float64
		n    int
		want string
	}{{0, 2, "0"}, {-0.001, 2, "0"}, {math.Copysign(0, -1), 1, "0"}, {1.005, 2, "1"}, {1.5, 2, "1.5"}, {100, 2, "100"},
		{-12.345, 1, "-12.3"}, {1e-9, 4, "0"}, {123456789.987, 1, "123456790"}, {1e21, 1, "1000000000000000000000"}} {
		if got := decimal(c.v, c.n); got != c.want {
			t.Errorf("decimal(%v, %d) = %s, want %s", c.v, c.n, got, c.want)
		}
	}
}

// The lay-out must not change the document, whatever the strings hold.
func TestIndentKeepsTheDocument(t *testing.T) {
	p := picture(t, "a", "muco21", 1)
	p.Name = `},{"x":[1,2],\` + strings.Repeat(`"\`, 100) + "\u2028é\x01"
	whole, line := jsonOf(t, false, p), jsonOf(t, true, p)
	var small bytes.Buffer
	if err := json.Compact(&small, whole); err != nil {
		t.Fatal(err)
	}
	if small.String()+"\n" != string(line) {
		t.Error("the indented document is not the compact one")
	}
	if lines := bytes.Count(whole, []byte("\n")); lines < 30 || lines > 120 {
		t.Errorf("a document of one person has %d lines", lines)
	}
}

func TestCSVReadsBack(t *testing.T) {
	p := picture(t, "holiday/a, \"b\"\nc.jpg", "muco21", 2)
	records, err := csv.NewReader(bytes.NewReader(csvOf(t, p, picture(t, "nobody", "muco21", 0), picture(t, "x.jpg", "h36m18", 1)))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if want := 1 + 2*21 + 18; len(records) != want {
		t.Fatalf("%d rows, want %d", len(records), want)
	}
	column := map[string]int{}
	for i, name := range records[0] {
		column[name] = i
	}
	row := records[1+21+4]
	j := p.People[1].Joints[4]
	if row[column["image"]] != p.Name || row[column["person"]] != "2" || row[column["joint"]] != "R_Wrist" {
		t.Errorf("row is %v", row)
	}
	for name, want := range map[string]float64{"image_x_px": j.Image.X, "camera_z_mm": j.Camera.Z, "root_relative_y_mm": j.RootRelative.Y,
		"score": j.Score, "root_depth_mm": p.People[1].RootDepthMM, "box_width_px": 80.5, "focal_x_px": 614.7} {
		got, err := strconv.ParseFloat(row[column[name]], 64)
		if err != nil || math.Abs(got-want) > 0.051 {
			t.Errorf("%s = %v, want %v", name, row[column[name]], want)
		}
	}
}

func TestNumpyReadsTheCSV(t *testing.T) {
	p := picture(t, "a.jpg", "muco21", 2)
	file := filepath.Join(t.TempDir(), "t.csv")
	if err := os.WriteFile(file, csvOf(t, p), 0o666); err != nil {
		t.Fatal(err)
	}
	out := python(t, "numpy", `
import sys, numpy
t = numpy.genfromtxt(sys.argv[1], delimiter=",", names=True, dtype=None, encoding="utf-8")
second = t[t["person"] == 2]
print(len(t), second["joint"][4], "%.1f" % second["camera_z_mm"].mean())`, file)
	sum := 0.0
	for _, j := range p.People[1].Joints {
		sum += math.Round(j.Camera.Z*10) / 10
	}
	if want := fmt.Sprintf("42 R_Wrist %.1f", sum/21); strings.TrimSpace(out) != want {
		t.Errorf("numpy read %q, want %q", out, want)
	}
}

func TestPandasReadsTheCSV(t *testing.T) {
	file := filepath.Join(t.TempDir(), "t.csv")
	if err := os.WriteFile(file, csvOf(t, picture(t, "a, b.jpg", "muco21", 2), picture(t, "c.jpg", "h36m18", 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	out := python(t, "pandas", `
import sys, pandas
t = pandas.read_csv(sys.argv[1])
print(len(t), list(t.groupby("image").size()), t["model_trained"].all())`, file)
	if strings.TrimSpace(out) != "60 [42, 18] True" {
		t.Errorf("pandas read %q", out)
	}
}

// The order is OpenPose's own: https://github.com/CMU-Perceptual-Computing-Lab/openpose doc/02_output.md.
var body25Names = strings.Fields(`Nose Neck RShoulder RElbow RWrist LShoulder LElbow LWrist MidHip RHip RKnee RAnkle
	LHip LKnee LAnkle REye LEye REar LEar LBigToe LSmallToe LHeel RBigToe RSmallToe RHeel`)

func TestOpenPoseOrder(t *testing.T) {
	other := map[string]string{"MidHip": "Pelvis", "Neck": "Thorax", "LBigToe": "L_Toe", "RBigToe": "R_Toe"}
	for _, c := range []struct {
		set   string
		known int
	}{{"muco21", 16}, {"h36m18", 15}} {
		set, err := skeleton.Named(c.set)
		if err != nil {
			t.Fatal(err)
		}
		p := picture(t, "a.jpg", c.set, 1)
		var f struct {
			Version float64
			People  []struct {
				ID   []int     `json:"person_id"`
				Flat []float64 `json:"pose_keypoints_2d"`
				Deep []float64 `json:"pose_keypoints_3d"`
				Face []float64 `json:"face_keypoints_2d"`
			}
		}
		if err := json.Unmarshal(openPoseOfFile(t, p), &f); err != nil {
			t.Fatal(err)
		}
		one := f.People[0]
		if f.Version != 1.3 || len(one.ID) != 1 || one.ID[0] != -1 || len(one.Flat) != 75 || len(one.Deep) != 100 || one.Face == nil {
			t.Fatalf("%s: version %v, id %v, %d and %d numbers", c.set, f.Version, one.ID, len(one.Flat), len(one.Deep))
		}
		known := 0
		for i, name := range body25Names {
			ours := other[name]
			if ours == "" {
				ours = name // "Nose", or RKnee -> R_Knee
				if name != "Nose" {
					ours = name[:1] + "_" + name[1:]
				}
			}
			j := set.Index(ours)
			if j < 0 {
				if one.Flat[3*i] != 0 || one.Flat[3*i+2] != 0 || one.Deep[4*i+2] != 0 {
					t.Errorf("%s: %s has no joint of ours, yet has numbers", c.set, name)
				}
				continue
			}
			known++
			k := p.People[0].Joints[j]
			if math.Abs(one.Flat[3*i]-k.Image.X) > 0.006 || math.Abs(one.Flat[3*i+2]-k.Score) > 0.0001 ||
				math.Abs(one.Deep[4*i+2]-k.Camera.Z) > 0.051 || math.Abs(one.Deep[4*i+3]-k.Score) > 0.0001 {
				t.Errorf("%s: %s is not our %s", c.set, name, ours)
			}
		}
		if known != c.known {
			t.Errorf("%s: %d of BODY_25 are known, want %d", c.set, known, c.known)
		}
	}
}

func TestNotFiniteIsRefused(t *testing.T) {
	spoil := map[string]func(*pose.Picture){
		"R_Wrist":  func(p *pose.Picture) { p.People[1].Joints[4].Camera.Z = math.NaN() },
		"person 1": func(p *pose.Picture) { p.People[0].Box.W = math.Inf(1) },
		"camera":   func(p *pose.Picture) { p.Camera.FxPx = math.Inf(1) },
		"joints":   func(p *pose.Picture) { p.People[0].Joints = p.People[0].Joints[:3] },
	}
	for word, f := range spoil {
		p := picture(t, "bad.jpg", "muco21", 2)
		f(p)
		dir := t.TempDir()
		j, err := NewJSON(JSONOptions{FileOptions: FileOptions{Path: filepath.Join(dir, "x.json")}, Program: program, Lines: true})
		if err != nil {
			t.Fatal(err)
		}
		c, err := NewCSV(FileOptions{Path: filepath.Join(dir, "x.csv")})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []Sink{j, c, NewOpenPose(DirOptions{Dir: dir})} {
			err := s.Write(context.Background(), nil, p)
			if err == nil || !strings.Contains(err.Error(), "bad.jpg") || !strings.Contains(err.Error(), word) {
				t.Errorf("%T with a spoilt %s: %v", s, word, err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		if files, _ := os.ReadDir(dir); len(files) != 0 {
			t.Errorf("left %v behind", files)
		}
	}
}

func TestSecondPictureNeedsLines(t *testing.T) {
	s, err := NewJSON(JSONOptions{FileOptions: FileOptions{Path: "-", Stdout: &bytes.Buffer{}}, Program: program, Lines: false})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Write(context.Background(), nil, picture(t, "a", "muco21", 0)); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(context.Background(), nil, picture(t, "b", "muco21", 0)); err == nil || !strings.Contains(err.Error(), "JSON Lines") {
		t.Errorf("got %v", err)
	}
}

type closedPipe struct{}

func (closedPipe) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "|1", Err: syscall.EPIPE}
}

func TestReaderGone(t *testing.T) {
	j, err := NewJSON(JSONOptions{FileOptions: FileOptions{Path: "-", Stdout: closedPipe{}}, Program: program, Lines: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []Sink{j, NewTable(closedPipe{}, TableOptions{}), NewMulti(NewTable(closedPipe{}, TableOptions{}))} {
		if err := s.Write(context.Background(), nil, picture(t, "a", "muco21", 1)); !errors.Is(err, ErrReaderGone) {
			t.Errorf("%T: %v, want ErrReaderGone", s, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%T: closing says %v", s, err)
		}
	}
}

func TestTableStaysWithinItsWidth(t *testing.T) {
	p := picture(t, "/a/very/long/path/with/many/folders/and/さらに長い名前/IMG_0001.jpg\x1b[2J", "muco21", 2)
	for _, columns := range []int{60, 80, 100, 160} {
		for _, line := range strings.Split(string(tableOf(t, TableOptions{Columns: columns, Joints: true}, p)), "\n") {
			if strings.Contains(line, "from the root") {
				continue // the heading of the joints may wrap
			}
			if n := len([]rune(line)); n > columns {
				t.Errorf("at %d columns a line has %d: %q", columns, n, line)
			}
			if strings.Contains(line, "\x1b") {
				t.Error("a file name's escape sequence reached the terminal")
			}
		}
	}
}
