//go:build !lite

package gocv

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gocv.io/x/gocv"

	"mhp/internal/frame"
	"mhp/internal/source"
	"mhp/internal/testkit"
)

func take(t *testing.T, v source.Video, most int) (frames []*frame.Frame, end error) {
	t.Helper()
	for len(frames) < most {
		f, err := v.Next(context.Background())
		if err != nil {
			return frames, err
		}
		frames = append(frames, f)
	}
	return frames, nil
}

func mustOpen(t *testing.T, path string) source.Video {
	t.Helper()
	v, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	return v
}

// difference is the mean difference of two pictures, grey levels.
func difference(a, b *frame.Frame) float64 {
	if a.WidthPx != b.WidthPx || a.HeightPx != b.HeightPx {
		return math.Inf(1)
	}
	sum := 0.0
	for i := range a.Pix {
		sum += math.Abs(float64(a.Pix[i]) - float64(b.Pix[i]))
	}
	return sum / float64(len(a.Pix))
}

// The video that lies on its side is the other one's stood up: the same
// pictures, where OpenCV 4.6 by itself stands the woman on her head.
func TestTurnedVideoStandsUpright(t *testing.T) {
	turned := mustOpen(t, testkit.Shared(t, "media", "rotated_90.mp4"))
	upright := mustOpen(t, testkit.Shared(t, "media", "truncated.mp4"))
	if i := turned.Info(); i.WidthPx != 360 || i.HeightPx != 640 || i.Frames != 25 || i.FPS != 5 || i.Live {
		t.Errorf("info %+v", i)
	}
	a, _ := take(t, turned, 5)
	b, _ := take(t, upright, 5)
	for i := range a {
		if d := difference(a[i], b[i]); d > 4 {
			t.Errorf("frame %d differs by %.1f grey levels from the upright one", i, d)
		}
		if a[i].Time != time.Duration(i)*200*time.Millisecond || a[i].Index != i {
			t.Errorf("frame %d has index %d and time %v", i, a[i].Index, a[i].Time)
		}
	}
}

func TestMetaTurn(t *testing.T) {
	for _, c := range []struct {
		meta    float64
		version string
		want    int
	}{{270, "4.6.0", 90}, {90, "4.6.0", 270}, {90, "4.7.0", 90}, {270, "4.10.0", 270}, {0, "4.6.0", 0}, {180, "4.5.1", 180}} {
		if got := metaTurn(c.meta, c.version); got != c.want {
			t.Errorf("%g of OpenCV %s is a turn of %d, want %d", c.meta, c.version, got, c.want)
		}
	}
}

