package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"mhp/internal/sink"
	"mhp/internal/sink/gocv"
	"mhp/internal/skeleton"
	"mhp/internal/web"
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
	Floor             bool    // what is written in 3D is level and begins on the floor

	Out io.Writer // standard output, for data
	Err io.Writer // standard error, for notes such as a page's address

	// Delay is the newest delay from capture to result, for the window and the
	// page; nil where it is not measured. It is called from other goroutines.
	Delay func() time.Duration
}

// videoOutputs say what mhp video writes and shows.
type videoOutputs struct {
	json, csv, openpose string
	bvh, trc, gltf      string
	axes                string
	overlay             string
	show                bool
	web                 string
	webRemote           bool

	window *gocv.Window // while it is open
}

func (o *videoOutputs) register(f *pflag.FlagSet) {
	f.StringVar(&o.json, "json", "", "write JSON Lines to FILE or -, one frame a line, each written at once")
	f.StringVar(&o.csv, "csv", "", "write CSV to FILE or -, a row a joint with frame, time and person id")
	f.StringVar(&o.openpose, "openpose", "", "write OpenPose's JSON to a folder, a file a frame")
	f.StringVar(&o.bvh, "bvh", "", "write BVH to a folder, a file a person (animation: turning bones of constant length, cm)")
	f.StringVar(&o.trc, "trc", "", "write TRC to a folder, a file a person (OpenSim: markers, mm)")
	f.StringVar(&o.gltf, "gltf", "", "write everybody's animated skeletons to FILE.gltf or FILE.glb (m)")
	f.StringVar(&o.overlay, "overlay", "", "write the video with the skeletons drawn over it to FILE.mp4 or FILE.avi")
	f.BoolVar(&o.show, "show", false, "show picture and 3D view in a window (q quits, space pauses, s saves a picture, h help)")
	f.StringVar(&o.web, "web", "", "serve a live page with picture and 3D view (--web=HOST:PORT for another address)")
	f.Lookup("web").NoOptDefVal = web.DefaultAddr
	f.BoolVar(&o.webRemote, "web-allow-remote", false, "let other machines see the page, with a token in its address (needs --web=0.0.0.0:PORT)")
	f.StringVar(&o.axes, "axes", "", "axes of what is written in 3D: camera (x right, y down, z away), yup or zup (default camera for JSON and CSV, yup for BVH and TRC; glTF is always yup)")
}

// validate refuses what would mix two streams; it needs no source and no network.
func (o *videoOutputs) validate() error {
	if o.json == "-" && o.csv == "-" {
		return usagef("--json - and --csv - would mix on standard output; give one of them a file")
	}
	if _, err := o.world(sink.CameraWorld); err != nil {
		return err
	}
	if ext := strings.ToLower(filepath.Ext(o.gltf)); o.gltf != "" && ext != ".gltf" && ext != ".glb" {
		return usagef("--gltf %s: the name must end in .gltf or .glb", o.gltf)
	}
	if ext := strings.ToLower(filepath.Ext(o.overlay)); o.overlay != "" && ext != ".mp4" && ext != ".avi" {
		return usagef("--overlay %s: the name must end in .mp4 or .avi", o.overlay)
	}
	if o.webRemote && o.web == "" {
		return usagef("--web-allow-remote needs --web, such as --web=0.0.0.0:8090")
	}
	return nil
}

// world is the one of --axes, or the given one where the user chose none.
func (o *videoOutputs) world(usual sink.World) (sink.World, error) {
	if o.axes == "" {
		return usual, nil
	}
	w, err := sink.WorldNamed(o.axes)
	if err != nil {
		return w, usagef("--axes: %w", err)
	}
	return w, nil
}

// open makes the sinks. If one cannot be made, those before it are closed again.
func (o *videoOutputs) open(info videoInfo) (sinks []sink.Sink, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, sink.NewMulti(sinks...).Close())
			sinks = nil
		}
	}()
	frames, err := o.frames(info)
	sinks = append(sinks, frames...)
	if err != nil {
		return sinks, err
	}
	clips, err := o.clips(info)
	sinks = append(sinks, clips...)
	if err != nil {
		return sinks, err
	}
	shown, err := o.pictures(info)
	sinks = append(sinks, shown...)
	if err != nil {
		return sinks, err
	}
	views, err := o.views(info)
	return append(sinks, views...), err
}

