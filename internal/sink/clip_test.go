package sink

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"mhp/internal/geom"
	"mhp/internal/motion"
	"mhp/internal/pose"
	"mhp/internal/skeleton"
	"mhp/internal/testkit"
)

// moving is a video at 25 frames a second of two people who swing every joint,
// their bones rigid. Person 1 is there throughout except for frames 20 to 24;
// person 5 from frame 10 to 39.
func moving(t testing.TB, setName string, frames int) []*pose.Picture {
	t.Helper()
	set, err := skeleton.Named(setName)
	if err != nil {
		t.Fatal(err)
	}
	base := person(t, set, 0)
	start := make([]motion.Vec, len(set.Joints))
	for j, k := range base.Joints {
		start[j] = motion.Vec{k.RootRelative.X, -k.RootRelative.Y, -k.RootRelative.Z}
	}
	body := motion.NewRig(set, [][]motion.Vec{start})
	var out []*pose.Picture
	for i := range frames {
		p := picture(t, "clips/dance 1.mp4", setName, 0)
		p.Index, p.Time = i, time.Duration(i)*time.Second/25
		for _, id := range []int{1, 5} {
			if id == 1 && i >= 20 && i < 25 || id == 5 && (i < 10 || i >= 40) {
				continue
			}
			s := float64(i)/25 + float64(id)
			posture := motion.Posture{Root: motion.Vec{600 * float64(id-3), 40 * math.Sin(5*s), -3000 - 200*s}, Turns: make([]motion.Quat, len(set.Joints))}
			for j := range posture.Turns {
				a := 0.7 * math.Sin(s*(1+0.1*float64(j))+float64(j))
				n := math.Sqrt(1.16)
				posture.Turns[j] = motion.Quat{W: math.Cos(a), X: math.Sin(a) * math.Sin(float64(j)) / n, Y: math.Sin(a) * 0.4 / n, Z: math.Sin(a) * math.Cos(float64(j)) / n}
			}
			one := person(t, set, id)
			one.ID = id
			root := posture.Root
			for j, v := range body.Forward(posture) {
				one.Joints[j].Camera = geom.CameraPointMM{X: v[0], Y: -v[1], Z: -v[2]}
				one.Joints[j].RootRelative = geom.RootRelativeMM{X: v[0] - root[0], Y: root[1] - v[1], Z: root[2] - v[2]}
			}
			p.People = append(p.People, one)
		}
		out = append(out, p)
	}
	return out
}

// jointsOf is where a person's joints were in a world, [frame][joint]; nil for
// frames without them.
func jointsOf(pictures []*pose.Picture, id int, world World) [][][3]float64 {
	out := make([][][3]float64, len(pictures))
	for i, p := range pictures {
		for _, one := range p.People {
			if one.ID != id {
				continue
			}
			for _, j := range one.Joints {
				w := world.Point(j.Camera)
				out[i] = append(out[i], [3]float64{w.X, w.Y, w.Z})
			}
		}
	}
	return out
}

func apart(a, b [3]float64) float64 {
	return math.Sqrt((a[0]-b[0])*(a[0]-b[0]) + (a[1]-b[1])*(a[1]-b[1]) + (a[2]-b[2])*(a[2]-b[2]))
}

