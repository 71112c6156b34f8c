package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"mhp/internal/dataset"
	"mhp/internal/eval"
)

// genericFlags are the command line of mhp eval generic.
type genericFlags struct {
	truth, predictions           string
	truthJoints, predictedJoints string
	common                       bool
	out                          evalOutputs
}

func newEvalGeneric(e env) *cobra.Command {
	var f genericFlags
	cmd := &cobra.Command{
		Use:   "generic",
		Short: "Any tool's predictions against any labels: JSON of mhp, or CSV with units",
		Long: `Measure predictions from any tool by the same code: MPJPE, PA-MPJPE, 3DPCK, AUC,
PCK, PCKh and left/right swaps, whatever the two files allow.

A file is JSON as mhp predict writes it, or CSV with a row a joint: the columns
image, joint, perhaps person and score, and image_x_px, image_y_px and/or
camera_x_mm, camera_y_mm, camera_z_mm (also _cm and _m; root_relative_x_mm ...
for offsets from the root joint). Pictures are matched by file name, people by
the distance of their joints in the picture, else by their order; who is not
found counts as wrong in PCK and 3DPCK. Joints are matched by their place on the
body: say whose names a file uses with --truth-joints and --prediction-joints.`,
		Example: "  mhp eval generic --truth truth.csv --predictions predictions.csv --truth-joints muco21",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			if f.truth == "" || f.predictions == "" {
				return usagef("eval generic needs --truth FILE and --predictions FILE")
			}
			if err := f.out.validate(); err != nil {
				return err
			}
			if f.out.worst > 0 {
				return usagef("--worst needs pictures, which eval generic does not read")
			}
			return f.run(e)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.truth, "truth", "", "the labels")
	flags.StringVar(&f.predictions, "predictions", "", "the predictions")
	flags.StringVar(&f.truthJoints, "truth-joints", "muco21", "whose joint names the labels use: muco21, h36m18, lsp, coco, pose2sim, h36m, mupots or 3dhp")
	flags.StringVar(&f.predictedJoints, "prediction-joints", "muco21", "whose joint names the predictions use")
	flags.BoolVar(&f.common, "common-joints", false, "average over the joints that both files have")
	f.out.bind(flags)
	return cmd
}

func (f *genericFlags) run(e env) error {
	truth, err := dataset.ReadPoses(f.truth, f.truthJoints)
	if err != nil {
		return err
	}
	found, err := dataset.ReadPoses(f.predictions, f.predictedJoints)
	if err != nil {
		return err
	}
	shared, lacking := dataset.SharedJoints(truth, found)
	if len(lacking) > 0 && !f.common {
		return &dataset.Error{File: f.predictions, Problem: "lacks joints that are labelled: " + strings.Join(lacking, ", "), Remedy: "--common-joints averages over the joints that both have, and says so"}
	}
	if len(shared) == 0 {
		return &dataset.Error{File: f.predictions, Problem: "shares no joint with " + f.truth, Remedy: "say whose joint names they are with --truth-joints and --prediction-joints"}
	}
	meter := eval.NewMeter(shared)
	pairs, absent, surplus := dataset.PairPoses(truth, found)
	missed := 0
	for i := range pairs {
		s := pairs[i].Sample(truth, found, shared)
		if pairs[i].Found == nil {
			missed++
			meter.Miss(s)
			continue
		}
		meter.Add(s)
	}
	r := meter.Report("Predictions of " + f.predictions)
	r.Facts = []eval.Fact{{Name: "labels", Value: f.truth}, {Name: "joints", Value: fmt.Sprintf("%d: %s", len(shared), strings.Join(shared, ", "))}}
	if len(lacking) > 0 {
		r.Facts[1].Value = "COMMON JOINTS ONLY: " + r.Facts[1].Value + "; the predictions lack " + strings.Join(lacking, ", ")
	}
	for _, c := range []struct {
		n    int
		what string
	}{{absent, "labelled pictures have no predictions"}, {missed, "labelled people were not found and count as wrong in PCK and 3DPCK; the errors in mm leave them out"},
		{surplus, "predicted people belong to nobody who is labelled"}} {
		if c.n > 0 {
			r.Warnings = append(r.Warnings, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	if missed == len(pairs) {
		return &dataset.Error{File: f.predictions, Problem: fmt.Sprintf("has predictions for none of the %d pictures of %s", len(truth.Pictures), f.truth), Remedy: "pictures are matched by their file names"}
	}
	if err := f.out.write(e, r); err != nil {
		return err
	}
	if f.out.plotDir != "" {
		return plotReport(f.out.plotDir, r)
	}
	return nil
}
