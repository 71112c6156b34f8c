package source

import "errors"

// What can be wrong with an input. Errors of this package wrap one of these.
var (
	ErrEmpty         = errors.New("holds nothing")
	ErrNotPicture    = errors.New("is not a picture")
	ErrUnsupported   = errors.New("is a kind of picture that is not read")
	ErrTruncated     = errors.New("is cut off")
	ErrDamaged       = errors.New("is damaged")
	ErrTooManyPixels = errors.New("has too many pixels")
	ErrUnreadable    = errors.New("cannot be read")
	ErrNoPicture     = errors.New("no picture there")
)

// Error is what is wrong with one input, and what to do about it.
type Error struct {
	Name    string // the file, folder or pattern, as the user gave it
	Problem string // "is cut off after 1024 bytes"
	Remedy  string // an order to the user; may be empty
	Kind    error  // one of the errors above
	Cause   error  // what the decoder or the system said; may be nil
}

// Error names the input and the problem.
func (e *Error) Error() string { return e.Name + ": " + e.Problem }

// Hint says what to do.
func (e *Error) Hint() string { return e.Remedy }

// Unwrap gives the kind and the cause to errors.Is and errors.As.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Cause}
}
