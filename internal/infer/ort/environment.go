package ort

import (
	"fmt"
	"sync"

	binding "github.com/yalue/onnxruntime_go"
)

// environment is the one that the binding has: it keeps the library and ONNX
// Runtime's environment in package variables, so that there is one of each in
// a process, whatever this package would prefer.
var environment struct {
	sync.Mutex
	users   int
	library *Library
	image   *image
}

// acquire finds the library and starts ONNX Runtime, or joins it if it runs
// already. Every acquire that succeeds needs a release.
func acquire(o LibraryOptions) (*Library, *image, error) {
	e := &environment
	e.Lock()
	defer e.Unlock()
	img, lib, err := findLibrary(o)
	if err != nil {
		return nil, nil, err
	}
	if e.users > 0 {
		if e.library.Path != lib.Path {
			return nil, nil, fmt.Errorf("%w %s: %s is in use already, and a process can use only one", ErrLibrary, lib.Path, e.library.Path)
		}
		e.users++
		return e.library, e.image, nil
	}
	binding.SetSharedLibraryPath(lib.Path)
	// What goes wrong comes back as an error; the library's own lines on standard error would only double it.
	if err := binding.InitializeEnvironment(binding.WithLogLevelFatal()); err != nil {
		return nil, nil, fmt.Errorf("%w %s: %v", ErrLibrary, lib.Path, err)
	}
	e.users, e.library, e.image = 1, lib, img
	return lib, img, nil
}

// release ends ONNX Runtime when its last user goes.
func release() error {
	e := &environment
	e.Lock()
	defer e.Unlock()
	if e.users--; e.users > 0 {
		return nil
	}
	return binding.DestroyEnvironment()
}
