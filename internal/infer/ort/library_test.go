package ort

import (
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// nowhere leaves nothing to be found but what the test puts there.
func nowhere(t *testing.T) LibraryOptions {
	dir := t.TempDir()
	return LibraryOptions{BinaryDir: dir, WorkDir: dir, System: []string{filepath.Join(dir, "system")}}
}

// compile builds a shared library from C; the test is skipped without a compiler.
func compile(t *testing.T, file, source string) {
	t.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler (cc) to make a library with")
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(cc, "-shared", "-fPIC", "-x", "c", "-o", file, "-")
	cmd.Stdin = strings.NewReader(source)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// versionSource is a library that says it is ONNX Runtime of that version, with one provider.
func versionSource(version string) string {
	return `
static const char *names[] = {"CPUExecutionProvider"};
static void *providers(const char ***out, int *count) { *out = names; *count = 1; return 0; }
static void *release(void) { return 0; }
static void *api[200];
static const void *get_api(unsigned v) { api[125] = providers; api[126] = release; return api; }
static const char *get_version(void) { return "` + version + `"; }
static struct { const void *(*a)(unsigned); const char *(*b)(void); } base = {get_api, get_version};
const void *OrtGetApiBase(void) { return &base; }
`
}

// elfHeader is the start of a 64-bit little-endian shared library for a machine.
func elfHeader(machine uint16) []byte {
	h := make([]byte, 64)
	copy(h, "\x7fELF\x02\x01\x01")
	binary.LittleEndian.PutUint16(h[16:], 3) // ET_DYN
	binary.LittleEndian.PutUint16(h[18:], machine)
	binary.LittleEndian.PutUint32(h[20:], 1)
	binary.LittleEndian.PutUint16(h[52:], 64)
	return h
}

func write(t *testing.T, file string, data []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestLibraryRefused(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the files are made for Linux")
	}
	dir := t.TempDir()
	otherMachine, otherName := uint16(183), "arm64"
	if runtime.GOARCH == "arm64" {
		otherMachine, otherName = 62, "amd64"
	}
	old, alien := filepath.Join(dir, "old.so"), filepath.Join(dir, "alien.so")
	compile(t, old, versionSource("1.20.1"))
	compile(t, alien, "int answer(void) { return 42; }")
	full := filepath.Join(dir, "full")
	write(t, filepath.Join(full, "libonnxruntime.so.1"), nil)
	macho := append([]byte{0xcf, 0xfa, 0xed, 0xfe, 0x0c, 0, 0, 1}, make([]byte, 24)...)
	tests := []struct{ name, file, problem, found, hint string }{
		{"missing", filepath.Join(dir, "gone.so"), "there is no such file", "", "beside the program"},
		{"text", write(t, filepath.Join(dir, "text.so"), []byte("not a library")), "it is not a shared library", "", "beside the program"},
		{"empty", write(t, filepath.Join(dir, "empty.so"), nil), "it is not a shared library", "", "beside the program"},
		{"other processor", write(t, filepath.Join(dir, "arch.so"), elfHeader(otherMachine)), "library for [" + otherName + "], this program runs on [" + runtime.GOARCH + "]", "", "beside the program"},
		{"other system", write(t, filepath.Join(dir, "mac.dylib"), macho), "Mach-O file, of another system than linux", "", "beside the program"},
		{"header only", write(t, filepath.Join(dir, "cut.so"), elfHeader(map[string]uint16{"amd64": 62, "arm64": 183}[runtime.GOARCH])), "it does not load", "", "beside the program"},
		{"folder", dir, "it is a folder", "", "beside the program"},
		{"folder with the library", full, "it is a folder", "", "name the file in it: " + filepath.Join(full, "libonnxruntime.so.1")},
		{"another library", alien, "not ONNX Runtime", "", "beside the program"},
		{"too old", old, "it is version 1.20.1", "1.20.1", "beside the program"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, from := range []string{"--ort-library", "MHP_ORT_LIBRARY"} {
				o := nowhere(t)
				if from == "--ort-library" {
					o.Flag, o.Env = test.file, "not looked at"
				} else {
					o.Env = test.file
				}
				_, err := FindLibrary(o)
				var libraryErr *LibraryError
				if !errors.Is(err, ErrLibrary) || !errors.As(err, &libraryErr) {
					t.Fatalf("got %v, want a *LibraryError", err)
				}
				for _, want := range []string{test.file, from, test.problem, "1.24"} {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("message %q should say %q", err, want)
					}
				}
				if libraryErr.Found != test.found || !strings.Contains(libraryErr.Hint(), test.hint) {
					t.Errorf("found %q, hint %q; want %q, %q", libraryErr.Found, libraryErr.Hint(), test.found, test.hint)
				}
			}
		})
	}
}

func TestLibraryNotFound(t *testing.T) {
	o := nowhere(t)
	_, err := FindLibrary(o)
	if !errors.Is(err, ErrLibrary) || !strings.Contains(err.Error(), "not found; looked at "+o.BinaryDir) || !strings.Contains(err.Error(), o.System[0]) {
		t.Errorf("got %v", err)
	}
	write(t, filepath.Join(o.BinaryDir, "scripts", "fetch_onnxruntime.sh"), nil)
	o.BinaryDir = filepath.Join(o.BinaryDir, "bin") // as in a checkout
	_, err = FindLibrary(o)
	var libraryErr *LibraryError
	if !errors.As(err, &libraryErr) || libraryErr.Hint() != "make -C "+filepath.Dir(o.BinaryDir)+" onnxruntime fetches it" {
		t.Errorf("hint in a checkout: %v", libraryErr)
	}
}

