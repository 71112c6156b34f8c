package arch

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"mhp/internal/testkit"
)

// internal prefixes the names, which are those of the map in docs/architecture.md.
func internal(names string) []string {
	var out []string
	for _, name := range strings.Fields(names) {
		out = append(out, "internal/"+name)
	}
	return out
}

// packageMap is the map: cmd/mhp -> cli -> pipeline -> stages -> data.
func packageMap() Rules {
	return Rules{
		Module: "mhp",
		Allowed: map[string][]string{
			"cmd/mhp": internal("cli"),
			"models":  nil, // the bytes of the built-in files

			// Prints what a run of the tests amounts to.
			"scripts/testsum": nil,

			// Data.
			"internal/geom":     nil,
			"internal/skeleton": nil,
			"internal/tensor":   nil,
			"internal/frame":    internal("geom"),
			"internal/pose":     internal("geom skeleton"),
			"internal/model":    internal("skeleton"),
			"internal/onnx":     internal("tensor"),

			// Stages.
			"internal/camera":      internal("geom"),
			"internal/source":      internal("frame"),
			"internal/source/gocv": internal("source frame"),
			"internal/infer":       internal("tensor model"),
			"internal/infer/ort":   internal("infer tensor model"),
			"internal/infer/fake":  internal("infer tensor model"),
			"internal/preprocess":  internal("frame geom tensor model"),
			"internal/detect":      internal("preprocess infer frame geom tensor model"),
			"internal/detect/gocv": internal("detect frame geom"),
			// skeleton: looks at mirror images exchange mirror pairs, the height needs bones.
			"internal/postprocess": internal("tensor geom model camera pose skeleton"),
			"internal/track":       internal("pose geom"),

			"internal/pipeline": internal("camera source infer preprocess detect postprocess track geom skeleton tensor frame pose model"),
			"internal/render":   internal("frame pose geom skeleton"),
			// Joints over time become bones that turn; pure.
			"internal/motion":    internal("pose geom skeleton"),
			"internal/sink":      internal("frame pose geom skeleton render motion"),
			"internal/sink/gocv": internal("sink frame pose geom skeleton render"),
			"internal/web":       internal("frame pose geom skeleton render"),
			"internal/eval":      internal("pose geom skeleton"),
			// Reads labelled pictures, which needs files and cameras; eval stays pure.
			"internal/dataset": internal("eval camera source frame geom skeleton"),
			"internal/ui":      nil,
			// Times functions and compares; knows no networks.
			"internal/bench": nil,
			// A tool on model files: rewrites a graph and proves old and new equal.
			"internal/modelimport": internal("model onnx tensor skeleton infer"),
		},
		Any:      internal("cli"),
		TestOnly: internal("arch testkit"),
		Confined: map[string][]string{
			"C":                               {"internal/infer/ort", "gocv"},
			"gocv.io/x/gocv":                  {"gocv"},
			"github.com/yalue/onnxruntime_go": {"internal/infer/ort"},
			"github.com/spf13/cobra":          {"internal/cli"},
		},
		Tagged: map[string]string{"gocv.io/x/gocv": "!lite"},
		Outer:  []string{"internal/cli", "cmd/mhp", "scripts/testsum"},
		Exits:  []string{"cmd/mhp", "scripts/testsum"},
	}
}

func TestTreeKeepsToThePackageMap(t *testing.T) {
	problems, err := Check(os.DirFS(testkit.RepoRoot(t)), packageMap())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
}

// The map itself has no circles: whoever may be imported comes earlier.
func TestPackageMapHasNoCircles(t *testing.T) {
	rules := packageMap()
	var visit func(pkg string, trail []string)
	visit = func(pkg string, trail []string) {
		if slices.Contains(trail, pkg) {
			t.Fatalf("%s imports itself by way of %v", pkg, trail)
		}
		for _, next := range rules.Allowed[pkg] {
			if _, ok := rules.Allowed[next]; !ok && !slices.Contains(rules.Any, next) {
				t.Errorf("%s may import %s, which the map does not have", pkg, next)
			}
			visit(next, append(slices.Clone(trail), pkg))
		}
	}
	for pkg := range rules.Allowed {
		visit(pkg, nil)
	}
}

