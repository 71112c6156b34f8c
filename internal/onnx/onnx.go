// Package onnx reads, describes and rewrites ONNX files. It knows the format
// and a handful of operators, and nothing about poses.
//
//	bytes --Parse--> ModelProto --Summarize--> text for people
//	                     |
//	                     +--NewGraph--> Graph --RewritePReLU, MakeBatchDynamic, SoftArgmax--> Marshal --> bytes
//
// The types in onnx.pb.go come from the official onnx.proto, which lies beside them.
package onnx

//go:generate protoc --go_out=. --go_opt=paths=source_relative --go_opt=Monnx.proto=mhp/internal/onnx onnx.proto
