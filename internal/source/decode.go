package source

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"io"
	"strings"

	"github.com/bep/imagemeta"

	"mhp/internal/frame"
)

// Decode reads one picture to its end. The frame is RGB, packed, upright and
// named name; errors are *Error. The reader is left alone beyond the first
// bytes when they are no picture's.
func Decode(r io.Reader, name string, o Options) (*frame.Frame, error) {
	return decodeStream(r, name, 0, o)
}

// decodeStream is Decode with a guess at the number of bytes to come.
func decodeStream(r io.Reader, name string, sizeHint int64, o Options) (*frame.Frame, error) {
	pool := o.Pool
	if pool == nil {
		pool = &Pool{}
	}
	data, err := readAll(r, name, sizeHint, o.maxBytes(), pool)
	if err != nil {
		return nil, err
	}
	defer pool.files.put(data)
	return decodeBytes(data, name, o, pool)
}

// maxBytes is more than any sensible file of so many pixels: 16-bit RGBA, bare, and a header.
func (o Options) maxBytes() int64 { return 8*o.maxPixels() + 64<<20 }

// readAll reads a picture's file into lent memory, which the caller hands
// back. It stops at once when the first bytes are no picture's.
func readAll(r io.Reader, name string, sizeHint, maxBytes int64, pool *Pool) ([]byte, error) {
	var head [sniffBytes]byte
	n, err := io.ReadFull(r, head[:])
	if err != nil && !ended(err) {
		return nil, unreadable(name, err)
	}
	if refusal := refuse(head[:n], name); refusal != nil {
		return nil, refusal
	}
	// One more than the size, so that the end of the file is met without growing.
	buf := pool.files.get(int(min(max(sizeHint, leastBytes), maxBytes)) + 1)
	copy(buf, head[:n])
	for err == nil && int64(n) <= maxBytes {
		if n == len(buf) {
			buf = grow(buf, pool)
		}
		var got int
		got, err = r.Read(buf[n:])
		n += got
	}
	switch {
	case int64(n) > maxBytes:
		pool.files.put(buf)
		return nil, &Error{Name: name, Kind: ErrTooManyPixels,
			Problem: fmt.Sprintf("is longer than %d MB, more than a picture within --max-pixels takes", maxBytes>>20),
			Remedy:  "give a smaller picture or raise --max-pixels"}
	case !ended(err):
		pool.files.put(buf)
		return nil, unreadable(name, err)
	}
	return buf[:n], nil
}

// leastBytes is what is set aside for a file of unknown size, as from a pipe.
const leastBytes = 64 << 10

// ended tells the end of a file from a failure to read it.
func ended(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// grow moves the contents to a buffer of twice the length.
func grow(buf []byte, pool *Pool) []byte {
	larger := pool.files.get(2 * len(buf))
	copy(larger, buf)
	pool.files.put(buf)
	return larger
}

func unreadable(name string, err error) error {
	return &Error{Name: name, Kind: ErrUnreadable, Cause: err,
		Problem: "cannot be read: " + plain(err), Remedy: "check that the file is there and that you may read it"}
}

// refuse says what is wrong with a file whose first bytes are no picture's.
func refuse(head []byte, name string) error {
	if len(head) == 0 {
		return &Error{Name: name, Kind: ErrEmpty, Problem: "holds nothing (0 bytes)",
			Remedy: "copy or download the picture again"}
	}
	if _, ok := codecOf(head); ok {
		return nil
	}
	is := foreignOf(head)
	return &Error{Name: name, Kind: ErrNotPicture, Problem: "is not a picture that can be read, but " + is.what, Remedy: is.remedy}
}

// decodeBytes decodes a whole file whose first bytes are a picture's.
func decodeBytes(data []byte, name string, o Options, pool *Pool) (*frame.Frame, error) {
	if err := refuse(data, name); err != nil {
		return nil, err
	}
	c, _ := codecOf(data)
	config, err := guard(func() (image.Config, error) { return c.config(bytes.NewReader(data)) })
	if err != nil {
		return nil, decodeError(name, c, data, err)
	}
	if err := checkSize(name, config.Width, config.Height, o.maxPixels()); err != nil {
		return nil, err
	}
	meta := exif{}
	if c.metadata != imagemeta.ImageFormatAuto {
		meta = readEXIF(data, c.metadata)
	}
	f, err := decodePixels(data, name, c, config, meta, o, pool)
	if err != nil {
		return nil, err
	}
	if f.Reduce > 1 {
		lookAgain(f, data, o, pool)
	}
	return f, nil
}

// decodePixels decodes the fastest way there is for the format.
func decodePixels(data []byte, name string, c codec, config image.Config, meta exif, o Options, pool *Pool) (*frame.Frame, error) {
	reduce := 1
	if c.metadata == imagemeta.JPEG {
		reduce = reduction(name, config.Width, config.Height, meta, o)
		if f, ok := decodeJPEG(data, name, config, meta, reduce, o, pool); ok {
			return f, nil
		}
	}
	img, err := guard(func() (image.Image, error) { return c.decode(bytes.NewReader(data)) })
	if err != nil {
		return nil, decodeError(name, c, data, err)
	}
	if reduce > 1 && reducible(img) {
		return reducedFrameOf(img, name, meta, reduce, pool), nil
	}
	return frameOf(img, name, c, meta, pool), nil
}

// guard turns a panic of a decoder, which a crafted file may cause, into an
// error, so that one bad file does not end a run over thousands.
func guard[T any](decode func() (T, error)) (v T, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the decoder gave up: %v", r)
		}
	}()
	return decode()
}

