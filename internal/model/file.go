package model

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// File is a model file that was read and whose metadata was checked.
type File struct {
	Name   string // "mhp-xs.onnx"
	Path   string // where it was found; "" if it is built into the program
	Bytes  []byte // the ONNX file; read only
	SHA256 string // of Bytes, lower-case hex
	Spec   *Spec  // nil for a file that finds people
	Graph  *Graph
	// Detector is set for a detector with our metadata; see OpenDetector.
	Detector *Detector
}

// Where is the file's path, or says that it is built in.
func (f *File) Where() string {
	if f.Path == "" {
		return f.Name + " (built in)"
	}
	return f.Path
}

// FileError says what is wrong with which model file. It wraps ErrModel.
type FileError struct {
	File string
	Err  error
	Fix  string // what to do; "" if unknown
}

func (e *FileError) Error() string {
	// ParseSpec and Ports begin with ErrModel's own word, which stands here already.
	return fmt.Sprintf("model %s: %s", e.File, strings.TrimPrefix(e.Err.Error(), ErrModel.Error()+": "))
}

// Unwrap makes errors.Is find ErrModel and the cause.
func (e *FileError) Unwrap() []error { return []error{ErrModel, e.Err} }

// Hint is the remedy.
func (e *FileError) Hint() string { return e.Fix }

const (
	hintList   = "mhp models list shows the models there are; --model takes one of them or a path"
	hintImport = "mhp models import adds the metadata to a file exported elsewhere"
)

// Open reads and checks a model file. Errors are *FileError.
func Open(path string) (*File, error) {
	data, err := read(path)
	if err != nil {
		return nil, err
	}
	f, err := Parse(path, data)
	if err != nil {
		return nil, err
	}
	f.Name, f.Path = filepath.Base(path), path
	return f, nil
}

// read is the bytes of a file that may be a model.
func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &FileError{path, errors.New("no such file"), hintList}
	case err != nil:
		return nil, &FileError{path, cause(err), ""}
	case info.IsDir():
		return nil, &FileError{path, errors.New("is a folder, not an ONNX file"), hintList}
	case info.Size() > math.MaxInt32: // protobuf's own limit
		return nil, &FileError{path, fmt.Errorf("has %d bytes; ONNX files end at 2 GiB", info.Size()), ""}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, &FileError{path, cause(err), ""}
	}
	return data, nil
}

// cause leaves out the path, which the message names already.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// Parse checks a model that is in memory; name stands in messages only.
func Parse(name string, data []byte) (*File, error) {
	if len(data) == 0 {
		return nil, &FileError{name, errors.New("is empty"), hintList}
	}
	graph, err := ReadGraph(data)
	if err != nil {
		return nil, notONNX(name, data, err)
	}
	if IsDetector(graph) {
		return nil, &FileError{name, errDetector, "--detector takes this file; --model takes a pose network"}
	}
	spec, err := ParseSpec(graph.Meta)
	if err != nil {
		return nil, &FileError{name, err, hintImport}
	}
	if _, err := spec.Ports(graph); err != nil {
		return nil, &FileError{name, err, "export it again, or import it with the options that fit (mhp models import --help)"}
	}
	sum := sha256.Sum256(data)
	return &File{Name: name, Bytes: data, SHA256: hex.EncodeToString(sum[:]), Spec: spec, Graph: graph}, nil
}

// lookalikes are the files that people pass by mistake, by their first bytes.
var lookalikes = []struct{ magic, what, fix string }{
	{"\xff\xd8\xff", "a JPEG picture", "pictures are arguments: mhp predict PICTURE"},
	{"\x89PNG", "a PNG picture", "pictures are arguments: mhp predict PICTURE"},
	{"RIFF", "a RIFF file (WebP, AVI or WAV)", hintList},
	{"PK\x03\x04", "a zip archive, as PyTorch writes checkpoints", "export a checkpoint with scripts/export_onnx.py --checkpoint FILE"},
	{"\x80\x02", "a Python pickle, as PyTorch writes checkpoints", "export a checkpoint with scripts/export_onnx.py --checkpoint FILE"},
	{"version https://git-lfs", "a Git LFS pointer, not the file itself", "git lfs pull fetches the file"},
	{"\x7fELF", "an executable or shared library", hintList},
	{"\x1f\x8b", "a gzip archive", "unpack it first"},
	{"<", "HTML or XML text, perhaps a download that failed", "download the file again"},
	{"{", "JSON text", hintList},
}

func notONNX(name string, data []byte, err error) error {
	start := bytes.TrimLeft(data[:min(len(data), 256)], " \t\r\n\xef\xbb\xbf")
	for _, l := range lookalikes {
		if bytes.HasPrefix(start, []byte(l.magic)) {
			return &FileError{name, fmt.Errorf("%w but %s", errNotONNX, l.what), l.fix}
		}
	}
	return &FileError{name, err, hintList}
}
