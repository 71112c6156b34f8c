package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mhp/internal/detect"
	"mhp/internal/frame"
	"mhp/internal/geom"
	"mhp/internal/infer"
	"mhp/internal/infer/fake"
	"mhp/internal/model"
	"mhp/internal/pose"
	"mhp/internal/skeleton"
	"mhp/internal/tensor"
)

func testSpec(t testing.TB) *model.Spec {
	t.Helper()
	set, err := skeleton.Named("muco21")
	if err != nil {
		t.Fatal(err)
	}
	return &model.Spec{
		Name: "fake", Variant: "xs", Set: set, InputWPx: 256, InputHPx: 256, HeatW: 32, HeatH: 32, DepthBins: 32,
		DepthMinMM: -1000, DepthMaxMM: 1000, ColorOrder: "rgb", InputScale: 1, InputStd: [3]float64{1, 1, 1},
		Head: model.HeadCoords, CoordsUnit: "cells",
	}
}

func fixedCamera(f *frame.Frame) (geom.Intrinsics, error) {
	return geom.Intrinsics{FxPx: 1000, FyPx: 1000, CxPx: 100, CyPx: 100, Source: "focal-px"}, nil
}

func newTestEstimator(t testing.TB, runner infer.Runner, finder detect.Finder, opts EstimatorOptions) *Estimator {
	t.Helper()
	opts.Camera = fixedCamera
	if opts.Depth == "" {
		opts.Depth = DepthBox
	}
	e, err := NewEstimator(runner, finder, opts)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// constant answers every joint with one place in the heat volume.
func constant(spec *model.Spec, x, y, z float32) (coords, score []float32) {
	for range spec.Set.Joints {
		coords = append(coords, x, y, z)
		score = append(score, 0.5)
	}
	return coords, score
}

func TestPictureTurnsHeatCellsIntoMillimetres(t *testing.T) {
	spec := testSpec(t)
	runner := fake.New(spec)
	runner.Coords, runner.Score = constant(spec, 16, 16, 16)
	// The left wrist lies 8 cells right of the middle and 4 bins behind the root.
	wrist := spec.Set.Index("L_Wrist")
	runner.Coords[wrist*3], runner.Coords[wrist*3+2] = 24, 20
	e := newTestEstimator(t, runner, detect.Given([]geom.BoxPx{{X: 50, Y: 50, W: 101, H: 101}}), EstimatorOptions{Depth: DepthFixed, FixedDepthMM: 4000})
	p, err := e.Picture(context.Background(), frame.New(201, 201))
	if err != nil {
		t.Fatal(err)
	}
	// Box 50..150 grows to a square of 125 px about 100: one cell is 125/32 px.
	j := p.People[0].Joints[wrist]
	wantX := 100 + 8*125.0/32
	near(t, "image x", j.Image.X, wantX, 1e-6)
	near(t, "image y", j.Image.Y, 100, 1e-6)
	near(t, "camera z", j.Camera.Z, 4250, 1e-6)
	near(t, "camera x", j.Camera.X, (wantX-100)/1000*4250, 1e-6)
	near(t, "root relative z", j.RootRelative.Z, 250, 1e-6)
	near(t, "score", j.Score, 0.5, 1e-6)
}

func near(t *testing.T, what string, got, want, limit float64) {
	t.Helper()
	if !(math.Abs(got-want) <= limit) {
		t.Errorf("%s is %g, want %g", what, got, want)
	}
}

func TestNobodyIsAnEmptyResult(t *testing.T) {
	e := newTestEstimator(t, fake.New(testSpec(t)), detect.Given(nil), EstimatorOptions{})
	p, err := e.Picture(context.Background(), frame.New(10, 10))
	if err != nil || len(p.People) != 0 {
		t.Fatalf("got %v people, error %v", p, err)
	}
}

// TestManyPeopleShareRuns checks that more people than fit one run all get
// their own crop, in order.
func TestManyPeopleShareRuns(t *testing.T) {
	for _, fixed := range []int{0, 1, 4} {
		t.Run(fmt.Sprintf("fixed batch %d", fixed), func(t *testing.T) {
			spec := testSpec(t)
			spec.FixedBatch = fixed
			runner := fake.New(spec)
			// The answer's x is the mean grey of the crop, so that it tells which crop it saw.
			runner.Answer = func(in tensor.Tensor, out infer.Output) error {
				n := int(in.Shape[0])
				size := len(in.Data) / n
				for i := range n {
					sum := 0.0
					for _, v := range in.Data[i*size : (i+1)*size] {
						sum += float64(v)
					}
					for j := range spec.Set.Joints {
						out.Coords.Data[(i*len(spec.Set.Joints)+j)*3] = float32(sum / float64(size) / 10)
					}
				}
				return nil
			}
			f := frame.New(400, 20)
			var boxes []geom.BoxPx
			for i := range 19 {
				boxes = append(boxes, geom.BoxPx{X: float64(i * 20), Y: 0, W: 16, H: 16})
				for y := range 20 {
					for x := i * 20; x < i*20+20; x++ {
						for c := range 3 {
							f.Pix[y*f.Stride+x*3+c] = uint8(i * 10)
						}
					}
				}
			}
			e := newTestEstimator(t, runner, detect.Given(boxes), EstimatorOptions{})
			p, err := e.Picture(context.Background(), f)
			if err != nil {
				t.Fatal(err)
			}
			if len(p.People) != len(boxes) {
				t.Fatalf("%d people for %d boxes", len(p.People), len(boxes))
			}
			last := -100.0
			for i, person := range p.People {
				if person.Box != boxes[i] {
					t.Errorf("person %d has box %v, want %v", i, person.Box, boxes[i])
				}
				cell := (person.Joints[0].Image.X - (boxes[i].X + 7.5)) / (1.25 * 15 / 32)
				if cell < last {
					t.Errorf("person %d saw a darker crop than person %d", i, i-1)
				}
				last = cell
			}
		})
	}
}

func TestRoughBoxesGetASecondPass(t *testing.T) {
	spec := testSpec(t)
	runner := fake.New(spec)
	runner.Coords, runner.Score = constant(spec, 16, 16, 16)
	runner.Coords[0], runner.Coords[1] = 20, 24 // two joints span a box
	e := newTestEstimator(t, runner, detect.Picture{}, EstimatorOptions{})
	p, err := e.Picture(context.Background(), frame.New(200, 200))
	if err != nil {
		t.Fatal(err)
	}
	if runner.Runs != 2 {
		t.Errorf("%d runs, want 2", runner.Runs)
	}
	if box := p.People[0].Box; box.W >= 100 || box.H >= 100 || box.W <= 0 {
		t.Errorf("the box stayed loose: %v", box)
	}
}

// TestLooksAtTheMirrorImage: a network that answers with a fixed cell, equally sure
// each time, and tells no marginals, gives the middle of that cell and its mirror; turned looks cannot be merged.
func TestLooksAtTheMirrorImage(t *testing.T) {
	for _, looks := range []int{2, 6} {
		spec := testSpec(t)
		runner := fake.New(spec)
		runner.Coords, runner.Score = constant(spec, 20, 16, 16)
		e := newTestEstimator(t, runner, detect.Given([]geom.BoxPx{{X: 0, Y: 0, W: 100, H: 100}}), EstimatorOptions{Looks: looks})
		for n := 1; n <= 2; n++ {
			p, err := e.Picture(context.Background(), frame.New(100, 100))
			if err != nil {
				t.Fatal(err)
			}
			// The middle of cells 0 and 31, 124 of 256 px across 1.25*99 px, 128 being the centre 49.5.
			near(t, "image x", p.People[0].Joints[0].Image.X, 49.5-4*1.25*99/256, 1e-6)
			if runner.Runs != 2*n || p.Looks != 2 {
				t.Errorf("%d looks asked for: %d runs after %d pictures, %d looks, want 2", looks, runner.Runs, n, p.Looks)
			}
		}
	}
}

// TestWhatAllLooksHoldLikelyIsBelieved: each look wavers between two columns, of which one is common to all.
func TestWhatAllLooksHoldLikelyIsBelieved(t *testing.T) {
	for _, looks := range []int{2, 6} {
		spec := testSpec(t)
		cells, joints := spec.HeatW*spec.HeatH, len(spec.Set.Joints)
		runner := fake.New(spec)
		runner.Coords, runner.Score = constant(spec, 20, 16, 16)
		runner.Plane, runner.Depth = make([]float32, joints*cells), make([]float32, joints*spec.DepthBins)
		for i := range runner.Depth {
			runner.Depth[i] = 1 / float32(spec.DepthBins)
		}
		// Common is the middle of the cells, which stays where it is in any view.
		runner.Answer = func(_ tensor.Tensor, out infer.Output) error {
			for at := 0; at < len(out.Plane.Data); at += cells {
				for _, cell := range [4]int{15*32 + 15, 15*32 + 16, 16*32 + 15, 16*32 + 16} {
					out.Plane.Data[at+cell] = 0.1
				}
				out.Plane.Data[at+(3+3*runner.Runs)*32+4] = 0.6
			}
			return nil
		}
		e := newTestEstimator(t, runner, detect.Given([]geom.BoxPx{{X: 0, Y: 0, W: 100, H: 100}}), EstimatorOptions{Looks: looks})
		p, err := e.Picture(context.Background(), frame.New(100, 100))
		if err != nil {
			t.Fatal(err)
		}
		near(t, "image x", p.People[0].Joints[0].Image.X, 49.5+(15.5-16)*8*1.25*99/256, 0.1)
		if runner.Runs != looks || p.Looks != looks {
			t.Errorf("%d runs, %d looks, want %d", runner.Runs, p.Looks, looks)
		}
	}
}

func TestOnlySomeNumbersOfLooks(t *testing.T) {
	spec := testSpec(t)
	opts := EstimatorOptions{Looks: 3, Depth: DepthBox, Camera: func(*frame.Frame) (geom.Intrinsics, error) { return geom.Intrinsics{}, nil }}
	if _, err := NewEstimator(fake.New(spec), detect.Given(nil), opts); err == nil || !strings.Contains(err.Error(), "1, 2 or 6 times, not 3") {
		t.Errorf("error %v", err)
	}
}

func TestHeightFallsBackToTheBox(t *testing.T) {
	spec := testSpec(t)
	runner := fake.New(spec)
	runner.Coords, runner.Score = constant(spec, 16, 16, 16) // no bone has a length
	e := newTestEstimator(t, runner, detect.Given([]geom.BoxPx{{X: 0, Y: 0, W: 100, H: 100}}), EstimatorOptions{Depth: DepthHeight, PersonHeightMM: 1700})
	p, err := e.Picture(context.Background(), frame.New(100, 100))
	if err != nil {
		t.Fatal(err)
	}
	if got := p.People[0].RootDepthSource; got != "box" {
		t.Errorf("root depth source %q, want box", got)
	}
}

// numbered gives n pictures of which those in bad cannot be decoded.
type numbered struct {
	n, next  int
	bad      map[int]bool
	live     atomic.Int64 // frames out of the source and not released
	most     atomic.Int64
	endless  bool
	decoding time.Duration
}

func (s *numbered) Next() (Job, error) {
	if s.next >= s.n && !s.endless {
		return Job{}, io.EOF
	}
	i := s.next
	s.next++
	return Job{Name: fmt.Sprint(i), Decode: func() (*frame.Frame, error) {
		if s.bad[i] {
			return nil, fmt.Errorf("picture %d is broken", i)
		}
		time.Sleep(s.decoding)
		s.most.Store(max(s.most.Load(), s.live.Add(1)))
		f := frame.New(32, 32)
		f.Name = fmt.Sprint(i)
		f.ReleaseFunc = func() { s.live.Add(-1) }
		return f, nil
	}}, nil
}

type collector struct {
	names   []string
	failAt  int
	onWrite func(n int)
	closed  bool
}

func (c *collector) Write(_ context.Context, f *frame.Frame, p *pose.Picture) error {
	c.names = append(c.names, p.Name)
	if c.onWrite != nil {
		c.onWrite(len(c.names))
	}
	if c.failAt > 0 && len(c.names) == c.failAt {
		return errors.New("disk full")
	}
	return nil
}

func (c *collector) Close() error { c.closed = true; return nil }

func batch(t *testing.T, ctx context.Context, src *numbered, sink Sink, opts BatchOptions) (Summary, error) {
	t.Helper()
	e := newTestEstimator(t, fake.New(testSpec(t)), detect.Given([]geom.BoxPx{{X: 1, Y: 1, W: 20, H: 20}}), EstimatorOptions{})
	return Batch(ctx, src, e, sink, opts)
}

func TestBatchKeepsOrderAndGoesOnAfterABadPicture(t *testing.T) {
	src := &numbered{n: 40, bad: map[int]bool{0: true, 7: true, 39: true}, decoding: time.Millisecond}
	var failed []error
	sink := &collector{}
	summary, err := batch(t, context.Background(), src, sink, BatchOptions{DecodeWorkers: 3, Queue: 2, Failed: func(err error) { failed = append(failed, err) }})
	if err != nil {
		t.Fatal(err)
	}
	if want := (Summary{Pictures: 37, Failed: 3, People: 37}); summary != want {
		t.Errorf("summary %+v, want %+v", summary, want)
	}
	if len(failed) != 3 {
		t.Errorf("%d failures reported, want 3: %v", len(failed), failed)
	}
	last := -1
	for _, name := range sink.names {
		var i int
		fmt.Sscan(name, &i)
		if i <= last {
			t.Fatalf("order broken: %v", sink.names)
		}
		last = i
	}
	if src.live.Load() != 0 {
		t.Errorf("%d frames were not released", src.live.Load())
	}
	// Three being decoded, two in the queue, one each with estimator and sink and between them.
	if src.most.Load() > 8 {
		t.Errorf("%d frames were alive at once; the queues are not bounded", src.most.Load())
	}
}

func TestBatchStopsAfterThePictureAtHand(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	src := &numbered{endless: true}
	sink := &collector{onWrite: func(n int) {
		if n == 3 {
			cancel()
		}
	}}
	summary, err := batch(t, ctx, src, sink, BatchOptions{})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want context.Canceled", err)
	}
	if summary.Pictures < 3 || summary.Pictures > 6 {
		t.Errorf("%d pictures after a stop at the third", summary.Pictures)
	}
	if src.live.Load() != 0 {
		t.Errorf("%d frames were not released", src.live.Load())
	}
}

func TestBatchEndsWhenTheSinkFails(t *testing.T) {
	src := &numbered{endless: true}
	sink := &collector{failAt: 2}
	_, err := batch(t, context.Background(), src, sink, BatchOptions{})
	if err == nil || err.Error() != "disk full" {
		t.Fatalf("error %v, want the sink's", err)
	}
	if len(sink.names) != 2 {
		t.Errorf("%d writes after the failure", len(sink.names)-2)
	}
	if src.live.Load() != 0 {
		t.Errorf("%d frames were not released", src.live.Load())
	}
}
