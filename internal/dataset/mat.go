package dataset

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
)

// maxMatrixBytes bounds what a compressed matrix may unfold to; LSP Extended has 3 MB.
const maxMatrixBytes = 256 << 20

// The element types of MAT files, level 5 (MathWorks, "MAT-File Format").
const (
	miINT8       = 1
	miUINT8      = 2
	miINT16      = 3
	miUINT16     = 4
	miINT32      = 5
	miUINT32     = 6
	miSINGLE     = 7
	miDOUBLE     = 9
	miMATRIX     = 14
	miCOMPRESSED = 15
)

// readMAT reads one matrix of real numbers from a MAT file of level 5 (what
// save -v7 and older write). The values are in MATLAB's order: the first index
// runs fastest.
func readMAT(path, name string) (*array, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, &Error{File: path, Problem: "cannot be read: " + plain(err), Cause: err}
	}
	refuse := func(problem string) error {
		return &Error{File: path, Problem: problem, Remedy: "save the matrix " + name + " with MATLAB's save -v7 or scipy.io.savemat"}
	}
	if isHDF5(data) {
		return nil, refuse("is a MAT file of version 7.3 (HDF5), which is not read here")
	}
	if len(data) < 128 || !bytes.HasPrefix(data, []byte("MATLAB 5.0")) || string(data[126:128]) != "IM" {
		return nil, refuse("is no little-endian MAT file of level 5")
	}
	found, err := findMatrix(data[128:], name)
	if err != nil {
		return nil, refuse(err.Error())
	}
	return found, nil
}

// isHDF5 knows HDF5's mark, which MATLAB puts behind 512 bytes of its own.
func isHDF5(data []byte) bool {
	mark := []byte("\x89HDF\r\n\x1a\n")
	return bytes.HasPrefix(data, mark) || len(data) > 512+len(mark) && bytes.HasPrefix(data[512:], mark) || bytes.HasPrefix(data, []byte("MATLAB 7.3"))
}

func findMatrix(data []byte, name string) (*array, error) {
	var others []string
	for len(data) > 0 {
		kind, body, rest, err := matElement(data)
		if err != nil {
			return nil, err
		}
		data = rest
		if kind == miCOMPRESSED {
			z, err := zlib.NewReader(bytes.NewReader(body))
			if err != nil {
				return nil, fmt.Errorf("is damaged: %w", err)
			}
			plain, err := io.ReadAll(io.LimitReader(z, maxMatrixBytes))
			if err != nil {
				return nil, fmt.Errorf("is damaged: %w", err)
			}
			if kind, body, _, err = matElement(plain); err != nil {
				return nil, err
			}
		}
		if kind != miMATRIX {
			continue
		}
		a, own, err := matMatrix(body)
		if own == name {
			return a, err
		}
		others = append(others, own)
	}
	return nil, fmt.Errorf("has no matrix %q, only %s", name, strings.Join(others, ", "))
}

// matElement cuts off one element; small ones hold up to four bytes in their tag.
func matElement(data []byte) (kind uint32, body, rest []byte, err error) {
	if len(data) < 8 {
		return 0, nil, nil, fmt.Errorf("is cut off")
	}
	kind = binary.LittleEndian.Uint32(data)
	if small := kind >> 16; small != 0 {
		if small > 4 {
			return 0, nil, nil, fmt.Errorf("is damaged")
		}
		return kind & 0xffff, data[4 : 4+small], data[8:], nil
	}
	size := uint64(binary.LittleEndian.Uint32(data[4:]))
	if size > uint64(len(data)-8) {
		return 0, nil, nil, fmt.Errorf("is cut off")
	}
	end := 8 + size
	padded := end
	if kind != miCOMPRESSED {
		padded = min((end+7)&^7, uint64(len(data)))
	}
	return kind, data[8:end], data[padded:], nil
}

// matMatrix reads flags, dimensions, name and the real part.
func matMatrix(body []byte) (*array, string, error) {
	var parts [4][]byte
	var kinds [4]uint32
	for i := range parts {
		kind, part, rest, err := matElement(body)
		if err != nil {
			return nil, "", err
		}
		kinds[i], parts[i], body = kind, part, rest
	}
	a, name, count := &array{}, string(parts[2]), 1
	for d := parts[1]; len(d) >= 4; d = d[4:] {
		n := int(int32(binary.LittleEndian.Uint32(d)))
		if n < 0 || (n > 0 && count > maxArrayBytes/n) {
			return nil, name, fmt.Errorf("has an impossible matrix %s", name)
		}
		a.shape, count = append(a.shape, n), count*n
	}
	value, width := matNumber(kinds[3])
	if value == nil || len(parts[3]) < count*width {
		return nil, name, fmt.Errorf("has a matrix %s that is not of plain numbers", name)
	}
	a.numbers = make([]float64, count)
	for i := range a.numbers {
		a.numbers[i] = value(parts[3][i*width:])
	}
	return a, name, nil
}

func matNumber(kind uint32) (func([]byte) float64, int) {
	le := binary.LittleEndian
	switch kind {
	case miINT8:
		return func(b []byte) float64 { return float64(int8(b[0])) }, 1
	case miUINT8:
		return func(b []byte) float64 { return float64(b[0]) }, 1
	case miINT16:
		return func(b []byte) float64 { return float64(int16(le.Uint16(b))) }, 2
	case miUINT16:
		return func(b []byte) float64 { return float64(le.Uint16(b)) }, 2
	case miINT32:
		return func(b []byte) float64 { return float64(int32(le.Uint32(b))) }, 4
	case miUINT32:
		return func(b []byte) float64 { return float64(le.Uint32(b)) }, 4
	case miSINGLE:
		return func(b []byte) float64 { return float64(math.Float32frombits(le.Uint32(b))) }, 4
	case miDOUBLE:
		return func(b []byte) float64 { return math.Float64frombits(le.Uint64(b)) }, 8
	}
	return nil, 0
}
