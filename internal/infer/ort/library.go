package ort

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// ErrLibrary marks an ONNX Runtime library that is missing, of another
// processor, too old, or without the provider asked for; the command line
// turns it into exit code 3.
var ErrLibrary = errors.New("ONNX Runtime library")

// neededMinor is the oldest 1.x that serves the C API version the binding asks for (24).
const neededMinor = 24

// LibraryOptions says where the library may be. It is searched in the order of
// the fields; one that is given by Flag or Env must be usable, of the others
// the first usable one is taken.
type LibraryOptions struct {
	Flag      string   // --ort-library
	Env       string   // MHP_ORT_LIBRARY
	BinaryDir string   // the program's folder; "" asks the system
	WorkDir   string   // looked at for a program run by "go run" or "go test" only; "" asks the system
	System    []string // the system's library folders; nil means the usual ones and then the loader's own search

	loader bool
}

// Library describes a usable library.
type Library struct {
	Path      string
	Version   string   // "1.24.3"
	From      string   // which place of the search order it was found in
	Providers []string // as the program names them where it knows them: "cpu", "coreml", ...
	Skipped   []string // files that came earlier in the search and were no good, with the reason
}

// LibraryError says which library file was tried and what is wrong with it. It wraps ErrLibrary.
type LibraryError struct {
	File    string // "" if none was found
	From    string // the place in the search order that named it
	Problem string
	Found   string   // its version, if it has one
	Needed  string   // the oldest version that would do
	Looked  []string // where it was looked for, if none was found
	Fix     string
}

func (e *LibraryError) Error() string {
	if e.File == "" {
		return fmt.Sprintf("%v (version %s or newer) not found; looked at %s", ErrLibrary, e.Needed, strings.Join(e.Looked, ", "))
	}
	return fmt.Sprintf("%v %s (%s): %s; version %s or newer for %s is needed", ErrLibrary, e.File, e.From, e.Problem, e.Needed, platform())
}

// Unwrap makes errors.Is find ErrLibrary.
func (e *LibraryError) Unwrap() error { return ErrLibrary }

// Hint is the command that mends it.
func (e *LibraryError) Hint() string { return e.Fix }

func needed() string { return fmt.Sprintf("1.%d", neededMinor) }

// platform is the folder name under third_party/onnxruntime, as scripts/fetch_onnxruntime.sh makes it.
func platform() string { return runtime.GOOS + "-" + runtime.GOARCH }

// place is one step of the search.
type place struct {
	from  string
	files []string // existing files, best first
	dir   string   // what to say was looked at
}

// FindLibrary searches, checks and describes the library without starting it.
func FindLibrary(o LibraryOptions) (*Library, error) {
	_, lib, err := findLibrary(o)
	return lib, err
}

// findLibrary also returns the loaded library, which stays loaded: code that
// has run threads cannot be unloaded safely.
func findLibrary(o LibraryOptions) (*image, *Library, error) {
	o = o.withDefaults()
	fix := o.fix()
	for _, given := range []place{{from: "--ort-library", dir: o.Flag}, {from: "MHP_ORT_LIBRARY", dir: o.Env}} {
		if given.dir == "" {
			continue
		}
		img, lib, err := tryFile(given.dir, given.from)
		if err != nil {
			err.Fix = fix
			if inside := libraryIn(given.dir); len(inside) > 0 {
				err.Fix = "name the file in it: " + inside[0]
			}
			return nil, nil, err
		}
		return img, lib, nil
	}
	var looked, skipped []string
	var first *LibraryError
	for _, p := range o.places() {
		looked = append(looked, p.dir)
		for _, file := range p.files {
			img, lib, err := tryFile(file, p.from)
			if err == nil {
				lib.Skipped = skipped
				return img, lib, nil
			}
			skipped = append(skipped, file+": "+err.Problem)
			if first == nil {
				first = err
			}
		}
	}
	if o.loader {
		looked = append(looked, "the system's loader")
		if img, lib := tryLoader(); lib != nil {
			lib.Skipped = skipped
			return img, lib, nil
		}
	}
	if first != nil { // files were there, but none was good: speak of the one that was meant
		first.Fix = fix
		return nil, nil, first
	}
	return nil, nil, &LibraryError{Needed: needed(), Looked: looked, Fix: fix}
}

func (o LibraryOptions) withDefaults() LibraryOptions {
	if o.BinaryDir == "" {
		if program, err := os.Executable(); err == nil {
			o.BinaryDir = filepath.Dir(program)
		}
	}
	if o.WorkDir == "" {
		if dir, err := os.Getwd(); err == nil {
			o.WorkDir = dir
		}
	}
	if o.System == nil {
		o.System, o.loader = systemDirs(), true
	}
	return o
}

// places lists the folders that are searched when no file is given.
func (o LibraryOptions) places() []place {
	var list []place
	add := func(from string, dirs ...string) {
		for _, dir := range dirs {
			list = append(list, place{from: from, dir: dir, files: libraryIn(dir)})
		}
	}
	for _, dir := range o.binaryDirs() {
		add("beside the program", dir, filepath.Join(dir, "lib"))
	}
	if root := o.project(); root != "" {
		add("the project's folder", filepath.Join(root, "third_party", "onnxruntime", platform()))
	}
	add("the system's folders", o.System...)
	return list
}

// binaryDirs is the program's folder, and the one it really lies in if it was
// started through a link.
func (o LibraryOptions) binaryDirs() []string {
	dirs := []string{o.BinaryDir}
	if program, err := os.Executable(); err == nil && filepath.Dir(program) == o.BinaryDir {
		if program, err = filepath.EvalSymlinks(program); err == nil && filepath.Dir(program) != o.BinaryDir {
			dirs = append(dirs, filepath.Dir(program))
		}
	}
	return dirs
}

