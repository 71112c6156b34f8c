package sink

import (
	"io"
	"path/filepath"

	"mhp/internal/pose"
)

// DirOptions say into which folder files go, one or more a picture.
type DirOptions struct {
	Dir string
	// Inputs are the files that must not be overwritten; may be nil. The
	// picture being written is protected in any case.
	Inputs *Inputs
	// Frames says that pictures of one name are frames of one source: their
	// files carry the frame's number.
	Frames bool

	wrap wrapper
}

// file makes one file of the folder. What it would replace must not be an
// input of the run, nor the picture itself.
func (o DirOptions) file(name string, p *pose.Picture, fill func(io.Writer) error) error {
	path := filepath.Join(o.Dir, name)
	if err := NewInputs(p.Name).check(path); err != nil {
		return err
	}
	return writeFile(path, o.Inputs, o.wrap, fill)
}
