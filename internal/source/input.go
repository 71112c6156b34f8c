package source

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"mhp/internal/frame"
)

// StdinName stands for standard input in results and messages.
const StdinName = "stdin"

// Input is one picture that the user named. Decode may be called from any
// goroutine, but only once for standard input.
type Input struct {
	Path string // of the file; "-" is standard input
	Name string // for results and messages: the path as given, or StdinName

	stdin io.Reader // where "-" is read from
}

// Decode opens and decodes the picture. The frame belongs to the caller, who
// sets its Index and releases it. Errors are *Error.
func (in Input) Decode(o Options) (*frame.Frame, error) {
	if in.stdin != nil {
		return Decode(in.stdin, in.Name, o)
	}
	f, err := os.Open(in.Path)
	if err != nil {
		return nil, openError(in.Name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, openError(in.Name, err)
	}
	if info.IsDir() {
		return nil, &Error{Name: in.Name, Kind: ErrNotPicture, Problem: "is a folder", Remedy: "give the pictures in it"}
	}
	return decodeStream(f, in.Name, info.Size(), o)
}

// openError says why a path leads to no picture.
func openError(name string, err error) error {
	e := &Error{Name: name, Kind: ErrUnreadable, Cause: err, Problem: "cannot be opened: " + plain(err)}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Kind, e.Problem = ErrNoPicture, "there is no such file or folder"
		e.Remedy = "check the spelling and the folder that you are in"
	case errors.Is(err, fs.ErrPermission):
		e.Problem, e.Remedy = "you may not read it", "change its permissions (chmod +r) or run as its owner"
	}
	return e
}

// plain drops the operation and the path from a system error: the message names the file already.
func plain(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}
