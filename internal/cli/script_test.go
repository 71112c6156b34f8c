package cli

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"mhp": func() { os.Exit(Run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// TestScripts runs the real command on the archives of testdata/script. Each
// script finds the project's sample pictures under $SAMPLE.
func TestScripts(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("SAMPLE", filepath.Join(root, "testdata", "sample"))
			e.Setenv("FOREIGN", filepath.Join(root, "internal", "cli", "testdata", "foreign.onnx"))
			e.Setenv("DETECTORS", filepath.Join(root, "internal", "detect", "testdata"))
			e.Setenv("MHP_ORT_LIBRARY", testLibrary(root))
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"exits": exits},
	})
}

// testLibrary is the ONNX Runtime library that the tests use: the one that the
// environment names, else the project's own.
func testLibrary(root string) string {
	if path := os.Getenv("MHP_ORT_LIBRARY"); path != "" {
		return path
	}
	found, _ := filepath.Glob(filepath.Join(root, "third_party", "onnxruntime", runtime.GOOS+"-"+runtime.GOARCH, "*onnxruntime*"))
	if len(found) == 0 {
		return ""
	}
	return found[0]
}

// exits runs a command and demands an exact exit code: exits CODE COMMAND ARGS...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARGS...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("%v: exit code %d, want %d", args[1:], got, want)
	}
}
