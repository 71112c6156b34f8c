package sink

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"mhp/internal/frame"
	"mhp/internal/pose"
	"mhp/internal/render"
)

// filesIn lists a folder's files, hidden ones too, relative to it.
func filesIn(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			list = append(list, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func wantFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	if got := fmt.Sprint(filesIn(t, dir)); got != fmt.Sprint(want) {
		t.Errorf("the folder holds %v, want %v", got, want)
	}
}

// tight fails with a full disk after so many bytes.
func tight(left int) wrapper {
	return func(w io.Writer) io.Writer { return &tightWriter{w, left} }
}

type tightWriter struct {
	w    io.Writer
	left int
}

func (t *tightWriter) Write(b []byte) (int, error) {
	if len(b) <= t.left {
		t.left -= len(b)
		return t.w.Write(b)
	}
	n, _ := t.w.Write(b[:t.left])
	t.left = 0
	return n, &fs.PathError{Op: "write", Path: "a temporary name", Err: syscall.ENOSPC}
}

func write(s Sink, p *pose.Picture) error {
	return s.Write(context.Background(), pixels(p.Name), p)
}

// hintOf is what the command line would print below the error.
func hintOf(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

func TestNames(t *testing.T) {
	n := newNamer()
	for _, c := range [][2]string{
		{"a/1.jpg", "1"}, {"b/1.jpg", "b_1"}, {"c/b/1.jpg", "b_1-2"}, {"a/1.jpg", "1"}, {"B/1.PNG", "B_1-3"},
		{"2.jpg", "2"}, {"2.png", "2-2"}, {"-", "stdin"}, {".hidden", ".hidden"}, {"x:y\n.jpg", "x_y_"},
		{"../3.jpg", "3"}, {"../../3.jpg", "3-2"}, {"photo.tar.gz", "photo.tar"}, {"", "picture"},
	} {
		if got := n.stem(c[0]); got != c[1] {
			t.Errorf("%q becomes %q, want %q", c[0], got, c[1])
		}
	}
}

func TestDrawingsAreMade(t *testing.T) {
	dir := t.TempDir()
	at := func(sub string) DirOptions { return DirOptions{Dir: filepath.Join(dir, sub)} }
	m := NewMulti(NewOverlays(at("overlay"), render.OverlayOptions{}, 0), NewPlots(at("plot"), render.PlotOptions{}),
		NewPages(at("html/deep"), render.PageOptions{}), NewOpenPose(at("openpose")))
	if !m.WantsPixels() {
		t.Error("overlays need pixels")
	}
	writeAll(t, m, picture(t, "a/1.jpg", "muco21", 1), picture(t, "b/1.jpg", "muco21", 0))
	wantFiles(t, dir, "html/deep/1.html", "html/deep/b_1.html", "openpose/1_000000000000_keypoints.json",
		"openpose/b_1_000000000000_keypoints.json", "overlay/1.jpg", "overlay/b_1.jpg", "plot/1.png", "plot/b_1.png")
	for file, want := range map[string]string{"overlay/1.jpg": "jpeg 640x480", "plot/b_1.png": "png 1600x704"} {
		f, err := os.Open(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		c, format, err := image.DecodeConfig(f)
		f.Close()
		if got := fmt.Sprintf("%s %dx%d", format, c.Width, c.Height); err != nil || got != want {
			t.Errorf("%s is %s (%v), want %s", file, got, err, want)
		}
	}
}

func TestFramesCarryTheirNumber(t *testing.T) {
	dir := t.TempDir()
	o := DirOptions{Dir: dir, Frames: true}
	one, two := picture(t, "clip.mp4", "muco21", 0), picture(t, "clip.mp4", "muco21", 0)
	two.Index = 41
	writeAll(t, NewMulti(NewOpenPose(o), NewPlots(o, render.PlotOptions{WidthPx: 400})), one, two)
	wantFiles(t, dir, "clip_000000.png", "clip_000000000000_keypoints.json", "clip_000000000041_keypoints.json", "clip_000041.png")
}

func TestMissingPixels(t *testing.T) {
	dir := t.TempDir()
	p := picture(t, "a.jpg", "muco21", 1)
	if err := NewOverlays(DirOptions{Dir: dir}, render.OverlayOptions{}, 0).Write(context.Background(), nil, p); !errors.Is(err, errNoPixels) {
		t.Errorf("got %v", err)
	}
	plots := NewPlots(DirOptions{Dir: dir}, render.PlotOptions{WidthPx: 400})
	if WantsPixels(plots) || WantsPixels(NewMulti(plots)) {
		t.Error("plots need no pixels")
	}
	if err := plots.Write(context.Background(), nil, p); err != nil {
		t.Error(err)
	}
}

func TestInputsAreNotOverwritten(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, name := range []string{"a.jpg", "real.csv"} {
		if err := os.WriteFile(name, []byte("precious"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir("sub", 0o777); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{"link.csv": "real.csv", "here": "."} {
		if err := os.Symlink(to, from); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	inputs := NewInputs("a.jpg", "link.csv", "-")
	overlay := func(to string, in *Inputs) error {
		return write(NewOverlays(DirOptions{Dir: to, Inputs: in}, render.OverlayOptions{}, 0), picture(t, "a.jpg", "muco21", 1))
	}
	csv := func(path string) error {
		_, err := NewCSV(FileOptions{Path: path, Inputs: inputs})
		return err
	}
	lateJSON := func() error { // the link appears after the constructor looked
		s, err := NewJSON(JSONOptions{FileOptions: FileOptions{Path: "late.json", Inputs: inputs}, Program: program, Lines: false})
		if err != nil {
			return err
		}
		if err := os.Symlink("real.csv", "late.json"); err != nil {
			return err
		}
		return write(s, picture(t, "x", "muco21", 0))
	}
	for what, err := range map[string]error{
		"the folder of the input":         overlay(".", inputs),
		"its absolute name":               overlay(dir, inputs),
		"a roundabout name":               overlay("sub/..", inputs),
		"a link to the folder":            overlay("here", inputs),
		"the picture at hand, not listed": overlay(".", nil),
		"a file of rows":                  csv("a.jpg"),
		"what an input links to":          csv("real.csv"),
		"a link that is an input":         csv("link.csv"),
		"a link to an input":              lateJSON(),
	} {
		if !errors.Is(err, errOverwrite) || hintOf(err) == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := overlay("sub", inputs); err != nil {
		t.Errorf("another folder is refused: %v", err)
	}
	for _, name := range []string{"a.jpg", "real.csv"} {
		if b, _ := os.ReadFile(name); string(b) != "precious" {
			t.Errorf("%s was overwritten", name)
		}
	}
}

func TestFullDiskLeavesNothingHalfWritten(t *testing.T) {
	for _, room := range []int{0, 1, 100, 1000, 5000} {
		dir := t.TempDir()
		o := DirOptions{Dir: dir, wrap: tight(room)}
		j, err := NewJSON(JSONOptions{FileOptions: FileOptions{Path: filepath.Join(dir, "x.json"), wrap: tight(room)}, Program: program, Lines: false})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []Sink{j, NewOpenPose(o), NewOverlays(o, render.OverlayOptions{}, 0), NewPlots(o, render.PlotOptions{}), NewPages(o, render.PageOptions{})} {
			err := write(s, picture(t, "a.jpg", "muco21", 5))
			var w *WriteError
			if !errors.Is(err, syscall.ENOSPC) || !errors.As(err, &w) || !strings.HasPrefix(w.Path, dir) || !strings.Contains(hintOf(err), "full") {
				if _, openpose := s.(*OpenPose); openpose && room == 5000 && err == nil {
					continue // its file is that small
				}
				t.Errorf("%T with %d bytes left: %v", s, room, err)
			}
			if err != nil && strings.Contains(err.Error(), "temporary") {
				t.Errorf("the message names a temporary file: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Errorf("%T: closing says %v", s, err)
			}
		}
		for _, f := range filesIn(t, dir) {
			if room < 5000 || f != "a_000000000000_keypoints.json" {
				t.Errorf("with %d bytes left, %s stays behind", room, f)
			}
		}
	}
}

// Rows that were complete when the disk filled up stay readable.
func TestFullDiskKeepsFinishedRows(t *testing.T) {
	dir := t.TempDir()
	one := jsonOf(t, true, picture(t, "a.jpg", "muco21", 1))
	lines, err := NewJSON(JSONOptions{FileOptions: FileOptions{Path: filepath.Join(dir, "x.jsonl"), wrap: tight(2*len(one) + 50)}, Program: program, Lines: true})
	if err != nil {
		t.Fatal(err)
	}
	first := csvOf(t, picture(t, "a.jpg", "muco21", 1))
	table, err := NewCSV(FileOptions{Path: filepath.Join(dir, "x.csv"), wrap: tight(len(first) + 50)})
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for range 4 {
		if err := write(NewMulti(lines, table), picture(t, "a.jpg", "muco21", 1)); err != nil {
			failed++
		}
	}
	if failed != 3 {
		t.Errorf("%d of 4 writes failed, want 3", failed)
	}
	if err := NewMulti(lines, table).Close(); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, dir, "x.csv", "x.jsonl")
	if b, _ := os.ReadFile(filepath.Join(dir, "x.jsonl")); string(b) != string(one)+string(one) {
		t.Errorf("the lines that were finished are not what is left: %d bytes of %d", len(b), 2*len(one))
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "x.csv")); string(b) != string(first) {
		t.Error("the rows that were finished are not what is left")
	}
}

func TestDevFull(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full on this system")
	}
	s, err := NewJSON(JSONOptions{FileOptions: FileOptions{Path: "/dev/full"}, Program: program, Lines: true})
	if err != nil {
		t.Fatal(err)
	}
	err = write(s, picture(t, "a", "muco21", 1))
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "/dev/full") {
		t.Errorf("got %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat("/dev/full"); err != nil || info.Mode().IsRegular() {
		t.Fatal("/dev/full was replaced")
	}
}

// A device keeps being a device: /dev/null is not renamed over.
func TestDevNull(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no /dev/null on this system")
	}
	s, err := NewCSV(FileOptions{Path: os.DevNull})
	if err != nil {
		t.Fatal(err)
	}
	writeAll(t, s, picture(t, "a", "muco21", 1))
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Fatal("/dev/null was replaced")
	}
}

// A real small disk: a tmpfs of 64 KiB.
func TestSmallDisk(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("a small file system cannot be mounted here (%v: %s); a failing writer stands in for it in other tests", err, bytes.TrimSpace(out))
	}
	defer exec.Command("umount", dir).Run()
	s := NewPlots(DirOptions{Dir: dir}, render.PlotOptions{})
	if err := write(s, picture(t, "a.jpg", "muco21", 3)); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "a.png") {
		t.Errorf("got %v", err)
	}
	wantFiles(t, dir)
}

func TestUnwritableFolder(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	err := write(NewPlots(DirOptions{Dir: file}, render.PlotOptions{WidthPx: 400}), picture(t, "a.jpg", "muco21", 0))
	if err == nil || !strings.Contains(err.Error(), filepath.Join(file, "a.png")) || hintOf(err) == "" {
		t.Errorf("a file in the folder's place: %v", err)
	}
	s, err := NewCSV(FileOptions{Path: dir})
	if err == nil {
		err = write(s, picture(t, "a.jpg", "muco21", 0))
	}
	if !errors.Is(err, syscall.EISDIR) || hintOf(err) == "" {
		t.Errorf("a folder in the file's place: %v", err)
	}
	if os.Getuid() == 0 {
		t.Skip("root may write everywhere: the permission itself was not tried")
	}
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o777)
	err = write(NewOpenPose(DirOptions{Dir: dir}), picture(t, "a.jpg", "muco21", 0))
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(hintOf(err), "may write") || strings.Contains(err.Error(), ".tmp") {
		t.Errorf("a folder without permission: %v", err)
	}
}

// An output exists from its first byte on, and only under a temporary name until it is complete.
func TestOutputAppearsComplete(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out", "x.jsonl")
	s, err := NewJSON(JSONOptions{FileOptions: FileOptions{Path: path}, Program: program, Lines: true})
	if err != nil {
		t.Fatal(err)
	}
	wantFiles(t, dir)
	if err := write(s, picture(t, "a.jpg", "muco21", 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the file is there before it is complete")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, dir, "out/x.jsonl")
	if err := s.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	idle, err := NewCSV(FileOptions{Path: filepath.Join(dir, "idle.csv")})
	if err != nil {
		t.Fatal(err)
	}
	if err := idle.Close(); err != nil {
		t.Error(err)
	}
	wantFiles(t, dir, "out/x.jsonl")
}

// What the user linked or protected stays so: the link's target is rewritten, its mode kept.
func TestLinkAndModeAreKept(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real.csv"), filepath.Join(dir, "link.csv")
	if err := os.WriteFile(real, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real.csv", link); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	s, err := NewCSV(FileOptions{Path: link})
	if err != nil {
		t.Fatal(err)
	}
	writeAll(t, s, picture(t, "a.jpg", "muco21", 1))
	wantFiles(t, dir, "link.csv", "real.csv")
	info, err := os.Lstat(link)
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Error("the link was replaced")
	}
	if info, err = os.Stat(real); err != nil || info.Mode().Perm() != 0o600 || info.Size() < 100 {
		t.Errorf("the target has mode %v and %d bytes", info.Mode(), info.Size())
	}
}

func TestCancelledRunKeepsFinishedRows(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.jsonl")
	lines, err := NewJSON(JSONOptions{FileOptions: FileOptions{Path: path}, Program: program, Lines: true})
	if err != nil {
		t.Fatal(err)
	}
	m := NewMulti(lines, NewPlots(DirOptions{Dir: dir}, render.PlotOptions{WidthPx: 400}), NewTable(io.Discard, TableOptions{}))
	ctx, cancel := context.WithCancel(context.Background())
	if err := m.Write(ctx, nil, picture(t, "a.jpg", "muco21", 1)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := m.Write(ctx, nil, picture(t, "b.jpg", "muco21", 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, dir, "a.png", "x.jsonl")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(bytes.TrimSpace(b)) || bytes.Count(b, []byte("\n")) != 1 {
		t.Errorf("the file is not one whole line: %.200s", b)
	}
}

// canceller cancels the run in the middle of a picture.
type canceller struct{ cancel context.CancelFunc }

func (c canceller) Write(ctx context.Context, _ *frame.Frame, _ *pose.Picture) error {
	c.cancel()
	return ctx.Err()
}
func (c canceller) Close() error { return nil }

// All outputs hold the same pictures, even if the run is cancelled between two sinks.
func TestMultiFinishesThePictureAtHand(t *testing.T) {
	var b bytes.Buffer
	ctx, cancel := context.WithCancel(context.Background())
	if err := NewMulti(canceller{cancel}, NewTable(&b, TableOptions{})).Write(ctx, nil, picture(t, "a.jpg", "muco21", 1)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "a.jpg") {
		t.Error("the sink after the cancellation did not get the picture")
	}
}

func TestMultiGoesOnAfterAFailure(t *testing.T) {
	var b bytes.Buffer
	bad := NewOpenPose(DirOptions{Dir: t.TempDir(), wrap: tight(0)})
	err := write(NewMulti(bad, NewTable(&b, TableOptions{})), picture(t, "a.jpg", "muco21", 1))
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(b.String(), "a.jpg") || hintOf(err) == "" {
		t.Errorf("error %v, table %q", err, b.String())
	}
}