// bvhReader is a second implementation of BVH: a parser and forward kinematics
// with rotation matrices, in whatever order the channels stand. It prints JSON:
// frame time, joint names, bone lengths and positions by frame.
const bvhReader = `
import sys, json, math
def read(path):
    words = open(path).read().split()
    at = 0
    def take():
        nonlocal at
        at += 1
        return words[at - 1]
    def need(word):
        got = take()
        assert got == word, (got, word)
    joints = []
    def joint(parent):
        name = take(); need("{"); need("OFFSET")
        j = {"name": name, "parent": parent, "offset": [float(take()) for _ in range(3)]}
        need("CHANNELS"); j["channels"] = [take() for _ in range(int(take()))]
        joints.append(j); me = len(joints) - 1
        children = 0
        while True:
            kind = take()
            if kind == "JOINT": joint(me)
            elif kind == "End":
                need("Site"); need("{"); need("OFFSET"); j["end"] = [float(take()) for _ in range(3)]; need("}")
            elif kind == "}": break
            else: raise SystemExit("unexpected " + kind)
            children += 1
        assert children, "a joint without children or end site"
    need("HIERARCHY"); need("ROOT"); joint(-1)
    need("MOTION"); need("Frames:"); frames = int(take()); need("Frame"); need("Time:"); step = float(take())
    assert len(words) - at == frames * sum(len(j["channels"]) for j in joints), "wrong number of values"
    def mul(a, b): return [[sum(a[i][k] * b[k][j] for k in range(3)) for j in range(3)] for i in range(3)]
    def turn(axis, deg):
        c, s = math.cos(math.radians(deg)), math.sin(math.radians(deg))
        return {"X": [[1,0,0],[0,c,-s],[0,s,c]], "Y": [[c,0,s],[0,1,0],[-s,0,c]], "Z": [[c,-s,0],[s,c,0],[0,0,1]]}[axis]
    positions, jump, previous = [], 0.0, None
    for f in range(frames):
        row, values = [], []
        for j in joints:
            rotation, place = [[1,0,0],[0,1,0],[0,0,1]], list(j["offset"])
            for channel in j["channels"]:
                v = float(take()); values.append((channel, v))
                if channel.endswith("position"): place["XYZ".index(channel[0])] = v
                else: rotation = mul(rotation, turn(channel[0], v))
            if j["parent"] >= 0:
                p, r = row[j["parent"]]
                place = [p[i] + sum(r[i][k] * place[k] for k in range(3)) for i in range(3)]
                rotation = mul(r, rotation)
            row.append((place, rotation))
        if previous: jump = max(jump, max(abs(a[1] - b[1]) for a, b in zip(values, previous) if a[0].endswith("rotation")))
        previous = values
        positions.append([p for p, r in row])
    return {"step": step, "jump": jump, "names": [j["name"] for j in joints], "parents": [j["parent"] for j in joints],
        "ends": sum("end" in j for j in joints), "positions": positions}
print(json.dumps([read(path) for path in sys.argv[1:]]))
`

// bvhClip is what bvhReader prints of one file.
type bvhClip struct {
	Step, Jump float64
	Names      []string
	Parents    []int
	Ends       int
	Positions  [][][3]float64 // cm
}

func TestBVHReadBackByASecondImplementation(t *testing.T) {
	type made struct {
		pictures []*pose.Picture
		world    World
		leafs    int
		id       int
		span     [2]int
	}
	var clips []made
	var files []string
	for _, c := range []struct {
		set   string
		world World
		leafs int
	}{{"muco21", YUpWorld, 5}, {"h36m18", ZUpWorld, 6}, {"muco21", CameraWorld, 5}} {
		pictures := moving(t, c.set, 50)
		dir := t.TempDir()
		writeAll(t, NewBVH(DirOptions{Dir: dir}, ClipOptions{FPS: 25, World: c.world}), pictures...)
		wantFiles(t, dir, "dance 1_person1.bvh", "dance 1_person5.bvh")
		files = append(files, filepath.Join(dir, "dance 1_person1.bvh"), filepath.Join(dir, "dance 1_person5.bvh"))
		clips = append(clips, made{pictures, c.world, c.leafs, 1, [2]int{0, 50}}, made{pictures, c.world, c.leafs, 5, [2]int{10, 40}})
	}
	var read []bvhClip
	if err := json.Unmarshal([]byte(python(t, "json", bvhReader, files...)), &read); err != nil {
		t.Fatal(err)
	}
	for i, got := range read {
		c := clips[i]
		set := c.pictures[0].Model.Set
		if got.Step != 0.04 || len(got.Positions) != c.span[1]-c.span[0] || len(got.Names) != len(set.Joints) || got.Ends != c.leafs {
			t.Fatalf("%s: step %v, %d frames, %d joints, %d ends", files[i], got.Step, len(got.Positions), len(got.Names), got.Ends)
		}
		if got.Jump > 90 {
			t.Errorf("%s: an angle jumps by %v degrees between two frames", files[i], got.Jump)
		}
		for n, name := range got.Names {
			if p := got.Parents[n]; p >= 0 && set.Joints[set.Parents[set.Index(name)]] != got.Names[p] {
				t.Errorf("%s hangs on %s", name, got.Names[p])
			}
		}
		want := jointsOf(c.pictures, c.id, c.world)
		worst := 0.0
		for f, row := range got.Positions {
			if want[c.span[0]+f] == nil {
				continue // the gap
			}
			for n, name := range got.Names {
				p := [3]float64{row[n][0] * 10, row[n][1] * 10, row[n][2] * 10}
				worst = math.Max(worst, apart(p, want[c.span[0]+f][set.Index(name)]))
			}
		}
		if worst > 0.2 {
			t.Errorf("%s, axes %s: a joint is %v mm off", files[i], c.world.name, worst)
		}
	}
}

