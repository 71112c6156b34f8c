package dataset

import (
	"fmt"
	"path/filepath"
	"strings"

	"mhp/internal/geom"
	"mhp/internal/skeleton"
)

// muPoTSNeeded are the 14 joints of 3DPCK; pelvis, spine and head are left out
// of the average but carry the bones.
var (
	muPoTSNeeded = []string{"Head_top", "Thorax", "R_Shoulder", "R_Elbow", "R_Wrist", "L_Shoulder", "L_Elbow", "L_Wrist",
		"R_Hip", "R_Knee", "R_Ankle", "L_Hip", "L_Knee", "L_Ankle"}
	muPoTSFitted = []string{"Pelvis", "Spine", "Head"}
)

// MuPoTSOptions say what of MuPoTS-3D is taken.
type MuPoTSOptions struct {
	Annotations string // MuPoTS-3D.json
	Images      string // folder with TS1 .. TS20
	Boxes       string // "gt", or 3DMPPE's bbox_root JSON
}

type muPoTSFile struct {
	Images []struct {
		ID        int64     `json:"id"`
		FileName  string    `json:"file_name"`
		Intrinsic []float64 `json:"intrinsic"` // fx, fy, cx, cy
	} `json:"images"`
	Annotations []struct {
		ImageID int64        `json:"image_id"`
		Valid   *int         `json:"is_valid"`
		Box     []float64    `json:"bbox"`
		Image   [][2]float64 `json:"keypoints_img"`
		Camera  [][3]float64 `json:"keypoints_cam"`
	} `json:"annotations"`
}

// ReadMuPoTS reads MuPoTS-3D as 3DMPPE prepares it. Annotations that are not
// valid are left out, as the protocol does.
func ReadMuPoTS(o MuPoTSOptions) (*Set, error) {
	labels, err := skeleton.LabelsOf("mupots")
	if err != nil {
		return nil, err
	}
	var file muPoTSFile
	if err := readJSON(o.Annotations, &file); err != nil {
		return nil, err
	}
	var boxes boxRoots
	if o.Boxes != "gt" {
		if boxes, err = readBoxRoots(o.Boxes); err != nil {
			return nil, err
		}
	}
	s := &Set{Name: "mupots", Title: "MuPoTS-3D", Labels: labels, Needed: muPoTSNeeded, Fitted: muPoTSFitted}
	at, listed := map[int64]int{}, map[int64]bool{}
	absent, withoutCamera, stray, faulty := 0, 0, 0, 0
	for _, m := range file.Images {
		listed[m.ID] = true
		path := filepath.Join(o.Images, filepath.FromSlash(m.FileName))
		if !exists(path) {
			absent++
			continue
		}
		if len(m.Intrinsic) != 4 || !(m.Intrinsic[0] > 0) || !(m.Intrinsic[1] > 0) {
			withoutCamera++
			continue
		}
		k := m.Intrinsic
		at[m.ID] = len(s.Pictures)
		p := Picture{Name: m.FileName, Open: openFile(path), Camera: geom.Intrinsics{FxPx: k[0], FyPx: k[1], CxPx: k[2], CyPx: k[3], Source: "file"}}
		for _, b := range boxes[m.ID] {
			p.Boxes = append(p.Boxes, b.box(-1))
		}
		s.Pictures = append(s.Pictures, p)
	}
	for _, a := range file.Annotations {
		i, ok := at[a.ImageID]
		if !ok {
			if !listed[a.ImageID] {
				stray++
			}
			continue
		}
		if a.Valid != nil && *a.Valid == 0 {
			continue
		}
		if len(a.Image) != 17 || len(a.Camera) != 17 || boxes == nil && len(a.Box) != 4 {
			faulty++
			continue
		}
		p := &s.Pictures[i]
		person := Person{Name: fmt.Sprintf("person %d", len(p.People)+1), Group: sequenceOf(p.Name)}
		for j := range a.Image {
			person.Px = append(person.Px, geom.ImagePoint{X: a.Image[j][0], Y: a.Image[j][1]})
			person.MM = append(person.MM, geom.CameraPointMM{X: a.Camera[j][0], Y: a.Camera[j][1], Z: a.Camera[j][2]})
			person.Labelled = append(person.Labelled, true)
		}
		if boxes == nil {
			person.Box = geom.BoxPx{X: a.Box[0], Y: a.Box[1], W: a.Box[2], H: a.Box[3]}
			p.Boxes = append(p.Boxes, Box{BoxPx: person.Box, Score: 1, Person: -1, RootDepthMM: person.MM[14].Z})
		}
		p.People = append(p.People, person)
	}
	s.countMissing(absent, len(file.Images), "pictures are not in "+o.Images)
	s.countMissing(withoutCamera, len(file.Images), "pictures have no intrinsic of 4 numbers")
	s.countMissing(stray, len(file.Annotations), "annotations name an image that is not listed")
	s.countMissing(faulty, len(file.Annotations), "annotations have no 17 keypoints_img and keypoints_cam, or no bbox")
	if s.People() == 0 {
		return nil, &Error{File: o.Annotations, Problem: fmt.Sprintf("none of its %d annotations could be used: %s", len(file.Annotations), strings.Join(s.Missing, "; ")), Remedy: "check --annotations and --images"}
	}
	return s, nil
}

// sequenceOf is the folder that a picture lies in, such as TS7.
func sequenceOf(name string) string {
	dir, _, ok := strings.Cut(filepath.ToSlash(name), "/")
	if !ok {
		dir, _, _ = strings.Cut(name, "_")
	}
	return dir
}
