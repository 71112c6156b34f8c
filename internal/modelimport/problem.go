package modelimport

import (
	"fmt"

	"mhp/internal/model"
)

// Problem is a file that cannot be imported. It wraps model.ErrModel.
type Problem struct {
	What   string
	Remedy string
	Cause  error // may be nil
}

func (p *Problem) Error() string {
	if p.Cause != nil {
		return p.What + ": " + p.Cause.Error()
	}
	return p.What
}

// Hint names what the user can do, "" if nothing.
func (p *Problem) Hint() string { return p.Remedy }

// Unwrap makes errors.Is(err, model.ErrModel) true, and finds the cause too.
func (p *Problem) Unwrap() []error {
	if p.Cause != nil {
		return []error{model.ErrModel, p.Cause}
	}
	return []error{model.ErrModel}
}

func refuse(remedy, format string, args ...any) error {
	return &Problem{What: fmt.Sprintf(format, args...), Remedy: remedy}
}
