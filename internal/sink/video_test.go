package sink

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"mhp/internal/pose"
)

// videoFrame is a frame of a video with people who have the ids given.
func videoFrame(t testing.TB, index int, at time.Duration, ids ...int) *pose.Picture {
	t.Helper()
	p := picture(t, "dance.mp4", "muco21", len(ids))
	p.Index, p.Time = index, at
	for i, id := range ids {
		p.People[i].ID = id
	}
	return p
}

func threeFrames(t testing.TB) []*pose.Picture {
	list := []*pose.Picture{
		videoFrame(t, 0, 0, 1),
		videoFrame(t, 1, 33366667*time.Nanosecond, 1, 7),
		videoFrame(t, 2, 66733333*time.Nanosecond),
	}
	list[1].People[1].Interpolated = true
	return list
}

func TestVideoGoldens(t *testing.T) {
	var lines, table bytes.Buffer
	j, err := NewJSON(JSONOptions{FileOptions: FileOptions{Path: "-", Stdout: &lines}, Program: program, Lines: true, Frames: true, World: ZUpWorld})
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewCSVOf(CSVOptions{FileOptions: FileOptions{Path: "-", Stdout: &table}, Frames: true, World: YUpWorld})
	if err != nil {
		t.Fatal(err)
	}
	writeAll(t, NewMulti(j, c), threeFrames(t)...)
	golden(t, "video.jsonl", lines.Bytes())
	golden(t, "video.csv", table.Bytes())
}

func TestVideoLinesFitTheSchema(t *testing.T) {
	var b bytes.Buffer
	j, err := NewJSON(JSONOptions{FileOptions: FileOptions{Path: "-", Stdout: &b}, Program: program, Lines: true, Frames: true, World: YUpWorld})
	if err != nil {
		t.Fatal(err)
	}
	writeAll(t, j, threeFrames(t)...)
	s := schema(t)
	lines := bytes.Split(bytes.TrimSpace(b.Bytes()), []byte("\n"))
	if len(lines) != 3 {
		t.Fatalf("%d lines for 3 frames", len(lines))
	}
	for _, line := range lines {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(v); err != nil {
			t.Error(err)
		}
	}
	for what, change := range map[string]func(map[string]any){
		"an id of 0":                 func(p map[string]any) { p["id"] = 0 },
		"an id without interpolated": func(p map[string]any) { delete(p, "interpolated") },
	} {
		var d map[string]any
		if err := json.Unmarshal(lines[1], &d); err != nil {
			t.Fatal(err)
		}
		change(d["people"].([]any)[1].(map[string]any))
		if s.Validate(d) == nil {
			t.Errorf("the schema accepts %s", what)
		}
	}
	var d document
	if err := json.Unmarshal(lines[1], &d); err != nil {
		t.Fatal(err)
	}
	if *d.Image.Time != 0.033367 || d.People[1].ID != 7 || !*d.People[1].Interpolated || *d.People[0].Interpolated {
		t.Errorf("time %v, people %d and %d", *d.Image.Time, d.People[0].ID, d.People[1].ID)
	}
}

