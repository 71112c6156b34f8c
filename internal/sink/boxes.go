package sink

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"mhp/internal/frame"
	"mhp/internal/pose"
)

// Boxes writes the people's boxes as COCO detection JSON: one list of
// {image_id, category_id, bbox, score} for all pictures. image_id is the
// number that a picture's file is called by, as COCO's are, else the name as
// the user gave it. `mhp predict --boxes` reads it again.
type Boxes struct {
	rows
	pictures, people int
}

// NewBoxes refuses a path that is an input.
func NewBoxes(o FileOptions) (*Boxes, error) {
	r, err := newRows(o)
	if err != nil {
		return nil, err
	}
	return &Boxes{rows: r}, nil
}

// detection is one entry; bbox is left, top, width and height in px.
type detection struct {
	ImageID    any         `json:"image_id"`
	CategoryID int         `json:"category_id"`
	Box        [4]pxNumber `json:"bbox"`
	Score      scoreNumber `json:"score"`
}

// Write adds the picture's people. The frame is not looked at.
func (s *Boxes) Write(ctx context.Context, _ *frame.Frame, p *pose.Picture) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := checkFinite(p); err != nil {
		return err
	}
	s.pictures++
	for i := range p.People {
		q := &p.People[i]
		b, err := compact(detection{imageID(p.Name), 1,
			[4]pxNumber{pxNumber(q.Box.X), pxNumber(q.Box.Y), pxNumber(q.Box.W), pxNumber(q.Box.H)}, scoreNumber(q.BoxScore)})
		if err != nil {
			return fmt.Errorf("%s: cannot make JSON of the boxes: %w", p.Name, err)
		}
		start := ",\n"
		if s.people == 0 {
			start = "[\n"
		}
		if err := s.write(append([]byte(start), b...)); err != nil {
			return err
		}
		s.people++
	}
	return nil
}

// imageID is the number that a file is called by, or the name.
func imageID(name string) any {
	stem := strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
	if id, err := strconv.ParseInt(stem, 10, 64); err == nil && id >= 0 {
		return id
	}
	return filepath.ToSlash(name)
}

// Close ends the list; pictures of nobody give an empty one, no pictures no file.
func (s *Boxes) Close() error {
	if s.pictures == 0 {
		return s.close()
	}
	end := "\n]\n"
	if s.people == 0 {
		end = "[]\n"
	}
	if err := s.write([]byte(end)); err != nil {
		return err
	}
	return s.close()
}
