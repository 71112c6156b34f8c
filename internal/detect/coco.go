package detect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"mhp/internal/geom"
)

// FileError is what is wrong with a file of boxes.
type FileError struct {
	Name    string // of the file
	Where   string // "annotations[3]", counted from 0; "" is the file as a whole
	Problem string
	Remedy  string
	Cause   error // may be nil
}

// Error names the file, the entry and the problem.
func (e *FileError) Error() string {
	if e.Where == "" {
		return e.Name + ": " + e.Problem
	}
	return e.Name + ": " + e.Where + ": " + e.Problem
}

// Hint says what to do.
func (e *FileError) Hint() string { return e.Remedy }

// Unwrap gives the system's error, if any.
func (e *FileError) Unwrap() error { return e.Cause }

const cocoForm = `give COCO detection JSON: a list of {"image_id": 1, "category_id": 1, "bbox": [x, y, width, height], "score": 0.9}, or an object with "images" and "annotations"`

// ReadCOCO reads the boxes of people from a file in COCO's JSON: either a list
// of detections (image_id, category_id, bbox, score) or an object with images,
// annotations and perhaps categories. A person is the category named "person"
// or, without names, number 1 or no number. image_id may be a file name where
// there is no list of images. Crowds (iscrowd) are left out. A missing score is 1.
// Errors are *FileError; any entry that is wrong refuses the file.
func ReadCOCO(path string) (*File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, &FileError{Name: path, Problem: "cannot be read: " + cause(err), Remedy: "check the path of the file of boxes", Cause: err}
	}
	return parseCOCO(data, path)
}

// ParseCOCO is ReadCOCO from a stream; name is for messages.
func ParseCOCO(r io.Reader, name string) (*File, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, &FileError{Name: name, Problem: "cannot be read: " + cause(err), Remedy: "try again", Cause: err}
	}
	return parseCOCO(data, name)
}

