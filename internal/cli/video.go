package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mhp/internal/model"
	"mhp/internal/pipeline"
	"mhp/internal/track"
)

// videoFlags is the command line of mhp video.
type videoFlags struct {
	source  sourceFlags
	shared  predictFlags // what photographs and videos have in common
	outputs videoOutputs

	detectEvery int
	smooth      string
	fillGap     time.Duration
	floor       bool
	verbose     bool
}

func newVideo(e env) *cobra.Command {
	var f videoFlags
	cmd := &cobra.Command{
		Use:   "video [SOURCE]",
		Short: "3D joints of the people in a video, a webcam or a stream",
		Long: `Follow people through a video: each keeps an id, and their joints are steadied,
in the picture (px) and before the camera (mm).

SOURCE is a video file, a URL (rtsp, http, ...), a folder or pattern of
pictures, or - for JPEG after JPEG on standard input (raw frames with --size).
--webcam takes a camera instead.

What is live (a camera, a stream, a file with --realtime) is kept up with: where
the machine is too slow, old frames are dropped and never queue up. Files are
worked on frame by frame. Ctrl-C ends all outputs properly.`,
		Example: `  mhp video dance.mp4 --json dance.jsonl
  mhp video dance.mp4 --csv - --smooth strong
  mhp video dance.mp4 --bvh out --smooth offline --fill-gap 500ms --floor
  mhp video frames/ --fps 25 --openpose out`,
		Args: func(_ *cobra.Command, args []string) error { return f.source.take(args) },
		RunE: func(cmd *cobra.Command, _ []string) error { return runVideo(cmd, e, &f) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	f.source.bind(flags)
	flags.StringArrayVar(&f.shared.boxes, "box", nil, "where people are: a box x,y,w,h in px, looked at again every --detect-every frames (repeatable)")
	flags.StringVar(&f.shared.boxesFile, "boxes", "", "boxes by frame: COCO detection JSON, the image id being the frame's number from 0, or by file name for pictures")
	f.shared.detector.bind(flags)
	flags.IntVar(&f.detectEvery, "detect-every", 10, "look for people every N frames and when somebody is lost; between, boxes follow from the joints")
	flags.Float64Var(&f.shared.people.minScore, "min-person-score", minTrackScore, "people whose joints score less on average are out of sight")
	flags.StringVar(&f.smooth, "smooth", "light", "steady the joints: off, light, strong, MIN_CUTOFF,BETA (One-Euro: Hz, Hz for each mm/s), or offline (looks ahead, files only)")
	flags.DurationVar(&f.fillGap, "fill-gap", 0, "fill in people who were out of sight for at most this long, and mark that (files only)")
	flags.BoolVar(&f.floor, "floor", false, "find the floor by where people stand, and level what is written in 3D to it")
	f.shared.camera.bind(flags)
	flags.StringVar(&f.shared.rootDepth, "root-depth", "box", "distance of the root joint: box, height, or a number in mm")
	flags.Float64Var(&f.shared.personHeightMM, "person-height-mm", 1700, "height of the people for --root-depth height")
	flags.IntVar(&f.shared.looks, "looks", 1, looksUsage)
	f.outputs.register(flags)
	f.shared.network.bind(flags)
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "say where the time went")
	return cmd
}

// offline tells whether the smoothing looks ahead.
func (f *videoFlags) offline() bool { return f.smooth == "offline" }

// smoothing reads --smooth.
func (f *videoFlags) smoothing() (track.Smoothing, error) {
	switch f.smooth {
	case "off", "offline":
		return track.Smoothing{}, nil
	case "light":
		return track.Light, nil
	case "strong":
		return track.Strong, nil
	}
	cutoff, beta, two := strings.Cut(f.smooth, ",")
	var s track.Smoothing
	var err1, err2 error
	s.MinCutoffHz, err1 = strconv.ParseFloat(cutoff, 64)
	s.Beta, err2 = strconv.ParseFloat(beta, 64)
	if !two || err1 != nil || err2 != nil {
		return s, usagef("--smooth %q is not off, light, strong, offline or MIN_CUTOFF,BETA such as 0.8,0.005", f.smooth)
	}
	if err := s.Validate(); err != nil {
		return s, usagef("--smooth: %w", err)
	}
	return s, nil
}

// follow makes the follower's options; spec is the network whose scores they judge.
func (f *videoFlags) follow(cmd *cobra.Command, spec *model.Spec) (pipeline.FollowOptions, error) {
	o := pipeline.FollowOptions{DetectEvery: f.detectEvery, Track: track.Defaults(), Floor: f.floor && !f.ahead()}
	// A file of boxes knows every frame.
	if f.shared.boxesFile != "" && !cmd.Flags().Changed("detect-every") {
		o.DetectEvery = 1
	}
	o.Track.MaxPeople = f.shared.detector.options.MaxPeople
	o.Track.SeenScore = f.shared.people.minScore
	o.Track.StartScore = min(1, o.Track.SeenScore*startOverSeen)
	// A network whose file does not say what its scores are worth loses nobody unless told to.
	if spec.ScoreCurve == nil && !cmd.Flags().Changed("min-person-score") {
		o.Track.SeenScore, o.Track.StartScore = 0, 0
	}
	var err error
	if o.Smooth, err = f.smoothing(); err != nil {
		return o, err
	}
	if err := o.Validate(); err != nil {
		return o, usagef("%w", err)
	}
	return o, nil
}

// startOverSeen is how much surer than somebody in sight somebody new must be.
const startOverSeen = 1.33

// ahead tells whether the whole take is wanted before anything is written.
func (f *videoFlags) ahead() bool {
	return f.offline() || f.fillGap > 0 || f.floor && !f.source.live()
}

// validate refuses what cannot be meant, before anything is opened.
func (f *videoFlags) validate() error {
	if _, err := f.smoothing(); err != nil {
		return err
	}
	if f.fillGap < 0 {
		return usagef("--fill-gap must be 0 or more, not %s", f.fillGap)
	}
	if f.source.once() && (f.offline() || f.fillGap > 0) {
		return usagef("--smooth offline and --fill-gap look ahead, which only files and pictures allow: %s cannot be read twice", f.source.shown())
	}
	if err := f.source.validate(); err != nil {
		return err
	}
	return f.outputs.validate()
}

// silent tells whether nothing would be written or shown.
func (f *videoFlags) silent(sinks int) string {
	if sinks > 0 {
		return ""
	}
	return fmt.Sprintf("nothing is written or shown of %s: --json FILE, --csv FILE, --web and others do", f.source.shown())
}
