package dataset

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"mhp/internal/geom"
	"mhp/internal/skeleton"
)

// cocoBody are the twelve key points that MuCo has too; eyes and ears have no namesake.
var cocoBody = []string{"L_Shoulder", "R_Shoulder", "L_Elbow", "R_Elbow", "L_Wrist", "R_Wrist", "L_Hip", "R_Hip", "L_Knee", "R_Knee", "L_Ankle", "R_Ankle"}

// COCOOptions say what of a COCO file is taken.
type COCOOptions struct {
	Annotations string // people.json or person_keypoints_val2017.json
	Images      string // folder
}

type cocoFile struct {
	Images []struct {
		ID       int64   `json:"id"`
		FileName string  `json:"file_name"`
		Width    float64 `json:"width"`
		Height   float64 `json:"height"`
	} `json:"images"`
	Annotations []struct {
		ID           int64     `json:"id"`
		ImageID      int64     `json:"image_id"`
		Crowd        int       `json:"iscrowd"`
		Box          []float64 `json:"bbox"`
		Area         float64   `json:"area"`
		NumKeyPoints int       `json:"num_keypoints"`
		KeyPoints    []float64 `json:"keypoints"`
	} `json:"annotations"`
}

// ReadCOCO reads COCO's key points. Everybody who is annotated is kept, for
// crowds count neither for nor against in AP; the network runs on the boxes of
// those with a labelled body joint.
func ReadCOCO(o COCOOptions) (*Set, error) {
	labels, err := skeleton.LabelsOf("coco")
	if err != nil {
		return nil, err
	}
	var file cocoFile
	if err := readJSON(o.Annotations, &file); err != nil {
		return nil, err
	}
	s := &Set{Name: "coco", Title: "COCO key points", Labels: labels, Needed: cocoBody}
	at := map[int64]int{}
	absent := 0
	for _, m := range file.Images {
		path := filepath.Join(o.Images, filepath.FromSlash(m.FileName))
		if !exists(path) {
			absent++
			continue
		}
		at[m.ID] = len(s.Pictures)
		s.Pictures = append(s.Pictures, Picture{Name: m.FileName, ImageID: &m.ID, Open: openFile(path)})
	}
	known := map[int64]bool{}
	for _, m := range file.Images {
		known[m.ID] = true
	}
	stray, faulty := 0, 0
	for _, a := range file.Annotations {
		i, ok := at[a.ImageID]
		if !ok {
			if !known[a.ImageID] {
				stray++
			}
			continue
		}
		if len(a.KeyPoints) != 51 || len(a.Box) != 4 {
			faulty++
			continue
		}
		person := Person{Name: fmt.Sprintf("annotation %d", a.ID), AreaPx2: a.Area, Crowd: a.Crowd != 0,
			Box: geom.BoxPx{X: a.Box[0], Y: a.Box[1], W: a.Box[2], H: a.Box[3]}}
		body := false
		for j := range labels.Joints {
			v := a.KeyPoints[3*j:]
			person.Px, person.Labelled = append(person.Px, geom.ImagePoint{X: v[0], Y: v[1]}), append(person.Labelled, v[2] > 0)
			body = body || v[2] > 0 && contains(cocoBody, labels.Anatomy(j))
		}
		person.Ignore = person.Crowd || a.NumKeyPoints == 0 || !body
		p := &s.Pictures[i]
		if !person.Ignore {
			p.Boxes = append(p.Boxes, Box{BoxPx: person.Box, Score: 1, Person: len(p.People)})
		}
		p.People = append(p.People, person)
	}
	s.countMissing(absent, len(file.Images), "pictures are not in "+o.Images)
	s.countMissing(stray, len(file.Annotations), "annotations name an image that the file does not list")
	s.countMissing(faulty, len(file.Annotations), "annotations have no box of 4 or no key points of 17 x 3 numbers")
	if len(s.Pictures) == 0 {
		return nil, &Error{File: o.Annotations, Problem: fmt.Sprintf("none of its %d pictures is in %s", len(file.Images), o.Images), Remedy: "give the folder of the pictures with --images"}
	}
	return s, nil
}

func (s *Set) countMissing(n, of int, what string) {
	if n > 0 {
		s.Missing = append(s.Missing, fmt.Sprintf("%d of %d %s", n, of, what))
	}
}

// readJSON reads a whole file.
func readJSON(path string, into any) error {
	f, err := os.Open(path)
	if err != nil {
		return &Error{File: path, Problem: "cannot be read: " + plain(err), Remedy: "check the path", Cause: err}
	}
	defer f.Close()
	if err := json.NewDecoder(f).Decode(into); err != nil {
		return &Error{File: path, Problem: "is not the JSON it should be: " + err.Error(), Remedy: "docs/eval.md names the format", Cause: err}
	}
	return nil
}