func TestEulerAtThePoles(t *testing.T) {
	last := [3]float64{}
	turn := func(z, x, y float64) motion.Quat {
		h := math.Pi / 360
		qz := motion.Quat{W: math.Cos(z * h), Z: math.Sin(z * h)}
		qx := motion.Quat{W: math.Cos(x * h), X: math.Sin(x * h)}
		qy := motion.Quat{W: math.Cos(y * h), Y: math.Sin(y * h)}
		return qz.Mul(qx).Mul(qy)
	}
	for _, angles := range [][3]float64{{0, 0, 0}, {10, 89, -20}, {10, 90, -20}, {10, 91, -20}, {170, -90, 30}, {190, -100, 30}, {359, 5, 350}, {365, 5, 361}} {
		q := turn(angles[0], angles[1], angles[2])
		last = eulerZXY(q, last)
		back := turn(last[0], last[1], last[2])
		for _, v := range []motion.Vec{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}} {
			if a, b := q.Turn(v), back.Turn(v); apart(a, b) > 1e-4 {
				t.Errorf("%v becomes %v, which is another turn", angles, last)
			}
		}
	}
	if got := eulerZXY(turn(190, 20, 0), [3]float64{170, 20, 0}); math.Abs(got[0]-190) > 1e-6 {
		t.Errorf("going on from 170 to 190 degrees gives %v", got)
	}
}

func TestTRCReadsBack(t *testing.T) {
	pictures := moving(t, "muco21", 50)
	dir := t.TempDir()
	writeAll(t, NewTRC(DirOptions{Dir: dir}, ClipOptions{FPS: 25, World: YUpWorld}), pictures...)
	f, err := os.Open(filepath.Join(dir, "dance 1_person1.trc"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var lines [][]string
	for s := bufio.NewScanner(f); s.Scan(); {
		lines = append(lines, strings.Split(s.Text(), "\t"))
	}
	if got := strings.Join(lines[2], " "); got != "25 25 50 21 mm 25 1 50" {
		t.Errorf("the header's values are %q", got)
	}
	if lines[3][0] != "Frame#" || lines[3][1] != "Time" || lines[3][2] != "Head_top" || lines[3][5] != "Thorax" || lines[4][4] != "Z1" || len(lines[5]) != 1 {
		t.Errorf("the columns' names are %v, %v", lines[3][:6], lines[4][:6])
	}
	want := jointsOf(pictures, 1, YUpWorld)
	for i, row := range lines[6:] {
		if len(row) != 2+3*21 || row[0] != strconv.Itoa(i+1) {
			t.Fatalf("row %d has %d fields", i, len(row))
		}
		if at, err := strconv.ParseFloat(row[1], 64); err != nil || math.Abs(at-float64(i)/25) > 1e-6 {
			t.Errorf("row %d is at %s", i, row[1])
		}
		for n := range 3 * 21 {
			if want[i] == nil {
				if row[2+n] != "NaN" {
					t.Fatalf("row %d: a frame without the person holds %q", i, row[2+n])
				}
				continue
			}
			if v, err := strconv.ParseFloat(row[2+n], 64); err != nil || math.Abs(v-want[i][n/3][n%3]) > 0.051 {
				t.Fatalf("row %d, field %d: %q, want %v", i, n, row[2+n], want[i][n/3][n%3])
			}
		}
	}
}

// As pose2sim and Sports2D read TRC files.
func TestPandasReadsTheTRC(t *testing.T) {
	pictures := moving(t, "muco21", 50)
	dir := t.TempDir()
	writeAll(t, NewTRC(DirOptions{Dir: dir}, ClipOptions{FPS: 25, World: ZUpWorld}), pictures...)
	out := python(t, "pandas", `
import sys, pandas
header = open(sys.argv[1]).readlines()[3].rstrip("\n").split("\t")
t = pandas.read_csv(sys.argv[1], sep="\t", skiprows=4)
x = t.iloc[:, header.index("R_Wrist"):header.index("R_Wrist") + 3]
print(t.shape[0], int(t.isna().any(axis=1).sum()), "%.1f %.1f %.1f" % tuple(x.iloc[30]))`, filepath.Join(dir, "dance 1_person1.trc"))
	w := jointsOf(pictures, 1, ZUpWorld)[30][4]
	if got, want := strings.TrimSpace(out), fmt.Sprintf("50 5 %.1f %.1f %.1f", w[0], w[1], w[2]); got != want {
		t.Errorf("pandas read %q, want %q", got, want)
	}
}

// validate runs Khronos' validator over glTF files and returns the number of
// issues by severity, errors first.
func validate(t *testing.T, files ...string) [][4]int {
	t.Helper()
	node := filepath.Join(testkit.RepoRoot(t), ".tools", "node")
	if _, err := os.Stat(filepath.Join(node, "node_modules", "gltf-validator")); err != nil {
		t.Skip("no glTF validator here: scripts/setup.sh node fetches it")
	}
	exe, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no node here to run the glTF validator")
	}
	cmd := exec.Command(exe, append([]string{"-e", `
const v = require("gltf-validator"), fs = require("fs");
(async () => { const all = [];
for (const f of process.argv.slice(1)) {
  const r = await v.validateBytes(new Uint8Array(fs.readFileSync(f)), {maxIssues: 20});
  const i = r.issues;
  for (const m of i.messages) console.error(f, m.severity, m.code, m.message, m.pointer);
  all.push([i.numErrors, i.numWarnings, i.numInfos, i.numHints]);
}
console.log(JSON.stringify(all)); })();`}, files...)...)
	cmd.Dir = node
	var out, messages bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &messages
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, messages.String())
	}
	if messages.Len() > 0 {
		t.Logf("%s", messages.String())
	}
	var counts [][4]int
	if err := json.Unmarshal(out.Bytes(), &counts); err != nil {
		t.Fatal(err)
	}
	return counts
}

