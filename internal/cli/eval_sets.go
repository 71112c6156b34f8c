package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"mhp/internal/dataset"
	"mhp/internal/frame"
	"mhp/internal/source/gocv"
)

const givenBoxes = "given boxes: the tight box of the labelled joints grown by a fifth"

func newEvalLSP(e env) *cobra.Command {
	var f evalFlags
	var split string
	var boxes evalBoxes
	cmd := &cobra.Command{
		Use:   "lsp DIR",
		Short: "Leeds Sports Poses: PCK on 14 joints in 2D",
		Long: `Measure PCK@0.2 of the torso, PCKh@0.5 and left/right swaps on Leeds Sports Poses.

DIR holds labels.npz and photos.zip, or the published joints.mat and images/.`,
		Example: "  mhp eval lsp lspet --split dev",
		Args:    oneDir,
		RunE: func(cmd *cobra.Command, args []string) error {
			set, err := dataset.ReadLSP(args[0], split)
			if err != nil {
				return err
			}
			return f.run(cmd.Context(), e, &evalJob{set: set, protocol: givenBoxes, settings: map[string]string{"split": split}, boxes: &boxes})
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&split, "split", "dev", "which part: dev, train, test or all")
	boxes.bind(cmd.Flags())
	f.bind(cmd.Flags())
	return cmd
}

func newEvalCOCO(e env) *cobra.Command {
	var f evalFlags
	var boxes evalBoxes
	o := dataset.COCOOptions{}
	cmd := &cobra.Command{
		Use:   "coco",
		Short: "COCO key points: PCK and OKS-AP on twelve body joints in 2D",
		Long: `Measure PCK@0.2 of the torso, left/right swaps and COCO's OKS-AP on the twelve
body joints that COCO and the network share (eyes, ears and nose are left out of
both labels and AP).

With --boxes detected or --boxes FILE, a detector's results as COCO writes them,
the people found are matched to the annotated ones by OKS.`,
		Example: "  mhp eval coco --annotations coco/people.json --images coco/images",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Annotations == "" || o.Images == "" {
				return usagef("eval coco needs --annotations FILE and --images DIR")
			}
			set, err := dataset.ReadCOCO(o)
			if err != nil {
				return err
			}
			return f.run(cmd.Context(), e, &evalJob{set: set, protocol: "given boxes: COCO's own", meter: newCOCOMeter, boxes: &boxes, free: true})
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.Annotations, "annotations", "", "COCO key point JSON")
	flags.StringVar(&o.Images, "images", "", "folder of the pictures")
	boxes.bind(flags)
	f.bind(flags)
	return cmd
}

func newEvalPose2Sim(e env) *cobra.Command {
	var f evalFlags
	var boxes evalBoxes
	o := dataset.Pose2SimOptions{Video: openVideo}
	cmd := &cobra.Command{
		Use:   "pose2sim DIR",
		Short: "The Pose2Sim demo: errors in mm on real video",
		Long: `Measure MPJPE and PA-MPJPE against the refined joints of the Pose2Sim demo, in
both cameras. Root depth and camera are the true ones.

DIR holds cameras.json, joints3d.json and the videos. The videos are read by the
build with OpenCV; --frames gives pictures taken out of them instead.`,
		Example: "  mhp eval pose2sim pose2sim --every 5 --frames pose2sim/frames",
		Args:    oneDir,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Dir = args[0]
			if o.Every < 1 {
				return usagef("--every must be at least 1, not %d", o.Every)
			}
			set, err := dataset.ReadPose2Sim(o)
			if err != nil {
				return err
			}
			return f.run(cmd.Context(), e, &evalJob{set: set, protocol: givenBoxes + "; root depth: true", inOrder: true, boxes: &boxes})
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.IntVar(&o.Every, "every", 5, "take each so many-th frame")
	flags.StringVar(&o.Frames, "frames", "", "folder with a folder of numbered pictures for each video")
	boxes.bind(flags)
	f.bind(flags)
	return cmd
}

// openVideo reads numbered frames with OpenCV, where the build has it.
func openVideo(path string) (func(int) (*frame.Frame, error), func() error, error) {
	video, err := gocv.OpenFrames(path)
	if err != nil {
		return nil, nil, &dataset.Error{File: path, Problem: "cannot be read as a video", Cause: err,
			Remedy: "give pictures taken out of it with --frames, such as by ffmpeg -i VIDEO -start_number 0 DIR/VIDEO/%03d.png"}
	}
	return video.Frame, video.Close, nil
}

func newEvalSynth(e env) *cobra.Command {
	var f evalFlags
	cmd := &cobra.Command{
		Use:   "synth DIR",
		Short: "Rendered people: errors in mm and px",
		Long: `Measure MPJPE, PA-MPJPE, 3DPCK, PCK and left/right swaps on pictures of the
generator of synthetic people. Root depth and camera are the true ones.

DIR holds the pictures and truth.json.`,
		Example: "  mhp eval synth rendered --json synth.json --worst 3",
		Args:    oneDir,
		RunE: func(cmd *cobra.Command, args []string) error {
			set, err := dataset.ReadSynth(args[0])
			if err != nil {
				return err
			}
			return f.run(cmd.Context(), e, &evalJob{set: set, protocol: "given boxes: the person's, grown by a fifth; root depth: true"})
		},
	}
	cmd.Flags().SortFlags = false
	f.bind(cmd.Flags())
	return cmd
}

// closeSet frees what a set reads from.
func closeSet(set *dataset.Set, err error) error {
	if set.Close == nil {
		return err
	}
	return errors.Join(err, set.Close())
}
