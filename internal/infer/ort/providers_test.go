package ort

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	binding "github.com/yalue/onnxruntime_go"
)

func TestValidate(t *testing.T) {
	some := map[string]string{"k": "v"}
	tests := []struct {
		o    Options
		want string // "" if it is good
	}{
		{Options{}, ""},
		{Options{Threads: 4, Spin: true, Providers: []string{"auto"}}, ""},
		{Options{Providers: []string{"coreml", "cpu"}, ProviderOptions: some}, ""},
		{Options{Threads: -1}, "threads must be 0 or more"},
		{Options{Providers: []string{"cpu", "auto"}}, "auto stands alone"},
		{Options{Providers: []string{"gpu"}}, `unknown provider "gpu"; known are auto, coreml, cpu, cuda, nnapi, xnnpack`},
		{Options{Providers: []string{""}}, `unknown provider ""`},
		{Options{Providers: []string{"cpu", "cpu"}}, "named twice"},
		{Options{ProviderOptions: some}, "provider options (k) need a provider"},
		{Options{Providers: []string{"cpu"}, ProviderOptions: some}, "need a provider"},
	}
	if goos != "android" {
		tests = append(tests, struct {
			o    Options
			want string
		}{Options{Providers: []string{"nnapi"}}, "only on Android"})
	}
	for _, test := range tests {
		err := test.o.Validate()
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: got %v, want %q", test.o, err, test.want)
		}
	}
}

func TestPlans(t *testing.T) {
	lib := &Library{Path: "lib.so", Version: "1.24.3", Providers: []string{"cuda", "WebGpuExecutionProvider", "cpu"}}
	tests := []struct {
		asked []string
		want  [][]string
	}{
		{nil, [][]string{{"cuda"}, {"cpu"}}},
		{[]string{"auto"}, [][]string{{"cuda"}, {"cpu"}}},
		{[]string{"cpu"}, [][]string{{"cpu"}}},
		{[]string{"cuda", "cpu"}, [][]string{{"cuda", "cpu"}}},
		{[]string{"xnnpack", "cpu"}, nil},
	}
	for _, test := range tests {
		got, err := Options{Providers: test.asked}.plans(lib)
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%v: got %v, %v; want %v", test.asked, got, err, test.want)
		}
		if test.want != nil {
			continue
		}
		var providerErr *ProviderError
		if !errors.Is(err, ErrLibrary) || !errors.As(err, &providerErr) || !strings.Contains(err.Error(), "which has cuda, WebGpuExecutionProvider, cpu") || providerErr.Hint() == "" {
			t.Errorf("%v: %v", test.asked, err)
		}
	}
}

// A provider that the library has but that does not start is passed over by
// auto, and is an error to those who name it. The library here says it has
// CUDA, but CUDA's own library is an empty file.
func TestProviderThatDoesNotStart(t *testing.T) {
	real, err := FindLibrary(library(t))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	where := LibraryOptions{Flag: filepath.Join(dir, filepath.Base(real.Path))}
	if err := os.Symlink(real.Path, where.Flag); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "libonnxruntime_providers_cuda.so"), nil)
	lib, err := FindLibrary(where)
	if err != nil {
		t.Fatal(err)
	}
	if !lib.has("cuda") {
		t.Skipf("ONNX Runtime %s was built without CUDA", lib.Version)
	}
	f := tiny(t, "heatmap.onnx")
	s, err := Open(where, f.Bytes, f.Spec, Options{Providers: []string{"cuda", "cpu"}})
	var providerErr *ProviderError
	if err == nil {
		s.Close()
		t.Error("CUDA started from an empty library")
	} else if !errors.As(err, &providerErr) || providerErr.Provider != "cuda" || providerErr.Err == nil || !errors.Is(err, ErrLibrary) || providerErr.Hint() == "" {
		t.Errorf("got %v", err)
	}
	s, err = Open(where, f.Bytes, f.Spec, Options{Providers: []string{Auto}})
	if err != nil {
		t.Fatal(err)
	}
	if s.Provider() != CPU {
		t.Errorf("auto took %s", s.Provider())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestNNAPIFlags(t *testing.T) {
	tests := []struct {
		options map[string]string
		flags   uint32
		problem string
	}{
		{nil, 0, ""},
		{map[string]string{"fp16": "1"}, 1, ""},
		{map[string]string{"nchw": "true"}, 2, ""},
		{map[string]string{"cpu_disabled": "1"}, 4, ""},
		{map[string]string{"cpu_only": "TRUE"}, 8, ""},
		{map[string]string{"fp16": "1", "nchw": "1", "cpu_disabled": "1", "cpu_only": "0"}, 7, ""},
		{map[string]string{"fp16": "false"}, 0, ""},
		{map[string]string{"fp16": "yes"}, 0, `fp16 is "yes", not 0 or 1`},
		{map[string]string{"gpu": "1"}, 0, `no option "gpu"`},
		{map[string]string{"cpu_disabled": "1", "cpu_only": "1"}, 0, "exclude each other"},
	}
	for _, test := range tests {
		flags, err := nnapiFlags(test.options)
		if flags != test.flags || (err == nil) != (test.problem == "") || err != nil && !strings.Contains(err.Error(), test.problem) {
			t.Errorf("%v: got %d, %v; want %d, %q", test.options, flags, err, test.flags, test.problem)
		}
	}
}

// A binding with other fields is refused before anything is read from it.
func TestBindingLayout(t *testing.T) {
	ours := reflect.TypeFor[advancedSession]()
	if err := sameLayout(reflect.TypeFor[binding.AdvancedSession](), ours); err != nil {
		t.Error(err)
	}
	type swapped struct {
		//lint:ignore U1000 only its name and type count
		inputNames, outputNames, inputs, outputs []*int
		//lint:ignore U1000 only its name and type count
		ortSession *int
	}
	type retyped struct {
		//lint:ignore U1000 only its name and type count
		ortSession *int
		//lint:ignore U1000 only its name and type count
		inputNames, outputNames, inputs []*int
		//lint:ignore U1000 only its name and type count
		outputs []int
	}
	for _, other := range []reflect.Type{reflect.TypeFor[swapped](), reflect.TypeFor[retyped](), reflect.TypeFor[struct{ ortSession *int }]()} {
		if sameLayout(other, ours) == nil {
			t.Errorf("%v passes for the binding's", other)
		}
	}
	if _, err := privatePointer(&struct{ o int }{}, "o"); err == nil {
		t.Error("a field that is no pointer is read")
	}
	if _, err := privatePointer(&struct{ o *int }{}, "gone"); err == nil {
		t.Error("a field that is not there is read")
	}
}
