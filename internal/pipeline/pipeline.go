// Package pipeline joins the stages with bounded queues and owns goroutines and timings.
package pipeline

import (
	"context"

	"mhp/internal/frame"
	"mhp/internal/pose"
)

// Sink takes results in the order of their index, one call at a time.
// The frame is nil when no sink asked for pixels; it must not be kept.
type Sink interface {
	Write(ctx context.Context, f *frame.Frame, p *pose.Picture) error
	// Close ends the output; what was written stays readable.
	Close() error
}
