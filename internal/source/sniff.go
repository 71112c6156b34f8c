package source

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"unicode/utf8"

	"github.com/bep/imagemeta"
	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"
)

// sniffBytes is how much of a file's beginning tells its kind.
const sniffBytes = 512

// codec reads one format of picture.
type codec struct {
	name       string
	config     func(io.Reader) (image.Config, error)
	decode     func(io.Reader) (image.Image, error)
	metadata   imagemeta.ImageFormat // ImageFormatAuto: the format carries no EXIF
	videoRange bool                  // its YCbCr is BT.601 with Y from 16 to 235
}

// codecOf recognises the format by the first bytes; the file's name is not asked.
func codecOf(head []byte) (codec, bool) {
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xd8\xff")):
		return codec{"JPEG", jpeg.DecodeConfig, jpeg.Decode, imagemeta.JPEG, false}, true
	case bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1a\n")):
		return codec{"PNG", png.DecodeConfig, png.Decode, imagemeta.PNG, false}, true
	case isRIFF(head, "WEBP"):
		return codec{"WebP", webp.DecodeConfig, webp.Decode, imagemeta.WebP, true}, true
	case isBMP(head):
		return codec{"BMP", bmp.DecodeConfig, bmp.Decode, imagemeta.ImageFormatAuto, false}, true
	case isTIFF(head) && !isCanonRaw(head):
		return codec{"TIFF", tiff.DecodeConfig, tiff.Decode, imagemeta.TIFF, false}, true
	}
	return codec{}, false
}

func isRIFF(head []byte, form string) bool {
	return len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == form
}

// isBMP asks for a plausible header length too, for many a text begins with BM.
func isBMP(head []byte) bool {
	return len(head) >= 18 && string(head[:2]) == "BM" && head[14] >= 12 && head[14] <= 124 &&
		head[15] == 0 && head[16] == 0 && head[17] == 0
}

func isTIFF(head []byte) bool {
	return bytes.HasPrefix(head, []byte("II*\x00")) || bytes.HasPrefix(head, []byte("MM\x00*"))
}

func isCanonRaw(head []byte) bool { return len(head) >= 10 && string(head[8:10]) == "CR" }

// foreign is a kind of file that is recognised and not read.
type foreign struct {
	what   string // "a PDF document"
	remedy string
}

const (
	readsFormats = "give a JPEG, PNG, WebP, BMP or TIFF file"
	convertPhoto = "convert it to JPEG first"
	videoRemedy  = "give a photograph, or take single pictures out of the video first"
)

// signatures are the beginnings of files that people give by mistake.
var signatures = []struct {
	prefix string
	foreign
}{
	{"%PDF", foreign{"a PDF document", "save the page or the picture inside as PNG or JPEG"}},
	{"GIF8", foreign{"a GIF picture", "convert it to PNG first"}},
	{"\x1a\x45\xdf\xa3", foreign{"a Matroska or WebM video", videoRemedy}},
	{"\x00\x00\x01\xba", foreign{"an MPEG video", videoRemedy}},
	{"\xff\x0a", foreign{"a JPEG XL picture", convertPhoto}},
	{"\x00\x00\x00\x0cJXL ", foreign{"a JPEG XL picture", convertPhoto}},
	{"\x00\x00\x00\x0cjP  ", foreign{"a JPEG 2000 picture", convertPhoto}},
	{"8BPS", foreign{"a Photoshop document", "export it as PNG or JPEG"}},
	{"FUJIFILMCCD-RAW", foreign{"a camera's raw file", convertPhoto}},
	{"II+\x00", foreign{"a BigTIFF file", "convert it to plain TIFF or PNG"}},
	{"MM\x00+", foreign{"a BigTIFF file", "convert it to plain TIFF or PNG"}},
	{"PK\x03\x04", foreign{"a ZIP archive or an office document", "unpack it and give the pictures"}},
	{"\x1f\x8b", foreign{"a gzip archive", "unpack it and give the pictures"}},
	{"\x7fELF", foreign{"a program", readsFormats}},
	{"version https://git-lfs", foreign{"a Git LFS pointer, not the file itself", "run `git lfs pull`"}},
}

// foreignOf describes the beginning of a file that is none of ours.
func foreignOf(head []byte) foreign {
	for _, s := range signatures {
		if bytes.HasPrefix(head, []byte(s.prefix)) {
			return s.foreign
		}
	}
	switch {
	case len(head) >= 12 && string(head[4:8]) == "ftyp":
		return isoMedia(string(head[8:12]))
	case isTIFF(head):
		return foreign{"a camera's raw file", convertPhoto}
	case isRIFF(head, "AVI "):
		return foreign{"an AVI video", videoRemedy}
	case isRIFF(head, "WAVE"):
		return foreign{"a sound file", readsFormats}
	case isText(head):
		return textKind(head)
	}
	return foreign{fmt.Sprintf("none of the formats known here (it begins with the bytes % x)", head[:min(len(head), 8)]), readsFormats}
}

// isoMedia tells pictures from videos by the brand of an ISO base media file.
func isoMedia(brand string) foreign {
	switch brand {
	case "heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1":
		return foreign{"a HEIC picture", "convert it to JPEG first (on a phone: share it as JPEG, or set the camera to the most compatible format)"}
	case "avif", "avis":
		return foreign{"an AVIF picture", convertPhoto}
	case "crx ":
		return foreign{"a camera's raw file", convertPhoto}
	case "qt  ":
		return foreign{"a QuickTime video", videoRemedy}
	}
	return foreign{"an MP4 video", videoRemedy}
}

// isText tells whether the beginning is UTF-8 without control characters; a
// character that is cut by the end of head is allowed.
func isText(head []byte) bool {
	for len(head) > 0 {
		r, n := utf8.DecodeRune(head)
		if r == utf8.RuneError && n == 1 && len(head) >= utf8.UTFMax {
			return false
		}
		if r < ' ' && r != '\n' && r != '\r' && r != '\t' && r != '\f' {
			return false
		}
		head = head[n:]
	}
	return true
}

// textKind names the commonest texts that end up in picture files.
func textKind(head []byte) foreign {
	text := bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n\f"))
	switch {
	case bytes.HasPrefix(text, []byte("<!doctype html")), bytes.HasPrefix(text, []byte("<html")):
		return foreign{"a web page", "download the picture itself; what was saved is the page round it or an error message"}
	case bytes.HasPrefix(text, []byte("<svg")), bytes.HasPrefix(text, []byte("<?xml")) && bytes.Contains(text, []byte("<svg")):
		return foreign{"an SVG drawing", "export it as PNG"}
	case bytes.HasPrefix(text, []byte("<?xml")):
		return foreign{"an XML text", readsFormats}
	case bytes.HasPrefix(text, []byte("{")), bytes.HasPrefix(text, []byte("[")):
		return foreign{"a JSON text", readsFormats}
	}
	return foreign{"a text", readsFormats + "; a list of paths is read from standard input with --list"}
}
