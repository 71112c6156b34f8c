package dataset

import (
	"archive/zip"
	"fmt"
	"path/filepath"
	"slices"

	"mhp/internal/frame"
	"mhp/internal/geom"
	"mhp/internal/skeleton"
	"mhp/internal/source"
)

// lspNeeded are LSP's 14 joints; the Pelvis made of the hips is no label.
var lspNeeded = []string{"R_Ankle", "R_Knee", "R_Hip", "L_Hip", "L_Knee", "L_Ankle", "R_Wrist", "R_Elbow", "R_Shoulder",
	"L_Shoulder", "L_Elbow", "L_Wrist", "Thorax", "Head_top"}

// ReadLSP reads Leeds Sports Poses from a folder: either labels.npz with
// photos.zip (one of whose splits is taken: "dev", "train" or "all"), or the
// published joints.mat with images/ (LSP: "test" is the second half, "train"
// the first; LSP Extended: "dev" is every number that leaves 3 when divided by
// 20, "train" the others).
func ReadLSP(dir, split string) (*Set, error) {
	labels, err := skeleton.LabelsOf("lsp")
	if err != nil {
		return nil, err
	}
	s := &Set{Name: "lsp", Title: "LSP, " + split, Labels: labels, Needed: lspNeeded, Fitted: []string{"Pelvis"}}
	if exists(filepath.Join(dir, "labels.npz")) {
		err = s.readPackedLSP(dir, split)
	} else {
		err = s.readPublishedLSP(dir, split)
	}
	if err != nil {
		return nil, err
	}
	if len(s.Pictures) == 0 && len(s.Missing) == 0 {
		return nil, &Error{File: dir, Problem: fmt.Sprintf("has no picture of split %q", split), Remedy: "choose another with --split"}
	}
	return s, nil
}

func (s *Set) readPackedLSP(dir, split string) error {
	path := filepath.Join(dir, "labels.npz")
	arrays, err := readNPZ(path, "name", "joints", "joint_names", "split")
	if err != nil {
		return err
	}
	joints := arrays["joints"]
	if !slices.Equal(arrays["joint_names"].texts, s.Labels.Joints) || len(joints.shape) != 3 || joints.shape[1] != 14 || joints.shape[2] != 3 ||
		joints.rows() != arrays["name"].rows() || joints.rows() != arrays["split"].rows() {
		return &Error{File: path, Problem: "joints, joint_names, name and split do not go together", Remedy: "see the data set's README for the arrays and their shapes"}
	}
	archive, err := zip.OpenReader(filepath.Join(dir, "photos.zip"))
	if err != nil {
		return &Error{File: filepath.Join(dir, "photos.zip"), Problem: "cannot be read: " + plain(err), Remedy: "put photos.zip beside labels.npz", Cause: err}
	}
	s.Close = archive.Close
	members := map[string]*zip.File{}
	for _, f := range archive.File {
		members[f.Name] = f
	}
	absent := 0
	for i, name := range arrays["name"].texts {
		if split != "all" && arrays["split"].texts[i] != split {
			continue
		}
		member := members[name]
		if member == nil {
			absent++
			continue
		}
		s.addLSP(name, openMember(member, name), func(j int) (x, y float64, labelled bool) {
			v := joints.numbers[(i*14+j)*3:]
			return v[0], v[1], v[2] > 0
		})
	}
	if absent > 0 {
		s.Missing = append(s.Missing, fmt.Sprintf("%d of %d pictures are not in photos.zip", absent, absent+len(s.Pictures)))
	}
	return nil
}

func openMember(member *zip.File, name string) func(source.Options) (*frame.Frame, error) {
	return func(o source.Options) (*frame.Frame, error) {
		r, err := member.Open()
		if err != nil {
			return nil, &Error{File: name, Problem: "cannot be unpacked: " + err.Error(), Remedy: "copy photos.zip again", Cause: err}
		}
		defer r.Close()
		return source.Decode(r, name, o)
	}
}

// readPublishedLSP knows LSP's 3 x 14 x n (third row: in sight or covered, all
// labelled) from LSP Extended's 14 x 3 x n (third column: labelled).
func (s *Set) readPublishedLSP(dir, split string) error {
	path := filepath.Join(dir, "joints.mat")
	if !exists(path) {
		return &Error{File: dir, Problem: "has neither labels.npz nor joints.mat", Remedy: "give the folder with labels.npz and photos.zip, or with joints.mat and images"}
	}
	m, err := readMAT(path, "joints")
	if err != nil {
		return err
	}
	extended := len(m.shape) == 3 && m.shape[0] == 14 && m.shape[1] == 3
	if !extended && (len(m.shape) != 3 || m.shape[0] != 3 || m.shape[1] != 14) {
		return &Error{File: path, Problem: fmt.Sprintf("joints is %v, not 3 x 14 x n or 14 x 3 x n", m.shape), Remedy: "give the published joints.mat"}
	}
	at := func(i, j, k int) float64 {
		if extended {
			return m.numbers[i*42+k*14+j]
		}
		return m.numbers[i*42+j*3+k]
	}
	n, absent := m.shape[2], 0
	for i := range n {
		if !inLSPSplit(split, extended, i, n) {
			continue
		}
		name := fmt.Sprintf("im%04d.jpg", i+1)
		if extended {
			name = fmt.Sprintf("im%05d.jpg", i+1)
		}
		file := filepath.Join(dir, "images", name)
		if !exists(file) {
			absent++
			continue
		}
		s.addLSP(name, openFile(file), func(j int) (x, y float64, labelled bool) {
			// MATLAB counts pixels from 1.
			return at(i, j, 0) - 1, at(i, j, 1) - 1, !extended || at(i, j, 2) > 0
		})
	}
	if absent > 0 {
		s.Missing = append(s.Missing, fmt.Sprintf("%d of %d pictures are not in %s", absent, absent+len(s.Pictures), filepath.Join(dir, "images")))
	}
	return nil
}

func inLSPSplit(split string, extended bool, i, n int) bool {
	held := (i+1)%20 == 3
	switch {
	case split == "all":
		return true
	case extended:
		return split == "dev" && held || split == "train" && !held
	}
	return split == "train" && i < n/2 || split == "test" && i >= n/2
}

func (s *Set) addLSP(name string, open func(source.Options) (*frame.Frame, error), joint func(j int) (x, y float64, labelled bool)) {
	person := Person{}
	for j := range s.Labels.Joints {
		x, y, labelled := joint(j)
		person.Px, person.Labelled = append(person.Px, geom.ImagePoint{X: x, Y: y}), append(person.Labelled, labelled)
	}
	person.fill(s.Labels)
	person.Box = tightBox(&person, s.Labels)
	s.Pictures = append(s.Pictures, Picture{Name: name, Open: open, People: []Person{person}, Boxes: []Box{{BoxPx: person.Box, Score: 1}}})
}
