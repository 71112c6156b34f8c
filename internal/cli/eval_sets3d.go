package cli

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"mhp/internal/dataset"
	"mhp/internal/eval"
)

func newEvalH36M(e env) *cobra.Command {
	var f evalFlags
	var depth string
	o := dataset.H36MOptions{}
	cmd := &cobra.Command{
		Use:   "h36m",
		Short: "Human3.6M, protocols 1 and 2: errors in mm by action",
		Long: `Measure MPJPE and PA-MPJPE (rigid, as the paper does, and scaled, as most do) on
Human3.6M as 3DMPPE and MobileHumanPose prepare it.

Protocol 1 tests on subject 11 and fits all 18 joints before it averages 17; its
figure is PA-MPJPE (rigid). Protocol 2 tests on subjects 9 and 11; its figure is
MPJPE. The papers use every 64th frame and the flip test (--looks 2). Averages are
over samples; the last row of the table by group is the mean of the actions.`,
		Example: "  mhp eval h36m --annotations h36m/annotations --images h36m/images --protocol 2 --looks 2 --common-joints",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Annotations == "" || o.Images == "" {
				return usagef("eval h36m needs --annotations DIR and --images DIR")
			}
			if o.Protocol != 1 && o.Protocol != 2 {
				return usagef("--protocol must be 1 or 2, not %d", o.Protocol)
			}
			if o.Every < 1 {
				return usagef("--every must be at least 1, not %d", o.Every)
			}
			root, file := rootDepthOf(depth)
			o.Roots = file
			set, err := dataset.ReadH36M(o)
			if err != nil {
				return err
			}
			return f.run(cmd.Context(), e, &evalJob{
				set:      set,
				protocol: fmt.Sprintf("protocol %d, every %d frames; boxes: %s; root depth: %s", o.Protocol, o.Every, o.Boxes, depth),
				settings: map[string]string{"protocol": strconv.Itoa(o.Protocol)},
				paper:    func() ([]string, []eval.PaperRow) { return eval.PaperH36M(o.Protocol) },
				meter:    func(p *dataset.Plan) evalMeter { return newGivenMeter(p, root) },
			})
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.Annotations, "annotations", "", "folder with Human36M_subjectN_data.json, _camera.json and _joint_3d.json")
	flags.StringVar(&o.Images, "images", "", "folder with s_SS_act_AA_subact_SS_ca_CC folders")
	flags.IntVar(&o.Protocol, "protocol", 2, "1 or 2")
	flags.IntVar(&o.Every, "every", 64, "frames whose number is a multiple of this")
	flags.StringVar(&o.Boxes, "boxes", "gt", "gt, or 3DMPPE's bbox_root JSON")
	flags.StringVar(&depth, "root-depth", "gt", "distance of the root joint: gt, box, or 3DMPPE's bbox_root JSON")
	f.bind(flags)
	return cmd
}

// rootDepthOf reads gt, box or a file's name.
func rootDepthOf(text string) (rootDepth, string) {
	switch text {
	case string(depthTrue), string(depthBox):
		return rootDepth(text), ""
	}
	return depthFile, text
}

func newEvalMuPoTS(e env) *cobra.Command {
	var f evalFlags
	var depth string
	o := dataset.MuPoTSOptions{}
	cmd := &cobra.Command{
		Use:   "mupots",
		Short: "MuPoTS-3D: 3DPCK and AUC of several people",
		Long: `Measure 3DPCK at 150 mm and AUC on MuPoTS-3D as 3DMPPE prepares it: people matched
in 2D within 40 px over 13 joints, bones of the prediction rescaled to the
truth's, 14 joints averaged, root relative and absolute, over all and over
matched people, by sequence; the figures are the mean of the sequences.`,
		Example: "  mhp eval mupots --annotations mupots/MuPoTS-3D.json --images mupots",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Annotations == "" || o.Images == "" {
				return usagef("eval mupots needs --annotations FILE and --images DIR")
			}
			if depth != string(depthTrue) && depth != string(depthBox) && depth != string(depthFile) {
				return usagef("--root-depth %q is not gt, box or file", depth)
			}
			if (depth == string(depthTrue)) != (o.Boxes == "gt") && depth != string(depthBox) {
				return usagef("--root-depth gt goes with --boxes gt, and --root-depth file with --boxes FILE")
			}
			set, err := dataset.ReadMuPoTS(o)
			if err != nil {
				return err
			}
			return f.run(cmd.Context(), e, &evalJob{
				set: set, protocol: fmt.Sprintf("bones rescaled, matched within %d px; boxes: %s; root depth: %s", matchLimitPx, o.Boxes, depth),
				settings: map[string]string{"boxes": o.Boxes}, paper: eval.PaperMuPoTS,
				meter: func(p *dataset.Plan) evalMeter {
					return &crowdMeter{meter: eval.NewCrowdMeter(p.Joints), plan: p, depth: rootDepth(depth)}
				},
			})
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.Annotations, "annotations", "", "MuPoTS-3D.json")
	flags.StringVar(&o.Images, "images", "", "folder with TS1 to TS20")
	flags.StringVar(&o.Boxes, "boxes", "gt", "gt, or 3DMPPE's bbox_root JSON")
	flags.StringVar(&depth, "root-depth", "gt", "distance of the root joints: gt, box, or file (root_cam of --boxes FILE)")
	f.bind(flags)
	return cmd
}

func newEval3DHP(e env) *cobra.Command {
	var f evalFlags
	var annotations, images string
	cmd := &cobra.Command{
		Use:   "3dhp",
		Short: "MPI-INF-3DHP test: MPJPE, 3DPCK and AUC",
		Long: `Measure MPJPE over 17 joints, and 3DPCK at 150 mm and AUC over 17 and over the
official 14, on the test part of MPI-INF-3DHP from the npz that mmpose prepares.
Root depth and camera are the true ones.`,
		Example: "  mhp eval 3dhp --annotations 3dhp/mpi_inf_3dhp_test_valid.npz --images 3dhp",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if annotations == "" || images == "" {
				return usagef("eval 3dhp needs --annotations FILE and --images DIR")
			}
			set, err := dataset.Read3DHP(annotations, images)
			if err != nil {
				return err
			}
			return f.run(cmd.Context(), e, &evalJob{
				set: set, protocol: "given boxes: the square round the joints times 1.2 (mmpose); root depth: true",
				meter: func(p *dataset.Plan) evalMeter {
					return &mpi3DHPMeter{givenMeter: newGivenMeter(p, depthTrue), official: newGivenMeter(p.Only(dataset.Official14), depthTrue)}
				},
			})
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&annotations, "annotations", "", "mpi_inf_3dhp_test_valid.npz")
	flags.StringVar(&images, "images", "", "folder of the pictures")
	f.bind(flags)
	return cmd
}

// mpi3DHPMeter adds 3DPCK and AUC over the official 14 joints to those over all.
type mpi3DHPMeter struct {
	*givenMeter
	official *givenMeter
}

func (m *mpi3DHPMeter) picture(p *dataset.Picture, found []*dataset.Prediction) {
	m.givenMeter.picture(p, found)
	m.official.picture(p, found)
}

func (m *mpi3DHPMeter) report(title string) *eval.Report {
	r := m.givenMeter.report(title)
	official := m.official.report(title)
	for _, metric := range []string{eval.PCK150, eval.AUC150} {
		if f, ok := official.Find(metric); ok {
			r.Add(metric+", 14 joints", f)
		}
	}
	return r
}
