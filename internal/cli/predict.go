package cli

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"mhp/internal/detect"
	"mhp/internal/geom"
	"mhp/internal/pipeline"
	"mhp/internal/pose"
	"mhp/internal/source"
	"mhp/internal/ui"
)

// predictFlags is the command line of mhp predict.
type predictFlags struct {
	network  networkFlags
	detector detectorFlags
	people   peopleFlags
	camera   cameraFlags
	outputs  outputFlags

	boxes          []string
	boxesFile      string
	list           bool
	looks          int
	rootDepth      string
	personHeightMM float64
	maxPixels      int64
	verbose        bool
}

// Photographs are looked at in every way unless told otherwise: tens of
// milliseconds a person, about what decoding the picture takes.
const (
	looksPhotographs = 6
	looksUsage       = "how often the network looks at each person: 1, 2 (also the mirror image) or 6 (both turned either way, too); what all hold likely counts"
)

func newPredict(e env) *cobra.Command {
	var f predictFlags
	cmd := &cobra.Command{
		Use:   "predict INPUT...",
		Short: "3D joints of the people in photographs",
		Long: `Find the people in photographs and give their joints in the picture (px) and
before the camera (mm; x right, y down, z away from the camera).

INPUT is an image file (JPEG, PNG, WebP, BMP, TIFF), a folder, a pattern, or -
for one image on standard input (with --list: paths, one a line).

Without --box or --boxes a detector finds the people (--detector; docs/detect.md).
With --detector none the whole picture is taken as one person's box and the
network runs a second time on the box of the joints it found.`,
		Example: `  mhp predict photo.jpg
  mhp predict photo.jpg --json - --overlay out
  mhp predict photo.jpg --box 120,80,200,430 --fov-deg 60 --html out
  mhp predict holiday/ --csv holiday.csv --root-depth height --person-height-mm 1820`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 && !f.list {
				return usagef("predict needs at least one INPUT: an image, a folder, a pattern, or -")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runPredict(cmd, e, &f, args) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringArrayVar(&f.boxes, "box", nil, "a person's box x,y,w,h in px of the upright picture (repeatable)")
	flags.StringVar(&f.boxesFile, "boxes", "", "boxes by file name or image id: COCO detection JSON")
	flags.BoolVar(&f.list, "list", false, "read paths from standard input, one a line")
	f.detector.bind(flags)
	f.people.bind(flags)
	f.camera.bind(flags)
	flags.StringVar(&f.rootDepth, "root-depth", "box", "distance of the root joint: box, height, or a number in mm")
	flags.Float64Var(&f.personHeightMM, "person-height-mm", 1700, "height of the people for --root-depth height")
	flags.IntVar(&f.looks, "looks", looksPhotographs, looksUsage)
	f.outputs.bind(flags)
	f.network.bind(flags)
	flags.Int64Var(&f.maxPixels, "max-pixels", source.DefaultMaxPixels, "refuse pictures with more pixels than this")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "say where the time went")
	return cmd
}

func runPredict(cmd *cobra.Command, e env, f *predictFlags, args []string) (err error) {
	opts, err := f.estimator(cmd)
	if err != nil {
		return err
	}
	if err := f.outputs.validate(); err != nil {
		return err
	}
	finder, err := f.finder(cmd, e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, finder.Close()) }()
	if finder.note != "" {
		fmt.Fprintln(e.err, "mhp: note: "+finder.note)
	}
	limitHeap()
	inputs := newImages(args, f, e.in)
	defer inputs.Close()
	rt, err := f.network.open(e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rt.Close()) }()
	opts.Threads = rt.session.Threads()
	opts.People = f.people.options(cmd.Flags(), rt.runner.Spec(), finder)
	inputs.hasten(finder, rt.runner.Spec().InputWPx)
	estimator, err := pipeline.NewEstimator(rt.runner, finder.Finder, opts)
	if err != nil {
		return usagef("%w", err)
	}
	sink, err := f.outputs.open(e, rt.runner.Spec(), inputs.total != 1, inputs.known)
	if err != nil {
		return err
	}
	if f.outputs.draws() {
		sink = wholeFrames{sink}
	}
	bar := ui.NewProgress(e.err, inputs.total, "pictures")
	summary, err := pipeline.Batch(cmd.Context(), inputs, estimator, sink, pipeline.BatchOptions{
		DecodeWorkers: inputs.decodeWorkers(), Queue: 1,
		Failed: func(err error) { bar.Clear(); printError(e.err, err) },
		Done:   func(string, *pose.Picture) { bar.Step() },
		Finish: func(p *pose.Picture) { p.Model = rt.info },
	})
	bar.Close()
	err = errors.Join(err, sink.Close())
	if f.verbose {
		printTimings(e.err, summary, estimator.Timings())
	}
	if err == nil && summary.Failed > 0 {
		err = fmt.Errorf("%d of %d inputs failed, see above", summary.Failed, summary.Failed+summary.Pictures)
	}
	return err
}

// estimator turns flags into the estimator's options.
func (f *predictFlags) estimator(cmd *cobra.Command) (pipeline.EstimatorOptions, error) {
	opts := pipeline.EstimatorOptions{Looks: f.looks, PersonHeightMM: f.personHeightMM}
	switch f.rootDepth {
	case "box":
		opts.Depth = pipeline.DepthBox
	case "height":
		opts.Depth = pipeline.DepthHeight
	default:
		mm, err := strconv.ParseFloat(f.rootDepth, 64)
		if err != nil {
			return opts, usagef("--root-depth %q is not box, height or a number in mm", f.rootDepth)
		}
		opts.Depth, opts.FixedDepthMM = pipeline.DepthFixed, mm
	}
	if cmd.Flags().Changed("person-height-mm") && opts.Depth != pipeline.DepthHeight {
		return opts, usagef("--person-height-mm needs --root-depth height")
	}
	var err error
	if opts.Camera, err = f.camera.intrinsics(cmd.Flags()); err != nil {
		return opts, err
	}
	if err := opts.Validate(); err != nil {
		return opts, usagef("%w", err)
	}
	return opts, nil
}

// finder picks where people's boxes come from.
func (f *predictFlags) finder(cmd *cobra.Command, e env) (*finder, error) {
	given := len(f.boxes) > 0 || f.boxesFile != ""
	switch {
	case len(f.boxes) > 0 && f.boxesFile != "":
		return nil, usagef("give --box or --boxes, not both")
	case given && cmd.Flags().Changed("detector"):
		return nil, usagef("give --box, --boxes or --detector: boxes that are given are not searched for")
	case f.boxesFile != "":
		file, err := detect.ReadCOCO(f.boxesFile)
		if err != nil {
			return nil, err
		}
		return &finder{Finder: file.Finder(), given: true}, nil
	case given:
		var boxes []geom.BoxPx
		for _, text := range f.boxes {
			b, err := detect.ParseBox(text)
			if err != nil {
				return nil, usagef("--box: %w", err)
			}
			boxes = append(boxes, b)
		}
		return &finder{Finder: detect.Given(boxes), given: true}, nil
	}
	return f.detector.open(e, &f.network)
}
