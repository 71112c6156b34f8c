//go:build !android

package ort

import (
	"errors"

	binding "github.com/yalue/onnxruntime_go"
)

func appendNNAPI(*image, *binding.SessionOptions, map[string]string) error {
	return errors.New("NNAPI exists only on Android")
}
