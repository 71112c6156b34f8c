package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mhp/internal/detect"
	"mhp/internal/frame"
	"mhp/internal/geom"
	"mhp/internal/infer"
	"mhp/internal/infer/fake"
	"mhp/internal/pose"
	"mhp/internal/source"
	"mhp/internal/tensor"
	"mhp/internal/track"
)

// film is a source that a test writes.
type film struct {
	frames  int
	every   time.Duration // real time between frames; 0: as fast as they are taken
	live    bool
	bad     map[int]bool
	end     error  // instead of io.EOF
	hangAt  int    // does not come back from this frame until released
	hanging func() // called when it is about to hang
	release chan struct{}

	next int
	out  atomic.Int64 // frames not released
	most atomic.Int64
}

func (s *film) Next(ctx context.Context) (*frame.Frame, error) {
	if s.hangAt > 0 && s.next == s.hangAt {
		s.hanging()
		<-s.release
		return nil, io.EOF
	}
	if s.next == s.frames {
		if s.end != nil {
			return nil, s.end
		}
		return nil, io.EOF
	}
	i := s.next
	s.next++
	time.Sleep(s.every)
	if s.bad[i] {
		return nil, &source.BadFrame{Err: fmt.Errorf("frame %d is broken", i)}
	}
	f := frame.New(200, 200)
	f.Index, f.Time, f.Name = i, time.Duration(i)*time.Second/30, "film"
	if s.live {
		f.Captured = time.Now()
	}
	s.most.Store(max(s.most.Load(), s.out.Add(1)))
	f.ReleaseFunc = func() { s.out.Add(-1) }
	return f, nil
}

// poser is a network that sees a person standing in the middle of each crop.
func poser(t testing.TB, slow time.Duration) *fake.Runner {
	spec := testSpec(t)
	r := fake.New(spec)
	rng := rand.New(rand.NewPCG(1, 2))
	var where [][2]float32
	for range spec.Set.Joints {
		where = append(where, [2]float32{12 + 8*rng.Float32(), 4 + 24*rng.Float32()})
	}
	r.Answer = func(in tensor.Tensor, out infer.Output) error {
		time.Sleep(slow)
		for i := range int(in.Shape[0]) {
			for j, w := range where {
				k := i*len(where) + j
				out.Coords.Data[3*k], out.Coords.Data[3*k+1], out.Coords.Data[3*k+2] = w[0], w[1], 16
				out.Score.Data[k] = 0.6
			}
		}
		return nil
	}
	return r
}

// counting is a finder that counts and finds the same boxes each time.
type counting struct {
	boxes []detect.Box
	calls atomic.Int64
	err   error
}

func (c *counting) Find(context.Context, *frame.Frame) ([]detect.Box, error) {
	c.calls.Add(1)
	return c.boxes, c.err
}

func sure(x, y, w, h float64) detect.Box {
	return detect.Box{BoxPx: geom.BoxPx{X: x, Y: y, W: w, H: h}, Score: 0.9, Source: detect.SourceDetector}
}

