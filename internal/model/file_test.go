package model

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mhp-tiny.onnx")
	data := tinyHeatmap()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	if f.Name != "mhp-tiny.onnx" || f.Path != path || f.SHA256 != hex.EncodeToString(sum[:]) || f.Spec.Name != "tiny" {
		t.Errorf("got %+v", f)
	}
}

// Each bad file gets a message that names it, says what is wrong and what to do.
func TestOpenRefuses(t *testing.T) {
	tiny := tinyHeatmap()
	noMeta := onnxBytes(nil, []Port{floats("image", 1, 3, 16, 16)}, []Port{floats("heatmap", 1, 12, 4, 4)})
	wrongShape := onnxBytes(with(tinyMeta(HeadHeatmap), "mhp.depth_bins", "8"), []Port{floats("image", 1, 3, 16, 16)}, []Port{floats("heatmap", 1, 12, 4, 4)})
	wrongMeta := onnxBytes(with(tinyMeta(HeadHeatmap), "mhp.color_order", "cmyk"), nil, nil)
	tests := []struct {
		name, content, want, hint string
	}{
		{"empty", "", "is empty", "models list"},
		{"jpeg", "\xff\xd8\xff\xe0\x00\x10JFIF\x00" + strings.Repeat("x", 200), "JPEG picture", "mhp predict PICTURE"},
		{"png", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "PNG picture", "mhp predict PICTURE"},
		{"html", "\n <!DOCTYPE html><html>404</html>", "HTML", "download"},
		{"checkpoint", "PK\x03\x04\x00\x00archive/data.pkl", "PyTorch", "export_onnx.py"},
		{"lfs", "version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS pointer", "git lfs pull"},
		{"text", "hello, this is not a model", "not an ONNX file", "models list"},
		{"cut off", string(tiny[:len(tiny)/2]), "cut off", "models list"},
		{"no graph", string(varint(nil, 1, 8)), "holds no graph", "models list"},
		{"no metadata", string(noMeta), "has no mhp metadata", "mhp models import"},
		{"wrong metadata", string(wrongMeta), `mhp.color_order is "cmyk"`, "mhp models import"},
		{"wrong shape", string(wrongShape), "heatmap[1,12,4,4] should be heatmap[?,24,4,4]", "export it again"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.onnx")
			if err := os.WriteFile(path, []byte(test.content), 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := Open(path)
			checkRefusal(t, err, path, test.want, test.hint)
		})
	}
	dir := t.TempDir()
	_, err := Open(dir)
	checkRefusal(t, err, dir, "is a folder", "models list")
	_, err = Open(filepath.Join(dir, "gone.onnx"))
	checkRefusal(t, err, "gone.onnx", "no such file", "models list")
}

func checkRefusal(t *testing.T, err error, file, want, hint string) {
	t.Helper()
	var fileErr *FileError
	if !errors.Is(err, ErrModel) || !errors.As(err, &fileErr) {
		t.Fatalf("got %v, want a *FileError that wraps ErrModel", err)
	}
	if !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), want) {
		t.Errorf("message %q should name %s and say %q", err, file, want)
	}
	if !strings.Contains(fileErr.Hint(), hint) {
		t.Errorf("hint %q should say %q", fileErr.Hint(), hint)
	}
}

func TestResolve(t *testing.T) {
	dir := t.TempDir()
	tiny := tinyHeatmap()
	for _, file := range []string{"mhp-s.onnx", "mhp-both.onnx", "other.onnx"} {
		if err := os.WriteFile(filepath.Join(dir, file), tiny, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	store := Store{Dirs: []string{filepath.Join(dir, "nowhere"), dir}, Builtin: fstest.MapFS{
		"mhp-xs.onnx": {Data: tiny}, "mhp-both.onnx": {Data: tiny}, "mhp-bad.onnx": {Data: []byte("<html>")},
	}}
	tests := []struct{ name, path, problem string }{
		{"xs", "", ""},
		{"mhp-xs", "", ""},
		{"s", filepath.Join(dir, "mhp-s.onnx"), ""},
		{"both", filepath.Join(dir, "mhp-both.onnx"), ""},
		{filepath.Join(dir, "other.onnx"), filepath.Join(dir, "other.onnx"), ""},
		{"l", "", "there are: bad, both, s, xs"},
		{"", "", "there are: bad, both, s, xs"},
		{"bad", "", "HTML"},
		{"gone.onnx", "", "no such file"},
	}
	for _, test := range tests {
		f, err := store.Resolve(test.name)
		if test.problem != "" {
			if !errors.Is(err, ErrModel) || !strings.Contains(err.Error(), test.problem) {
				t.Errorf("%q: got %v, want a model error with %q", test.name, err, test.problem)
			}
		} else if err != nil || f.Path != test.path {
			t.Errorf("%q: got %+v, %v; want path %q", test.name, f, err, test.path)
		}
	}
	if _, err := (Store{}).Resolve("xs"); !errors.Is(err, ErrModel) || !strings.Contains(err.Error(), "there are: none") {
		t.Errorf("empty store: %v", err)
	}
}

func TestList(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mhp-xs.onnx"), tinyHeatmap(), 0o644); err != nil {
		t.Fatal(err)
	}
	store := Store{Dirs: []string{dir}, Builtin: fstest.MapFS{"mhp-xs.onnx": {Data: nil}, "mhp-bad.onnx": {Data: nil}}}
	entries := store.List()
	if len(entries) != 2 {
		t.Fatalf("got %d entries, want bad and xs: %+v", len(entries), entries)
	}
	if e := entries[0]; e.Name != "bad" || e.Path != "" || !errors.Is(e.Err, ErrModel) {
		t.Errorf("bad: %+v", e)
	}
	if e := entries[1]; e.Name != "xs" || e.Path == "" || e.Err != nil || e.File.Spec.Name != "tiny" {
		t.Errorf("xs: %+v", e)
	}
}

// Whatever the bytes are, Parse answers with an error of its own kind or with
// metadata that survives the way there and back.
func FuzzParse(f *testing.F) {
	seeds, err := filepath.Glob("testdata/seeds/*.onnx")
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds in testdata/seeds: %v", err)
	}
	for _, seed := range seeds {
		data, err := os.ReadFile(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse("fuzz.onnx", data)
		if err != nil {
			if !errors.Is(err, ErrModel) {
				t.Errorf("%v does not wrap ErrModel", err)
			}
			return
		}
		if _, err := ParseSpec(file.Spec.Metadata()); err != nil {
			t.Errorf("accepted metadata is refused when written back: %v", err)
		}
	})
}
