// Package models holds the networks that are built into the program, as
// mhp-NAME.onnx. Which of them are trained is said by their metadata.
package models

import "embed"

// FS holds the ONNX files, for model.Store.Builtin, and SHA256SUMS with their
// hashes as sha256sum writes them.
//
//go:embed mhp-*.onnx SHA256SUMS
var FS embed.FS
