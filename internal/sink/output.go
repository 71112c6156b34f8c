package sink

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
)

// ErrReaderGone says that whoever read standard output went away, as `head`
// does. It is no failure: the caller should stop without a message.
var ErrReaderGone = errors.New("the reader of the output is gone")

// WriteError is an output that could not be written.
type WriteError struct {
	Path string
	Err  error
	hint string
}

func (e *WriteError) Error() string { return fmt.Sprintf("cannot write %s: %v", e.Path, e.Err) }

// Unwrap gives the cause.
func (e *WriteError) Unwrap() error { return e.Err }

// Hint says what to do about it; empty if nothing is known.
func (e *WriteError) Hint() string {
	switch {
	case e.hint != "":
		return e.hint
	case errors.Is(e.Err, syscall.ENOSPC), errors.Is(e.Err, syscall.EDQUOT):
		return "the disk is full: free some space or write to another folder; what was complete before is kept"
	case errors.Is(e.Err, fs.ErrPermission), errors.Is(e.Err, syscall.EROFS):
		return "choose a folder that you may write to"
	case errors.Is(e.Err, syscall.ENOTDIR):
		return "a part of the path is a file, not a folder: choose another name"
	case errors.Is(e.Err, syscall.EISDIR):
		return "the output is a folder: give a file name"
	}
	return ""
}

// cause strips the wrapper that names a temporary file, which means nothing to a reader.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	var link *os.LinkError
	if errors.As(err, &link) {
		return link.Err
	}
	return err
}

// errOverwrite is what output equal to input gives.
var errOverwrite = errors.New("that is an input of this run and would be overwritten")

// Inputs knows the files that a run reads, so that no output replaces one.
// The zero value and nil know none.
type Inputs struct{ known map[string]bool }

// NewInputs remembers the paths, also under their names without symbolic links.
func NewInputs(paths ...string) *Inputs {
	in := &Inputs{known: map[string]bool{}}
	for _, p := range paths {
		in.Add(p)
	}
	return in
}

// Add remembers one more input. Streams such as "-" name no file and do no harm.
func (in *Inputs) Add(path string) {
	if in.known == nil {
		in.known = map[string]bool{}
	}
	in.known[place(path)] = true
	if real, err := filepath.EvalSymlinks(path); err == nil {
		in.known[place(real)] = true
	}
}

// check refuses a target that is an input.
func (in *Inputs) check(target string) error {
	if in == nil || !in.known[place(target)] {
		return nil
	}
	return &WriteError{Path: target, Err: errOverwrite, hint: "choose another file or folder for the output"}
}

// place is a file's absolute path with the links of its folder resolved, so
// that two ways of writing one path compare equal.
func place(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return filepath.Clean(path)
	}
	dir, base := filepath.Split(abs)
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	return filepath.Join(dir, base)
}

// output is one file on its way to being complete, or a stream.
//
//	write, write ... --commit--> the file under its own name
//	                 --abort---> nothing
type output struct {
	path   string // as the user named it
	target string // where the rename goes: path with a link at its end followed
	temp   string // "" for a stream, a device, or a file written in place
	file   *os.File
	w      io.Writer
	size   int64 // bytes of complete writes

	cuttable bool // a regular file: what a failed write left can be cut off
}

// wrapper puts a failing writer between the sinks and a file, for tests.
type wrapper func(io.Writer) io.Writer

// create opens the output: a temporary file in the folder of its target, made
// with the folders it lies in. A device or a pipe is written to directly.
func create(path string, inputs *Inputs, wrap wrapper) (*output, error) {
	return createAs(path, inputs, wrap, true)
}

// createInPlace opens the output under its own name and empties it.
func createInPlace(path string, inputs *Inputs, wrap wrapper) (*output, error) {
	return createAs(path, inputs, wrap, false)
}

