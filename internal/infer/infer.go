// Package infer declares what runs a pose network. infer/ort runs it with
// ONNX Runtime; infer/fake answers with fixed numbers for tests.
package infer

import (
	"context"

	"mhp/internal/model"
	"mhp/internal/tensor"
)

// Output is what a network said about n crops. Which fields are set follows
// the model's head. The views stay valid until the runner's next call.
type Output struct {
	Coords  tensor.Tensor // head coords: [n, J, 3], x y z in heat cells
	Score   tensor.Tensor // head coords: [n, J], peak probability 0..1
	Plane   tensor.Tensor // head coords: [n, J, H*W], the heat volume's marginal, or nothing if the network does not tell it
	Depth   tensor.Tensor // head coords: [n, J, D], likewise
	Heatmap tensor.Tensor // head heatmap: [n, J*D, H, W] before the softmax
}

// Runner runs one network. A Runner is for one goroutine; several runners may
// share one session.
type Runner interface {
	// Spec is the network's meaning.
	Spec() *model.Spec
	// Marginals tells whether its outputs hold the heat volume's marginals.
	Marginals() bool
	// Input is the buffer for n crops, [n, 3, H, W], owned by the runner and
	// filled by the caller; the same memory is handed out again for the same n.
	Input(n int) (tensor.Tensor, error)
	// Run infers from what Input(n) was filled with. When ctx ends it asks the
	// library to stop, waits for it, and returns ctx's error.
	Run(ctx context.Context, n int) (Output, error)
	// Provider names the execution provider that was asked for and accepted, such as "cpu".
	Provider() string
	// Library names the library and its version, such as "onnxruntime 1.27.0".
	Library() string
	Close() error
}
