package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"mhp/internal/dataset"
	"mhp/internal/eval"
	"mhp/internal/frame"
	"mhp/internal/pipeline"
	"mhp/internal/source"
	"mhp/internal/ui"
)

// viewTurns is how many pictures are made of a panorama.
const viewTurns = 6

// evalDetectFlags is the command line of mhp eval detect.
type evalDetectFlags struct {
	coco      dataset.COCOOptions
	empty     []string
	panoramas []string
	every     int
	leastPx   float64
	pose      bool
	network   networkFlags
	detector  detectorFlags
	people    peopleFlags
	out       evalOutputs
}

func newEvalDetect(e env) *cobra.Command {
	var f evalDetectFlags
	cmd := &cobra.Command{
		Use:   "detect",
		Short: "Finding people: recall, precision, and pictures without people",
		Long: `Measure who finds the people (--detector), with the settings that mhp predict
uses by default: recall and precision at IoU 0.5 on COCO's boxes, of people at
least --least-px high, and how many pictures without people stay so.

Crowds and lower people count neither for nor against, nor do boxes that match
them. With --pose people are counted after the network has estimated them: those
found twice are merged, those who score too low left out.`,
		Example: "  mhp eval detect --annotations coco/people.json --images coco/images",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return f.run(cmd, e) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.coco.Annotations, "annotations", "", "COCO JSON with the boxes of people")
	flags.StringVar(&f.coco.Images, "images", "", "folder of the pictures")
	flags.StringArrayVar(&f.empty, "empty", nil, "folder or tar file of pictures without people (repeatable)")
	flags.StringArrayVar(&f.panoramas, "panoramas", nil, "folder or tar file of panoramas without people, seen in six directions each (repeatable)")
	flags.IntVar(&f.every, "every", 4, "take each so many-th of the pictures and panoramas without people, by name; training leaves each fourth out")
	flags.Float64Var(&f.leastPx, "least-px", 60, "people lower than this count neither for nor against")
	flags.BoolVar(&f.pose, "pose", false, "count people after their joints are estimated, as mhp predict gives them")
	f.detector.bind(flags)
	f.people.bind(flags)
	f.out.bindReport(flags)
	f.network.bind(flags)
	return cmd
}

// detectCase is a picture of people, or one without.
type detectCase struct {
	picture *dataset.Picture
	empty   bool
}

func (f *evalDetectFlags) run(cmd *cobra.Command, e env) (err error) {
	if err := f.out.validate(); err != nil {
		return err
	}
	cases, warnings, err := f.cases()
	if err != nil {
		return err
	}
	finder, err := f.detector.open(e, &f.network)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, finder.Close()) }()
	meter := &eval.FinderMeter{LeastPx: f.leastPx}
	found, model, err := f.search(cmd, e, finder)
	if err != nil {
		return err
	}
	if model != nil {
		defer func() { err = errors.Join(err, model.Close()) }()
	}
	bar := ui.NewProgress(e.err, len(cases), "pictures")
	defer bar.Close()
	opts := source.Options{Pool: &source.Pool{}}
	for _, c := range cases {
		if err := measureFinding(cmd.Context(), c, opts, found, meter); err != nil {
			return err
		}
		bar.Step()
	}
	bar.Close()
	report := meter.Report("Finding people")
	report.Facts = append([]eval.Fact{{Name: "detector", Value: finder.facts}}, report.Facts...)
	if model != nil {
		report.Facts = append(report.Facts, eval.Fact{Name: "estimated by", Value: fmt.Sprintf("%s (%.12s)", model.info.Name, model.info.SHA256)})
	}
	report.Warnings = warnings
	return f.out.write(e, report)
}

// cases lists the pictures of people, then those without.
func (f *evalDetectFlags) cases() (cases []detectCase, warnings []string, err error) {
	if (f.coco.Annotations == "") != (f.coco.Images == "") {
		return nil, nil, usagef("--annotations and --images go together")
	}
	if f.coco.Annotations == "" && len(f.empty)+len(f.panoramas) == 0 {
		return nil, nil, usagef("eval detect needs --annotations FILE and --images DIR, --empty or --panoramas")
	}
	if f.every < 1 {
		return nil, nil, usagef("--every must be at least 1, not %d", f.every)
	}
	if f.coco.Annotations != "" {
		set, err := dataset.ReadCOCO(f.coco)
		if err != nil {
			return nil, nil, err
		}
		warnings = set.Missing
		for i := range set.Pictures {
			cases = append(cases, detectCase{picture: &set.Pictures[i]})
		}
	}
	for _, kind := range []struct {
		paths []string
		turns int
	}{{f.empty, 0}, {f.panoramas, viewTurns}} {
		for _, path := range kind.paths {
			pictures, err := dataset.ReadBackdrops(path, f.every)
			if err != nil {
				return nil, nil, err
			}
			if kind.turns > 0 {
				pictures = dataset.PanoramaViews(pictures, kind.turns)
			}
			for i := range pictures {
				cases = append(cases, detectCase{&pictures[i], true})
			}
		}
	}
	return cases, warnings, nil
}

// peopleOf gives the boxes of the people that a picture shows.
type peopleOf func(ctx context.Context, f *frame.Frame) ([]eval.FoundBox, error)

// search is the finder alone, or with --pose the finder and the network,
// which the caller closes.
func (f *evalDetectFlags) search(cmd *cobra.Command, e env, finder *finder) (peopleOf, *network, error) {
	if !f.pose {
		return func(ctx context.Context, fr *frame.Frame) ([]eval.FoundBox, error) {
			boxes, err := finder.Find(ctx, fr)
			var out []eval.FoundBox
			for _, b := range boxes {
				out = append(out, eval.FoundBox{BoxPx: b.BoxPx, Score: b.Score})
			}
			return out, err
		}, nil, nil
	}
	rt, err := f.network.open(e)
	if err != nil {
		return nil, nil, err
	}
	estimator, err := pipeline.NewEstimator(rt.runner, finder.Finder, pipeline.EstimatorOptions{
		Looks: looksPhotographs, Depth: pipeline.DepthBox, Threads: rt.session.Threads(), Camera: fromLens, People: f.people.options(cmd.Flags(), rt.runner.Spec(), finder),
	})
	if err != nil {
		return nil, nil, errors.Join(usagef("%w", err), rt.Close())
	}
	return func(ctx context.Context, fr *frame.Frame) ([]eval.FoundBox, error) {
		p, err := estimator.Picture(ctx, fr)
		if err != nil {
			return nil, err
		}
		var out []eval.FoundBox
		for _, q := range p.People {
			out = append(out, eval.FoundBox{BoxPx: q.Box, Score: q.BoxScore})
		}
		return out, nil
	}, rt, nil
}

func measureFinding(ctx context.Context, c detectCase, opts source.Options, people peopleOf, meter *eval.FinderMeter) error {
	f, err := c.picture.Open(opts)
	if err != nil {
		return err
	}
	defer f.Release()
	f.Name = c.picture.Name
	found, err := people(ctx, f)
	if err != nil {
		return err
	}
	if c.empty {
		meter.Empty(len(found))
		return nil
	}
	var truth []eval.LabelledBox
	for i := range c.picture.People {
		p := &c.picture.People[i]
		truth = append(truth, eval.LabelledBox{BoxPx: p.Box, Crowd: p.Crowd})
	}
	meter.Picture(truth, found)
	return nil
}