func createAs(path string, inputs *Inputs, wrap wrapper, temporary bool) (*output, error) {
	fail := func(err error) (*output, error) { return nil, &WriteError{Path: path, Err: cause(err)} }
	target := path
	if real, err := filepath.EvalSymlinks(path); err == nil {
		target = real
	}
	for _, p := range []string{path, target} {
		if err := inputs.check(p); err != nil {
			return nil, err
		}
	}
	o := &output{path: path, target: target}
	info, err := os.Stat(target)
	mode := fs.FileMode(0o666)
	switch {
	case err == nil && info.IsDir():
		return fail(syscall.EISDIR)
	case err == nil && !info.Mode().IsRegular():
		if o.file, err = os.OpenFile(target, os.O_WRONLY, 0); err != nil {
			return fail(err)
		}
	case err == nil:
		mode = info.Mode().Perm()
		fallthrough
	default:
		if err := os.MkdirAll(filepath.Dir(target), 0o777); err != nil {
			return fail(err)
		}
		name, flags := target, os.O_TRUNC
		if temporary {
			o.temp = Temporary(target, "")
			name, flags = o.temp, os.O_EXCL
		}
		if o.file, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|flags, mode); err != nil {
			return fail(err)
		}
		o.cuttable = true
	}
	o.w = o.file
	if wrap != nil {
		o.w = wrap(o.file)
	}
	return o, nil
}

// stream is an output without a file of its own, such as standard output.
func stream(name string, w io.Writer) *output { return &output{path: name, w: w} }

// Write makes output an io.Writer; its errors name the file.
func (o *output) Write(b []byte) (int, error) {
	n, err := o.w.Write(b)
	if err == nil {
		o.size += int64(n)
		return n, nil
	}
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) {
		return n, ErrReaderGone
	}
	return n, &WriteError{Path: o.path, Err: cause(err)}
}

// row writes one piece that makes sense only whole. If it fails, the file is
// cut back to the rows before.
func (o *output) row(b []byte) error {
	before := o.size
	_, err := o.Write(b)
	if err != nil && o.cuttable {
		o.size = before
		if cut := o.file.Truncate(before); cut != nil {
			return errors.Join(err, &WriteError{Path: o.path, Err: cause(cut)})
		}
		if _, seek := o.file.Seek(before, io.SeekStart); seek != nil {
			return errors.Join(err, &WriteError{Path: o.path, Err: cause(seek)})
		}
	}
	return err
}

// commit puts the complete file in its place.
func (o *output) commit() error {
	if o.file == nil {
		return nil
	}
	err := o.file.Close()
	if err == nil && o.temp != "" {
		err = os.Rename(o.temp, o.target)
	}
	if err != nil {
		o.remove()
		return &WriteError{Path: o.path, Err: cause(err)}
	}
	return nil
}

// abort leaves nothing behind. Its own errors are of no use to anybody.
func (o *output) abort() {
	if o.file != nil {
		o.file.Close()
		o.remove()
	}
}

func (o *output) remove() {
	switch {
	case o.temp != "":
		os.Remove(o.temp)
	case o.cuttable && o.size == 0:
		os.Remove(o.target) // written in place and without a single row
	}
}

// writeFile makes a whole file at once, through a temporary name.
func writeFile(path string, inputs *Inputs, wrap wrapper, fill func(io.Writer) error) error {
	o, err := create(path, inputs, wrap)
	if err != nil {
		return err
	}
	if err := fill(o); err != nil {
		o.abort()
		return err
	}
	return o.commit()
}

// Place says where an output of that name goes, for sinks outside this package
// that write their file themselves: the path with a link at its end followed
// and its folder made. An input of the run is refused.
func Place(path string, inputs *Inputs) (target string, err error) {
	target = path
	if real, err := filepath.EvalSymlinks(path); err == nil {
		target = real
	}
	for _, p := range []string{path, target} {
		if err := inputs.check(p); err != nil {
			return "", err
		}
	}
	if info, err := os.Stat(target); err == nil && info.IsDir() {
		return "", &WriteError{Path: path, Err: syscall.EISDIR}
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o777); err != nil {
		return "", &WriteError{Path: path, Err: cause(err)}
	}
	return target, nil
}

// Temporary is a name beside the target for a file that is not complete yet.
func Temporary(target, extension string) string {
	return filepath.Join(filepath.Dir(target), fmt.Sprintf(".mhp-%016x.tmp%s", rand.Uint64(), extension))
}

// Check refuses a target that is an input, for sinks outside this package.
func (in *Inputs) Check(target string) error { return in.check(target) }
