package cli

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestHelpExamples runs every example that the help shows, in a folder that
// holds the files which the examples name.
func TestHelpExamples(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	library := testLibrary(root)
	if library == "" {
		t.Skip("no ONNX Runtime library; make onnxruntime fetches it")
	}
	t.Setenv("MHP_ORT_LIBRARY", library)
	var lines []string
	collectExamples(newRoot(env{out: io.Discard, err: io.Discard}), &lines)
	if len(lines) < 5 {
		t.Fatalf("only %d examples found: %q", len(lines), lines)
	}
	for _, line := range lines {
		t.Run(line, func(t *testing.T) {
			t.Chdir(t.TempDir())
			prepareExample(t, root)
			if strings.Contains(line, "dance.mp4") {
				openCV(t)
			}
			args := strings.Fields(line)
			if args[0] != "mhp" {
				t.Fatalf("the example does not begin with mhp")
			}
			var out, errOut bytes.Buffer
			if code := Run(context.Background(), args[1:], strings.NewReader(""), &out, &errOut); code != exitDone {
				t.Errorf("exit code %d\n%s%s", code, out.String(), errOut.String())
			}
		})
	}
}

func collectExamples(cmd *cobra.Command, lines *[]string) {
	for line := range strings.Lines(cmd.Example) {
		if line = strings.TrimSpace(line); line != "" {
			*lines = append(*lines, line)
		}
	}
	for _, sub := range cmd.Commands() {
		collectExamples(sub, lines)
	}
}

// prepareExample lays out photo.jpg, folders holiday and frames, dance.mp4, other.onnx, a network
// without our metadata, and the tiny data sets that mhp eval's examples name.
func prepareExample(t *testing.T, root string) {
	t.Helper()
	layEvalSets(t, root, ".")
	copies := map[string]string{
		"photo.jpg":     "testdata/sample/one.jpg",
		"holiday/1.jpg": "testdata/sample/one.jpg",
		"holiday/2.jpg": "testdata/sample/child.jpg",
		"other.onnx":    "internal/cli/testdata/foreign.onnx",
		"dance.mp4":     "testdata/video/crossing.mp4",
		"frames/1.jpg":  "testdata/sample/one.jpg",
		"frames/2.jpg":  "testdata/sample/one.jpg",
	}
	for _, dir := range []string{"holiday", "frames"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for to, from := range copies {
		data, err := os.ReadFile(filepath.Join(root, from))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
