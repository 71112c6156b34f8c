// Package models holds the networks that are built into the program, as
// mhp-NAME.onnx. Which of them are trained is said by their metadata.
package models

import "embed"

// Files is a file system of ONNX files, for model.Store.Builtin.
//
//go:embed mhp-*.onnx
var Files embed.FS
