package testkit

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// encode builds a file from a header and the bytes behind it.
func encode(header string, body []byte) []byte {
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(out, header...), body...)
}

func TestParseReadsEveryType(t *testing.T) {
	header := `{"__metadata__":{"unit":"px"},
		"u":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},
		"h":{"dtype":"F16","shape":[6],"data_offsets":[2,14]},
		"f":{"dtype":"F32","shape":[1,1],"data_offsets":[14,18]},
		"d":{"dtype":"F64","shape":[],"data_offsets":[18,26]}}`
	body := []byte{7, 255}
	for _, bits := range []uint16{0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x3555} {
		body = binary.LittleEndian.AppendUint16(body, bits)
	}
	body = binary.LittleEndian.AppendUint32(body, math.Float32bits(-1.5))
	body = binary.LittleEndian.AppendUint64(body, math.Float64bits(math.Pi))
	f, err := Parse(encode(header, body))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]float64{
		"u": {7, 255},
		"h": {1, -2, math.Ldexp(1, -24), 65504, math.Inf(1), 0.333251953125},
		"f": {-1.5},
		"d": {math.Pi},
	}
	for name, values := range want {
		for i, v := range f.Tensors[name].Values {
			if v != values[i] {
				t.Errorf("%s[%d] = %g, want %g", name, i, v, values[i])
			}
		}
	}
	if f.Meta["unit"] != "px" || len(f.Names()) != len(want) {
		t.Errorf("metadata %v, tensors %v", f.Meta, f.Names())
	}
	if v := half(0x7e00); v == v {
		t.Errorf("half(0x7e00) = %g, want NaN", v)
	}
}

func TestParseRefuses(t *testing.T) {
	for problem, data := range map[string][]byte{
		"no header":      {1, 2},
		"in a file that": encode("{}", nil)[:9],
		"header:":        encode("{", nil),
		"metadata":       encode(`{"__metadata__":3}`, nil),
		"cannot":         encode(`{"a":{"shape":"x"}}`, nil),
		"not one that":   encode(`{"a":{"dtype":"I3","shape":[],"data_offsets":[0,1]}}`, []byte{1}),
		"outside":        encode(`{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}`, []byte{1}),
		"impossible":     encode(`{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}`, []byte{1}),
		"does not fill":  encode(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,1]}}`, []byte{1}),
	} {
		if _, err := Parse(data); err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("error %v, want one that says %q", err, problem)
		}
	}
}

// Every committed golden must be read by a test; a file that no script makes
// any more would otherwise stay for ever.
func TestGoldensAreTheScripts(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(RepoRoot(t), "testdata", "goldens", "*"))
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile(filepath.Join(RepoRoot(t), "scripts", "make_goldens.py"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Error("no goldens are committed")
	}
	for _, path := range files {
		name, isGolden := strings.CutSuffix(filepath.Base(path), ".safetensors")
		if !isGolden || !strings.Contains(string(script), `"`+name+`": (`) {
			t.Errorf("%s is made by no part of scripts/make_goldens.py", path)
			continue
		}
		Golden(t, name)
	}
}

func TestMeasureFindsTheWorst(t *testing.T) {
	d := Measure(t, []float64{1, 2, 3}, []float64{1, 2.5, 3.25})
	if d.Worst != 0.5 || d.At != 1 || d.Mean != 0.25 {
		t.Errorf("Measure = %+v", d)
	}
	if d := Measure(t, []float64{1, math.NaN()}, []float64{9, 2}); !math.IsInf(d.Worst, 1) || d.At != 1 {
		t.Errorf("a value that is no number gives %+v", d)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(encode(`{}`, nil))
	f.Add(encode(`{"__metadata__":{"version":"1"},"a":{"dtype":"F16","shape":[2,1],"data_offsets":[0,4]}}`, []byte{0, 60, 0, 64}))
	f.Add(encode(`{"a":{"dtype":"F64","shape":[9223372036854775807,4],"data_offsets":[0,8]}}`, make([]byte, 8)))
	f.Add(encode(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[1,0]}}`, nil))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse(data)
		if err != nil {
			return
		}
		for name, tensor := range file.Tensors {
			n := 1
			for _, d := range tensor.Shape {
				n *= d
			}
			if n != len(tensor.Values) || n > len(data) {
				t.Errorf("%s: shape %v, %d values from %d bytes", name, tensor.Shape, len(tensor.Values), len(data))
			}
		}
	})
}