func TestValidatorAcceptsTheGLTF(t *testing.T) {
	dir := t.TempDir()
	files := []string{}
	for name, pictures := range map[string][]*pose.Picture{
		"two.gltf": moving(t, "muco21", 50), "two.glb": moving(t, "h36m18", 50),
		"nobody.gltf": {picture(t, "a.mp4", "muco21", 0)}, "nobody.glb": {untrained(picture(t, "a.mp4", "muco21", 0))},
		"still.glb": moving(t, "muco21", 1),
	} {
		path := filepath.Join(dir, name)
		s, err := NewGLTF(FileOptions{Path: path}, ClipOptions{FPS: 25}, program)
		if err != nil {
			t.Fatal(err)
		}
		writeAll(t, s, pictures...)
		files = append(files, path)
	}
	// A validator that accepts anything would prove nothing.
	whole, err := os.ReadFile(filepath.Join(dir, "two.gltf"))
	if err != nil {
		t.Fatal(err)
	}
	spoilt := filepath.Join(dir, "spoilt.gltf")
	if err := os.WriteFile(spoilt, bytes.Replace(whole, []byte(`"path":"rotation"`), []byte(`"path":"scale"`), 1), 0o666); err != nil {
		t.Fatal(err)
	}
	counts := validate(t, append(files, spoilt)...)
	for i, f := range files {
		if counts[i] != [4]int{} {
			t.Errorf("%s: errors, warnings, infos, hints: %v", filepath.Base(f), counts[i])
		}
	}
	if counts[len(files)][0] == 0 {
		t.Error("a rotation sold as a scale passes")
	}
}

// gltfJoints plays the animation at one of its own keyframes: an
// implementation of its own, from the file to positions in metres by node name.
func gltfJoints(t *testing.T, file string, at float32) map[string][3]float64 {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var d gltfDocument
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	data := decodeURI(t, d.Buffers[0].URI)
	read := func(accessor int) []float32 {
		a := d.Accessors[accessor]
		v := d.BufferViews[a.View]
		out := make([]float32, v.Length/4)
		for i := range out {
			o := v.Offset + 4*i
			out[i] = math.Float32frombits(uint32(data[o]) | uint32(data[o+1])<<8 | uint32(data[o+2])<<16 | uint32(data[o+3])<<24)
		}
		return out
	}
	matrix := make([][16]float64, len(d.Nodes)) // column-major, local
	turn := map[int][]float32{}
	place := map[int][]float32{}
	size := map[int]float64{}
	for _, c := range d.Animations[0].Channels {
		s := d.Animations[0].Samplers[c.Sampler]
		times, values := read(s.Input), read(s.Output)
		width := len(values) / len(times)
		for k, when := range times {
			if k == 0 || when <= at+1e-4 {
				v := values[k*width : (k+1)*width]
				switch c.Target.Path {
				case "rotation":
					turn[c.Target.Node] = v
				case "translation":
					place[c.Target.Node] = v
				case "scale":
					size[c.Target.Node] = float64(v[0])
				}
			}
		}
	}
	for i, n := range d.Nodes {
		q := []float32{0, 0, 0, 1}
		if turn[i] != nil {
			q = turn[i]
		}
		p := [3]float32{}
		if n.Translation != nil {
			p = *n.Translation
		}
		if place[i] != nil {
			p = [3]float32(place[i])
		}
		k, ok := size[i]
		if !ok {
			k = 1
		}
		x, y, z, w := float64(q[0]), float64(q[1]), float64(q[2]), float64(q[3])
		matrix[i] = [16]float64{
			k * (1 - 2*(y*y+z*z)), k * 2 * (x*y + z*w), k * 2 * (x*z - y*w), 0,
			k * 2 * (x*y - z*w), k * (1 - 2*(x*x+z*z)), k * 2 * (y*z + x*w), 0,
			k * 2 * (x*z + y*w), k * 2 * (y*z - x*w), k * (1 - 2*(x*x+y*y)), 0,
			float64(p[0]), float64(p[1]), float64(p[2]), 1,
		}
	}
	out := map[string][3]float64{}
	var walk func(node int, above [16]float64)
	walk = func(node int, above [16]float64) {
		var m [16]float64
		for c := range 4 {
			for r := range 4 {
				for k := range 4 {
					m[4*c+r] += above[4*k+r] * matrix[node][4*c+k]
				}
			}
		}
		out[d.Nodes[node].Name] = [3]float64{m[12], m[13], m[14]}
		for _, c := range d.Nodes[node].Children {
			walk(c, m)
		}
	}
	for _, root := range d.Scenes[0].Nodes {
		walk(root, [16]float64{0: 1, 5: 1, 10: 1, 15: 1})
	}
	return out
}

