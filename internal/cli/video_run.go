package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"mhp/internal/detect"
	"mhp/internal/frame"
	"mhp/internal/pipeline"
	"mhp/internal/pose"
	"mhp/internal/sink"
	"mhp/internal/track"
	"mhp/internal/ui"
)

// videoRun is a video with all that works on it.
type videoRun struct {
	flags    *videoFlags
	e        env
	bar      *ui.Progress
	source   *opened
	network  *network
	finder   *finder
	follower *pipeline.Follower
	sinks    *sink.Multi
	delay    atomic.Int64
}

func runVideo(cmd *cobra.Command, e env, f *videoFlags) (err error) {
	opts, err := f.shared.estimator(cmd)
	if err != nil {
		return err
	}
	if err := f.validate(); err != nil {
		return err
	}
	limitHeap()
	r := &videoRun{flags: f, e: e, bar: &ui.Progress{}}
	if r.source, err = f.source.open(e.in, r.say); err != nil {
		return err
	}
	hung := false
	defer func() {
		if !hung {
			err = errors.Join(err, r.source.Close())
		}
	}()
	if r.finder, err = f.shared.finder(cmd, e); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.finder.Close()) }()
	if r.network, err = f.shared.network.open(e); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.network.Close()) }()
	if err := r.join(cmd, opts); err != nil {
		return err
	}
	for _, note := range []string{r.source.Info().Note, r.finder.note} {
		if note != "" {
			r.say("note: %s", note)
		}
	}
	// From here on the outputs are open, and end properly whatever happens.
	hung, err = r.all(cmd.Context())
	return err
}

// join makes the follower and the outputs.
func (r *videoRun) join(cmd *cobra.Command, opts pipeline.EstimatorOptions) error {
	opts.Threads = r.network.session.Threads()
	estimator, err := pipeline.NewEstimator(r.network.runner, detect.Given(nil), opts)
	if err != nil {
		return usagef("%w", err)
	}
	how, err := r.flags.follow(cmd, r.network.runner.Spec())
	if err != nil {
		return err
	}
	finder := r.finder.Finder
	if r.flags.shared.boxesFile != "" && r.source.numbered {
		finder = byNumber{finder}
	}
	if r.follower, err = pipeline.NewFollower(estimator, finder, how); err != nil {
		return err
	}
	info := r.source.Info()
	spec := r.network.runner.Spec()
	given := videoInfo{
		Inputs: r.source.inputs, WidthPx: info.WidthPx, HeightPx: info.HeightPx, FPS: info.FPS, Live: info.Live,
		Set: spec.Set, Program: sink.Program{Name: "mhp", Version: Version}, SureScore: sureScore(spec), Floor: r.flags.floor,
		Out: r.e.out, Err: r.e.err,
	}
	if info.Live {
		given.Delay = func() time.Duration { return time.Duration(r.delay.Load()) }
	}
	sinks, err := r.flags.outputs.open(given)
	if err != nil {
		return err
	}
	if note := r.flags.silent(len(sinks)); note != "" {
		r.say("note: %s", note)
	}
	r.sinks = sink.NewMulti(sinks...)
	return nil
}

// byNumber asks a finder that goes by names for frames that have numbers only.
type byNumber struct{ detect.Finder }

func (b byNumber) Find(ctx context.Context, f *frame.Frame) ([]detect.Box, error) {
	named := *f
	named.Name = strconv.Itoa(f.Index)
	return b.Finder.Find(ctx, &named)
}

// say tells people something beside the progress.
func (r *videoRun) say(format string, args ...any) {
	r.bar.Clear()
	fmt.Fprintf(r.e.err, "mhp: "+format+"\n", args...)
}

// errQuit is the cause of an end that somebody asked for in the window.
var errQuit = errors.New("asked to end")

