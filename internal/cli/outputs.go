package cli

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/pflag"

	"mhp/internal/model"
	"mhp/internal/pipeline"
	"mhp/internal/render"
	"mhp/internal/sink"
	"mhp/internal/ui"
)

// outputFlags say what is written, and where to.
type outputFlags struct {
	json, csv, openpose, overlay, plot, html, boxes string
}

func (o *outputFlags) bind(f *pflag.FlagSet) {
	f.StringVar(&o.json, "json", "", "write JSON to FILE or - (several pictures: one document a line)")
	f.StringVar(&o.csv, "csv", "", "write CSV to FILE or -, a row a joint")
	f.StringVar(&o.boxes, "boxes-out", "", "write the people's boxes to FILE or -, as COCO detection JSON")
	f.StringVar(&o.openpose, "openpose", "", "write OpenPose's JSON to a folder, a file a picture")
	f.StringVar(&o.overlay, "overlay", "", "draw the skeletons on the pictures, into a folder")
	f.StringVar(&o.plot, "plot", "", "draw the 3D skeletons from three sides, into a folder")
	f.StringVar(&o.html, "html", "", "write a page with the picture and a turning 3D view, into a folder")
}

// validate refuses what would mix two streams or flood a terminal.
func (o *outputFlags) validate() error {
	if o.json == "-" && o.csv == "-" {
		return usagef("--json - and --csv - would mix on standard output; give one of them a file")
	}
	if o.boxes == "-" && (o.json == "-" || o.csv == "-") {
		return usagef("--boxes-out - would mix with --json - or --csv - on standard output; give one of them a file")
	}
	if o.json != "" && o.json == o.csv {
		return usagef("--json and --csv name the same file %s", o.json)
	}
	if o.boxes != "" && (o.boxes == o.json || o.boxes == o.csv) {
		return usagef("--boxes-out names the same file %s as another output", o.boxes)
	}
	return nil
}

// open makes the sinks. Unless data goes to standard output, a table does.
// several says that there may be more than one picture.
// spec is the network whose results they show.
func (o *outputFlags) open(e env, spec *model.Spec, several bool, inputs *sink.Inputs) (sink.Sink, error) {
	program := sink.Program{Name: "mhp", Version: Version}
	file := func(path string) sink.FileOptions {
		return sink.FileOptions{Path: path, Stdout: e.out, Inputs: inputs}
	}
	var sinks []sink.Sink
	if o.json != "-" && o.csv != "-" && o.boxes != "-" {
		sinks = append(sinks, sink.NewTable(e.out, sink.TableOptions{Columns: ui.WidthOf(e.out, 100), Joints: true}))
	}
	if o.json != "" {
		s, err := sink.NewJSON(sink.JSONOptions{FileOptions: file(o.json), Program: program, Lines: several})
		if err != nil {
			return nil, err
		}
		sinks = append(sinks, s)
	}
	if o.csv != "" {
		s, err := sink.NewCSV(file(o.csv))
		if err != nil {
			return nil, errors.Join(err, sink.NewMulti(sinks...).Close())
		}
		sinks = append(sinks, s)
	}
	if o.boxes != "" {
		s, err := sink.NewBoxes(file(o.boxes))
		if err != nil {
			return nil, errors.Join(err, sink.NewMulti(sinks...).Close())
		}
		sinks = append(sinks, s)
	}
	return sink.NewMulti(append(sinks, o.folders(sureScore(spec), inputs)...)...), nil
}

// surePeak is the peak probability from which a joint counts as sure where the
// model's file does not say what its peaks are worth: a third of the peak of a
// heat volume whose spread is one cell along each axis, 1 / (2 pi)^1.5.
const surePeak = 0.02

// sureScore is the score from which a joint is drawn at full strength.
func sureScore(spec *model.Spec) float64 {
	if spec.ScoreCurve == nil {
		return surePeak
	}
	return render.DefaultSureScore
}

// folders makes the sinks that write a file a picture.
func (o *outputFlags) folders(sure float64, inputs *sink.Inputs) []sink.Sink {
	var sinks []sink.Sink
	dir := func(path string) sink.DirOptions { return sink.DirOptions{Dir: path, Inputs: inputs} }
	if o.openpose != "" {
		sinks = append(sinks, sink.NewOpenPose(dir(o.openpose)))
	}
	if o.overlay != "" {
		sinks = append(sinks, sink.NewOverlays(dir(o.overlay), render.OverlayOptions{SureScore: sure}, 0))
	}
	if o.plot != "" {
		sinks = append(sinks, sink.NewPlots(dir(o.plot), render.PlotOptions{SureScore: sure}))
	}
	if o.html != "" {
		sinks = append(sinks, sink.NewPages(dir(o.html), render.PageOptions{SureScore: sure}))
	}
	return sinks
}

// printTimings says where the time went, per picture.
func printTimings(w io.Writer, s pipeline.Summary, t pipeline.Timings) {
	n := max(1, s.Pictures)
	each := func(d time.Duration) string {
		return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000/float64(n))
	}
	fmt.Fprintf(w, "mhp: %d pictures, %d people; a picture: detect %s, crop %s, network %s, joints %s, camera %s\n",
		s.Pictures, s.People, each(t.Detect), each(t.Crop), each(t.Run), each(t.Joints), each(t.Camera))
}
