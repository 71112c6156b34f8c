package dataset

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxArrayBytes bounds one array of an npz: the largest real one has 100 MB.
const maxArrayBytes = 1 << 30

// array is one numpy array in C order; numbers or texts.
type array struct {
	shape   []int
	numbers []float64
	texts   []string
}

// rows is the length of the first axis.
func (a *array) rows() int {
	if len(a.shape) == 0 {
		return 1
	}
	return a.shape[0]
}

// readNPZ reads the named arrays of an npz file. Pickled objects are refused.
func readNPZ(path string, names ...string) (map[string]*array, error) {
	z, err := zip.OpenReader(path)
	if err != nil {
		return nil, &Error{File: path, Problem: "cannot be read as npz: " + plain(err), Remedy: "give a file that numpy.savez wrote", Cause: err}
	}
	defer z.Close()
	out := map[string]*array{}
	for _, name := range names {
		f, err := z.Open(name + ".npy")
		if err != nil {
			return nil, &Error{File: path, Problem: "has no array " + name, Remedy: "it needs " + strings.Join(names, ", ")}
		}
		a, err := readNPY(f)
		f.Close()
		if err != nil {
			return nil, &Error{File: path, Problem: "array " + name + ": " + err.Error(), Remedy: "write the file anew with numpy.savez"}
		}
		out[name] = a
	}
	return out, nil
}

var npyHeader = regexp.MustCompile(`'descr':\s*'([^']*)',\s*'fortran_order':\s*(True|False),\s*'shape':\s*\(([^)]*)\)`)

// readNPY reads numpy's format, versions 1 to 3: numbers, booleans and texts.
func readNPY(r io.Reader) (*array, error) {
	var head [12]byte
	if _, err := io.ReadFull(r, head[:10]); err != nil || string(head[:6]) != "\x93NUMPY" {
		return nil, fmt.Errorf("is no npy array")
	}
	size := int(binary.LittleEndian.Uint16(head[8:]))
	if head[6] > 1 {
		if _, err := io.ReadFull(r, head[10:]); err != nil {
			return nil, fmt.Errorf("is cut off")
		}
		size = int(binary.LittleEndian.Uint32(head[8:]))
	}
	if size > 1<<16 {
		return nil, fmt.Errorf("has a header of %d bytes", size)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, fmt.Errorf("is cut off")
	}
	m := npyHeader.FindStringSubmatch(string(text))
	if m == nil {
		return nil, fmt.Errorf("has a header that is not read here (a structure or a pickled object)")
	}
	a := &array{}
	count := 1
	for _, field := range strings.Split(m[3], ",") {
		if field = strings.TrimSpace(field); field == "" {
			continue
		}
		n, err := strconv.Atoi(field)
		if err != nil || n < 0 || (n > 0 && count > maxArrayBytes/n) {
			return nil, fmt.Errorf("has the shape (%s)", m[3])
		}
		a.shape, count = append(a.shape, n), count*n
	}
	if m[2] == "True" && len(a.shape) > 1 {
		return nil, fmt.Errorf("is in Fortran order")
	}
	return a, a.read(r, m[1], count)
}

// read fills the array with count values of a numpy type such as <f4.
func (a *array) read(r io.Reader, descr string, count int) error {
	if len(descr) < 3 {
		return fmt.Errorf("has the type %q", descr)
	}
	var order binary.ByteOrder = binary.LittleEndian
	if descr[0] == '>' {
		order = binary.BigEndian
	}
	width, err := strconv.Atoi(descr[2:])
	kind := descr[1]
	if kind == 'U' {
		width *= 4
	}
	if err != nil || width < 1 || count > maxArrayBytes/width {
		return fmt.Errorf("has %d values of type %q", count, descr)
	}
	// Read as it comes: a header that lies must not claim the memory.
	data, err := io.ReadAll(io.LimitReader(r, int64(count*width)))
	if err != nil || len(data) != count*width {
		return fmt.Errorf("is cut off")
	}
	if kind == 'U' || kind == 'S' {
		a.texts = make([]string, count)
		for i := range a.texts {
			a.texts[i] = textOf(data[i*width:(i+1)*width], kind, order)
		}
		return nil
	}
	value, ok := numberOf(kind, width, order)
	if !ok {
		return fmt.Errorf("has the type %q, which is not read here", descr)
	}
	a.numbers = make([]float64, count)
	for i := range a.numbers {
		a.numbers[i] = value(data[i*width:])
	}
	return nil
}

func textOf(b []byte, kind byte, order binary.ByteOrder) string {
	if kind == 'S' {
		return strings.TrimRight(string(b), "\x00")
	}
	var out []byte
	for ; len(b) >= 4; b = b[4:] {
		if r := order.Uint32(b); r != 0 {
			out = utf8.AppendRune(out, rune(r))
		}
	}
	return string(out)
}

// numberOf reads one number of a numpy kind and width.
func numberOf(kind byte, width int, order binary.ByteOrder) (func([]byte) float64, bool) {
	switch string(kind) + strconv.Itoa(width) {
	case "f8":
		return func(b []byte) float64 { return math.Float64frombits(order.Uint64(b)) }, true
	case "f4":
		return func(b []byte) float64 { return float64(math.Float32frombits(order.Uint32(b))) }, true
	case "i8":
		return func(b []byte) float64 { return float64(int64(order.Uint64(b))) }, true
	case "i4":
		return func(b []byte) float64 { return float64(int32(order.Uint32(b))) }, true
	case "i2":
		return func(b []byte) float64 { return float64(int16(order.Uint16(b))) }, true
	case "i1":
		return func(b []byte) float64 { return float64(int8(b[0])) }, true
	case "u8":
		return func(b []byte) float64 { return float64(order.Uint64(b)) }, true
	case "u4":
		return func(b []byte) float64 { return float64(order.Uint32(b)) }, true
	case "u2":
		return func(b []byte) float64 { return float64(order.Uint16(b)) }, true
	case "u1", "b1":
		return func(b []byte) float64 { return float64(b[0]) }, true
	}
	return nil, false
}