// all runs the video and closes the outputs.
func (r *videoRun) all(parent context.Context) (hung bool, err error) {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	if quit := r.flags.outputs.quit(); quit != nil {
		stop := make(chan struct{})
		defer close(stop)
		go func() {
			select {
			case <-quit:
				cancel(errQuit)
			case <-stop:
			}
		}()
	}
	r.say("%s", r.source.described())
	var summary pipeline.VideoSummary
	if r.flags.ahead() && r.source.again != nil {
		summary, err = r.take(ctx)
	} else {
		summary, err = r.stream(ctx, r.sinks)
	}
	r.bar.Close()
	if errors.Is(context.Cause(ctx), errQuit) && errors.Is(err, context.Canceled) {
		err = nil
	}
	err = errors.Join(err, r.sinks.Close())
	r.bar = &ui.Progress{}
	printVideoSummary(r.e.err, summary, r.flags.verbose)
	if err == nil && summary.Failed > 0 {
		err = fmt.Errorf("%d of %d frames could not be read, see above", summary.Failed, summary.Failed+summary.Frames)
	}
	return summary.Hung, err
}

// stream works on the source into a sink.
func (r *videoRun) stream(ctx context.Context, to pipeline.Sink) (pipeline.VideoSummary, error) {
	info := r.source.Info()
	r.bar = ui.NewProgress(r.e.err, info.Frames, "frames")
	opts := pipeline.VideoOptions{
		Live:   info.Live,
		Pixels: to == pipeline.Sink(r.sinks) && r.sinks.WantsPixels(),
		Failed: func(err error) { r.bar.Clear(); printError(r.e.err, err) },
		Finish: func(p *pose.Picture) { p.Model = r.network.info },
		Done:   func(*pose.Picture) { r.bar.Step() },
		Delay:  &r.delay,
	}
	if !info.Live {
		opts.Hold = r.flags.outputs.hold
	}
	return pipeline.Video(ctx, r.source, r.follower, to, opts)
}

// take works on all of the source before anything is written, then, where
// an output shows the pictures, reads it once more.
func (r *videoRun) take(ctx context.Context) (pipeline.VideoSummary, error) {
	take := &pipeline.Take{}
	summary, err := r.stream(ctx, take)
	r.bar.Close()
	o := pipeline.TakeOptions{FillGap: r.flags.fillGap, Floor: r.flags.floor}
	if r.flags.offline() {
		o.CutoffHz = track.OfflineCutoffHz
	}
	take.Finish(o)
	if take.Filled > 0 {
		r.say("%d poses were filled in", take.Filled)
	}
	// What was worked on is written, also after Ctrl-C; a second one kills.
	return summary, errors.Join(err, r.replay(context.WithoutCancel(ctx), take))
}

func (r *videoRun) replay(ctx context.Context, take *pipeline.Take) (err error) {
	var frames pipeline.VideoSource
	if r.sinks.WantsPixels() {
		again, openErr := r.source.again()
		if openErr != nil {
			return openErr
		}
		defer func() { err = errors.Join(err, again.Close()) }()
		frames = again
	}
	r.bar = ui.NewProgress(r.e.err, take.Frames(), "writing")
	return take.Replay(ctx, frames, r.sinks, r.bar.Step)
}

// printVideoSummary says what was done and, in detail, where the time went.
func printVideoSummary(w io.Writer, s pipeline.VideoSummary, detail bool) {
	rate := 0.0
	if s.Took > 0 {
		rate = float64(s.Frames) / s.Took.Seconds()
	}
	fmt.Fprintf(w, "mhp: %s", plural(s.Frames, "frame"))
	if s.Dropped > 0 {
		fmt.Fprintf(w, " (%d more dropped)", s.Dropped)
	}
	fmt.Fprintf(w, " of %s, %s, %.1f frames/s\n", s.Length.Round(10*time.Millisecond), people(s.People), rate)
	if s.ToResult.Count() > 0 {
		fmt.Fprintf(w, "mhp: capture to result p50 %s, p95 %s; to written p50 %s, p95 %s\n",
			ms(s.ToResult.Quantile(0.5)), ms(s.ToResult.Quantile(0.95)), ms(s.ToWritten.Quantile(0.5)), ms(s.ToWritten.Quantile(0.95)))
	}
	if !detail || s.Frames == 0 {
		return
	}
	each := func(d time.Duration) string { return ms(d / time.Duration(s.Frames)) }
	t := s.Follow
	fmt.Fprintf(w, "mhp: a frame: read %s, detect %s, crop %s, network %s, joints %s, follow %s, write %s\n",
		each(s.Read), each(t.Detect), each(t.Crop), each(t.Run), each(t.Joints+t.Camera), each(t.Follow), each(s.Write))
}

func people(n int) string {
	if n == 1 {
		return "1 person"
	}
	return fmt.Sprintf("%d people", n)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }
