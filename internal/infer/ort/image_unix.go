//go:build !windows

package ort

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"
)

/*
#cgo linux LDFLAGS: -ldl
#define _GNU_SOURCE // dladdr
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

// The few things that the Go binding does not offer. The layout is ONNX
// Runtime's promise: OrtApiBase never changes, and OrtApi only grows at its
// end, so that a function keeps its index for ever (onnxruntime_c_api.h).
typedef struct {
	void *const *(*get_api)(uint32_t version);
	const char *(*get_version)(void);
} api_base;

enum { GET_ERROR_MESSAGE = 2, RELEASE_STATUS = 93, GET_AVAILABLE_PROVIDERS = 125, RELEASE_AVAILABLE_PROVIDERS = 126 };

static const api_base *get_api_base(void *symbol) {
	return ((const api_base *(*)(void))symbol)();
}

// The file that a symbol was loaded from, NULL if the loader does not know.
static const char *file_of(void *symbol) {
	Dl_info info;
	return dladdr(symbol, &info) ? info.dli_fname : NULL;
}

static const char *get_version(const api_base *base) { return base->get_version(); }

// A NULL status means success.
static void *get_providers(const api_base *base, uint32_t version, char ***names, int *count) {
	return ((void *(*)(char ***, int *))base->get_api(version)[GET_AVAILABLE_PROVIDERS])(names, count);
}

static const char *status_message(const api_base *base, uint32_t version, void *status) {
	return ((const char *(*)(void *))base->get_api(version)[GET_ERROR_MESSAGE])(status);
}

static void release_status(const api_base *base, uint32_t version, void *status) {
	((void (*)(void *))base->get_api(version)[RELEASE_STATUS])(status);
}

static void release_providers(const api_base *base, uint32_t version, char **names, int count) {
	((void *(*)(char **, int))base->get_api(version)[RELEASE_AVAILABLE_PROVIDERS])(names, count); // returns NULL always
}
*/
import "C"

// image is a shared library in this process's memory.
type image struct {
	handle unsafe.Pointer
	base   *C.api_base
}

// loadImage maps the library and finds its entry; the library's own
// constructors run.
func loadImage(path string) (*image, error) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	handle := C.dlopen(name, C.RTLD_LAZY|C.RTLD_LOCAL)
	if handle == nil {
		return nil, fmt.Errorf("it does not load: %s", strings.TrimPrefix(C.GoString(C.dlerror()), path+": "))
	}
	img := &image{handle: handle}
	entry := img.symbol("OrtGetApiBase")
	if entry == nil {
		img.unload()
		return nil, errors.New("it is a library, but not ONNX Runtime: it has no OrtGetApiBase")
	}
	if img.base = C.get_api_base(entry); img.base == nil {
		img.unload()
		return nil, errors.New("its OrtGetApiBase returns nothing")
	}
	return img, nil
}

// symbol is the address of an exported function, nil if there is none.
func (i *image) symbol(name string) unsafe.Pointer {
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	return C.dlsym(i.handle, c)
}

func (i *image) version() string { return C.GoString(C.get_version(i.base)) }

// path is the file that the loader found.
func (i *image) path() string { return C.GoString(C.file_of(i.symbol("OrtGetApiBase"))) }

// providers are the execution providers that the library was built with. Call
// it only on a library whose version is new enough.
func (i *image) providers() ([]string, error) {
	var names **C.char
	var count C.int
	if status := C.get_providers(i.base, neededMinor, &names, &count); status != nil {
		return nil, i.statusError(status)
	}
	defer C.release_providers(i.base, neededMinor, names, count)
	list := make([]string, count)
	for n, name := range unsafe.Slice(names, int(count)) {
		list[n] = shortName(C.GoString(name))
	}
	return list, nil
}

// statusError turns a status of the library into an error and frees it.
func (i *image) statusError(status unsafe.Pointer) error {
	defer C.release_status(i.base, neededMinor, status)
	return errors.New(C.GoString(C.status_message(i.base, neededMinor, status)))
}

// unload takes a refused library out again; nothing of it has run but its entry.
func (i *image) unload() { C.dlclose(i.handle) }
