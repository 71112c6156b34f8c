package cli

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mhp/internal/source/gocv"
	"mhp/internal/testkit"
)

// openCV skips a test in a build that reads no videos.
func openCV(t *testing.T) {
	t.Helper()
	if _, why := gocv.Version(); why != "" {
		t.Skip(why)
	}
}

// video runs mhp video and gives its rows by name of the column.
func video(t *testing.T, want int, args ...string) (rows []map[string]string, told string) {
	t.Helper()
	library := testLibrary(testkit.RepoRoot(t))
	if library == "" {
		t.Skip("no ONNX Runtime library; make onnxruntime fetches it")
	}
	t.Setenv("MHP_ORT_LIBRARY", library)
	var out, errOut bytes.Buffer
	args = append([]string{"video", "--csv", "-"}, args...)
	if code := Run(context.Background(), args, strings.NewReader(""), &out, &errOut); code != want {
		t.Fatalf("%v: exit code %d, want %d\n%s", args, code, want, errOut.String())
	}
	all, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range all[min(1, len(all)):] {
		row := map[string]string{}
		for i, v := range line {
			row[all[0][i]] = v
		}
		rows = append(rows, row)
	}
	return rows, errOut.String()
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestCrossingPeopleKeepTheirIDs: in the rendered clip two people walk past
// each other, one behind the other for a third of a second. Their boxes are told every tenth frame,
// as a detector would, or only in the first.
func TestCrossingPeopleKeepTheirIDs(t *testing.T) {
	openCV(t)
	clip := filepath.Join(testkit.RepoRoot(t), "testdata", "video", "crossing.mp4")
	data, err := os.ReadFile(filepath.Join(testkit.RepoRoot(t), "testdata", "video", "crossing.json"))
	if err != nil {
		t.Fatal(err)
	}
	var truth [][][7]float64 // frame, person: number, box x, y, w, h, pelvis x, y
	if err := json.Unmarshal(data, &truth); err != nil {
		t.Fatal(err)
	}
	for _, every := range []int{10, 1000} {
		t.Run(fmt.Sprintf("boxes every %d frames", every), func(t *testing.T) {
			rows, _ := video(t, exitDone, clip, "--boxes", boxesOf(t, truth, every), "--detect-every", strconv.Itoa(every))
			owner := map[string]float64{} // id -> person
			seen := map[string]int{}
			for _, row := range rows {
				if row["joint"] != "Pelvis" {
					continue
				}
				n, _ := strconv.Atoi(row["frame"])
				people := truth[n]
				x, y := number(t, row["image_x_px"]), number(t, row["image_y_px"])
				off := func(i int) float64 { return math.Hypot(people[i][5]-x, people[i][6]-y) }
				seen[row["id"]]++
				// While they cover each other, which of them is meant cannot be told by the place: their bodies
				// are about 60 px wide, and with arms and legs one may cover half of the other from farther off.
				left, right := max(people[0][1], people[1][1]), min(people[0][1]+people[0][3], people[1][1]+people[1][3])
				if math.Abs(people[0][5]-people[1][5]) < 60 || right-left >= min(people[0][3], people[1][3])/2 {
					continue
				}
				nearest := people[0][0]
				if off(1) < off(0) {
					nearest = people[1][0]
				}
				if was, known := owner[row["id"]]; known && was != nearest {
					t.Errorf("frame %d: id %s changes from person %g to person %g", n, row["id"], was, nearest)
				}
				owner[row["id"]] = nearest
			}
			if len(owner) != 2 || owner["1"] == owner["2"] {
				t.Errorf("ids and their people: %v", owner)
			}
			for id, frames := range seen {
				if frames < 80 {
					t.Errorf("id %s is seen in %d of 96 frames", id, frames)
				}
			}
		})
	}
}

// boxesOf writes COCO detections of every so manyth frame.
func boxesOf(t *testing.T, truth [][][7]float64, every int) string {
	t.Helper()
	type detection struct {
		ImageID  int        `json:"image_id"`
		Category int        `json:"category_id"`
		Box      [4]float64 `json:"bbox"`
		Score    float64    `json:"score"`
	}
	var all []detection
	for n := 0; n < len(truth); n += every {
		for _, p := range truth[n] {
			all = append(all, detection{n, 1, [4]float64(p[1:5]), 0.9})
		}
	}
	data, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "boxes.json")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestOneByOne: three people come and go one after the other, and get an id each.
func TestOneByOne(t *testing.T) {
	if testing.Short() {
		t.Skip("works on 510 frames")
	}
	openCV(t)
	rows, _ := video(t, exitDone, testkit.Shared(t, "media", "one_by_one.mp4"), "--detector", "none")
	frames := map[string][]int{}
	for _, row := range rows {
		n, _ := strconv.Atoi(row["frame"])
		if list := frames[row["id"]]; len(list) == 0 || list[len(list)-1] != n {
			frames[row["id"]] = append(list, n)
		}
	}
	if len(frames) != 3 {
		t.Errorf("%d ids for three visits", len(frames))
	}
	// When they are in the picture as a whole, by eye.
	for id, stay := range map[string][2]int{"1": {40, 130}, "2": {200, 380}, "3": {480, 505}} {
		list := frames[id]
		first, _ := slices.BinarySearch(list, stay[0])
		last, _ := slices.BinarySearch(list, stay[1])
		if got, all := last-first, stay[1]-stay[0]; got < all*9/10 {
			t.Errorf("id %s is seen in %d of the %d frames from %d to %d", id, got, all, stay[0], stay[1])
		}
	}
}

// TestPipeIsTheFile: ffmpeg's frames through a pipe give what the file gives,
// raw as well as, nearly, JPEG after JPEG. There one joint in ten may be one of
// which the network is so unsure that a little noise moves it.
func TestPipeIsTheFile(t *testing.T) {
	openCV(t)
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("no ffmpeg here; Debian's package ffmpeg has it")
	}
	clip := filepath.Join(testkit.RepoRoot(t), "testdata", "video", "crossing.mp4")
	box := []string{"--box", "60,80,120,270", "--detect-every", "1000", "--smooth", "off"}
	want, _ := video(t, exitDone, append([]string{clip}, box...)...)
	for _, c := range []struct {
		name    string
		limitPx float64
		further int // how many joints may be further off than the limit
		ffmpeg  []string
		mhp     []string
	}{
		{"raw", 0.02, 0, []string{"-f", "rawvideo", "-pix_fmt", "bgr24"}, []string{"--size", "640x360", "--pixel-format", "bgr24"}},
		{"mjpeg", 8, 12 * 21 / 10, []string{"-c:v", "mjpeg", "-q:v", "2", "-f", "image2pipe"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			pipe, err := exec.Command(ffmpeg, append(append([]string{"-v", "error", "-i", clip, "-frames:v", "12"}, c.ffmpeg...), "-")...).Output()
			if err != nil {
				t.Fatal(err)
			}
			var out, errOut bytes.Buffer
			args := append(append([]string{"video", "-", "--csv", "-"}, c.mhp...), box...)
			if code := Run(context.Background(), args, bytes.NewReader(pipe), &out, &errOut); code != exitDone {
				t.Fatalf("exit code %d\n%s", code, errOut.String())
			}
			got, err := csv.NewReader(&out).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			if len(got)-1 != 12*21 {
				t.Fatalf("%d rows for 12 frames of one person", len(got)-1)
			}
			x := slices.Index(got[0], "image_x_px")
			further := 0
			for i, row := range got[1:] {
				if off := math.Abs(number(t, row[x]) - number(t, want[i]["image_x_px"])); off > c.limitPx {
					t.Logf("row %d: x differs by %.2f px from the file's", i, off)
					further++
				}
			}
			if further > c.further {
				t.Errorf("%d of %d joints are further than %g px from the file's", further, len(got)-1, c.limitPx)
			}
		})
	}
}

