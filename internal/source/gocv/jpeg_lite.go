//go:build lite

package gocv

import "errors"

// HasJPEG tells that JPEG is not there.
const HasJPEG = false

// JPEG is left to the standard library.
func JPEG(_, _ []uint8, _, _, _ int) error {
	_, why := Version()
	return errors.New(why)
}