func TestVideosThatAreCutOff(t *testing.T) {
	v := mustOpen(t, testkit.Shared(t, "media", "truncated.mp4"))
	frames, end := take(t, v, 100)
	if len(frames) < 6 || !errors.Is(end, source.ErrTruncated) || v.Info().Note == "" {
		t.Errorf("%d frames, end %v, note %q", len(frames), end, v.Info().Note)
	}
	if _, err := OpenFile(testkit.Shared(t, "media", "truncated_no_index.mp4")); !errors.Is(err, source.ErrTruncated) || !strings.Contains(err.Error(), "moov") {
		t.Errorf("without index: %v", err)
	}
	text := filepath.Join(t.TempDir(), "x.mp4")
	if err := os.WriteFile(text, []byte("no video at all, whatever it is called"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenFile(text); !errors.Is(err, source.ErrUnsupported) {
		t.Errorf("a text: %v", err)
	}
	if _, err := OpenFile(text + ".gone"); !errors.Is(err, source.ErrNoPicture) {
		t.Errorf("a missing file: %v", err)
	}
}

// ffmpeg runs the program of that name, or skips the test where there is none.
func ffmpeg(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("no ffmpeg here; Debian's package ffmpeg has it")
	}
	return exec.Command(path, append([]string{"-v", "error", "-y"}, args...)...)
}

func clip(t *testing.T, name string, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if out, err := ffmpeg(t, append(append([]string{"-f", "lavfi", "-i", "testsrc=size=160x120:rate=30:duration=2"}, args...), path)...).CombinedOutput(); err != nil {
		t.Skipf("this ffmpeg makes no such clip: %v\n%s", err, out)
	}
	return path
}

// The frame rate changes after 20 frames from 30 to 10 a second.
func TestTimesOfAVariableFrameRate(t *testing.T) {
	for _, name := range []string{"vfr.mp4", "vfr.mkv"} {
		v := mustOpen(t, clip(t, name, "-vf", "select='not(mod(n,3))+lt(n,20)'", "-vsync", "vfr"))
		frames, end := take(t, v, 1000)
		if end != io.EOF || len(frames) < 33 {
			t.Fatalf("%s: %d frames, end %v", name, len(frames), end)
		}
		for i, f := range frames {
			want := float64(i) / 30
			if i >= 20 {
				want = 0.7 + float64(i-20)/10
			}
			if math.Abs(f.Time.Seconds()-want) > 0.002 {
				t.Errorf("%s: frame %d is at %v, want %.3f s", name, i, f.Time, want)
			}
		}
	}
}

// Frames are filled again only after their release, and stay good after the end.
func TestFramesBelongToTheirReader(t *testing.T) {
	v, err := OpenFile(clip(t, "x.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	first, _ := take(t, v, 1)
	before := bytes.Clone(first[0].Pix)
	rest, _ := take(t, v, 20)
	if !bytes.Equal(first[0].Pix, before) {
		t.Error("a frame that was not released changed")
	}
	for _, f := range rest {
		f.Release()
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first[0].Pix, before) {
		t.Error("a frame changed when the video was closed")
	}
	first[0].Release()
	if _, err := v.Next(context.Background()); err != io.EOF {
		t.Errorf("after Close: %v", err)
	}
}

// fakeDevice plays OpenCV's VideoCapture: gray frames of growing brightness.
type fakeDevice struct {
	frames, next  int
	width, height int
	set           map[gocv.VideoCaptureProperties]float64
	closed        bool
}

func (d *fakeDevice) Read(m *gocv.Mat) bool {
	if d.next == d.frames {
		return false
	}
	d.next++
	fill := gocv.NewMatWithSizeFromScalar(gocv.NewScalar(float64(d.next), 2, 3, 0), d.height, d.width, gocv.MatTypeCV8UC3)
	defer fill.Close()
	fill.CopyTo(m)
	return true
}

func (d *fakeDevice) Get(p gocv.VideoCaptureProperties) float64 {
	switch p {
	case gocv.VideoCaptureFrameWidth:
		return float64(d.width)
	case gocv.VideoCaptureFrameHeight:
		return float64(d.height)
	case gocv.VideoCaptureFPS:
		return 25
	case gocv.VideoCapturePosMsec:
		return 1e6 + 40*float64(d.next) // a clock of its own
	}
	return 0
}

func (d *fakeDevice) Set(p gocv.VideoCaptureProperties, v float64) { d.set[p] = v }
func (d *fakeDevice) Close() error                                 { d.closed = true; return nil }

func TestCamera(t *testing.T) {
	d := &fakeDevice{frames: 4, width: 64, height: 48, set: map[gocv.VideoCaptureProperties]float64{}}
	v, err := openDevice("/dev/video9", DeviceOptions{WidthPx: 1280, HeightPx: 720, FPS: 30}, func() (device, error) { return d, nil })
	if err != nil {
		t.Fatal(err)
	}
	if i := v.Info(); !i.Live || i.WidthPx != 64 || i.Frames != -1 || !strings.Contains(i.Note, "64 x 48 px, not the 1280 x 720 px") {
		t.Errorf("info %+v", i)
	}
	if d.set[gocv.VideoCaptureFrameWidth] != 1280 || d.set[gocv.VideoCaptureFrameHeight] != 720 || d.set[gocv.VideoCaptureFPS] != 30 {
		t.Errorf("the camera was asked for %v", d.set)
	}
	frames, end := take(t, v, 100)
	if len(frames) != 4 || !errors.Is(end, source.ErrBroken) {
		t.Fatalf("%d frames, end %v", len(frames), end)
	}
	for i, f := range frames {
		// The first frame, which was read to see whether the camera works, is not lost.
		if _, _, b := f.RGBAt(5, 5); int(b) != i+1 || f.Time != time.Duration(i)*40*time.Millisecond || f.Captured.IsZero() {
			t.Errorf("frame %d: blue %d, time %v, captured %v", i, b, f.Time, f.Captured)
		}
	}
	if err := v.Close(); err != nil || !d.closed {
		t.Errorf("close: %v", err)
	}
}

func TestCameraThatGivesNothing(t *testing.T) {
	for name, open := range map[string]func() (device, error){
		"does not open":  func() (device, error) { return nil, errors.New("no") },
		"opens and then": func() (device, error) { return &fakeDevice{set: map[gocv.VideoCaptureProperties]float64{}}, nil },
	} {
		_, err := openDevice("/dev/video91", DeviceOptions{}, open)
		var e *source.DeviceError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), "/dev/video91: there is no such device") || e.Hint() == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := OpenDevice("88", DeviceOptions{}); !errors.Is(err, source.ErrDevice) {
		t.Errorf("camera 88: %v", err)
	}
}
