package dataset

import (
	"fmt"
	"path/filepath"
	"sort"
	"strconv"

	"mhp/internal/camera"
	"mhp/internal/geom"
	"mhp/internal/skeleton"
)

// h36mNeeded are the 17 joints that are averaged, pelvis included; the added
// Thorax is fitted on but not averaged.
var h36mNeeded = []string{"Pelvis", "R_Hip", "R_Knee", "R_Ankle", "L_Hip", "L_Knee", "L_Ankle", "H36M_Torso", "H36M_Neck", "Nose", "Head_top",
	"L_Shoulder", "L_Elbow", "L_Wrist", "R_Shoulder", "R_Elbow", "R_Wrist"}

// h36mActions are the 15 actions by action_idx, which counts from 2.
var h36mActions = []string{"Directions", "Discussion", "Eating", "Greeting", "Phoning", "Posing", "Purchases", "Sitting", "SittingDown",
	"Smoking", "Photo", "Waiting", "Walking", "WalkDog", "WalkTogether"}

// H36MOptions say what of Human3.6M is taken.
type H36MOptions struct {
	Annotations string // folder with Human36M_subjectN_data.json, _camera.json, _joint_3d.json
	Images      string
	Protocol    int    // 1: subject 11; 2: subjects 9 and 11
	Every       int    // frames whose number is a multiple
	Boxes       string // "gt", or 3DMPPE's bbox_root JSON
	Roots       string // file of root positions; "" reads none
}

type h36mData struct {
	Images []struct {
		ID        int64  `json:"id"`
		FileName  string `json:"file_name"`
		Subject   int    `json:"subject"`
		Action    int    `json:"action_idx"`
		SubAction int    `json:"subaction_idx"`
		Camera    int    `json:"cam_idx"`
		Frame     int    `json:"frame_idx"`
	} `json:"images"`
	Annotations []struct {
		ImageID int64     `json:"image_id"`
		Box     []float64 `json:"bbox"`
	} `json:"annotations"`
}

type h36mCamera struct {
	R [][]float64 `json:"R"`
	T []float64   `json:"t"`
	F []float64   `json:"f"`
	C []float64   `json:"c"`
}

// h36mJoints is action -> subaction -> frame -> 17 joints in world mm.
type h36mJoints map[string]map[string]map[string][][3]float64

// boxRoots is a file of 3DMPPE: image id -> boxes and, if given, the root before the camera.
type boxRoots map[int64][]boxRoot

type boxRoot struct {
	ImageID int64     `json:"image_id"`
	Box     []float64 `json:"bbox"`
	Root    []float64 `json:"root_cam"`
	Score   *float64  `json:"score"`
}

func readBoxRoots(path string) (boxRoots, error) {
	var list []boxRoot
	if err := readJSON(path, &list); err != nil {
		return nil, err
	}
	out := boxRoots{}
	for i, b := range list {
		if len(b.Box) != 4 {
			return nil, &Error{File: path, Problem: fmt.Sprintf("entry %d has no bbox of 4 numbers", i), Remedy: "give a list of {image_id, bbox, root_cam}"}
		}
		out[b.ImageID] = append(out[b.ImageID], b)
	}
	return out, nil
}

// box is the entry as a box: those with root_cam are RootNet's, which has
// grown them to a square and by 1.25 already. As in 3DMPPE, they are the crop.
func (b *boxRoot) box(person int) Box {
	out := Box{BoxPx: geom.BoxPx{X: b.Box[0], Y: b.Box[1], W: b.Box[2], H: b.Box[3]}, Score: 1, Person: person}
	if len(b.Root) == 3 {
		out.RootDepthMM = b.Root[2]
		out.Crop = true
	}
	if b.Score != nil {
		out.Score = *b.Score
	}
	return out
}

// h36mReader gathers the subjects of one protocol.
type h36mReader struct {
	options H36MOptions
	set     *Set
	boxes   boxRoots
	roots   boxRoots

	wanted, absentPictures, strayAnnotations, withoutCamera, withoutJoints, withoutBox, withoutRoot int
}

// ReadH36M reads the test part of Human3.6M in the form that 3DMPPE and
// MobileHumanPose use. What is not there is counted; a camera without
// intrinsics or joints that are not there leave the picture out.
func ReadH36M(o H36MOptions) (*Set, error) {
	labels, err := skeleton.LabelsOf("h36m")
	if err != nil {
		return nil, err
	}
	r := &h36mReader{options: o, set: &Set{Name: "h36m", Title: fmt.Sprintf("Human3.6M, protocol %d", o.Protocol), Labels: labels, Needed: h36mNeeded, Fitted: []string{"Thorax"}}}
	if o.Boxes != "gt" {
		if r.boxes, err = readBoxRoots(o.Boxes); err != nil {
			return nil, err
		}
	}
	if o.Roots != "" {
		if r.roots, err = readBoxRoots(o.Roots); err != nil {
			return nil, err
		}
	}
	subjects := []int{9, 11}
	if o.Protocol == 1 {
		subjects = []int{11}
	}
	found := 0
	for _, subject := range subjects {
		stem := filepath.Join(o.Annotations, fmt.Sprintf("Human36M_subject%d", subject))
		if !exists(stem + "_data.json") {
			r.set.Missing = append(r.set.Missing, fmt.Sprintf("subject %d is not in %s", subject, o.Annotations))
			continue
		}
		found++
		if err := r.subject(subject, stem); err != nil {
			return nil, err
		}
	}
	if found == 0 {
		return nil, &Error{File: o.Annotations, Problem: fmt.Sprintf("has no Human36M_subject%d_data.json", subjects[0]), Remedy: "give the folder of 3DMPPE's annotations with --annotations"}
	}
	r.report()
	if len(r.set.Pictures) == 0 {
		return nil, &Error{File: o.Annotations, Problem: fmt.Sprintf("none of the %d pictures of the protocol could be used: %v", r.wanted, r.set.Missing), Remedy: "check --annotations, --images and --every"}
	}
	return r.set, nil
}

