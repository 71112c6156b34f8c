package cli

import (
	"os"
	"runtime/debug"

	"mhp/internal/frame"
)

const (
	// heapBytes is the soft limit of Go's memory. Decoders leave large buffers
	// behind, and without a limit several of them pile up between two
	// collections; ONNX Runtime's own memory comes on top.
	heapBytes = 150 << 20
	// heapBytesPerPixel is what pictures in flight may take: some copies of
	// three bytes a pixel and a decoder's coefficients.
	heapBytesPerPixel = 12
)

// limitHeap sets the soft limit unless the user did so by GOMEMLIMIT.
func limitHeap() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(heapBytes)
	}
}

// fitHeap raises the soft limit for a picture that would not fit under it as
// often as pictures are decoded at a time: collecting all the time would cost
// more than it saves.
func fitHeap(f *frame.Frame, decoders int) {
	const reads = -1 // a negative limit only reports the one in force
	w, h := f.PixelSize()
	if need := int64(w) * int64(h) * heapBytesPerPixel * int64(decoders); need > debug.SetMemoryLimit(reads) {
		debug.SetMemoryLimit(need)
	}
}
