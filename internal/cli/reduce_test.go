package cli

import (
	"context"
	"errors"
	"testing"

	"mhp/internal/detect"
	"mhp/internal/frame"
	"mhp/internal/geom"
	"mhp/internal/pose"
	"mhp/internal/source"
)

// What is decoded smaller: pictures of people whose boxes are known or who are
// the whole picture, as far as they still fill the network's input.
func TestHasten(t *testing.T) {
	given := func(sidesPx ...float64) *finder {
		var boxes []geom.BoxPx
		for _, s := range sidesPx {
			boxes = append(boxes, geom.BoxPx{X: 10, Y: 10, W: s, H: s})
		}
		return &finder{Finder: detect.Given(boxes), given: true}
	}
	for name, c := range map[string]struct {
		from *finder
		want int // 0: nothing is asked
	}{
		"large":             {given(1701), 8},
		"the smallest":      {given(1701, 450), 2},
		"small":             {given(100), 1},
		"outside":           {&finder{Finder: detect.Given([]geom.BoxPx{{X: 9000, Y: 9000, W: 5, H: 5}}), given: true}, 1},
		"the whole picture": {&finder{Finder: detect.Picture{}}, 4},
		"a detector":        {&finder{Finder: searching{}}, 0},
	} {
		s := &images{opts: source.Options{}}
		s.hasten(c.from, 256)
		if (s.opts.Reduce != nil) != (c.want > 0) {
			t.Errorf("%s: reductions are asked for: %t", name, s.opts.Reduce != nil)
			continue
		}
		if c.want > 0 {
			if got := s.opts.Reduce("x", 4000, 3000); got != c.want {
				t.Errorf("%s: reduced %d times, want %d", name, got, c.want)
			}
		}
	}
}

// searching is a finder that looks at the pixels.
type searching struct{}

func (searching) Find(context.Context, *frame.Frame) ([]detect.Box, error) { return nil, nil }

// seen remembers the frame that it was given.
type seen struct{ frame frame.Frame }

func (s *seen) Write(_ context.Context, f *frame.Frame, _ *pose.Picture) error {
	s.frame = *f
	return nil
}
func (s *seen) Close() error { return nil }

func TestDrawingsGetWholeFrames(t *testing.T) {
	f := frame.New(10, 10)
	f.WidthPx, f.HeightPx, f.Reduce, f.Index = 80, 80, 8, 3
	released := false
	f.Sharper = func(reduce int) (*frame.Frame, error) {
		whole := frame.New(80, 80)
		whole.Reduce = reduce
		whole.ReleaseFunc = func() { released = true }
		return whole, nil
	}
	s := &seen{}
	if err := (wholeFrames{s}).Write(context.Background(), f, nil); err != nil {
		t.Fatal(err)
	}
	if s.frame.Reduce != 1 || len(s.frame.Pix) != 3*80*80 || s.frame.Index != 3 || !released {
		t.Errorf("reduced %d times, %d bytes, index %d, released %t", s.frame.Reduce, len(s.frame.Pix), s.frame.Index, released)
	}
	whole := frame.New(5, 5)
	if err := (wholeFrames{s}).Write(context.Background(), whole, nil); err != nil || &s.frame.Pix[0] != &whole.Pix[0] {
		t.Errorf("a whole frame is not passed on as it is (%v)", err)
	}
	gone := errors.New("gone")
	f.Sharper = func(int) (*frame.Frame, error) { return nil, gone }
	if err := (wholeFrames{s}).Write(context.Background(), f, nil); !errors.Is(err, gone) {
		t.Errorf("error %v, want the decoder's", err)
	}
}
