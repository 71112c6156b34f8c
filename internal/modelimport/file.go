package modelimport

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// maxFileBytes is what one protobuf message can hold at most.
const maxFileBytes = 1<<31 - 1

// File imports the file in and writes the file out, whole or not at all: out
// appears by a rename once everything is proved and written. out must not be
// in, by whatever path. Errors as Convert; those about out wrap what the system said.
func File(in, out string, o Options, run RunFunc) (*Result, error) {
	data, err := readModel(in)
	if err != nil {
		return nil, err
	}
	if err := checkOutput(in, out); err != nil {
		return nil, err
	}
	converted, result, err := Convert(data, in, o, run)
	if err != nil {
		return nil, err
	}
	return result, writeWhole(out, converted)
}

func readModel(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, &Problem{What: "cannot read the model", Cause: err}
	}
	defer f.Close() // opened for reading: nothing can be lost
	info, err := f.Stat()
	if err != nil {
		return nil, &Problem{What: "cannot read the model", Cause: err}
	}
	if info.IsDir() {
		return nil, refuse("name the .onnx file", "%s is a folder, not an ONNX file", name)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, &Problem{What: "cannot read the model", Cause: err}
	}
	if len(data) > maxFileBytes {
		return nil, refuse("", "%s is larger than the 2 GiB that an ONNX file can be", name)
	}
	return data, nil
}

// checkOutput finds out before the work whether the result could be written.
func checkOutput(in, out string) error {
	if out == "" {
		return fmt.Errorf("no output file is named")
	}
	if info, err := os.Stat(out); err == nil {
		if info.IsDir() {
			return fmt.Errorf("%s is a folder; name the file to write", out)
		}
		if source, err := os.Stat(in); err == nil && os.SameFile(source, info) {
			return fmt.Errorf("%s is the input itself; name another output", out)
		}
	}
	folder, err := os.Stat(filepath.Dir(out))
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", out, err)
	}
	if !folder.IsDir() {
		return fmt.Errorf("cannot write %s: %s is not a folder", out, filepath.Dir(out))
	}
	return nil
}

// writeWhole writes beside the target and renames, so that nobody ever sees half a file.
func writeWhole(name string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*.part")
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", name, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("cannot write %s: %w", name, err)
			os.Remove(f.Name()) // the first error is the one to tell
		}
	}()
	if _, err = f.Write(data); err != nil {
		f.Close()
		return err
	}
	if err = f.Chmod(0o644); err != nil {
		f.Close()
		return err
	}
	if err = f.Sync(); err != nil {
		f.Close()
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
