package modelimport

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mhp/internal/model"
	"mhp/internal/onnx"
	"mhp/internal/tensor"
)

// zeros stands in for a library where only files matter: every output is zero.
// It reads the output shapes from the file, so that whole imports run through.
func zeros(data []byte, input tensor.Tensor) (map[string]tensor.Tensor, error) {
	m, err := onnx.Parse(data)
	if err != nil {
		return nil, err
	}
	out := map[string]tensor.Tensor{}
	for _, v := range onnx.Summarize(m).Outputs {
		shape, values := []int64{}, int64(1)
		for i, d := range v.Shape {
			if i == 0 {
				d.Size = input.Shape[0]
			}
			if d.Size < 0 || d.Size > 1<<22/values {
				return nil, errors.New("no shape to answer with")
			}
			values *= max(d.Size, 1)
			shape = append(shape, d.Size)
		}
		out[v.Name] = tensor.New(shape...)
	}
	return out, nil
}

// write puts a small file with coordinates into a folder and returns its name.
func write(t *testing.T, data []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "in.onnx")
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func cells() Options {
	o := DefaultOptions(Official)
	o.CoordsUnit = "cells"
	return o
}

func TestFile(t *testing.T) {
	in := write(t, tiny{joints: 21, side: 32, coords: true, sigmoid: true}.build(t))
	out := filepath.Join(t.TempDir(), "out.onnx")
	if err := os.WriteFile(out, []byte("an older file"), 0o600); err != nil {
		t.Fatal(err)
	}
	result, err := File(in, out, cells(), zeros)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if got := spec(t, data); got.Name != "in" || result.Spec.Name != "in" {
		t.Errorf("name %q", got.Name)
	}
	onlyFile(t, out)
}

// onlyFile checks that nothing else was left beside a file.
func onlyFile(t *testing.T, name string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(name))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != filepath.Base(name) {
			t.Errorf("%s was left behind", e.Name())
		}
	}
}

func TestFileRefuses(t *testing.T) {
	in := write(t, tiny{joints: 21, side: 32, coords: true, sigmoid: true}.build(t))
	link := filepath.Join(t.TempDir(), "link.onnx")
	if err := os.Symlink(in, link); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	tests := []struct {
		name, in, out, says string
		model               bool // the model is to blame
	}{
		{"no such file", filepath.Join(t.TempDir(), "none.onnx"), "o.onnx", "none.onnx", true},
		{"folder", t.TempDir(), "o.onnx", "folder", true},
		{"output is input", in, in, "is the input", false},
		{"output is input by a link", in, link, "is the input", false},
		{"output is a folder", in, t.TempDir(), "is a folder", false},
		{"no output", in, "", "no output", false},
		{"no such folder", in, filepath.Join(t.TempDir(), "a", "b.onnx"), "cannot write", false},
		{"file as folder", in, filepath.Join(in, "b.onnx"), "cannot write", false},
	}
	before, err := os.ReadFile(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			_, err := File(tc.in, tc.out, cells(), zeros)
			if err == nil || !strings.Contains(err.Error(), tc.says) || errors.Is(err, model.ErrModel) != tc.model {
				t.Errorf("got %v", err)
			}
		})
	}
	after, err := os.ReadFile(in)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the input was touched: %v", err)
	}
}

// A refused import leaves the older output as it was, and no part of a new one.
func TestFileWritesNothingWithoutProof(t *testing.T) {
	original := tiny{joints: 21, side: 32, coords: true, sigmoid: true}.build(t)
	in := write(t, original)
	out := filepath.Join(t.TempDir(), "out.onnx")
	if err := os.WriteFile(out, []byte("older"), 0o644); err != nil {
		t.Fatal(err)
	}
	lie := func(data []byte, input tensor.Tensor) (map[string]tensor.Tensor, error) {
		answer, err := zeros(data, input)
		if err == nil && !bytes.Equal(data, original) {
			answer["coords"].Data[0] = 1
		}
		return answer, err
	}
	if _, err := File(in, out, cells(), lie); err == nil || !strings.Contains(err.Error(), "disagree") {
		t.Fatalf("got %v", err)
	}
	if data, err := os.ReadFile(out); err != nil || string(data) != "older" {
		t.Errorf("output holds %q, %v", data, err)
	}
	onlyFile(t, out)
}

func TestFileUnwritableFolder(t *testing.T) {
	if os.Geteuid() == 0 {
		if _, err := os.Stat("/proc/self"); err != nil {
			t.Skip("root may write everywhere but in /proc, which this system lacks")
		}
		in := write(t, tiny{joints: 21, side: 32, coords: true, sigmoid: true}.build(t))
		if _, err := File(in, "/proc/self/out.onnx", cells(), zeros); err == nil || !strings.Contains(err.Error(), "cannot write") {
			t.Errorf("got %v", err)
		}
		return
	}
	in := write(t, tiny{joints: 21, side: 32, coords: true, sigmoid: true}.build(t))
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o500); err != nil {
		t.Fatal(err)
	}
	if _, err := File(in, filepath.Join(folder, "out.onnx"), cells(), zeros); err == nil || !strings.Contains(err.Error(), "cannot write") {
		t.Errorf("got %v", err)
	}
}
