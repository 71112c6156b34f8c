// Package testkit serves tests only: it reads the number goldens that
// scripts/make_goldens.py writes and compares with them.
//
//	testdata/goldens/NAME.safetensors --Golden--> File --Values--> []float64 --Compare--> worst value
package testkit

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// Tensor is one named array, row-major, its values widened to float64.
type Tensor struct {
	Shape  []int
	Values []float64
}

// File is a safetensors file.
type File struct {
	Meta    map[string]string
	Tensors map[string]Tensor
}

type header struct {
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"`
}

// widths holds the bytes per value of the types that can be read.
var widths = map[string]int{"U8": 1, "F16": 2, "F32": 4, "F64": 8}

// Parse reads a safetensors file: 8 bytes length of the header, the header in
// JSON, then the tensors' bytes, little-endian.
func Parse(data []byte) (*File, error) {
	if len(data) < 8 {
		return nil, fmt.Errorf("safetensors: %d bytes are no header", len(data))
	}
	size, data := binary.LittleEndian.Uint64(data), data[8:]
	if size > uint64(len(data)) {
		return nil, fmt.Errorf("safetensors: header of %d bytes in a file that has %d left", size, len(data))
	}
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(data[:size], &entries); err != nil {
		return nil, fmt.Errorf("safetensors: header: %w", err)
	}
	f := &File{Tensors: map[string]Tensor{}}
	for name, raw := range entries {
		if name == "__metadata__" {
			if err := json.Unmarshal(raw, &f.Meta); err != nil {
				return nil, fmt.Errorf("safetensors: metadata: %w", err)
			}
			continue
		}
		var h header
		if err := json.Unmarshal(raw, &h); err != nil {
			return nil, fmt.Errorf("safetensors: tensor %q: %w", name, err)
		}
		t, err := h.tensor(data[size:])
		if err != nil {
			return nil, fmt.Errorf("safetensors: tensor %q: %w", name, err)
		}
		f.Tensors[name] = t
	}
	return f, nil
}

func (h *header) tensor(data []byte) (Tensor, error) {
	width, ok := widths[h.DType]
	if !ok {
		return Tensor{}, fmt.Errorf("type %q is not one that goldens use", h.DType)
	}
	begin, end := h.Offsets[0], h.Offsets[1]
	if begin < 0 || end < begin || end > len(data) {
		return Tensor{}, fmt.Errorf("bytes %d to %d lie outside the file's %d", begin, end, len(data))
	}
	n := 1
	for _, d := range h.Shape {
		if d < 0 || (d > 0 && n > len(data)/d) {
			return Tensor{}, fmt.Errorf("shape %v is impossible", h.Shape)
		}
		n *= d
	}
	if n*width != end-begin {
		return Tensor{}, fmt.Errorf("shape %v of %s does not fill %d bytes", h.Shape, h.DType, end-begin)
	}
	t := Tensor{Shape: h.Shape, Values: make([]float64, n)}
	for i := range t.Values {
		t.Values[i] = value(h.DType, data[begin+i*width:])
	}
	return t, nil
}

func value(dtype string, b []byte) float64 {
	switch dtype {
	case "U8":
		return float64(b[0])
	case "F16":
		return half(binary.LittleEndian.Uint16(b))
	case "F32":
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b))
}

// half widens an IEEE 754 number of 16 bits.
func half(bits uint16) float64 {
	exponent, fraction := int(bits>>10&31), float64(bits&1023)
	v := math.Ldexp(1024+fraction, exponent-25)
	switch {
	case exponent == 0:
		v = math.Ldexp(fraction, -24)
	case exponent == 31 && fraction == 0:
		v = math.Inf(1)
	case exponent == 31:
		v = math.NaN()
	}
	if bits>>15 != 0 {
		v = -v
	}
	return v
}

// Names lists the tensors in alphabetical order.
func (f *File) Names() []string {
	var names []string
	for name := range f.Tensors {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
