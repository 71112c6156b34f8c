package detect

import (
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"

	"mhp/internal/frame"
)

// File is the people's boxes of many pictures, read from COCO JSON. It is
// read-only and may be used from several goroutines.
type File struct {
	name     string              // for messages
	all      []*picture          // in the file's order
	pictures map[string]*picture // by key: "id 123" or the file name as written
	byBase   map[string]*picture // by last part of the name; nil where several share it
}

// picture is what a file says of one picture.
type picture struct {
	fileName string // "" where the file gives only the id
	widthPx  int    // 0: the file does not say
	heightPx int
	boxes    []Box
}

// People counts the boxes of all pictures.
func (f *File) People() int {
	n := 0
	for _, p := range f.all {
		n += len(p.boxes)
	}
	return n
}

func (f *File) add(key string, p *picture) {
	f.all = append(f.all, p)
	f.pictures[key] = p
}

// indexBases makes the last parts of names findable where one picture alone has it.
func (f *File) indexBases() {
	for _, p := range f.all {
		base := path.Base(p.fileName)
		if _, taken := f.byBase[base]; taken {
			f.byBase[base] = nil
		} else if p.fileName != "" {
			f.byBase[base] = p
		}
	}
}

// For gives the boxes of the picture at a path and tells whether the file
// knows the picture. It is looked up by the path, then by ever shorter ends of
// it down to the file name, then by the name without its extension, and last
// by that as an image id: 000000123456.jpg is 123456, unless the file gives
// that image another name. The boxes are not to be changed.
func (f *File) For(name string) (boxes []Box, known bool) {
	if p := f.find(strings.ReplaceAll(name, `\`, "/")); p != nil {
		return p.boxes, true
	}
	return nil, false
}

// ForID is For by the number that the file gives a picture.
func (f *File) ForID(id int64) (boxes []Box, known bool) {
	if p := f.pictures[idKey(id)]; p != nil {
		return p.boxes, true
	}
	return nil, false
}

func (f *File) find(name string) *picture {
	for end := name; ; {
		if p := f.pictures[end]; p != nil {
			return p
		}
		_, rest, more := strings.Cut(end, "/")
		if !more {
			break
		}
		end = rest
	}
	if p := f.byBase[path.Base(name)]; p != nil {
		return p
	}
	stem := stemOf(name)
	if p := f.pictures[stem]; p != nil {
		return p
	}
	if id, err := strconv.ParseInt(stem, 10, 64); err == nil && id >= 0 {
		if p := f.pictures[idKey(id)]; p != nil && (p.fileName == "" || stemOf(p.fileName) == stem) {
			return p
		}
	}
	return nil
}

// stemOf is the last part of a name without its extension.
func stemOf(name string) string {
	base := path.Base(name)
	return strings.TrimSuffix(base, path.Ext(base))
}

// idKey cannot be a file's name: no name holds a zero byte.
func idKey(id int64) string { return "\x00" + strconv.FormatInt(id, 10) }

// Finder finds what the file says of each picture, by the frame's name.
// Nobody is found in a picture that the file does not know.
func (f *File) Finder() Finder { return fromFile{f} }

type fromFile struct{ file *File }

func (f fromFile) Find(_ context.Context, fr *frame.Frame) ([]Box, error) {
	boxes, _ := f.file.For(fr.Name)
	for i, b := range boxes {
		if err := Check(b.BoxPx, fr.WidthPx, fr.HeightPx); err != nil {
			return nil, fmt.Errorf("%s: person %d that %s gives for it: %w", fr.Name, i+1, f.file.name, err)
		}
	}
	return boxes, nil
}