func TestGLTFPlaysBack(t *testing.T) {
	pictures := moving(t, "muco21", 50)
	file := filepath.Join(t.TempDir(), "x.gltf")
	s, err := NewGLTF(FileOptions{Path: file}, ClipOptions{FPS: 25}, program)
	if err != nil {
		t.Fatal(err)
	}
	writeAll(t, s, pictures...)
	set := pictures[0].Model.Set
	for _, frame := range []int{0, 9, 10, 19, 30, 39, 40, 49} {
		at := gltfJoints(t, file, float32(frame)/25)
		for _, id := range []int{1, 5} {
			want := jointsOf(pictures, id, YUpWorld)[frame]
			for j, name := range set.Joints {
				got := at[fmt.Sprintf("person%d:%s", id, name)]
				switch {
				case want == nil && got != [3]float64{}:
					t.Fatalf("frame %d: person %d is hidden, yet %s is at %v", frame, id, name, got)
				case want != nil && apart([3]float64{1000 * got[0], 1000 * got[1], 1000 * got[2]}, want[j]) > 0.2:
					t.Fatalf("frame %d, person %d: %s at %v m, want %v mm", frame, id, name, got, want[j])
				}
			}
		}
	}
}

func TestClipsOfNobodyAndOfUnknownPeople(t *testing.T) {
	dir := t.TempDir()
	at := DirOptions{Dir: filepath.Join(dir, "out")}
	g, err := NewGLTF(FileOptions{Path: filepath.Join(dir, "no.gltf")}, ClipOptions{}, program)
	if err != nil {
		t.Fatal(err)
	}
	writeAll(t, NewMulti(NewBVH(at, ClipOptions{}), NewTRC(at, ClipOptions{}), g))
	wantFiles(t, dir)
	writeAll(t, NewMulti(NewBVH(at, ClipOptions{}), NewTRC(at, ClipOptions{})), picture(t, "a", "muco21", 1), picture(t, "a", "muco21", 0))
	wantFiles(t, dir)
	if _, err := NewGLTF(FileOptions{Path: "x.gltf", Inputs: NewInputs("x.gltf")}, ClipOptions{}, program); err == nil {
		t.Error("an input would be overwritten")
	}
	if _, err := NewGLTF(FileOptions{Path: "-"}, ClipOptions{}, program); err == nil {
		t.Error("glTF goes to standard output")
	}
}

func TestClipFilesOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	pictures := moving(t, "muco21", 50)
	g, err := NewGLTF(FileOptions{Path: filepath.Join(dir, "x.glb"), wrap: tight(1000)}, ClipOptions{}, program)
	if err != nil {
		t.Fatal(err)
	}
	full := DirOptions{Dir: dir, wrap: tight(1000)}
	for _, s := range []Sink{g, NewBVH(full, ClipOptions{}), NewTRC(full, ClipOptions{})} {
		for _, p := range pictures {
			if err := write(s, p); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err == nil || !strings.Contains(hintOf(err), "disk is full") {
			t.Errorf("%T on a full disk: %v", s, err)
		}
	}
	wantFiles(t, dir)
}

func decodeURI(t *testing.T, uri string) []byte {
	t.Helper()
	_, text, ok := strings.Cut(uri, "base64,")
	if !ok {
		t.Fatalf("no buffer in %.60q", uri)
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