func newFollower(t testing.TB, runner infer.Runner, finder detect.Finder, every int) *Follower {
	t.Helper()
	e := newTestEstimator(t, runner, detect.Given(nil), EstimatorOptions{})
	f, err := NewFollower(e, finder, FollowOptions{DetectEvery: every, Track: track.Defaults(), Smooth: track.Light})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// kept is a sink that notes what it gets.
type kept struct {
	pictures []*pose.Picture
	pixels   int
	slow     time.Duration
	failAt   int
	onWrite  func(n int)
}

func (k *kept) Write(_ context.Context, f *frame.Frame, p *pose.Picture) error {
	time.Sleep(k.slow)
	k.pictures = append(k.pictures, p)
	if f != nil {
		k.pixels++
	}
	if k.onWrite != nil {
		k.onWrite(len(k.pictures))
	}
	if len(k.pictures) == k.failAt {
		return errors.New("disk full")
	}
	return nil
}

func (k *kept) Close() error { return nil }

func TestFilesAreWorkedOnFrameByFrame(t *testing.T) {
	src := &film{frames: 60, bad: map[int]bool{7: true}}
	finder := &counting{boxes: []detect.Box{sure(40, 20, 100, 160)}}
	to := &kept{slow: time.Millisecond}
	var failed []error
	s, err := Video(context.Background(), src, newFollower(t, poser(t, 0), finder, 10), to, VideoOptions{
		Failed: func(err error) { failed = append(failed, err) },
		Finish: func(p *pose.Picture) { p.Model.Name = "finished" },
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.Frames != 59 || s.Dropped != 0 || s.Failed != 1 || len(failed) != 1 || s.People != 1 {
		t.Errorf("%d frames, %d dropped, %d failed, %d people", s.Frames, s.Dropped, s.Failed, s.People)
	}
	last := -1
	for _, p := range to.pictures {
		if p.Index <= last || len(p.People) != 1 || p.People[0].ID != 1 || p.Model.Name != "finished" {
			t.Fatalf("frame %d after %d: %d people", p.Index, last, len(p.People))
		}
		last = p.Index
	}
	if n := finder.calls.Load(); n != 6 {
		t.Errorf("the finder was asked %d times for 59 frames, every 10th", n)
	}
	if to.pixels != 0 {
		t.Error("a sink that wants no pixels got frames")
	}
	if src.out.Load() != 0 || src.most.Load() > 8 {
		t.Errorf("%d frames were not released; at most %d were out", src.out.Load(), src.most.Load())
	}
	if s.ToResult.Count() != 0 {
		t.Error("a file has a delay from capture")
	}
}

// The boxes between two searches come from the joints; those say "track".
func TestBoxesFollowFromJoints(t *testing.T) {
	finder := &counting{boxes: []detect.Box{sure(40, 20, 100, 160)}}
	to := &kept{}
	if _, err := Video(context.Background(), &film{frames: 5}, newFollower(t, poser(t, 0), finder, 100), to, VideoOptions{}); err != nil {
		t.Fatal(err)
	}
	for i, p := range to.pictures {
		want := SourceTrack
		if i == 0 {
			want = detect.SourceDetector
		}
		if got := p.People[0].BoxSource; got != want || p.People[0].BoxScore != 0.9 {
			t.Errorf("frame %d: box from %q with score %g, want %q", i, got, p.People[0].BoxScore, want)
		}
	}
}

func TestLiveDropsOldFrames(t *testing.T) {
	src := &film{frames: 100, every: time.Millisecond, live: true}
	to := &kept{slow: 10 * time.Millisecond}
	s, err := Video(context.Background(), src, newFollower(t, poser(t, 0), &counting{boxes: []detect.Box{sure(40, 20, 100, 160)}}, 5), to, VideoOptions{Live: true, Pixels: true})
	if err != nil {
		t.Fatal(err)
	}
	if s.Dropped == 0 || s.Frames+s.Dropped != 100 {
		t.Errorf("%d frames and %d dropped of 100, a tenth of which can be written in time", s.Frames, s.Dropped)
	}
	if to.pixels != s.Frames {
		t.Errorf("%d of %d frames came with pixels", to.pixels, s.Frames)
	}
	if !slices.IsSortedFunc(to.pictures, func(a, b *pose.Picture) int { return a.Index - b.Index }) {
		t.Error("the order is broken")
	}
	if src.out.Load() != 0 {
		t.Errorf("%d frames were not released", src.out.Load())
	}
	if s.ToResult.Count() != s.Frames || s.ToWritten.Count() != s.Frames {
		t.Errorf("%d and %d delays for %d frames", s.ToResult.Count(), s.ToWritten.Count(), s.Frames)
	}
	// At most one frame waits before each stage, and one is in each: nothing queues up.
	if src.most.Load() > 8 {
		t.Errorf("%d frames were on their way at once", src.most.Load())
	}
}

func TestVideoEnds(t *testing.T) {
	broke := errors.New("unplugged")
	finder := func() *counting { return &counting{boxes: []detect.Box{sure(40, 20, 100, 160)}} }
	for _, live := range []bool{false, true} {
		t.Run(fmt.Sprintf("live %v", live), func(t *testing.T) {
			t.Run("with the source's error", func(t *testing.T) {
				src := &film{frames: 5, end: broke, every: 2 * time.Millisecond}
				to := &kept{}
				s, err := Video(context.Background(), src, newFollower(t, poser(t, 0), finder(), 5), to, VideoOptions{Live: live})
				if !errors.Is(err, broke) || s.Frames == 0 || src.out.Load() != 0 {
					t.Errorf("error %v, %d frames, %d not released", err, s.Frames, src.out.Load())
				}
			})
			t.Run("when a sink fails", func(t *testing.T) {
				src := &film{frames: 1 << 30, every: time.Millisecond}
				to := &kept{failAt: 3}
				s, err := Video(context.Background(), src, newFollower(t, poser(t, 0), finder(), 5), to, VideoOptions{Live: live})
				if err == nil || err.Error() != "disk full" || s.Frames != 2 || len(to.pictures) != 3 || src.out.Load() != 0 {
					t.Errorf("error %v, %d frames, %d writes, %d not released", err, s.Frames, len(to.pictures), src.out.Load())
				}
			})
			t.Run("when the finder fails", func(t *testing.T) {
				src := &film{frames: 1 << 30, every: time.Millisecond}
				bad := &counting{err: errors.New("no such box")}
				_, err := Video(context.Background(), src, newFollower(t, poser(t, 0), bad, 5), &kept{}, VideoOptions{Live: live})
				if err == nil || err.Error() != "no such box" || src.out.Load() != 0 {
					t.Errorf("error %v, %d not released", err, src.out.Load())
				}
			})
			t.Run("when it is interrupted", func(t *testing.T) {
				ctx, cancel := context.WithCancel(context.Background())
				src := &film{frames: 1 << 30, every: time.Millisecond}
				to := &kept{onWrite: func(n int) {
					if n == 4 {
						cancel()
					}
				}}
				s, err := Video(ctx, src, newFollower(t, poser(t, 0), finder(), 5), to, VideoOptions{Live: live})
				if !errors.Is(err, context.Canceled) || s.Frames < 4 || s.Frames > 8 || src.out.Load() != 0 || s.Hung {
					t.Errorf("error %v, %d frames, %d not released", err, s.Frames, src.out.Load())
				}
			})
		})
	}
}

// A camera that hangs in the driver must not keep the program from ending.
func TestVideoLeavesAHungSource(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	src := &film{hangAt: 2, frames: 10, hanging: cancel, release: make(chan struct{})}
	defer close(src.release)
	to := &kept{}
	s, err := Video(ctx, src, newFollower(t, poser(t, 0), &counting{boxes: []detect.Box{sure(40, 20, 100, 160)}}, 5), to, VideoOptions{Live: true})
	if !errors.Is(err, context.Canceled) || !s.Hung {
		t.Errorf("error %v, hung %v", err, s.Hung)
	}
}

// What the finder misses three times running, with doubtful joints, is let go.
func TestFinderOverrulesDoubtfulJoints(t *testing.T) {
	for _, score := range []float32{0.25, 0.6} {
		runner := poser(t, 0)
		answer := runner.Answer
		runner.Answer = func(in tensor.Tensor, out infer.Output) error {
			err := answer(in, out)
			for i := range out.Score.Data {
				out.Score.Data[i] = score
			}
			return err
		}
		finder := &counting{boxes: []detect.Box{sure(40, 20, 100, 160)}}
		f := newFollower(t, runner, finder, 2)
		last := 0
		for n := range 40 {
			if n == 5 {
				finder.boxes = nil
			}
			fr := frame.New(200, 200)
			fr.Time = time.Duration(n) * time.Second / 30
			p, err := f.Picture(context.Background(), fr, nil, false)
			if err != nil {
				t.Fatal(err)
			}
			if len(p.People) > 0 {
				last = n
			}
		}
		if doubtful := f.doubtful(float64(score)); doubtful && last > 15 || !doubtful && last != 39 {
			t.Errorf("joints of score %g: last seen in frame %d", score, last)
		}
	}
}

// A rough finder is asked only while nobody is in sight.
func TestRoughFinderIsAskedSeldom(t *testing.T) {
	to := &kept{}
	runner := poser(t, 0)
	f := newFollower(t, runner, detect.Picture{}, 2)
	if _, err := Video(context.Background(), &film{frames: 30}, f, to, VideoOptions{}); err != nil {
		t.Fatal(err)
	}
	// The first frame takes two runs, all others one.
	if runner.Runs != 31 || to.pictures[0].People[0].BoxSource != detect.SourcePicture {
		t.Errorf("%d runs for 30 frames, want 31", runner.Runs)
	}
}

func TestFollowOptions(t *testing.T) {
	e := newTestEstimator(t, poser(t, 0), detect.Given(nil), EstimatorOptions{})
	for _, o := range []FollowOptions{{Track: track.Defaults()}, {DetectEvery: 1, Track: track.Options{MaxPeople: -1}}, {DetectEvery: 1, Track: track.Defaults(), Smooth: track.Smoothing{Beta: -1}}} {
		if _, err := NewFollower(e, detect.Picture{}, o); err == nil {
			t.Errorf("%+v passes", o)
		}
	}
}

func TestTakeReplays(t *testing.T) {
	finder := &counting{boxes: []detect.Box{sure(40, 20, 100, 160)}}
	take := &Take{}
	if _, err := Video(context.Background(), &film{frames: 30, bad: map[int]bool{4: true}}, newFollower(t, poser(t, 0), finder, 5), take, VideoOptions{}); err != nil {
		t.Fatal(err)
	}
	take.Finish(TakeOptions{FillGap: time.Second, CutoffHz: 6, Floor: true})
	if take.Frames() != 29 || take.pictures[3].Level == nil {
		t.Fatalf("%d frames, level %v", take.Frames(), take.pictures[3].Level)
	}
	for _, src := range []*film{nil, {frames: 30, bad: map[int]bool{4: true}}} {
		to := &kept{}
		steps := 0
		var err error
		if src == nil {
			err = take.Replay(context.Background(), nil, to, func() { steps++ })
		} else {
			err = take.Replay(context.Background(), src, to, func() { steps++ })
		}
		if err != nil || len(to.pictures) != 29 || steps != 29 || (to.pixels == 29) != (src != nil) {
			t.Errorf("error %v, %d pictures, %d with pixels", err, len(to.pictures), to.pixels)
		}
		if src != nil && src.out.Load() != 0 {
			t.Errorf("%d frames were not released", src.out.Load())
		}
	}
	err := take.Replay(context.Background(), &film{frames: 10}, &kept{}, nil)
	if err == nil || !strings.Contains(err.Error(), "shorter") {
		t.Errorf("a video that shrank: %v", err)
	}
}

// Delays against its slow, plain twin, which keeps and sorts all.
func TestDelays(t *testing.T) {
	var d Delays
	if d.Quantile(0.5) != 0 {
		t.Error("no delays have a median")
	}
	rng := rand.New(rand.NewPCG(1, 5))
	var all []float64
	for range 5000 {
		v := math.Exp(rng.NormFloat64()) * 20e6
		all = append(all, v)
		d.Add(time.Duration(v))
	}
	sort.Float64s(all)
	for _, q := range []float64{0.01, 0.5, 0.95, 1} {
		want := all[int(math.Ceil(q*5000))-1]
		if got := float64(d.Quantile(q)); math.Abs(got/want-1) > 0.02 {
			t.Errorf("quantile %g is %v, want %v", q, time.Duration(got), time.Duration(want))
		}
	}
}
