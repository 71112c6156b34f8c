package sink

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"mhp/internal/frame"
	"mhp/internal/pose"
	"mhp/internal/skeleton"
)

// body25 is OpenPose's BODY_25 in its order, each with our joints that serve
// for it, the best first. What has none is not known to either joint set and
// is written as 0, 0, 0, as OpenPose writes what it did not see.
var body25 = [25][]string{
	0: {"Nose"}, 1: {"Thorax", "Neck"},
	2: {"R_Shoulder"}, 3: {"R_Elbow"}, 4: {"R_Wrist"},
	5: {"L_Shoulder"}, 6: {"L_Elbow"}, 7: {"L_Wrist"},
	8: {"Pelvis"}, 9: {"R_Hip"}, 10: {"R_Knee"}, 11: {"R_Ankle"},
	12: {"L_Hip"}, 13: {"L_Knee"}, 14: {"L_Ankle"},
	// 15..18 are eyes and ears, 20, 21, 23 and 24 small toes and heels.
	19: {"L_Toe"}, 22: {"R_Toe"},
}

// body25Index gives for each of BODY_25 the joint of the set, -1 for none.
func body25Index(set *skeleton.Set) [25]int {
	var index [25]int
	for i, names := range body25 {
		index[i] = -1
		for _, name := range names {
			if j := set.Index(name); j >= 0 {
				index[i] = j
				break
			}
		}
	}
	return index
}

// OpenPose writes OpenPose's JSON, which many tools read: one file a picture,
// NAME_000000000000_keypoints.json, key points in the order of BODY_25.
type OpenPose struct {
	options DirOptions
	names   *namer
}

// NewOpenPose makes the sink; the folder is made with the first file.
func NewOpenPose(o DirOptions) *OpenPose { return &OpenPose{o, newNamer()} }

type openPoseFile struct {
	Version scoreNumber      `json:"version"`
	People  []openPosePerson `json:"people"`
	Warning string           `json:"mhp_warning,omitempty"`
}

type openPosePerson struct {
	ID          [1]int        `json:"person_id"`
	Pose2D      []scoreNumber `json:"pose_keypoints_2d"` // x px, y px, score
	Face2D      []scoreNumber `json:"face_keypoints_2d"`
	HandLeft2D  []scoreNumber `json:"hand_left_keypoints_2d"`
	HandRight2D []scoreNumber `json:"hand_right_keypoints_2d"`
	Pose3D      []scoreNumber `json:"pose_keypoints_3d"` // x mm, y mm, z mm before the camera, score
	Face3D      []scoreNumber `json:"face_keypoints_3d"`
	HandLeft3D  []scoreNumber `json:"hand_left_keypoints_3d"`
	HandRight3D []scoreNumber `json:"hand_right_keypoints_3d"`
}

// Write makes the picture's file. The frame is not looked at.
func (s *OpenPose) Write(ctx context.Context, _ *frame.Frame, p *pose.Picture) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := checkFinite(p); err != nil {
		return err
	}
	b, err := compact(openPoseOf(p))
	if err != nil {
		return fmt.Errorf("%s: cannot make JSON of the result: %w", p.Name, err)
	}
	number := 0
	if s.options.Frames {
		number = p.Index
	}
	name := fmt.Sprintf("%s_%012d_keypoints.json", s.names.stem(p.Name), number)
	return s.options.file(name, p, func(w io.Writer) error {
		_, err := w.Write(append(b, '\n'))
		return err
	})
}

// Close has nothing left to do.
func (s *OpenPose) Close() error { return nil }

func openPoseOf(p *pose.Picture) openPoseFile {
	f := openPoseFile{Version: 1.3, People: []openPosePerson{}}
	if !p.Model.Trained {
		f.Warning = UntrainedWarning
	}
	none := []scoreNumber{}
	for i := range p.People {
		one := &p.People[i]
		out := openPosePerson{ID: [1]int{-1}, Face2D: none, HandLeft2D: none, HandRight2D: none,
			Face3D: none, HandLeft3D: none, HandRight3D: none}
		if one.ID > 0 {
			out.ID[0] = one.ID
		}
		for _, j := range body25Index(one.Set) {
			if j < 0 {
				out.Pose2D = append(out.Pose2D, 0, 0, 0)
				out.Pose3D = append(out.Pose3D, 0, 0, 0, 0)
				continue
			}
			k := one.Joints[j]
			out.Pose2D = append(out.Pose2D, rounded(k.Image.X, 2), rounded(k.Image.Y, 2), scoreNumber(k.Score))
			out.Pose3D = append(out.Pose3D, rounded(k.Camera.X, 1), rounded(k.Camera.Y, 1), rounded(k.Camera.Z, 1), scoreNumber(k.Score))
		}
		f.People = append(f.People, out)
	}
	return f
}

// rounded cuts px or mm, in a list that mixes them with scores, to the digits
// that the other formats give.
func rounded(v float64, decimals int) scoreNumber {
	r, err := strconv.ParseFloat(decimal(v, decimals), 64)
	if err != nil {
		return scoreNumber(v) // cannot be: decimal writes numbers
	}
	return scoreNumber(r)
}
