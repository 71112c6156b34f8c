package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"mhp/internal/frame"
)

func TestClockRises(t *testing.T) {
	ms := func(list ...int) (out []time.Duration) {
		for _, v := range list {
			out = append(out, time.Duration(v)*time.Millisecond)
		}
		return out
	}
	for _, c := range []struct {
		name      string
		fps       float64
		got, want []time.Duration
	}{
		{"begins at 0", 10, ms(500, 600, 700), ms(0, 100, 200)},
		{"variable", 10, ms(0, 33, 66, 166, 400), ms(0, 33, 66, 166, 400)},
		{"the decoder's last frames have none", 10, ms(0, 50, 100, 0, 0), ms(0, 50, 100, 150, 200)},
		{"no times at all", 20, ms(0, 0, 0), ms(0, 50, 100)},
		{"back and on", 10, ms(1000, 1040, 1020, 1060), ms(0, 40, 80, 120)},
		{"a break", 10, ms(0, 40, 5000, 5000), ms(0, 40, 5000, 5040)},
	} {
		clock := Clock{FPS: c.fps}
		for i, stamp := range c.got {
			if got := clock.Next(stamp); got != c.want[i] {
				t.Errorf("%s: frame %d is at %v, want %v", c.name, i, got, c.want[i])
			}
		}
	}
}

