package onnx

import (
	"errors"
	"testing"
)

// FuzzParse: whatever the bytes, there is an error of ours or a model that can
// be described, rewritten and written again.
func FuzzParse(f *testing.F) {
	data, err := Marshal(chain())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Parse(data)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		_ = Summarize(m).Ports()
		g := NewGraph(m)
		g.FreeBatch(1)
		g.RewritePReLU()
		g.ConvBeforeResize()
		g.Clean()
		out, err := Marshal(m)
		if err != nil {
			return // names that are no UTF-8 cannot be written
		}
		_ = Clone(m)
		if len(out) == 0 {
			t.Fatal("a model became nothing")
		}
	})
}