// project is the checkout that the program was built in, "" if there is none.
// The working directory counts only for a program that "go run" or "go test"
// built in a temporary folder: else whoever makes a folder in which mhp is
// started could slip it a library.
func (o LibraryOptions) project() string {
	starts := o.binaryDirs()
	if strings.Contains(filepath.ToSlash(o.BinaryDir), "/go-build") {
		starts = append(starts, o.WorkDir)
	}
	const levels = 6
	for _, dir := range starts {
		for range levels {
			if isFile(filepath.Join(dir, "scripts", "fetch_onnxruntime.sh")) {
				return dir
			}
			dir = filepath.Dir(dir)
		}
	}
	return ""
}

func (o LibraryOptions) fix() string {
	if root := o.project(); root != "" {
		return "make -C " + root + " onnxruntime fetches it"
	}
	return "put " + libraryNames()[0] + " " + needed() + " or newer beside the program, or pass --ort-library FILE"
}

// libraryNames are the file names of the library on this system, best first; patterns allowed.
func libraryNames() []string {
	switch runtime.GOOS {
	case "windows":
		return []string{"onnxruntime.dll"}
	case "darwin":
		return []string{"libonnxruntime.dylib", "libonnxruntime.1.dylib", "libonnxruntime.1.*.dylib"}
	case "android":
		return []string{"libonnxruntime.so"}
	}
	return []string{"libonnxruntime.so.1", "libonnxruntime.so", "libonnxruntime.so.1.*"}
}

// libraryIn lists the library files of a folder; the same file under a second name is left out.
func libraryIn(dir string) []string {
	var files []string
	var known []os.FileInfo
	for _, pattern := range libraryNames() {
		// The only error is a bad pattern: a folder whose name has a bracket. It is searched without patterns.
		matches, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			matches = []string{filepath.Join(dir, pattern)}
		}
	next:
		for _, file := range matches {
			info, err := os.Stat(file)
			if err != nil || info.IsDir() {
				continue
			}
			for _, k := range known {
				if os.SameFile(k, info) {
					continue next
				}
			}
			known = append(known, info)
			files = append(files, file)
		}
	}
	return files
}

// systemDirs are the folders in which systems keep shared libraries.
func systemDirs() []string {
	switch runtime.GOOS {
	case "darwin":
		return []string{"/opt/homebrew/lib", "/usr/local/lib"}
	case "android":
		return []string{"/vendor/lib64", "/system/lib64"}
	case "windows":
		return nil // the one that Windows itself ships is too old
	}
	triple := map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[runtime.GOARCH]
	dirs := []string{"/usr/local/lib", "/usr/lib", "/lib64", "/usr/lib64", "/opt/onnxruntime/lib"}
	if triple != "" {
		dirs = append([]string{"/usr/local/lib/" + triple, "/usr/lib/" + triple}, dirs...)
	}
	return dirs
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// tryFile checks a file from the outside in: is it there, is it a library of
// this processor, does it load, is it ONNX Runtime, is it new enough.
func tryFile(file, from string) (*image, *Library, *LibraryError) {
	refuse := func(found, format string, args ...any) (*image, *Library, *LibraryError) {
		return nil, nil, &LibraryError{File: file, From: from, Problem: fmt.Sprintf(format, args...), Found: found, Needed: needed()}
	}
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return refuse("", "there is no such file")
	case err != nil:
		return refuse("", "%v", cause(err))
	case info.IsDir():
		return refuse("", "it is a folder, not a file")
	}
	if problem := checkHeader(file); problem != "" {
		return refuse("", "%s", problem)
	}
	absolute, err := filepath.Abs(file) // a bare name would be looked up elsewhere by the loader
	if err != nil {
		return refuse("", "%v", err)
	}
	img, err := loadImage(absolute)
	if err != nil {
		return refuse("", "%v", err)
	}
	version := img.version()
	if !newEnough(version) {
		img.unload()
		return refuse(version, "it is version %s", version)
	}
	names, err := img.providers()
	if err != nil {
		img.unload()
		return refuse(version, "it does not tell its providers: %v", err)
	}
	return img, &Library{Path: absolute, Version: version, From: from, Providers: complete(absolute, names)}, nil
}

// complete leaves out providers whose code is in a library of its own that
// does not lie beside the main one, as in the npm package, which names CUDA
// but does not bring it.
func complete(file string, names []string) []string {
	apart := map[string]string{"cuda": "cuda", "TensorrtExecutionProvider": "tensorrt", "OpenVINOExecutionProvider": "openvino", "DnnlExecutionProvider": "dnnl"}
	var list []string
	for _, name := range names {
		if own, ok := apart[name]; ok {
			if found, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*onnxruntime_providers_"+own+".*")); err != nil || len(found) == 0 {
				continue
			}
		}
		list = append(list, name)
	}
	return list
}

// tryLoader lets the system's loader search (LD_LIBRARY_PATH, its cache).
func tryLoader() (*image, *Library) {
	img, err := loadImage(libraryNames()[0])
	if err != nil {
		return nil, nil
	}
	if newEnough(img.version()) {
		if names, err := img.providers(); err == nil {
			return img, &Library{Path: img.path(), Version: img.version(), From: "the system's loader", Providers: complete(img.path(), names)}
		}
	}
	img.unload()
	return nil, nil
}

// cause leaves out the path, which the message names already.
func cause(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// newEnough reads "1.24.3".
func newEnough(version string) bool {
	var major, minor int
	if n, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil || n != 2 {
		return false
	}
	return major > 1 || major == 1 && minor >= neededMinor
}
