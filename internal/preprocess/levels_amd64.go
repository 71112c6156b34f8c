package preprocess

import "golang.org/x/sys/cpu"

//go:noescape
func levelsAVX2(dst *float32, pixels *uint64, n int, shift uint64, scale, offset float32)

// lineFits tells whether this processor can work out levels faster than look them up.
func lineFits() bool { return cpu.X86.HasAVX2 }

// levels does the first pixels that come in eights and returns how many.
func levels(dst []float32, pixels []uint64, l line, shift uint) int {
	n := min(len(dst), len(pixels)) &^ 7
	if n > 0 {
		levelsAVX2(&dst[0], &pixels[0], n, uint64(shift), l.scale, l.offset)
	}
	return n
}