func checkSize(name string, w, h int, maxPixels int64) error {
	if w <= 0 || h <= 0 {
		return &Error{Name: name, Kind: ErrDamaged, Problem: fmt.Sprintf("says that it is %d x %d px", w, h),
			Remedy: "save or download the picture again"}
	}
	if int64(w) > maxPixels/int64(h) {
		return &Error{Name: name, Kind: ErrTooManyPixels,
			Problem: fmt.Sprintf("is %d x %d px, more than the %d pixels allowed", w, h, maxPixels),
			Remedy:  "make the picture smaller, or allow more with --max-pixels"}
	}
	return nil
}

// frameOf reads the decoded picture out into a frame of lent memory.
func frameOf(img image.Image, name string, c codec, meta exif, pool *Pool) *frame.Frame {
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	l := layoutOf(w, h, meta.orientation())
	pix := pool.pixels.get(3 * w * h)
	readOut(pix, h, l, spanOf(img, c.videoRange))
	return &frame.Frame{
		Pix: pix, Stride: 3 * l.widthPx, WidthPx: l.widthPx, HeightPx: l.heightPx, Order: frame.RGB,
		Name: name, Lens: meta.lens(w, h),
		ReleaseFunc: func() { pool.pixels.put(pix) },
	}
}

// decodeError puts a decoder's complaint into the user's words.
func decodeError(name string, c codec, data []byte, err error) error {
	e := &Error{Name: name, Cause: err}
	text := err.Error()
	switch {
	case c.videoRange && animated(data):
		e.Kind, e.Problem = ErrUnsupported, "is an animated WebP"
		e.Remedy = "save one of its pictures as PNG or JPEG"
	case ended(err), endsEarly(text):
		e.Kind, e.Problem = ErrTruncated, fmt.Sprintf("is cut off: the %s picture goes on after the %d bytes that are there", c.name, len(data))
		e.Remedy = "copy or download the file again"
	case strings.Contains(text, "unsupported"):
		e.Kind, e.Problem = ErrUnsupported, fmt.Sprintf("is a kind of %s that is not read (%s)", c.name, text)
		e.Remedy = "convert it to PNG or to plain JPEG first"
	default:
		e.Kind, e.Problem = ErrDamaged, fmt.Sprintf("is a damaged %s picture (%s)", c.name, text)
		e.Remedy = "copy or download the file again, or open it in a picture editor and save it anew"
	}
	return e
}

// animated reads the flag of a WebP's extended header.
func animated(data []byte) bool {
	return len(data) > 20 && string(data[12:16]) == "VP8X" && data[20]&2 != 0
}

// endsEarly knows what the decoders say, other than io.ErrUnexpectedEOF, when a file ends too soon.
func endsEarly(complaint string) bool {
	for _, s := range [...]string{"short chunk", "not enough pixel data", "short Huffman data"} {
		if strings.Contains(complaint, s) {
			return true
		}
	}
	return false
}
