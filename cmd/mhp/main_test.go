//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test binary stand in for the program, signals and all.
func TestMain(m *testing.M) {
	if os.Getenv("MHP_TEST_AS_PROGRAM") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestInterruptFinishesThePictureAtHand stops a long run by Ctrl-C: exit code
// 130, every line written is whole, and nothing half-written is left.
func TestInterruptFinishesThePictureAtHand(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	libraries, _ := filepath.Glob(filepath.Join(root, "third_party", "onnxruntime", "*", "VERSION"))
	if len(libraries) == 0 && os.Getenv("MHP_ORT_LIBRARY") == "" {
		t.Skip("no ONNX Runtime library; make onnxruntime fetches it")
	}
	dir := t.TempDir()
	picture, err := os.ReadFile(filepath.Join(root, "testdata", "sample", "one.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	const pictures = 2000 // far more than can be done before the signal arrives
	in := filepath.Join(dir, "in")
	if err := os.Mkdir(in, 0o755); err != nil {
		t.Fatal(err)
	}
	first := filepath.Join(in, "0.jpg")
	if err := os.WriteFile(first, picture, 0o644); err != nil {
		t.Fatal(err)
	}
	for i := 1; i < pictures; i++ {
		if err := os.Link(first, filepath.Join(in, strconv.Itoa(i)+".jpg")); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(dir, "out.jsonl")
	cmd := program(t, "predict", in, "--json", out)
	table, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var messages strings.Builder
	cmd.Stderr = &messages
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(table)
	if _, err := lines.ReadString('\n'); err != nil {
		t.Fatalf("%v\n%s", err, messages.String())
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	if _, err := lines.WriteTo(&strings.Builder{}); err != nil {
		t.Fatal(err)
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 130 {
		t.Fatalf("%v, want exit code 130\n%s", err, messages.String())
	}
	checkLines(t, out, pictures)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "in" && e.Name() != "out.jsonl" {
			t.Errorf("%s was left behind", e.Name())
		}
	}
}

// checkLines wants some but not all pictures, each line a whole JSON document.
func checkLines(t *testing.T, path string, pictures int) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(data)) {
		if !json.Valid([]byte(line)) || !strings.HasSuffix(line, "\n") {
			t.Errorf("line %d is not whole: %.80q", n+1, line)
		}
		n++
	}
	if n == 0 || n >= pictures {
		t.Errorf("%d of %d pictures were done when interrupted", n, pictures)
	}
}

// program is the test binary standing in for mhp, run from the project's top
// folder, where it finds the library.
func program(tb testing.TB, args ...string) *exec.Cmd {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "MHP_TEST_AS_PROGRAM=1")
	return cmd
}
