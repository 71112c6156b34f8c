package cli

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/spf13/pflag"

	"mhp/internal/sink"
	"mhp/internal/skeleton"
)

// videoInfo is what the outputs of a video must know before its first frame.
type videoInfo struct {
	Inputs            *sink.Inputs
	WidthPx, HeightPx int
	FPS               float64 // as the source states it; 0 if it does not
	Live              bool    // a camera or stream, which does not wait
	Set               *skeleton.Set
	Program           sink.Program
	SureScore         float64 // from which a joint is drawn at full strength

	Out io.Writer // standard output, for data
	Err io.Writer // standard error, for notes such as a page's address

	// Delay is the newest delay from capture to result, for the window and the
	// page; nil where it is not measured. It is called from other goroutines.
	Delay func() time.Duration
}

// videoOutputs say what mhp video writes and shows.
type videoOutputs struct {
	json, csv, openpose string
	axes                string
}

func (o *videoOutputs) register(f *pflag.FlagSet) {
	f.StringVar(&o.json, "json", "", "write JSON Lines to FILE or -, one frame a line, each written at once")
	f.StringVar(&o.csv, "csv", "", "write CSV to FILE or -, a row a joint with frame, time and person id")
	f.StringVar(&o.openpose, "openpose", "", "write OpenPose's JSON to a folder, a file a frame")
	f.StringVar(&o.axes, "axes", "camera", "axes of what is written in 3D: camera (x right, y down, z away), yup or zup")
}

// validate refuses what would mix two streams; it needs no source and no network.
func (o *videoOutputs) validate() error {
	if o.json == "-" && o.csv == "-" {
		return usagef("--json - and --csv - would mix on standard output; give one of them a file")
	}
	if _, err := sink.WorldNamed(o.axes); err != nil {
		return usagef("--axes: %w", err)
	}
	return nil
}

// stdout tells whether data goes to standard output.
func (o *videoOutputs) stdout() bool { return o.json == "-" || o.csv == "-" }

// open makes the sinks. If one cannot be made, those before it are closed again.
func (o *videoOutputs) open(info videoInfo) (sinks []sink.Sink, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, sink.NewMulti(sinks...).Close())
			sinks = nil
		}
	}()
	world, err := sink.WorldNamed(o.axes)
	if err != nil {
		return nil, usagef("--axes: %w", err)
	}
	file := func(path string) sink.FileOptions {
		return sink.FileOptions{Path: path, Stdout: info.Out, Inputs: info.Inputs, Grow: true}
	}
	if o.json != "" {
		s, err := sink.NewJSON(sink.JSONOptions{FileOptions: file(o.json), Program: info.Program, Lines: true, Frames: true, World: world})
		if err != nil {
			return sinks, err
		}
		sinks = append(sinks, s)
	}
	if o.csv != "" {
		s, err := sink.NewCSVOf(sink.CSVOptions{FileOptions: file(o.csv), Frames: true, World: world})
		if err != nil {
			return sinks, err
		}
		sinks = append(sinks, s)
	}
	if o.openpose != "" {
		sinks = append(sinks, sink.NewOpenPose(sink.DirOptions{Dir: o.openpose, Inputs: info.Inputs, Frames: true}))
	}
	return sinks, nil
}

// quit is closed when somebody asked for the end in the window; nil without a
// window. The command then stops reading and closes its sinks as on Ctrl-C.
func (o *videoOutputs) quit() <-chan struct{} { return nil }

// hold waits while the window is paused. The command calls it before each
// frame of a file; a live source goes on and only the picture stands still.
func (o *videoOutputs) hold(ctx context.Context) error { return ctx.Err() }
