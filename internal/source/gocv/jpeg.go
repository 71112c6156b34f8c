//go:build !lite

package gocv

import (
	"errors"
	"fmt"
	"unsafe"
)

/*
#cgo pkg-config: libjpeg
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <jpeglib.h>

struct failure {
	struct jpeg_error_mgr base;
	jmp_buf back;
};

static void fail(j_common_ptr c) { longjmp(((struct failure *)c->err)->back, 1); }

// A warning is corrupt data that libjpeg would paint over: as good as a failure.
static void message(j_common_ptr c, int level) {
	if (level < 0) fail(c);
}

static void quiet(j_common_ptr c) { (void)c; }

// mhp_jpeg decodes into dst, rows of stride bytes, at 1/reduce of the size.
// Returns 0, or 1 for data that is not in order or not of that size.
static int mhp_jpeg(uint8_t *dst, size_t stride, const uint8_t *data, size_t length, int reduce, unsigned width, unsigned height) {
	struct jpeg_decompress_struct c;
	struct failure f;
	c.err = jpeg_std_error(&f.base);
	f.base.error_exit = fail;
	f.base.emit_message = message;
	f.base.output_message = quiet;
	if (setjmp(f.back)) {
		jpeg_destroy_decompress(&c);
		return 1;
	}
	jpeg_create_decompress(&c);
	jpeg_mem_src(&c, (unsigned char *)data, length);
	jpeg_read_header(&c, TRUE);
	c.scale_num = 1;
	c.scale_denom = reduce;
	c.out_color_space = JCS_RGB;
	jpeg_calc_output_dimensions(&c);
	if (c.output_width != (width + reduce - 1) / reduce || c.output_height != (height + reduce - 1) / reduce) fail((j_common_ptr)&c);
	jpeg_start_decompress(&c);
	while (c.output_scanline < c.output_height) {
		JSAMPROW row = dst + stride * c.output_scanline;
		jpeg_read_scanlines(&c, &row, 1);
	}
	jpeg_finish_decompress(&c);
	jpeg_destroy_decompress(&c);
	return 0;
}
*/
import "C"

var errJPEG = errors.New("libjpeg finds the file odd")

// JPEG decodes with libjpeg-turbo, which OpenCV brings along: three times as
// fast as the standard library, and faster still at a part of the size. It is
// a source.JPEGDecoder.
func JPEG(dst, file []uint8, reduce, widthPx, heightPx int) error {
	if reduce != 1 && reduce != 2 && reduce != 4 && reduce != 8 {
		return fmt.Errorf("a JPEG cannot be reduced %d times", reduce)
	}
	w, h := (widthPx+reduce-1)/reduce, (heightPx+reduce-1)/reduce
	if w < 1 || h < 1 || len(dst) < 3*w*h || len(file) == 0 {
		return errJPEG
	}
	if C.mhp_jpeg((*C.uint8_t)(unsafe.SliceData(dst)), C.size_t(3*w), (*C.uint8_t)(unsafe.SliceData(file)), C.size_t(len(file)),
		C.int(reduce), C.uint(widthPx), C.uint(heightPx)) != 0 {
		return errJPEG
	}
	return nil
}

// HasJPEG tells that JPEG is there.
const HasJPEG = true
