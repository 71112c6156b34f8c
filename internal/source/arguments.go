package source

import (
	"io"
	"net/url"
	"os"
	"strings"
)

// ArgumentKind is what an argument of mhp video names.
type ArgumentKind int

// The kinds of arguments.
const (
	ArgumentStdin    ArgumentKind = iota // "-"
	ArgumentURL                          // rtsp://..., http://...
	ArgumentPictures                     // a folder, a pattern, a picture
	ArgumentFile                         // anything else: a video, or nothing at all
)

// KindOf tells what an argument names, by a look at the disk.
func KindOf(arg string) ArgumentKind {
	switch {
	case arg == "-":
		return ArgumentStdin
	case strings.Contains(arg, "://"):
		return ArgumentURL
	}
	info, err := os.Stat(arg)
	switch {
	case err != nil && strings.ContainsAny(arg, "*?["):
		return ArgumentPictures
	case err == nil && info.IsDir(), err == nil && startsAsPicture(arg):
		return ArgumentPictures
	}
	return ArgumentFile
}

func startsAsPicture(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var head [sniffBytes]byte
	n, err := io.ReadFull(f, head[:])
	if err != nil && !ended(err) {
		return false
	}
	_, is := codecOf(head[:n])
	return is
}

// CheckFile says why a path leads to no video file; nil where it may.
func CheckFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return openError(path, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return openError(path, err)
	}
	if info.Mode().IsRegular() && info.Size() == 0 {
		return &Error{Name: path, Kind: ErrEmpty, Problem: "holds nothing (0 bytes)", Remedy: "copy or download the video again"}
	}
	return nil
}

// PublicURL is a URL as results and messages may show it: without password.
func PublicURL(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		scheme, _, _ := strings.Cut(address, "://")
		return scheme + "://..."
	}
	return u.Redacted()
}
