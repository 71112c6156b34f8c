// Package tensor is a shape over a flat float32 slice, row-major.
package tensor

import "fmt"

// Tensor is a view: Data holds the product of Shape values, last axis fastest.
type Tensor struct {
	Shape []int64
	Data  []float32
}

// New allocates a tensor of zeros.
func New(shape ...int64) Tensor {
	return Tensor{Shape: shape, Data: make([]float32, Size(shape))}
}

// Size is the number of values that a shape holds.
func Size(shape []int64) int {
	n := 1
	for _, d := range shape {
		n *= int(d)
	}
	return n
}

// Validate reports a shape that does not fit its data.
func (t Tensor) Validate() error {
	for _, d := range t.Shape {
		if d < 0 {
			return fmt.Errorf("tensor: negative dimension in shape %v", t.Shape)
		}
	}
	if n := Size(t.Shape); n != len(t.Data) {
		return fmt.Errorf("tensor: shape %v needs %d values, got %d", t.Shape, n, len(t.Data))
	}
	return nil
}
