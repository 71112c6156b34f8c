package cli

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

var update = flag.Bool("update", false, "rewrite generated documents")

const docsDir = "../../docs/cli"

// TestCommandDocs keeps docs/cli equal to what the command tree says of itself.
func TestCommandDocs(t *testing.T) {
	want := map[string][]byte{}
	root := newRoot(env{in: nil, out: io.Discard, err: io.Discard})
	collectDocs(t, root, want)
	if *update {
		writeDocs(t, want)
	}
	entries, err := os.ReadDir(docsDir)
	if err != nil {
		t.Fatalf("%v; go test ./internal/cli -run CommandDocs -update writes it", err)
	}
	for _, e := range entries {
		if _, ok := want[e.Name()]; !ok {
			t.Errorf("docs/cli/%s belongs to no command", e.Name())
		}
	}
	for name, text := range want {
		got, err := os.ReadFile(filepath.Join(docsDir, name))
		if err != nil || !bytes.Equal(got, text) {
			t.Errorf("docs/cli/%s is not what the command says; go test ./internal/cli -run CommandDocs -update", name)
		}
	}
}

func collectDocs(t *testing.T, cmd *cobra.Command, into map[string][]byte) {
	t.Helper()
	cmd.DisableAutoGenTag = true
	var text bytes.Buffer
	if err := doc.GenMarkdown(cmd, &text); err != nil {
		t.Fatal(err)
	}
	into[fileName(cmd)] = text.Bytes()
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			collectDocs(t, sub, into)
		}
	}
}

func fileName(cmd *cobra.Command) string {
	name := cmd.Name()
	for p := cmd.Parent(); p != nil; p = p.Parent() {
		name = p.Name() + "_" + name
	}
	return name + ".md"
}

func writeDocs(t *testing.T, docs map[string][]byte) {
	t.Helper()
	if err := os.RemoveAll(docsDir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(docsDir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range docs {
		if err := os.WriteFile(filepath.Join(docsDir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
