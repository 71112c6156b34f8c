package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/pflag"

	"mhp/internal/detect"
	"mhp/internal/detect/gocv"
	"mhp/internal/infer/ort"
	"mhp/internal/model"
	"mhp/internal/pipeline"
)

// builtinDetector is the name of the detector that is used unless told otherwise.
const builtinDetector = "detector"

// detectorFlags choose who finds the people, and which of them count.
type detectorFlags struct {
	detector string
	format   string
	class    int
	options  detect.NetworkOptions
}

func (d *detectorFlags) bind(f *pflag.FlagSet) {
	f.StringVar(&d.detector, "detector", "auto", "who finds people: auto (the built-in detector), none (the whole picture is one person's), hog (OpenCV), or an ONNX file")
	f.StringVar(&d.format, "detector-format", detect.FormatAuto, "what another project's detector gives: "+strings.Join(detect.Formats(), ", "))
	f.IntVar(&d.class, "detector-class", 0, "which of another project's classes is a person")
	f.Float64Var(&d.options.MinScore, "detect-score", 0, "people whose boxes score less are left out, 0..1; 0 = the detector's own limit")
	f.IntVar(&d.options.MaxPeople, "max-people", 100, "the most people of a picture, the surest first; 0 = all")
	f.Float64Var(&d.options.MinBoxPx, "min-box-px", 24, "people whose box's longer side is shorter are left out")
	f.Float64Var(&d.options.TilePersonPx, "tile", 160, "cut large pictures in tiles where a person N px high would be under 24 px in the detector's input; 0 = never")
}

// finder is an open Finder with what it runs on.
type finder struct {
	detect.Finder
	given  bool   // the boxes were given, nothing is searched for
	note   string // what users should know before they read results
	facts  string // names the detector in reports
	closer io.Closer
}

// Close frees what the finder runs on.
func (f *finder) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

const noteWhole = "people are not searched for; each picture is taken to show one person (--box and --boxes say where people are)"

// open makes the finder that the flags ask for; run says what runs networks.
func (d *detectorFlags) open(e env, run *networkFlags) (*finder, error) {
	if err := d.options.Validate(); err != nil {
		return nil, usagef("%w", err)
	}
	if err := d.checkFormat(); err != nil {
		return nil, err
	}
	switch d.detector {
	case "none":
		return &finder{Finder: detect.Picture{}, note: noteWhole, facts: "none (the whole picture)"}, nil
	case "hog":
		h, err := gocv.NewHOG()
		if err != nil {
			return nil, err
		}
		return &finder{Finder: h, facts: "hog (OpenCV)", closer: h}, nil
	case "auto", "":
		f, err := store().ResolveDetector(builtinDetector)
		if errors.Is(err, fs.ErrNotExist) {
			return &finder{Finder: detect.Picture{}, note: noteWhole + "; this build holds no detector", facts: "none (the whole picture)"}, nil
		}
		if err != nil {
			return nil, err
		}
		return d.network(e, run, f)
	}
	f, err := store().ResolveDetector(d.detector)
	if err != nil {
		return nil, err
	}
	return d.network(e, run, f)
}

func (d *detectorFlags) checkFormat() error {
	for _, name := range detect.Formats() {
		if d.format == name {
			if d.class < 0 {
				return usagef("--detector-class must be 0 or more, not %d", d.class)
			}
			return nil
		}
	}
	return usagef("--detector-format %q is not one of %s", d.format, strings.Join(detect.Formats(), ", "))
}

// network opens a file that finds people.
func (d *detectorFlags) network(e env, run *networkFlags, f *model.File) (*finder, error) {
	opts, err := run.options()
	if err != nil {
		return nil, err
	}
	spec := f.Detector
	if spec == nil {
		if spec, err = detect.Recognise(f.Name, f.Graph, d.format, d.class); err != nil {
			return nil, fmt.Errorf("detector %s: %w", f.Where(), err)
		}
	}
	if !spec.Trained {
		fmt.Fprintf(e.err, "mhp: WARNING: the detector %s is NOT TRAINED: its boxes are meaningless numbers\n", f.Name)
	}
	runner, err := ort.OpenDetector(libraryOptions(run.library), f.Bytes, spec, opts)
	if err != nil {
		return nil, err
	}
	o := d.options
	if o.Threads = opts.Threads; o.Threads == 0 {
		o.Threads = ort.CountCPUs().Threads()
	}
	network, err := detect.NewNetwork(runner, o)
	if err != nil {
		return nil, errors.Join(err, runner.Close())
	}
	return &finder{Finder: network, closer: runner,
		facts: fmt.Sprintf("%s (%s, %.12s), score at least %g", spec.Name, spec.Format, f.SHA256, network.MinScore())}, nil
}

// peopleFlags say what becomes of the people found.
type peopleFlags struct {
	refine   int
	minScore float64
}

// The settings by default. A person whose joints are this unsure on average is
// mostly none: in photographs, where joints that two looks show in different
// places score low, and in videos with one look. Two whose joints are this
// near where both are, are one person, and two looks that are all in all. Box and
// joints that are both this unsure, or beside the picture's best, are nobody.
const (
	minPersonScore = 0.15
	minTrackScore  = 0.25
	mergeBelow     = 0.03
	faintBelow     = 0.075
	faintOfBest    = 0.25
	sameWithin     = 0.15
	// Networks are trained on the box of the joints grown by a fifth; the
	// detector's is that of what is seen, and a little off.
	foundGrow = 1.2
)

func (p *peopleFlags) bind(f *pflag.FlagSet) {
	f.IntVar(&p.refine, "refine", 1, "how often the network looks again, at the box of the joints found, 0..2; the surer look stays; given boxes are looked at once unless this is given too")
	f.Float64Var(&p.minScore, "min-person-score", minPersonScore, "people found whose joints score less on average are left out, and those whose box and joints are both faint; they are counted; 0 = none")
}

// options are those for one network and finder. A network whose file does not
// say what its scores are worth drops nobody unless told to.
func (p *peopleFlags) options(f *pflag.FlagSet, spec *model.Spec, from *finder) pipeline.PeopleOptions {
	o := pipeline.PeopleOptions{Refine: p.refine, SameWithin: sameWithin, Grow: foundGrow, MergeBelow: mergeBelow, DropBelow: p.minScore, FaintBelow: faintBelow, FaintOfBest: faintOfBest}
	if from.given && !f.Changed("refine") {
		o.Refine = 0
	}
	if spec.ScoreCurve == nil && !f.Changed("min-person-score") {
		o.DropBelow = 0
	}
	if o.DropBelow == 0 {
		o.FaintBelow, o.FaintOfBest = 0, 0
	}
	return o
}