// filmSpeed makes OpenCV's H.264 encoder several times faster than its own
// default, for films a little larger. OpenCV takes it from the environment only.
const filmOptions, filmSpeed = "OPENCV_FFMPEG_WRITER_OPTIONS", "preset;veryfast"

// pictures makes the sinks that draw every frame.
func (o *videoOutputs) pictures(info videoInfo) ([]sink.Sink, error) {
	if o.overlay == "" {
		return nil, nil
	}
	if os.Getenv(filmOptions) == "" {
		if err := os.Setenv(filmOptions, filmSpeed); err != nil {
			return nil, err
		}
	}
	film, err := gocv.NewFilm(gocv.FilmOptions{
		Path: o.overlay, Inputs: info.Inputs, FPS: info.FPS, SureScore: info.SureScore,
		Opened: func(codec string) { fmt.Fprintf(info.Err, "mhp: %s is compressed as %s\n", o.overlay, codec) },
	})
	if err != nil {
		return nil, err
	}
	return []sink.Sink{film}, nil
}

// views makes the sinks that only show. They take the newest frame and never wait.
func (o *videoOutputs) views(info videoInfo) (sinks []sink.Sink, err error) {
	if o.web != "" {
		page, err := web.Open(web.Options{Addr: o.web, AllowRemote: o.webRemote, SureScore: info.SureScore, Delay: info.Delay, JPEG: gocv.JPEG()})
		if err != nil {
			return sinks, err
		}
		fmt.Fprintf(info.Err, "mhp: live page: %s\n", page.URL())
		sinks = append(sinks, page)
	}
	if o.show {
		o.window, err = gocv.OpenWindow(gocv.WindowOptions{
			Title: "mhp", Display: os.Getenv("DISPLAY"), SureScore: info.SureScore, Live: info.Live, SaveDir: ".", Delay: info.Delay,
			Saved: func(path string, err error) {
				if err == nil {
					fmt.Fprintf(info.Err, "mhp: saved %s\n", path)
				}
			},
		})
		if err != nil {
			return sinks, err
		}
		sinks = append(sinks, o.window)
	}
	return sinks, nil
}

// frames makes the sinks that write each frame at once.
func (o *videoOutputs) frames(info videoInfo) (sinks []sink.Sink, err error) {
	world, err := o.world(sink.CameraWorld)
	if err != nil {
		return nil, err
	}
	if info.Floor {
		world = world.Levelled()
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

// clips makes the sinks that write the whole video at its end.
func (o *videoOutputs) clips(info videoInfo) (sinks []sink.Sink, err error) {
	world, err := o.world(sink.YUpWorld)
	if err != nil {
		return nil, err
	}
	how := sink.ClipOptions{FPS: info.FPS, World: world}
	if o.bvh != "" {
		sinks = append(sinks, sink.NewBVH(sink.DirOptions{Dir: o.bvh, Inputs: info.Inputs}, how))
	}
	if o.trc != "" {
		sinks = append(sinks, sink.NewTRC(sink.DirOptions{Dir: o.trc, Inputs: info.Inputs}, how))
	}
	if o.gltf != "" {
		s, err := sink.NewGLTF(sink.FileOptions{Path: o.gltf, Inputs: info.Inputs}, how, info.Program)
		if err != nil {
			return sinks, err
		}
		sinks = append(sinks, s)
	}
	return sinks, nil
}

// quit is closed when somebody asked for the end in the window; nil without a
// window. The command then stops reading and closes its sinks as on Ctrl-C.
func (o *videoOutputs) quit() <-chan struct{} {
	if o.window == nil {
		return nil
	}
	return o.window.Quit()
}

// hold waits while the window is paused. The command calls it before each
// frame of a file; a live source goes on and only the picture stands still.
func (o *videoOutputs) hold(ctx context.Context) error {
	if o.window == nil {
		return ctx.Err()
	}
	return o.window.Hold(ctx)
}