// The search goes flag, environment, beside the program, project, system, and
// steps over what is no good where nobody named the file.
func TestLibrarySearchOrder(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the files are made for Linux")
	}
	root := t.TempDir()
	bin := filepath.Join(root, "bin")
	project := filepath.Join(root, "third_party", "onnxruntime", platform())
	write(t, filepath.Join(root, "scripts", "fetch_onnxruntime.sh"), nil)
	places := []struct{ file, version, from string }{
		{filepath.Join(root, "flag.so"), "1.24.1", "--ort-library"},
		{filepath.Join(root, "env.so"), "1.24.2", "MHP_ORT_LIBRARY"},
		{filepath.Join(bin, "libonnxruntime.so"), "1.25.1", "beside the program"},
		{filepath.Join(bin, "lib", "libonnxruntime.so.1.26.0"), "1.26.0", "beside the program"},
		{filepath.Join(project, "libonnxruntime.so.1"), "1.27.0", "the project's folder"},
		{filepath.Join(root, "system", "libonnxruntime.so.1"), "2.0.0", "the system's folders"},
	}
	for _, p := range places {
		compile(t, p.file, versionSource(p.version))
	}
	o := LibraryOptions{Flag: places[0].file, Env: places[1].file, BinaryDir: bin, WorkDir: root, System: []string{filepath.Join(root, "system")}}
	for i, p := range places {
		lib, err := FindLibrary(o)
		if err != nil {
			t.Fatal(err)
		}
		if lib.Path != p.file || lib.Version != p.version || lib.From != p.from || !lib.has(CPU) || len(lib.Providers) != 1 {
			t.Errorf("got %+v, want %+v", lib, p)
		}
		switch i {
		case 0:
			o.Flag = ""
		case 1:
			o.Env = ""
		default:
			if len(lib.Skipped) != i-2 {
				t.Errorf("%s: skipped %v", p.file, lib.Skipped)
			}
			write(t, p.file+".broken", nil)
			if err := os.Rename(p.file+".broken", p.file); err != nil { // a new file: the old one is mapped
				t.Fatal(err)
			}
		}
	}
	if _, err := FindLibrary(o); !errors.Is(err, ErrLibrary) || !strings.Contains(err.Error(), places[2].file) {
		t.Errorf("all broken: %v", err)
	}
}

// The working directory is not trusted, except by a program that go run or go test built.
func TestWorkDirIsNotSearched(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the files are made for Linux")
	}
	o := nowhere(t)
	o.WorkDir = t.TempDir()
	write(t, filepath.Join(o.WorkDir, "scripts", "fetch_onnxruntime.sh"), nil)
	compile(t, filepath.Join(o.WorkDir, "third_party", "onnxruntime", platform(), "libonnxruntime.so.1"), versionSource("1.24.9"))
	if lib, err := FindLibrary(o); err == nil {
		t.Errorf("took %s", lib.Path)
	}
	o.BinaryDir = filepath.Join(o.BinaryDir, "go-build123", "b001", "exe")
	if lib, err := FindLibrary(o); err != nil || lib.Version != "1.24.9" {
		t.Errorf("go run: %+v, %v", lib, err)
	}
}

func TestComplete(t *testing.T) {
	file := filepath.Join(t.TempDir(), "libonnxruntime.so.1")
	all := []string{"cuda", "coreml", "cpu"}
	if got := complete(file, all); strings.Join(got, " ") != "coreml cpu" {
		t.Errorf("without CUDA's library: %v", got)
	}
	write(t, filepath.Join(filepath.Dir(file), "libonnxruntime_providers_cuda.so"), nil)
	if got := complete(file, all); strings.Join(got, " ") != "cuda coreml cpu" {
		t.Errorf("with CUDA's library: %v", got)
	}
}

func TestNewEnough(t *testing.T) {
	for version, want := range map[string]bool{
		"1.24.0": true, "1.24": true, "1.30.1": true, "2.0.0": true, "1.24.0-dev": true,
		"1.23.9": false, "0.99.0": false, "": false, "new": false, "1": false,
	} {
		if got := newEnough(version); got != want {
			t.Errorf("newEnough(%q) = %t", version, got)
		}
	}
}

// The functions that image_unix.go calls by index are where the binding's own
// header of ONNX Runtime says.
func TestAPIIndices(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/yalue/onnxruntime_go").Output()
	if err != nil {
		t.Skipf("go list does not find the binding's source: %v", err)
	}
	program := filepath.Join(t.TempDir(), "indices")
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler (cc) to read the header with")
	}
	cmd := exec.Command(cc, "-I", strings.TrimSpace(string(dir)), "-x", "c", "-o", program, "-")
	cmd.Stdin = strings.NewReader(`
#include <stddef.h>
#include <stdio.h>
#include "onnxruntime_c_api.h"
#define INDEX(f) (int)(offsetof(OrtApi, f) / sizeof(void *))
int main(void) {
	printf("GET_ERROR_MESSAGE = %d, RELEASE_STATUS = %d, GET_AVAILABLE_PROVIDERS = %d, RELEASE_AVAILABLE_PROVIDERS = %d",
		INDEX(GetErrorMessage), INDEX(ReleaseStatus), INDEX(GetAvailableProviders), INDEX(ReleaseAvailableProviders));
}`)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want, err := exec.Command(program).Output()
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("image_unix.go")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(source), "enum { "+string(want)+" };") {
		t.Errorf("image_unix.go should have: enum { %s };", want)
	}
}

func TestFindLibraryHere(t *testing.T) {
	lib, err := FindLibrary(library(t))
	if err != nil {
		t.Fatal(err)
	}
	if !newEnough(lib.Version) || !lib.has(CPU) || !filepath.IsAbs(lib.Path) {
		t.Errorf("got %+v", lib)
	}
	t.Logf("%+v", lib)
}
