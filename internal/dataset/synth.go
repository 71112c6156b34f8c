package dataset

import (
	"fmt"
	"path/filepath"
	"sort"

	"mhp/internal/geom"
	"mhp/internal/skeleton"
)

// synthTruth is the truth.json that the generator of synthetic people writes
// beside its pictures.
type synthTruth struct {
	JointSet string `json:"joint_set"`
	Pictures map[string]struct {
		Camera struct {
			Fx float64 `json:"fx_px"`
			Fy float64 `json:"fy_px"`
			Cx float64 `json:"cx_px"`
			Cy float64 `json:"cy_px"`
		} `json:"camera"`
		People []struct {
			Box     *[4]float64           `json:"box_px"`
			Px      map[string][2]float64 `json:"joints_px"`
			MM      map[string][3]float64 `json:"joints_mm"`
			Visible map[string]int        `json:"visible"` // 0 outside, 1 covered, 2 in sight
		} `json:"people"`
	} `json:"pictures"`
}

// ReadSynth reads a folder of rendered pictures with truth.json. The given box
// is the person's box of the truth, else the tight box of the joints, grown by
// a fifth.
func ReadSynth(dir string) (*Set, error) {
	path := filepath.Join(dir, "truth.json")
	var truth synthTruth
	if err := readJSON(path, &truth); err != nil {
		return nil, err
	}
	labels, err := skeleton.LabelsOf(truth.JointSet)
	if err != nil {
		return nil, &Error{File: path, Problem: err.Error(), Remedy: "joint_set must be one of ours, such as muco21"}
	}
	s := &Set{Name: "synth", Title: "Synthetic people", Labels: labels}
	for i := range labels.Count() {
		s.Needed = append(s.Needed, labels.Anatomy(i))
	}
	var names []string
	for name := range truth.Pictures {
		names = append(names, name)
	}
	sort.Strings(names)
	absent, faulty := 0, 0
	for _, name := range names {
		entry := truth.Pictures[name]
		file := filepath.Join(dir, filepath.FromSlash(name))
		if !exists(file) {
			absent++
			continue
		}
		c := entry.Camera
		if !(c.Fx > 0) || !(c.Fy > 0) {
			return nil, &Error{File: path, Problem: name + " has a camera without focal length", Remedy: "give fx_px, fy_px, cx_px and cy_px"}
		}
		p := Picture{Name: name, Open: openFile(file), Camera: geom.Intrinsics{FxPx: c.Fx, FyPx: c.Fy, CxPx: c.Cx, CyPx: c.Cy, Source: "file"}}
		for i, one := range entry.People {
			person := Person{Inside: make([]bool, labels.Count())}
			if len(entry.People) > 1 {
				person.Name = fmt.Sprintf("person %d", i+1)
			}
			labelled := 0
			for j, joint := range labels.Joints {
				px, ok := one.Px[joint]
				mm, ok3D := one.MM[joint]
				person.Labelled = append(person.Labelled, ok && ok3D)
				person.Px = append(person.Px, geom.ImagePoint{X: px[0], Y: px[1]})
				person.MM = append(person.MM, geom.CameraPointMM{X: mm[0], Y: mm[1], Z: mm[2]})
				visible, told := one.Visible[joint]
				person.Inside[j] = !told || visible > 0
				if ok && ok3D {
					labelled++
				}
			}
			if labelled == 0 {
				faulty++
				continue
			}
			if one.Box != nil {
				b := *one.Box
				person.Box = geom.BoxPx{X: b[0], Y: b[1], W: b[2], H: b[3]}.Grow(GivenBoxGrow)
			} else {
				person.Box = tightBox(&person, labels)
			}
			p.Boxes = append(p.Boxes, Box{BoxPx: person.Box, Score: 1, Person: len(p.People)})
			p.People = append(p.People, person)
		}
		s.Pictures = append(s.Pictures, p)
	}
	s.countMissing(absent, len(names), "pictures of truth.json are not in "+dir)
	s.countMissing(faulty, faulty+s.People(), "people have no joint with both joints_px and joints_mm")
	if len(s.Pictures) == 0 {
		return nil, &Error{File: path, Problem: "none of its pictures is there", Remedy: "keep truth.json beside the pictures"}
	}
	return s, nil
}
