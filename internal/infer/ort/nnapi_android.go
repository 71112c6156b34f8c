package ort

import (
	"errors"

	binding "github.com/yalue/onnxruntime_go"
)

/*
#include <stdint.h>

// The signature in nnapi_provider_factory.h; a NULL status means success.
static void *append_nnapi(void *function, void *session_options, uint32_t flags) {
	return ((void *(*)(void *, uint32_t))function)(session_options, flags);
}
*/
import "C"

// appendNNAPI calls the function that an Android library built with NNAPI
// exports. The library's generic way to append a provider by name refuses NNAPI.
func appendNNAPI(i *image, s *binding.SessionOptions, options map[string]string) error {
	flags, err := nnapiFlags(options)
	if err != nil {
		return err
	}
	function := i.symbol("OrtSessionOptionsAppendExecutionProvider_Nnapi")
	if function == nil {
		return errors.New("the library does not export OrtSessionOptionsAppendExecutionProvider_Nnapi")
	}
	native, err := privatePointer(s, "o")
	if err != nil {
		return err
	}
	if status := C.append_nnapi(function, native, C.uint32_t(flags)); status != nil {
		return i.statusError(status)
	}
	return nil
}
