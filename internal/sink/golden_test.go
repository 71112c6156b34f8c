package sink

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// used collects the golden files that tests asked for.
var used = map[string]bool{}

// golden compares bytes with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	used[name] = true
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run go test -update to make it, then read it", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; run go test -update and look at the difference\ngot:\n%.1500s", path, got)
	}
}

// TestMain fails a whole run that left a golden file unused.
func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	whole := flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.skip").Value.String() == ""
	if code == 0 && whole {
		files, _ := os.ReadDir("testdata")
		for _, f := range files {
			if !used[f.Name()] {
				os.Stderr.WriteString("testdata/" + f.Name() + " is used by no test: delete it\n")
				code = 1
			}
		}
	}
	os.Exit(code)
}
