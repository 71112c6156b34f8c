package model

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
)

// Store is where models are found by name. Model xs is the file mhp-xs.onnx.
type Store struct {
	Dirs    []string // folders, the first that has the file wins
	Builtin fs.FS    // searched after Dirs; nil if nothing is built in
}

// Entry is one model of a store: a File, or the reason why it is none.
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

// List opens every model of the store, by name; one that is hidden by another
// of the same name in an earlier folder is left out.
func (s Store) List() []Entry {
	seen := map[string]bool{}
	var entries []Entry
	add := func(file, where string, open func() (*File, error)) {
		if name := nameOf(file); !seen[name] {
			seen[name] = true
			f, err := open()
			entries = append(entries, Entry{Name: name, Path: where, File: f, Err: err})
		}
	}
	for _, dir := range s.Dirs {
		for _, file := range onnxFiles(os.DirFS(dir)) {
			full := filepath.Join(dir, file)
			add(file, full, func() (*File, error) { return Open(full) })
		}
	}
	if s.Builtin != nil {
		for _, file := range onnxFiles(s.Builtin) {
			add(file, "", func() (*File, error) { return s.OpenBuiltin(nameOf(file)) })
		}
	}
	sort.SliceStable(entries, func(i, j int) bool { return entries[i].Name < entries[j].Name })
	return entries
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
