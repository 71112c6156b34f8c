// Package ui is what people see on standard error: errors with hints,
// warnings, and a progress bar where a terminal is watching.
package ui

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// IsTerminal tells whether w is a terminal that a person watches.
func IsTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// WidthOf is the number of columns of the terminal w, or fallback where it is none.
func WidthOf(w any, fallback int) int {
	f, ok := w.(*os.File)
	if !ok {
		return fallback
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width < 20 {
		return fallback
	}
	return width
}

// Progress counts finished pictures on a terminal; elsewhere it is silent.
type Progress struct{ bar *progressbar.ProgressBar }

// NewProgress shows a bar on w when w is a terminal and there is more than one
// thing to do. A total of -1 is one that is not known yet.
func NewProgress(w io.Writer, total int, noun string) *Progress {
	if !IsTerminal(w) || total == 1 {
		return &Progress{}
	}
	return &Progress{bar: progressbar.NewOptions(total,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription(noun),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)}
}

// Step counts one more.
func (p *Progress) Step() {
	if p.bar != nil {
		_ = p.bar.Add(1) // a bar that cannot be drawn must not stop the work
	}
}

// Clear takes the bar's line away, so that a message can be written there.
func (p *Progress) Clear() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

// Close takes the bar away.
func (p *Progress) Close() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