// Every rule catches the file that breaks it.
func TestCheckCatches(t *testing.T) {
	for _, c := range []struct{ name, file, text, problem string }{
		{"import upwards", "internal/geom/a.go", `import _ "mhp/internal/pose"`, "internal/geom must not import internal/pose"},
		{"import sideways", "internal/render/a.go", `import x "mhp/internal/sink"`, "internal/render must not import internal/sink"},
		{"hidden by a build tag", "internal/geom/a_windows.go", `import _ "mhp/internal/pose"`, "internal/geom must not import internal/pose"},
		{"test helper", "internal/cli/a.go", `import _ "mhp/internal/testkit"`, "internal/cli must not import internal/testkit"},
		{"unknown package", "internal/misc/a.go", "", "internal/misc is not in the map"},
		{"unknown package of tests", "internal/misc/a_test.go", "", "internal/misc is not in the map"},
		{"cgo", "internal/source/a.go", `import "C"`, "internal/source must not import C"},
		{"cgo in a test", "internal/source/a_test.go", `import "C"`, "internal/source must not import C"},
		{"library", "internal/model/a.go", `import _ "github.com/yalue/onnxruntime_go"`, "must not import github.com/yalue/onnxruntime_go"},
		{"OpenCV in the lite build", "internal/source/gocv/a.go", `import _ "gocv.io/x/gocv"`, "without //go:build !lite"},
		{"init", "internal/geom/a.go", "func init() {}", "init functions"},
		{"environment", "internal/model/a.go", `import "os"; var _ = os.Getenv("X")`, "os.Getenv belongs to"},
		{"exit", "internal/cli/a.go", `import "os"; func f() { os.Exit(1) }`, "os.Exit belongs to"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree := fstest.MapFS{c.file: {Data: []byte("package p\n" + c.text + "\n")}}
			problems, err := Check(tree, packageMap())
			if err != nil {
				t.Fatal(err)
			}
			if len(problems) != 1 || !strings.Contains(problems[0], c.problem) || !strings.HasPrefix(problems[0], c.file+": ") {
				t.Errorf("problems %q, want one of %s that says %q", problems, c.file, c.problem)
			}
		})
	}
}

func TestCheckAccepts(t *testing.T) {
	files := map[string]string{
		"cmd/mhp/main.go":                  "package main\nimport (\"os\"; _ \"mhp/internal/cli\")\nfunc main() { os.Exit(len(os.Args)) }\n",
		"internal/pose/a.go":               "package pose\nimport _ \"mhp/internal/geom\"\ntype t struct{}\nfunc (t) init() {}\n",
		"internal/geom/a_test.go":          "package geom\nimport (_ \"mhp/internal/cli\"; _ \"mhp/internal/testkit\"; \"os\")\nvar _ = os.Getenv\n",
		"internal/source/gocv/a.go":        "// Story.\n\n//go:build !lite && linux\n\npackage gocv\nimport (_ \"gocv.io/x/gocv\"; \"C\")\n",
		"internal/model/a_test.go":         "package model\nimport _ \"github.com/yalue/onnxruntime_go\"\n",
		"internal/onnx/a.pb.go":            "// Code generated by protoc. DO NOT EDIT.\n\npackage onnx\nfunc init() {}\n",
		"internal/geom/testdata/broken.go": "no Go at all",
		".tools/mod/x.go":                  "no Go at all",
	}
	tree := fstest.MapFS{}
	for name, text := range files {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	problems, err := Check(tree, packageMap())
	if err != nil || len(problems) > 0 {
		t.Errorf("problems %q, error %v", problems, err)
	}
}

func TestCheckReportsWhatIsNotGo(t *testing.T) {
	if _, err := Check(fstest.MapFS{"internal/geom/a.go": {Data: []byte("no Go")}}, packageMap()); err == nil {
		t.Error("a file that does not parse passes")
	}
}
