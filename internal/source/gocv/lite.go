//go:build lite

// Package gocv holds everything that needs OpenCV. Built with the tag lite it
// says what is missing instead.
package gocv

// Version has no version to give and says why.
func Version() (version, explanation string) {
	return "", "built without OpenCV (tag lite): videos and cameras are left out; build without the tag to have them"
}