// TestInterruptedVideo: Ctrl-C ends all outputs properly, with their own exit code.
func TestInterruptedVideo(t *testing.T) {
	library := testLibrary(testkit.RepoRoot(t))
	if library == "" {
		t.Skip("no ONNX Runtime library; make onnxruntime fetches it")
	}
	t.Setenv("MHP_ORT_LIBRARY", library)
	jpeg, err := os.ReadFile(filepath.Join(testkit.RepoRoot(t), "testdata", "sample", "one.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	var out, errOut bytes.Buffer
	args := []string{"video", "-", "--detector", "none", "--json", filepath.Join(dir, "a.jsonl"), "--csv", filepath.Join(dir, "a.csv"), "--bvh", dir, "--trc", dir, "--gltf", filepath.Join(dir, "a.glb")}
	code := Run(ctx, args, &endlessFilm{jpeg: jpeg, after: 12, then: cancel}, &out, &errOut)
	if code != exitInterrupted || !strings.Contains(errOut.String(), "interrupted; what is written is complete") {
		t.Fatalf("exit code %d\n%s", code, errOut.String())
	}
	for _, name := range []string{"a.jsonl", "a.csv", "stdin_person1.bvh", "stdin_person1.trc", "a.glb"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".mhp-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	lines, err := os.ReadFile(filepath.Join(dir, "a.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range bytes.Split(bytes.TrimSpace(lines), []byte("\n")) {
		if !json.Valid(line) {
			t.Errorf("a line is no JSON: %.80s", line)
		}
	}
}

// endlessFilm gives a picture over and over and calls then after so many.
type endlessFilm struct {
	jpeg  []byte
	at, n int
	after int
	then  func()
}

func (f *endlessFilm) Read(p []byte) (int, error) {
	n := copy(p, f.jpeg[f.at:])
	if f.at += n; f.at == len(f.jpeg) {
		f.at = 0
		if f.n++; f.n == f.after {
			f.then()
		}
	}
	return n, nil
}
