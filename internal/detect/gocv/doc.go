// Package gocv finds people with OpenCV. Built with the tag lite it says what
// is missing instead.
package gocv
