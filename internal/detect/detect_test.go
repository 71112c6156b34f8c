package detect

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"mhp/internal/frame"
	"mhp/internal/geom"
)

// hinted is an error that says what to do.
type hinted interface {
	error
	Hint() string
}

func wantError(t *testing.T, err error, says string) {
	t.Helper()
	var h hinted
	if !errors.As(err, &h) {
		t.Fatalf("error is %v, want one with a hint that says %q", err, says)
	}
	if !strings.Contains(err.Error(), says) || h.Hint() == "" {
		t.Errorf("error %q (hint %q), want one that says %q", err, h.Hint(), says)
	}
}

func TestParseBox(t *testing.T) {
	for text, want := range map[string]geom.BoxPx{
		"1,2,3,4":             {X: 1, Y: 2, W: 3, H: 4},
		" -10.5, 0 , 1e2,0.5": {X: -10.5, W: 100, H: 0.5},
	} {
		if got, err := ParseBox(text); err != nil || got != want {
			t.Errorf("%q is %v (%v), want %v", text, got, err, want)
		}
	}
	for text, says := range map[string]string{
		"":                "1 numbers instead of 4",
		"1,2,3":           "3 numbers instead of 4",
		"1,2,3,4,5":       "5 numbers instead of 4",
		"a,2,3,4":         `"a" is not a number`,
		"1,2,3,":          `"" is not a number`,
		"NaN,2,3,4":       "not a finite number",
		"1,2,Inf,4":       "not a finite number",
		"1,2,0,4":         "must be above 0",
		"1,2,3,-4":        "must be above 0",
		"1,2,3,1e300":     "above 10000000 px",
		"1,2,3,1e999":     "is not a number",
		"-20000000,2,3,4": "above 10000000 px",
	} {
		_, err := ParseBox(text)
		wantError(t, err, says)
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		box  geom.BoxPx
		says string // "" is right
	}{
		{geom.BoxPx{X: 0, Y: 0, W: 640, H: 480}, ""},
		{geom.BoxPx{X: -100, Y: -100, W: 5000, H: 5000}, ""},
		{geom.BoxPx{X: 639.4, Y: 479.4, W: 1, H: 1}, ""},
		{geom.BoxPx{X: 639.5, Y: 10, W: 5, H: 5}, "outside the picture, which is 640 x 480 px"},
		{geom.BoxPx{X: 10, Y: 480, W: 5, H: 5}, "outside the picture"},
		{geom.BoxPx{X: -10, Y: 10, W: 9.5, H: 5}, "outside the picture"},
		{geom.BoxPx{X: -10, Y: 10, W: 9.6, H: 5}, ""},
		{geom.BoxPx{X: 10, Y: -50, W: 5, H: 5}, "outside the picture"},
		{geom.BoxPx{X: 10, Y: 10, W: 0, H: 5}, "must be above 0"},
		{geom.BoxPx{X: 10, Y: 10, W: 5, H: -1}, "must be above 0"},
		{geom.BoxPx{X: math.NaN(), Y: 10, W: 5, H: 5}, "not a finite number"},
		{geom.BoxPx{X: 10, Y: 10, W: math.Inf(1), H: 5}, "not a finite number"},
	} {
		err := Check(c.box, 640, 480)
		if c.says != "" {
			wantError(t, err, c.says)
		} else if err != nil {
			t.Errorf("%v: %v", c.box, err)
		}
	}
}

func TestGiven(t *testing.T) {
	box := geom.BoxPx{X: 300, Y: 10, W: 100, H: 100}
	finder := Given([]geom.BoxPx{box})
	f := frame.New(640, 480)
	boxes, err := finder.Find(context.Background(), f)
	if err != nil || !slices.Equal(boxes, []Box{{BoxPx: box, Score: 1, Source: SourceGiven}}) {
		t.Errorf("found %v, %v", boxes, err)
	}
	small := frame.New(200, 200)
	small.Name = "small.jpg"
	_, err = finder.Find(context.Background(), small)
	wantError(t, err, "small.jpg: box 300,10,100,100 lies outside")
	if SecondPass(finder) {
		t.Error("given boxes ask for a second pass")
	}
}

func TestPicture(t *testing.T) {
	boxes, err := Picture{}.Find(context.Background(), frame.New(64, 48))
	if err != nil || !slices.Equal(boxes, []Box{{BoxPx: geom.BoxPx{W: 64, H: 48}, Score: 1, Source: SourcePicture}}) {
		t.Errorf("found %v, %v", boxes, err)
	}
	if !SecondPass(Picture{}) {
		t.Error("the whole picture asks for no second pass")
	}
}
