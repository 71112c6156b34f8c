package sink

import "io"

// FileOptions say where a file of rows goes.
type FileOptions struct {
	// Path is the file, or "-" for Stdout.
	Path string
	// Stdout is where "-" goes; it is not closed.
	Stdout io.Writer
	// Inputs are the files that must not be overwritten; may be nil.
	Inputs *Inputs
	// Grow writes under the file's own name from the first row on, so that it
	// can be read while it grows and keeps its rows when the program is killed.
	Grow bool

	wrap wrapper
}

// rows is an output that is opened by its first row and complete at close.
type rows struct {
	options FileOptions
	out     *output
}

// newRows refuses at once what can be told without writing: a target that is an input.
func newRows(o FileOptions) (rows, error) {
	r := rows{options: o}
	if o.Path == "-" {
		r.out = stream("standard output", o.Stdout)
		return r, nil
	}
	return r, o.Inputs.check(o.Path)
}

// empty tells whether nothing was written so far.
func (r *rows) empty() bool { return r.out == nil || r.out.size == 0 }

// write adds one piece that makes sense only whole.
func (r *rows) write(b []byte) error {
	if r.out == nil {
		open := create
		if r.options.Grow {
			open = createInPlace
		}
		out, err := open(r.options.Path, r.options.Inputs, r.options.wrap)
		if err != nil {
			return err
		}
		r.out = out
	}
	return r.out.row(b)
}

// close keeps what was written. Without a single row there will be no file.
func (r *rows) close() error {
	if r.out == nil {
		return nil
	}
	out := r.out
	r.out = nil
	if out.size == 0 {
		out.abort()
		return nil
	}
	return out.commit()
}
