// Package models holds the networks that are built into the program, as
// mhp-NAME.onnx. Which of them are trained is said by their metadata.
package models

import "embed"

// FS is a file system of ONNX files, for model.Store.Builtin.
//
//go:embed mhp-*.onnx
var FS embed.FS
