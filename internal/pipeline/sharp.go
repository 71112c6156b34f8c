package pipeline

import "mhp/internal/frame"

// sharpFor is the frame to crop the first n squares from: the given one, or
// the same picture decoded again where that one was reduced so far that a
// person has fewer pixels than the network looks at.
func (e *Estimator) sharpFor(f *frame.Frame, n int) (*frame.Frame, error) {
	if f.Reduce <= 1 || n == 0 {
		return f, nil
	}
	sidePx := e.squares[0].W
	for _, s := range e.squares[1:n] {
		sidePx = min(sidePx, s.W)
	}
	enough := Reduction(sidePx, e.runner.Spec().InputWPx)
	if enough >= f.Reduce {
		return f, nil
	}
	if e.sharp != nil && enough >= e.sharp.Reduce {
		return e.sharp, nil
	}
	sharp, err := f.Sharper(enough)
	if err != nil {
		return nil, err
	}
	e.dropSharp()
	e.sharp = sharp
	return sharp, nil
}

// dropSharp gives the picture at hand's second look back.
func (e *Estimator) dropSharp() {
	if e.sharp != nil {
		e.sharp.Release()
		e.sharp = nil
	}
}

// Reduction is how far a picture may be reduced, 1, 2, 4 or 8 times, so that
// a square of sidePx still fills a crop of inputPx.
func Reduction(sidePx float64, inputPx int) int {
	for _, r := range [...]int{8, 4, 2} {
		if sidePx >= float64(r*inputPx) {
			return r
		}
	}
	return 1
}
