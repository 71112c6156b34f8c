package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"mhp/internal/infer/ort"
	"mhp/internal/model"
)

// The exit codes. They are part of the interface: scripts depend on them.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitMissing     = 3 // model or library missing or wrong
	exitSlower      = 4 // mhp bench: slower than --compare and --tolerance allow
	exitInterrupted = 130
)

// usageError is a mistake in the command line itself.
type usageError struct {
	err  error
	hint string
}

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }
func (e usageError) Hint() string  { return e.hint }

func usagef(format string, args ...any) error {
	return usageError{err: fmt.Errorf(format, args...), hint: "see mhp help"}
}

// hinter is an error that knows a remedy.
type hinter interface{ Hint() string }

// exitCode gives the one exit code that an error stands for.
func exitCode(err error) int {
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, model.ErrModel), errors.Is(err, ort.ErrLibrary):
		return exitMissing
	case errors.Is(err, errSlower):
		return exitSlower
	}
	return exitFailed
}

// printError writes the error and, where one is known, its remedy.
func printError(w io.Writer, err error) {
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(w, "mhp: interrupted; what is written is complete")
		return
	}
	fmt.Fprintf(w, "mhp: error: %s\n", strings.TrimSpace(err.Error()))
	var h hinter
	if errors.As(err, &h) && h.Hint() != "" {
		fmt.Fprintf(w, "mhp: hint: %s\n", h.Hint())
	}
}