// cause drops the path from a system error: the message names it already.
func cause(err error) string {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// cocoReader gathers a file while its entries are read.
type cocoReader struct {
	file   *File
	person map[int64]bool // categories that are people; nil: the file names none
	listed bool           // the file lists its images, so ids must be among them
}

func parseCOCO(data []byte, name string) (*File, error) {
	data = bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	if err := checkJSON(data); err != nil {
		err.Name = name
		return nil, err
	}
	r := cocoReader{file: &File{name: name, pictures: map[string]*picture{}, byBase: map[string]*picture{}}}
	var err *FileError
	if data[0] == '[' {
		var entries []json.RawMessage
		if jsonErr := json.Unmarshal(data, &entries); jsonErr != nil {
			err = wrongType("", jsonErr)
		} else {
			err = each(entries, "", r.annotation)
		}
	} else {
		err = r.object(data)
	}
	if err != nil {
		err.Name = name
		return nil, err
	}
	r.file.indexBases()
	return r.file, nil
}

// object reads the form with images and annotations.
func (r *cocoReader) object(data []byte) *FileError {
	var doc struct {
		Images      *[]json.RawMessage `json:"images"`
		Annotations *[]json.RawMessage `json:"annotations"`
		Categories  *[]json.RawMessage `json:"categories"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return wrongType("", err)
	}
	if doc.Annotations == nil {
		return &FileError{Problem: `has no "annotations"`, Remedy: cocoForm}
	}
	if doc.Categories != nil {
		r.person = map[int64]bool{}
		if err := each(*doc.Categories, "categories", r.category); err != nil {
			return err
		}
		if len(r.person) == 0 {
			return &FileError{Where: "categories", Problem: `none is named "person"`, Remedy: `name the category of people "person", or leave "categories" out and number it 1`}
		}
	}
	if doc.Images != nil {
		r.listed = true
		if err := each(*doc.Images, "images", r.image); err != nil {
			return err
		}
	}
	return each(*doc.Annotations, "annotations", r.annotation)
}

// each reads the entries of a list and says where one is wrong.
func each(entries []json.RawMessage, list string, read func(json.RawMessage) *FileError) *FileError {
	for i, entry := range entries {
		if err := read(entry); err != nil {
			err.Where = strings.TrimSuffix(fmt.Sprintf("%s[%d].%s", list, i, err.Where), ".")
			return err
		}
	}
	return nil
}

func (r *cocoReader) category(entry json.RawMessage) *FileError {
	var c struct {
		ID   *int64 `json:"id"`
		Name string `json:"name"`
	}
	if err := json.Unmarshal(entry, &c); err != nil {
		return wrongType("", err)
	}
	if c.ID == nil {
		return missing("id", "number the categories")
	}
	if strings.EqualFold(c.Name, "person") {
		r.person[*c.ID] = true
	}
	return nil
}

func (r *cocoReader) image(entry json.RawMessage) *FileError {
	var m struct {
		ID       *int64  `json:"id"`
		FileName string  `json:"file_name"`
		Width    float64 `json:"width"`
		Height   float64 `json:"height"`
	}
	if err := json.Unmarshal(entry, &m); err != nil {
		return wrongType("", err)
	}
	if m.ID == nil {
		return missing("id", "number the images")
	}
	if m.Width < 0 || m.Height < 0 || m.Width > maxPx || m.Height > maxPx {
		return &FileError{Problem: fmt.Sprintf("says that the picture is %g x %g px", m.Width, m.Height), Remedy: "give its size in px, or leave it out"}
	}
	p := &picture{fileName: strings.ReplaceAll(m.FileName, `\`, "/"), widthPx: int(m.Width), heightPx: int(m.Height)}
	if r.file.pictures[idKey(*m.ID)] != nil {
		return &FileError{Where: "id", Problem: fmt.Sprintf("image %d is listed twice", *m.ID), Remedy: "give each image its own id"}
	}
	r.file.add(idKey(*m.ID), p)
	if p.fileName == "" {
		return nil
	}
	if r.file.pictures[p.fileName] != nil {
		return &FileError{Where: "file_name", Problem: fmt.Sprintf("%q is listed twice", m.FileName), Remedy: "list each picture once"}
	}
	r.file.pictures[p.fileName] = p
	return nil
}

// annotation reads one box; those of things and crowds are passed over unread.
func (r *cocoReader) annotation(entry json.RawMessage) *FileError {
	var a struct {
		ImageID    json.RawMessage `json:"image_id"`
		CategoryID *int64          `json:"category_id"`
		Crowd      json.RawMessage `json:"iscrowd"`
		Box        json.RawMessage `json:"bbox"`
		Score      *float64        `json:"score"`
	}
	if err := json.Unmarshal(entry, &a); err != nil {
		return wrongType("", err)
	}
	if !r.isPerson(a.CategoryID) || isCrowd(a.Crowd) {
		return nil
	}
	p, err := r.pictureOf(a.ImageID)
	if err != nil {
		return err
	}
	b := Box{Score: 1, Source: SourceFile}
	if b.BoxPx, err = bbox(a.Box); err != nil {
		return err
	}
	if p.widthPx > 0 && p.heightPx > 0 {
		if err := Check(b.BoxPx, p.widthPx, p.heightPx); err != nil {
			return &FileError{Where: "bbox", Problem: err.Error(), Remedy: "give the box in px of its picture, or leave the entry out"}
		}
	}
	if a.Score != nil {
		if b.Score = *a.Score; !(b.Score >= 0 && b.Score <= 1) {
			return &FileError{Where: "score", Problem: fmt.Sprintf("%g is not between 0 and 1", b.Score), Remedy: "give the score as a probability, or leave it out"}
		}
	}
	p.boxes = append(p.boxes, b)
	return nil
}

func (r *cocoReader) isPerson(category *int64) bool {
	switch {
	case category == nil:
		return true
	case r.person == nil:
		return *category == 1
	}
	return r.person[*category]
}

// isCrowd reads COCO's 0 and 1 and others' false and true.
func isCrowd(v json.RawMessage) bool { return string(v) == "1" || string(v) == "true" }

// pictureOf finds the picture that image_id names, or makes one where no images are listed.
func (r *cocoReader) pictureOf(imageID json.RawMessage) (*picture, *FileError) {
	key, name := "", ""
	var id int64
	if len(imageID) == 0 || string(imageID) == "null" {
		return nil, missing("image_id", "say which picture the box belongs to")
	}
	if err := json.Unmarshal(imageID, &id); err == nil {
		key = idKey(id)
	} else if err := json.Unmarshal(imageID, &name); err == nil && name != "" {
		name = strings.ReplaceAll(name, `\`, "/")
		key = name
	} else {
		return nil, &FileError{Where: "image_id", Problem: fmt.Sprintf("%s is neither a whole number nor a file name", brief(imageID)), Remedy: cocoForm}
	}
	p := r.file.pictures[key]
	if p == nil && r.listed {
		return nil, &FileError{Where: "image_id", Problem: fmt.Sprintf(`%s is not among "images"`, brief(imageID)), Remedy: `list the picture in "images", or leave "images" out`}
	}
	if p == nil {
		p = &picture{fileName: name}
		r.file.add(key, p)
	}
	return p, nil
}

// bbox reads [x, y, width, height].
func bbox(raw json.RawMessage) (geom.BoxPx, *FileError) {
	if len(raw) == 0 || string(raw) == "null" {
		return geom.BoxPx{}, missing("bbox", cocoForm)
	}
	var v []*float64
	if err := json.Unmarshal(raw, &v); err != nil || len(v) != 4 || v[0] == nil || v[1] == nil || v[2] == nil || v[3] == nil {
		return geom.BoxPx{}, &FileError{Where: "bbox", Problem: brief(raw) + " is not a list of 4 numbers", Remedy: cocoForm}
	}
	b := geom.BoxPx{X: *v[0], Y: *v[1], W: *v[2], H: *v[3]}
	if problem := malformed(b); problem != "" {
		return geom.BoxPx{}, &FileError{Where: "bbox", Problem: "box " + problem,
			Remedy: "bbox is [x, y, width, height], not two corners; mend the entry or leave it out"}
	}
	return b, nil
}

func missing(field, remedy string) *FileError {
	return &FileError{Where: field, Problem: "is missing", Remedy: remedy}
}

// wrongType says which field holds what it should not.
func wrongType(where string, err error) *FileError {
	e := &FileError{Where: where, Problem: err.Error(), Remedy: cocoForm, Cause: err}
	var t *json.UnmarshalTypeError
	if errors.As(err, &t) {
		e.Where, e.Problem = t.Field, fmt.Sprintf("is a JSON %s, where %s is needed", t.Value, needed(t.Type.Kind().String()))
	}
	return e
}

// needed puts a Go type in the words of JSON.
func needed(kind string) string {
	switch kind {
	case "int64":
		return "a whole number"
	case "float64":
		return "a number"
	case "slice":
		return "a list"
	case "struct":
		return "an object"
	}
	return "a text"
}

// brief quotes JSON, shortened.
func brief(raw json.RawMessage) string {
	const most = 60
	if len(raw) > most {
		return string(raw[:most]) + "..."
	}
	return string(raw)
}
