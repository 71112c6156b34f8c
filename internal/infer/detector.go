package infer

import (
	"context"

	"mhp/internal/model"
	"mhp/internal/tensor"
)

// DetectorRunner runs one network that finds people, a picture at a time. It
// is for one goroutine.
type DetectorRunner interface {
	// Spec is the network's meaning.
	Spec() *model.Detector
	// Input is the buffer for a picture, [1, 3, H, W], owned by the runner and
	// filled by the caller; it is the same memory at each call.
	Input() tensor.Tensor
	// Run infers from what Input was filled with and returns the outputs in
	// the order of Spec().Outputs, whole numbers as float32. They stay valid
	// until the next call. When ctx ends it asks the library to stop, waits
	// for it, and returns ctx's error.
	Run(ctx context.Context) ([]tensor.Tensor, error)
	// Provider names the execution provider that was asked for and accepted, such as "cpu".
	Provider() string
	Close() error
}