func TestSequence(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string][]byte{
		"f2.png": encodePNG(t, noiseRGBA(5, 4)), "f10.png": encodePNG(t, noiseRGBA(6, 4)), "f3.png": []byte("no picture"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	v, err := Sequence([]string{dir}, 4, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if n := v.Info().Frames; n != 3 {
		t.Errorf("%d frames announced", n)
	}
	frames, bad, end := take(t, v)
	if len(frames) != 2 || bad != 1 || end != io.EOF {
		t.Fatalf("%d frames, %d bad, end %v", len(frames), bad, end)
	}
	if frames[0].WidthPx != 5 || frames[1].WidthPx != 6 || frames[1].Index != 2 || frames[1].Time != 500*time.Millisecond {
		t.Errorf("order, index or time is wrong: %+v", frames[1])
	}
	if _, err := Sequence([]string{filepath.Join(dir, "*.gone")}, 4, Options{}); err == nil {
		t.Error("a pattern that matches nothing is a video")
	}
}

// acted is a video that a test writes: one entry a frame.
type acted struct {
	info   VideoInfo
	times  []time.Duration
	end    error
	next   int
	closed bool
}

func (a *acted) Info() VideoInfo { return a.info }
func (a *acted) Close() error    { a.closed = true; return nil }
func (a *acted) Next(ctx context.Context) (*frame.Frame, error) {
	if a.next == len(a.times) {
		return nil, a.end
	}
	f := frame.New(1, 1)
	f.Index, f.Time = a.next, a.times[a.next]
	a.next++
	return f, nil
}

func TestPacedWaits(t *testing.T) {
	v := Paced(&acted{times: []time.Duration{0, 20 * time.Millisecond, 60 * time.Millisecond}, end: io.EOF})
	if !v.Info().Live {
		t.Error("a paced video is not live")
	}
	start := time.Now()
	frames, _, end := take(t, v)
	if end != io.EOF || len(frames) != 3 {
		t.Fatalf("%d frames, end %v", len(frames), end)
	}
	if took := time.Since(start); took < 60*time.Millisecond {
		t.Errorf("60 ms of video took %v", took)
	}
	if d := frames[2].Captured.Sub(frames[0].Captured); d != 60*time.Millisecond {
		t.Errorf("the third frame was due %v after the first", d)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	v = Paced(&acted{times: []time.Duration{0, time.Hour}, end: io.EOF})
	for range 2 {
		if _, err := v.Next(ctx); err == nil {
			t.Error("a paced video goes on after the end of its context")
		}
	}
}

func TestReconnecting(t *testing.T) {
	first := &acted{info: VideoInfo{Name: "cam", Live: true, FPS: 100}, times: []time.Duration{0, 10e6}, end: ErrBroken}
	second := &acted{times: []time.Duration{0, 10e6}, end: ErrBroken}
	attempts := 0
	var waits []time.Duration
	back := 0
	v := Reconnecting(first, ReconnectOptions{
		GiveUp: 200 * time.Millisecond, First: time.Millisecond, Most: 4 * time.Millisecond,
		Open: func() (Video, error) {
			attempts++
			if attempts == 5 {
				return second, nil
			}
			return nil, fmt.Errorf("attempt %d", attempts)
		},
		Broke: func(_ error, wait time.Duration) { waits = append(waits, wait) },
		Back:  func() { back++ },
	})
	frames, _, end := take(t, v)
	if len(frames) != 4 || back != 1 {
		t.Fatalf("%d frames, %d times back, end %v", len(frames), back, end)
	}
	for i, f := range frames {
		if f.Index != i || i > 0 && f.Time <= frames[i-1].Time {
			t.Errorf("frame %d has index %d and time %v", i, f.Index, f.Time)
		}
	}
	if want := []time.Duration{1e6, 2e6, 4e6, 4e6, 4e6}; !slices.Equal(waits[:5], want) {
		t.Errorf("waits %v, want %v", waits[:5], want)
	}
	if !first.closed || !second.closed {
		t.Error("a broken source was not closed")
	}
	if end == nil || !strings.Contains(end.Error(), "gave up after 200ms") {
		t.Errorf("the end is %v", end)
	}
	if _, err := v.Next(context.Background()); err == nil {
		t.Error("a source that was given up gives frames")
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
}

func TestReconnectNever(t *testing.T) {
	v := Reconnecting(&acted{times: []time.Duration{0}, end: ErrBroken}, ReconnectOptions{Open: func() (Video, error) {
		t.Error("opened again")
		return nil, io.EOF
	}})
	frames, _, end := take(t, v)
	if len(frames) != 1 || !errors.Is(end, ErrBroken) {
		t.Errorf("%d frames, end %v", len(frames), end)
	}
}

func TestWhyNoDevice(t *testing.T) {
	cameras := []Camera{{"/dev/video2", "HD Cam"}, {"/dev/video7", ""}}
	for _, c := range []struct {
		probe         error
		problem, hint string
	}{
		{&fs.PathError{Err: syscall.ENOENT}, "no such device", "listed"},
		{&fs.PathError{Err: syscall.EACCES}, "may not use", "usermod"},
		{&fs.PathError{Err: syscall.EBUSY}, "in use", "fuser /dev/video0"},
		{&fs.PathError{Err: syscall.EIO}, "input/output error", "unplug"},
		{nil, "gives no pictures", "--size"},
	} {
		err := WhyNoDevice("/dev/video0", cameras, func(string) error { return c.probe })
		var e *DeviceError
		if !errors.As(err, &e) || !errors.Is(err, ErrDevice) {
			t.Fatalf("error %v is no DeviceError", err)
		}
		for _, want := range []string{"/dev/video0: ", c.problem, "/dev/video2 (HD Cam), /dev/video7"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q does not say %q", err, want)
			}
		}
		if !strings.Contains(e.Hint(), c.hint) {
			t.Errorf("hint %q does not say %q", e.Hint(), c.hint)
		}
	}
	err := WhyNoDevice("/dev/video0", nil, func(string) error { return fs.ErrNotExist })
	if !strings.Contains(err.Error(), "no camera was found") {
		t.Errorf("%q", err)
	}
	for text, want := range map[string]string{"0": "/dev/video0", "12": "/dev/video12", "/dev/v4l/by-id/x": "/dev/v4l/by-id/x", "-1": "", "cam": ""} {
		if got, err := DevicePath(text); got != want || (err == nil) != (want != "") {
			t.Errorf("%q is device %q, error %v", text, got, err)
		}
	}
}

func TestKindOf(t *testing.T) {
	dir := t.TempDir()
	picture, other := filepath.Join(dir, "a.bin"), filepath.Join(dir, "b.mp4")
	for path, data := range map[string][]byte{picture: encodePNG(t, noiseRGBA(2, 2)), other: []byte("not a picture")} {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for arg, want := range map[string]ArgumentKind{
		"-": ArgumentStdin, "rtsp://cam/1": ArgumentURL, dir: ArgumentPictures, picture: ArgumentPictures,
		filepath.Join(dir, "*.png"): ArgumentPictures, other: ArgumentFile, filepath.Join(dir, "gone"): ArgumentFile,
	} {
		if got := KindOf(arg); got != want {
			t.Errorf("%s is of kind %d, want %d", arg, got, want)
		}
	}
	if got := PublicURL("rtsp://user:secret@cam:554/x"); strings.Contains(got, "secret") || !strings.Contains(got, "cam:554/x") {
		t.Errorf("shown as %q", got)
	}
	if got := PublicURL("rtsp://user:sec%ret@cam/x"); strings.Contains(got, "sec%ret") {
		t.Errorf("shown as %q", got)
	}
	if err := CheckFile(filepath.Join(dir, "gone")); !errors.Is(err, ErrNoPicture) {
		t.Errorf("a missing file: %v", err)
	}
}
