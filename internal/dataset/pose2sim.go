package dataset

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"

	"mhp/internal/camera"
	"mhp/internal/frame"
	"mhp/internal/geom"
	"mhp/internal/skeleton"
	"mhp/internal/source"
)

// pose2simNeeded are the joints that the data set's README maps.
var pose2simNeeded = []string{"Head_top", "R_Shoulder", "R_Elbow", "R_Wrist", "L_Shoulder", "L_Elbow", "L_Wrist",
	"R_Hip", "R_Knee", "R_Ankle", "L_Hip", "L_Knee", "L_Ankle", "R_Toe", "L_Toe", "Pelvis"}

// pose2simTruth is the set of joints that goes with the cameras' refined poses.
const pose2simTruth = "refined"

// VideoOpener opens frame number of a video; the caller brings it, since this
// package knows no videos. It may be called in any order but is quickest in rising order.
type VideoOpener func(path string) (frame func(number int) (*frame.Frame, error), close func() error, err error)

// Pose2SimOptions say what of the Pose2Sim demo is taken.
type Pose2SimOptions struct {
	Dir    string
	Every  int    // take each so many-th frame
	Frames string // folder with a folder of pictures for each camera; "" reads the videos
	Video  VideoOpener
}

type pose2simCamera struct {
	Video   string        `json:"video"`
	K       [3][3]float64 `json:"K"`
	Refined pose2simExtr  `json:"refined"`
}

type pose2simExtr struct {
	R [3][3]float64 `json:"R"`
	T [3]float64    `json:"t_m"`
}

// ReadPose2Sim reads both cameras of the demo: every so many-th frame, labels
// in camera mm and, by projection, in px. Distortion is left out (far below a
// pixel there).
func ReadPose2Sim(o Pose2SimOptions) (*Set, error) {
	labels, err := skeleton.LabelsOf("pose2sim")
	if err != nil {
		return nil, err
	}
	camerasPath, jointsPath := filepath.Join(o.Dir, "cameras.json"), filepath.Join(o.Dir, "joints3d.json")
	var sets map[string]json.RawMessage
	if err := readJSON(jointsPath, &sets); err != nil {
		return nil, err
	}
	var truth struct {
		Names  []string       `json:"names"`
		Joints [][][3]float64 `json:"joints_m"`
	}
	if json.Unmarshal(sets[pose2simTruth], &truth) != nil || len(truth.Joints) == 0 {
		return nil, &Error{File: jointsPath, Problem: fmt.Sprintf("has no joints %q", pose2simTruth), Remedy: "use the file as published"}
	}
	column := map[string]int{}
	for i, name := range truth.Names {
		column[name] = i
	}
	for _, name := range labels.Joints {
		if _, ok := column[name]; !ok {
			return nil, &Error{File: jointsPath, Problem: fmt.Sprintf("%s has no joint %s", pose2simTruth, name), Remedy: "use the file as published"}
		}
	}
	s := &Set{Name: "pose2sim", Title: "Pose2Sim demo, " + pose2simTruth + " joints", Labels: labels, Needed: pose2simNeeded}
	typed, err := camerasOf(camerasPath)
	if err != nil {
		return nil, err
	}
	var names []string
	for name := range typed {
		names = append(names, name)
	}
	sort.Strings(names)
	var closers []func() error
	s.Close = func() error {
		var first error
		for _, c := range closers {
			if err := c(); err != nil && first == nil {
				first = err
			}
		}
		return first
	}
	for _, name := range names {
		c := typed[name]
		open, closer, err := o.opener(c.Video)
		if err != nil {
			return nil, err
		}
		if closer != nil {
			closers = append(closers, closer)
		}
		k := geom.Intrinsics{FxPx: c.K[0][0], FyPx: c.K[1][1], CxPx: c.K[0][2], CyPx: c.K[1][2], Source: "file"}
		for f := 0; f < len(truth.Joints); f += max(1, o.Every) {
			person := Person{Group: name}
			for _, joint := range labels.Joints {
				mm := c.Refined.toCameraMM(truth.Joints[f][column[joint]])
				person.MM, person.Labelled = append(person.MM, mm), append(person.Labelled, true)
				person.Px = append(person.Px, geom.ImagePoint{})
			}
			person.fill(labels)
			for i, mm := range person.MM {
				person.Px[i] = camera.Project(k, mm)
			}
			person.Box = tightBox(&person, labels)
			s.Pictures = append(s.Pictures, Picture{
				Name: fmt.Sprintf("%s frame %d", name, f), Camera: k, People: []Person{person},
				Boxes: []Box{{BoxPx: person.Box, Score: 1}},
				Open:  func(source.Options) (*frame.Frame, error) { return open(f) },
			})
		}
	}
	return s, nil
}

// camerasOf reads the entries of cameras.json that are cameras; there may be notes beside them.
func camerasOf(path string) (map[string]pose2simCamera, error) {
	var raw map[string]json.RawMessage
	if err := readJSON(path, &raw); err != nil {
		return nil, err
	}
	out := map[string]pose2simCamera{}
	for name, text := range raw {
		var c pose2simCamera
		if json.Unmarshal(text, &c) != nil || c.Video == "" {
			continue
		}
		if c.K[0][0] <= 0 || c.K[1][1] <= 0 {
			return nil, &Error{File: path, Problem: "camera " + name + " has no intrinsics K", Remedy: "use the file as published"}
		}
		out[name] = c
	}
	if len(out) == 0 {
		return nil, &Error{File: path, Problem: "holds no camera with a video", Remedy: "use the file as published"}
	}
	return out, nil
}

func (e *pose2simExtr) toCameraMM(p [3]float64) geom.CameraPointMM {
	var out [3]float64
	for r := range 3 {
		out[r] = 1000 * (e.R[r][0]*p[0] + e.R[r][1]*p[1] + e.R[r][2]*p[2] + e.T[r])
	}
	return geom.CameraPointMM{X: out[0], Y: out[1], Z: out[2]}
}

// opener reads a camera's frames from a folder of pictures or from the video.
func (o *Pose2SimOptions) opener(video string) (func(int) (*frame.Frame, error), func() error, error) {
	if o.Frames == "" {
		if o.Video == nil {
			return nil, nil, &Error{File: filepath.Join(o.Dir, video), Problem: "videos are not read by this build",
				Remedy: "take the frames out with ffmpeg -i VIDEO DIR/NAME/%03d.png -start_number 0 and give --frames DIR, or use the build with OpenCV"}
		}
		return o.Video(filepath.Join(o.Dir, video))
	}
	stem := video[:len(video)-len(filepath.Ext(video))]
	dir := filepath.Join(o.Frames, stem)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, &Error{File: dir, Problem: "cannot be read: " + plain(err), Remedy: "--frames needs a folder " + stem + " with pictures whose names end in the frame's number, from 0", Cause: err}
	}
	files := map[int]string{}
	digits := regexp.MustCompile(`(\d+)\.[A-Za-z]+$`)
	for _, e := range entries {
		if m := digits.FindStringSubmatch(e.Name()); m != nil {
			if n, err := strconv.Atoi(m[1]); err == nil {
				files[n] = filepath.Join(dir, e.Name())
			}
		}
	}
	return func(number int) (*frame.Frame, error) {
		path, ok := files[number]
		if !ok {
			return nil, &Error{File: dir, Problem: fmt.Sprintf("has no picture of frame %d", number), Remedy: "number the pictures from 0"}
		}
		return openFile(path)(source.Options{})
	}, nil, nil
}
