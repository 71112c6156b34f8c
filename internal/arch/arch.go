// Package arch checks that the source tree keeps to the package map: who may
// import whom, where cgo and the heavy libraries live, and that nothing below
// the command line reads flags or the environment. Tests only.
//
// It parses the files itself, whatever their build tags; a check that asked
// `go list` would stay green from the test cache after a rule was broken.
package arch

import (
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Rules is what a tree must keep to. Packages are named by their folder below
// Module, such as "internal/geom".
type Rules struct {
	Module string
	// Allowed holds, for every package, the packages of the module that it may
	// import. Test files may import any.
	Allowed map[string][]string
	// Any holds the packages that may import all others but those in TestOnly.
	Any []string
	// TestOnly holds the packages that only test files may import.
	TestOnly []string
	// Confined maps an import ("C" is cgo) to the packages it may occur in; a
	// name without a slash stands for every folder of that name.
	Confined map[string][]string
	// Tagged maps an import to the build constraint that its files must carry.
	Tagged map[string]string
	// Outer holds the packages that may read os.Args and the environment.
	Outer []string
	// Exits holds the packages that may end the program.
	Exits []string
}

// Check lists what breaks the rules, one line each, naming file and import.
func Check(tree fs.FS, rules Rules) ([]string, error) {
	var problems []string
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if d.IsDir() {
			if name != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || base == "node_modules") {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		found, err := rules.file(tree, name)
		problems = append(problems, found...)
		return err
	})
	return problems, err
}

// file checks one Go file.
func (r Rules) file(tree fs.FS, name string) ([]string, error) {
	text, err := fs.ReadFile(tree, name)
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	var problems []string
	report := func(format string, args ...any) {
		problems = append(problems, name+": "+fmt.Sprintf(format, args...))
	}
	pkg, test := path.Dir(name), strings.HasSuffix(name, "_test.go")
	if _, listed := r.Allowed[pkg]; !listed && !slices.Contains(r.Any, pkg) && !slices.Contains(r.TestOnly, pkg) {
		report("package %s is not in the map", pkg)
	}
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: import %s: %w", name, spec.Path.Value, err)
		}
		if inside, ok := strings.CutPrefix(imported, r.Module+"/"); ok && !test && !r.mayImport(pkg, inside) {
			report("%s must not import %s", pkg, inside)
		}
		// A test may drive a library itself, but not bring cgo of its own.
		if homes, ok := r.Confined[imported]; ok && !contains(homes, pkg) && (!test || imported == "C") {
			report("%s must not import %s; only %s may", pkg, imported, strings.Join(homes, " and "))
		}
		if want, ok := r.Tagged[imported]; ok && !hasConstraint(file, want) {
			report("imports %s without //go:build %s", imported, want)
		}
	}
	if !test && !slices.Contains(r.TestOnly, pkg) && !ast.IsGenerated(file) {
		for _, problem := range r.behaviour(file, pkg) {
			report("%s", problem)
		}
	}
	return problems, nil
}

func (r Rules) mayImport(pkg, imported string) bool {
	if slices.Contains(r.TestOnly, imported) {
		return false
	}
	return slices.Contains(r.Any, pkg) || slices.Contains(r.Allowed[pkg], imported)
}

// contains tells whether pkg is among homes, by its path or its last name.
func contains(homes []string, pkg string) bool {
	return slices.Contains(homes, pkg) || slices.Contains(homes, path.Base(pkg))
}

// hasConstraint tells whether the file can only be built where want holds.
func hasConstraint(file *ast.File, want string) bool {
	for _, group := range file.Comments {
		if group.Pos() > file.Package {
			break
		}
		for _, line := range group.List {
			if expr, err := constraint.Parse(line.Text); err == nil && demands(expr, want) {
				return true
			}
		}
	}
	return false
}

// demands tells whether expr is want or a conjunction that holds it.
func demands(expr constraint.Expr, want string) bool {
	if and, ok := expr.(*constraint.AndExpr); ok {
		return demands(and.X, want) || demands(and.Y, want)
	}
	return expr.String() == want
}

// behaviour finds init functions and uses of the process's surroundings.
func (r Rules) behaviour(file *ast.File, pkg string) []string {
	var problems []string
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
			problems = append(problems, "init functions are not used")
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if from, ok := s.X.(*ast.Ident); !ok || from.Name != "os" {
			return true
		}
		switch s.Sel.Name {
		case "Args", "Getenv", "LookupEnv", "Environ":
			if !slices.Contains(r.Outer, pkg) {
				problems = append(problems, fmt.Sprintf("os.%s belongs to %s", s.Sel.Name, strings.Join(r.Outer, " and ")))
			}
		case "Exit":
			if !slices.Contains(r.Exits, pkg) {
				problems = append(problems, "os.Exit belongs to "+strings.Join(r.Exits, " and "))
			}
		}
		return true
	})
	return problems
}