func (r *h36mReader) report() {
	s := r.set
	s.countMissing(r.absentPictures, r.wanted, "pictures are not in "+r.options.Images)
	s.countMissing(r.withoutCamera, r.wanted, "pictures have no camera with R, t, f and c")
	s.countMissing(r.withoutJoints, r.wanted, "pictures have no joints in 3D")
	s.countMissing(r.withoutBox, r.wanted, "pictures have no box")
	s.countMissing(r.withoutRoot, r.wanted, "pictures have no root_cam in "+r.options.Roots)
	s.countMissing(r.strayAnnotations, r.wanted+r.strayAnnotations, "annotations name an image that is not listed")
}

func (r *h36mReader) subject(subject int, stem string) error {
	var data h36mData
	var cameras map[string]h36mCamera
	var joints h36mJoints
	for _, part := range []struct {
		name string
		into any
	}{{"_data.json", &data}, {"_camera.json", &cameras}, {"_joint_3d.json", &joints}} {
		if err := readJSON(stem+part.name, part.into); err != nil {
			return err
		}
	}
	boxOf := map[int64][]float64{}
	listed := map[int64]bool{}
	for _, m := range data.Images {
		listed[m.ID] = true
	}
	for _, a := range data.Annotations {
		if !listed[a.ImageID] {
			r.strayAnnotations++
		}
		boxOf[a.ImageID] = a.Box
	}
	sort.Slice(data.Images, func(a, b int) bool { return data.Images[a].FileName < data.Images[b].FileName })
	for _, m := range data.Images {
		if m.Subject != subject || m.Frame%max(1, r.options.Every) != 0 {
			continue
		}
		r.wanted++
		path := filepath.Join(r.options.Images, filepath.FromSlash(m.FileName))
		if !exists(path) {
			r.absentPictures++
			continue
		}
		cam, ok := cameras[strconv.Itoa(m.Camera)]
		if !ok || !cam.complete() {
			r.withoutCamera++
			continue
		}
		world := joints[strconv.Itoa(m.Action)][strconv.Itoa(m.SubAction)]
		frame := world[strconv.Itoa(m.Frame)]
		if len(frame) != len(r.set.Labels.Joints) {
			r.withoutJoints++
			continue
		}
		group := fmt.Sprintf("action %d", m.Action)
		if k := m.Action - 2; k >= 0 && k < len(h36mActions) {
			group = h36mActions[k]
		}
		r.picture(m.FileName, path, m.ID, group, &cam, frame, boxOf[m.ID])
	}
	return nil
}

func (r *h36mReader) picture(name, path string, id int64, group string, cam *h36mCamera, frame [][3]float64, box []float64) {
	k := geom.Intrinsics{FxPx: cam.F[0], FyPx: cam.F[1], CxPx: cam.C[0], CyPx: cam.C[1], Source: "file"}
	person := Person{Group: group}
	for _, world := range frame {
		mm := cam.toCameraMM(world)
		person.MM = append(person.MM, mm)
		person.Px = append(person.Px, camera.Project(k, mm))
		person.Labelled = append(person.Labelled, true)
	}
	person.fill(r.set.Labels)
	var b Box
	switch {
	case r.boxes != nil && len(r.boxes[id]) > 0:
		b = r.boxes[id][0].box(0)
	case r.boxes == nil && len(box) == 4:
		b = Box{BoxPx: geom.BoxPx{X: box[0], Y: box[1], W: box[2], H: box[3]}, Score: 1}
	default:
		r.withoutBox++
		return
	}
	b.RootDepthMM = 0
	if r.roots != nil {
		if len(r.roots[id]) == 0 || len(r.roots[id][0].Root) != 3 {
			r.withoutRoot++
			return
		}
		b.RootDepthMM = r.roots[id][0].Root[2]
	}
	person.Box = b.BoxPx
	r.set.Pictures = append(r.set.Pictures, Picture{Name: name, Open: openFile(path), Camera: k, People: []Person{person}, Boxes: []Box{b}})
}

func (c *h36mCamera) complete() bool {
	if len(c.R) != 3 || len(c.T) != 3 || len(c.F) != 2 || len(c.C) != 2 || !(c.F[0] > 0) || !(c.F[1] > 0) {
		return false
	}
	return len(c.R[0]) == 3 && len(c.R[1]) == 3 && len(c.R[2]) == 3
}

// toCameraMM is R world + t.
func (c *h36mCamera) toCameraMM(p [3]float64) geom.CameraPointMM {
	var out [3]float64
	for r := range 3 {
		out[r] = c.R[r][0]*p[0] + c.R[r][1]*p[1] + c.R[r][2]*p[2] + c.T[r]
	}
	return geom.CameraPointMM{X: out[0], Y: out[1], Z: out[2]}
}
