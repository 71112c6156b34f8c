package ort

import (
	"errors"
	"fmt"
	"runtime"
	"sort"
	"strings"

	binding "github.com/yalue/onnxruntime_go"
)

// Names that stand for more or less than one execution provider.
const (
	Auto = "auto"
	CPU  = "cpu"
)

const goos = runtime.GOOS

// provider is one of ONNX Runtime's execution providers.
type provider struct {
	library string // its name in the library
	onlyOn  string // GOOS, "" if it may be anywhere
	append  func(i *image, s *binding.SessionOptions, options map[string]string) error
}

func (p provider) onlySystem() string {
	return map[string]string{"android": "Android", "darwin": "macOS"}[p.onlyOn]
}

// providers are those that can be asked for.
var providers = map[string]provider{
	CPU:       {"CPUExecutionProvider", "", nil}, // always there, always last
	"cuda":    {"CUDAExecutionProvider", "", appendCUDA},
	"coreml":  {"CoreMLExecutionProvider", "", appendCoreML},
	"xnnpack": {"XnnpackExecutionProvider", "", appendXNNPACK},
	"nnapi":   {"NnapiExecutionProvider", "android", appendNNAPI},
}

// autoOrder is what Auto tries. NNAPI and XNNPACK are left out: they want a
// graph of their own making (operands of four dimensions, no rewritten PReLU),
// and were never seen to be faster with this network.
var autoOrder = []string{"cuda", "coreml", CPU}

// ProviderError says that a provider is not in the library or does not work. It wraps ErrLibrary.
type ProviderError struct {
	Provider string
	Library  *Library
	Err      error // nil if the library does not have the provider
}

func (e *ProviderError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("provider %s is not in ONNX Runtime %s (%s), which has %s", e.Provider, e.Library.Version, e.Library.Path, strings.Join(e.Library.Providers, ", "))
	}
	return fmt.Sprintf("provider %s of ONNX Runtime %s does not start: %v", e.Provider, e.Library.Version, e.Err)
}

// Unwrap makes errors.Is find ErrLibrary and the cause.
func (e *ProviderError) Unwrap() []error { return []error{ErrLibrary, e.Err} }

// Hint is the remedy.
func (e *ProviderError) Hint() string {
	if e.Err == nil {
		return "--provider auto takes what there is; --ort-library FILE takes a library built with " + e.Provider
	}
	return "--provider auto falls back to the CPU"
}

// plans lists the provider lists to try, one after the other.
func (o Options) plans(lib *Library) ([][]string, error) {
	if len(o.Providers) == 0 || o.Providers[0] == Auto {
		var plans [][]string
		for _, name := range autoOrder {
			if lib.has(name) {
				plans = append(plans, []string{name})
			}
		}
		return plans, nil
	}
	for _, name := range o.Providers {
		if !lib.has(name) {
			return nil, &ProviderError{Provider: name, Library: lib}
		}
	}
	return [][]string{o.Providers}, nil
}

func (l *Library) has(name string) bool {
	for _, p := range l.Providers {
		if p == name {
			return true
		}
	}
	return name == CPU
}

// shortName is the name as users write it, or the library's if the program does not know it.
func shortName(library string) string {
	for name, p := range providers {
		if p.library == library {
			return name
		}
	}
	return library
}

func providerNames() []string {
	var names []string
	for name := range providers {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func appendCUDA(_ *image, s *binding.SessionOptions, options map[string]string) (err error) {
	cuda, err := binding.NewCUDAProviderOptions()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cuda.Destroy()) }()
	if len(options) > 0 {
		if err := cuda.Update(options); err != nil {
			return err
		}
	}
	return s.AppendExecutionProviderCUDA(cuda)
}

func appendCoreML(_ *image, s *binding.SessionOptions, options map[string]string) error {
	return s.AppendExecutionProviderCoreMLV2(options)
}

func appendXNNPACK(_ *image, s *binding.SessionOptions, options map[string]string) error {
	return s.AppendExecutionProvider("XNNPACK", options)
}