// A line must be in the file when Write returns, and a file that was never
// closed must hold every line.
func TestGrowingFilesAreReadableAtOnce(t *testing.T) {
	dir := t.TempDir()
	path, table := filepath.Join(dir, "x.jsonl"), filepath.Join(dir, "x.csv")
	for _, old := range []string{path, table} {
		if err := os.WriteFile(old, []byte(strings.Repeat("old ", 100000)), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	j, err := NewJSON(JSONOptions{FileOptions: FileOptions{Path: path, Grow: true}, Program: program, Lines: true, Frames: true})
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewCSVOf(CSVOptions{FileOptions: FileOptions{Path: table, Grow: true}, Frames: true})
	if err != nil {
		t.Fatal(err)
	}
	m := NewMulti(j, c)
	for i, p := range threeFrames(t)[:2] {
		if err := write(m, p); err != nil {
			t.Fatal(err)
		}
		lines, err := os.ReadFile(path)
		if err != nil || bytes.Count(lines, []byte("\n")) != i+1 || !json.Valid(bytes.Split(lines, []byte("\n"))[i]) {
			t.Errorf("after frame %d the file has %d lines (%v)", i, bytes.Count(lines, []byte("\n")), err)
		}
		rows, err := os.Open(table)
		if err != nil {
			t.Fatal(err)
		}
		records, err := csv.NewReader(rows).ReadAll()
		rows.Close()
		if want := 1 + 21*(1+2*i); err != nil || len(records) != want {
			t.Errorf("after frame %d the table has %d rows, want %d (%v)", i, len(records), want, err)
		}
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

func TestGrowingFileOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.jsonl")
	one := jsonOf(t, true, picture(t, "dance.mp4", "muco21", 1))
	for _, c := range []struct{ room, lines int }{{10, 0}, {len(one)*3/2 + 200, 1}} {
		j, err := NewJSON(JSONOptions{FileOptions: FileOptions{Path: path, Grow: true, wrap: tight(c.room)}, Program: program, Lines: true, Frames: true})
		if err != nil {
			t.Fatal(err)
		}
		var failure error
		for range 3 {
			if failure = write(j, videoFrame(t, 0, 0, 1)); failure != nil {
				break
			}
		}
		if failure == nil || !strings.Contains(hintOf(failure), "disk is full") {
			t.Errorf("a full disk gives %v", failure)
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
		b, err := os.ReadFile(path)
		if got := bytes.Count(b, []byte("\n")); got != c.lines || (err == nil) != (c.lines > 0) || (len(b) > 0 && b[len(b)-1] != '\n') {
			t.Errorf("room for %d bytes: %d whole lines stay (%v), want %d", c.room, got, err, c.lines)
		}
	}
}

func TestOpenPoseOfVideos(t *testing.T) {
	dir := t.TempDir()
	writeAll(t, NewOpenPose(DirOptions{Dir: dir, Frames: true}), threeFrames(t)...)
	wantFiles(t, dir, "dance_000000000000_keypoints.json", "dance_000000000001_keypoints.json", "dance_000000000002_keypoints.json")
	b, err := os.ReadFile(filepath.Join(dir, "dance_000000000001_keypoints.json"))
	if err != nil {
		t.Fatal(err)
	}
	var f openPoseFile
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	if len(f.People) != 2 || f.People[0].ID != [1]int{1} || f.People[1].ID != [1]int{7} {
		t.Errorf("ids of %+v", f.People)
	}
}

// The three worlds hold the same body: turned, neither mirrored nor bent.
func TestWorldsAreTurnedOnly(t *testing.T) {
	for _, w := range []World{CameraWorld, YUpWorld, ZUpWorld} {
		r := w.rows
		det := r[0][0]*(r[1][1]*r[2][2]-r[1][2]*r[2][1]) - r[0][1]*(r[1][0]*r[2][2]-r[1][2]*r[2][0]) + r[0][2]*(r[1][0]*r[2][1]-r[1][1]*r[2][0])
		if math.Abs(det-1) > 1e-12 {
			t.Errorf("%s: determinant %v mirrors", w.name, det)
		}
		named, err := WorldNamed(w.name)
		if err != nil || named.name != w.name {
			t.Errorf("%s is not known by its name: %v", w.name, err)
		}
	}
	down := picture(t, "a", "muco21", 1).People[0].Joints[0].Camera
	down.X, down.Y, down.Z = 3, 100, 2000
	if got := YUpWorld.Point(down); got != (WorldPointMM{3, -100, -2000}) {
		t.Errorf("y up: %v", got)
	}
	if got := ZUpWorld.Point(down); got != (WorldPointMM{3, 2000, -100}) {
		t.Errorf("z up: %v", got)
	}
	if got := (World{}).Point(down); got != WorldPointMM(down) {
		t.Errorf("the zero world turns: %v", got)
	}
	if _, err := WorldNamed("up"); err == nil {
		t.Error("any axes are known")
	}
}
