package model

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"
)

// Store is where models are found by name. Model xs is the file mhp-xs.onnx.
type Store struct {
	Dirs    []string // folders, the first that has the file wins
	Builtin fs.FS    // searched after Dirs; nil if nothing is built in
}

// Entry is one file of a store: a File, or the reason why it is none.
type Entry struct {
	Name string // "xs", as Resolve takes it
	Path string // "" if it is built in
	File *File
	Err  error
}

// Resolve opens a model by name or by path. Something with a path separator or
// the ending .onnx is a path. Errors wrap ErrModel.
func (s Store) Resolve(nameOrPath string) (*File, error) {
	if strings.ContainsAny(nameOrPath, `/\`) || strings.HasSuffix(nameOrPath, ".onnx") {
		return Open(nameOrPath)
	}
	file := fileOf(nameOrPath)
	for _, dir := range s.Dirs {
		if full := filepath.Join(dir, file); exists(full) {
			return Open(full)
		}
	}
	if s.Builtin != nil && nameOrPath != "" {
		f, err := s.OpenBuiltin(nameOrPath)
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	if nameOrPath != "" && exists(nameOrPath) {
		return Open(nameOrPath)
	}
	return nil, &FileError{fmt.Sprintf("%q", nameOrPath),
		fmt.Errorf("there is no model of that name and no such file; there are: %s", s.names()), hintList}
}

// OpenBuiltin opens a model that is built into the program. The error is
// fs.ErrNotExist (wrapped) if there is none of that name.
func (s Store) OpenBuiltin(name string) (*File, error) {
	file := fileOf(name)
	data, err := fs.ReadFile(s.Builtin, file)
	if err != nil {
		return nil, &FileError{file, err, hintList}
	}
	return Parse(file, data)
}

// List opens every pose network of the store, by name; one that is hidden by
// another of the same name in an earlier folder is left out.
func (s Store) List() []Entry {
	return s.list(Open, s.OpenBuiltin, func(err error) bool { return errors.Is(err, errDetector) })
}

// list opens every file of the store but those whose error says that they are
// of the other kind.
func (s Store) list(open, builtin func(string) (*File, error), otherKind func(error) bool) []Entry {
	seen := map[string]bool{}
	var entries []Entry
	add := func(file, where string, open func() (*File, error)) {
		if name := nameOf(file); !seen[name] {
			seen[name] = true
			if f, err := open(); err == nil || !otherKind(err) {
				entries = append(entries, Entry{Name: name, Path: where, File: f, Err: err})
			}
		}
	}
	for _, dir := range s.Dirs {
		for _, file := range onnxFiles(os.DirFS(dir)) {
			full := filepath.Join(dir, file)
			add(file, full, func() (*File, error) { return open(full) })
		}
	}
	if s.Builtin != nil {
		for _, file := range onnxFiles(s.Builtin) {
			add(file, "", func() (*File, error) { return builtin(nameOf(file)) })
		}
	}
	sort.SliceStable(entries, func(i, j int) bool { return entries[i].Name < entries[j].Name })
	return entries
}

// ResolveDetector opens a file that finds people, by name or by path as Resolve
// does. Its Detector is nil if it has no metadata of ours: the graph must say
// what it is. Errors wrap ErrModel.
func (s Store) ResolveDetector(nameOrPath string) (*File, error) {
	if strings.ContainsAny(nameOrPath, `/\\`) || strings.HasSuffix(nameOrPath, ".onnx") {
		return OpenDetector(nameOrPath)
	}
	for _, dir := range s.Dirs {
		if full := filepath.Join(dir, fileOf(nameOrPath)); exists(full) {
			return OpenDetector(full)
		}
	}
	if s.Builtin != nil && nameOrPath != "" {
		f, err := s.openBuiltinDetector(nameOrPath)
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	if nameOrPath != "" && exists(nameOrPath) {
		return OpenDetector(nameOrPath)
	}
	return nil, &FileError{fmt.Sprintf("%q", nameOrPath), fmt.Errorf("there is no detector of that name and no such %w", fs.ErrNotExist),
		"give the path of an ONNX file that finds people"}
}

func (s Store) openBuiltinDetector(name string) (*File, error) {
	file := fileOf(name)
	data, err := fs.ReadFile(s.Builtin, file)
	if err != nil {
		return nil, &FileError{file, err, hintList}
	}
	return ReadDetector(file, data)
}

// Detectors opens every file of the store that says it finds people.
func (s Store) Detectors() []Entry {
	all := s.list(OpenDetector, s.openBuiltinDetector, func(err error) bool { return !errors.Is(err, errDetectorMetadata) })
	return slices.DeleteFunc(all, func(e Entry) bool { return e.Err == nil && e.File.Detector == nil })
}

// names lists what Resolve would find, without opening it.
func (s Store) names() string {
	seen := map[string]bool{}
	var names []string
	systems := make([]fs.FS, 0, len(s.Dirs)+1)
	for _, dir := range s.Dirs {
		systems = append(systems, os.DirFS(dir))
	}
	if s.Builtin != nil {
		systems = append(systems, s.Builtin)
	}
	for _, fsys := range systems {
		for _, file := range onnxFiles(fsys) {
			if name := nameOf(file); !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 {
		return "none"
	}
	sort.Strings(names)
	return strings.Join(names, ", ")
}

// onnxFiles lists the mhp-*.onnx files of a folder; a folder that cannot be read has none.
func onnxFiles(fsys fs.FS) []string {
	found, err := fs.Glob(fsys, "mhp-*.onnx")
	if err != nil {
		return nil // the pattern is fixed and valid
	}
	return found
}

func fileOf(name string) string {
	return "mhp-" + strings.TrimPrefix(name, "mhp-") + ".onnx"
}

func nameOf(file string) string {
	return strings.TrimSuffix(strings.TrimPrefix(path.Base(file), "mhp-"), ".onnx")
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}
