//go:build !lite

package gocv

import (
	"bytes"
	"context"
	"errors"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gocv.io/x/gocv"

	"mhp/internal/frame"
	"mhp/internal/sink"
)

func film(t *testing.T, o FilmOptions) *Film {
	t.Helper()
	f, err := NewFilm(o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func write(t *testing.T, s sink.Sink, numbers ...int) {
	t.Helper()
	for _, n := range numbers {
		f, p := result(t, n)
		if err := s.Write(context.Background(), f, p); err != nil {
			t.Fatal(err)
		}
	}
}

func upTo(n int) (list []int) {
	for i := range n {
		list = append(list, i)
	}
	return list
}

// count plays a film and counts its frames and those with a skeleton on them.
func count(t *testing.T, path string) (frames, drawn int, fps float64) {
	t.Helper()
	v, err := gocv.VideoCaptureFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	m := gocv.NewMat()
	defer m.Close()
	for v.Read(&m) && !m.Empty() {
		frames++
		blue := 0
		b := m.ToBytes()
		for i := 0; i < len(b); i += 3 {
			if int(b[i]) > int(b[i+2])+60 {
				blue++
			}
		}
		if blue > 20 {
			drawn++
		}
	}
	return frames, drawn, v.Get(gocv.VideoCaptureFPS)
}

func TestFilmsReadBack(t *testing.T) {
	for _, name := range []string{"a.mp4", "b.AVI"} {
		path := filepath.Join(t.TempDir(), "new", name)
		codec := ""
		f := film(t, FilmOptions{Path: path, FPS: 25, SureScore: 0.5, Opened: func(c string) { codec = c }})
		if !f.WantsPixels() {
			t.Error("a film needs no pixels")
		}
		write(t, f, upTo(30)...)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		frames, drawn, fps := count(t, path)
		if frames != 30 || drawn != 30 || fps < 24.9 || fps > 25.1 {
			t.Errorf("%s: %d frames, %d with a skeleton, %v a second", name, frames, drawn, fps)
		}
		if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 1 {
			t.Errorf("%s: the folder holds %v", name, files)
		}
		if probe, err := exec.LookPath("ffprobe"); err == nil {
			out, err := exec.Command(probe, "-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0", path).Output()
			want := map[string]string{"H.264": "h264,320,240", "MJPG": "mjpeg,320,240"}[codec]
			if got := strings.TrimSpace(string(out)); err != nil || want == "" || got != want {
				t.Errorf("%s: said to be %s, ffprobe says %q (%v)", name, codec, got, err)
			}
		}
	}
}

// An AVI can be read when the program was killed; an MP4 is then not there at all.
func TestFilmsCutOff(t *testing.T) {
	dir := t.TempDir()
	avi := film(t, FilmOptions{Path: filepath.Join(dir, "a.avi"), FPS: 25})
	mp4 := film(t, FilmOptions{Path: filepath.Join(dir, "a.mp4"), FPS: 25})
	for _, n := range upTo(64) {
		f, p := result(t, n)
		for i := range f.Pix { // noise, so that there is something to write
			f.Pix[i] = uint8((i * (n + 3) * 2654435761) >> 13)
		}
		if err := avi.Write(context.Background(), f, p); err != nil {
			t.Fatal(err)
		}
	}
	write(t, mp4, upTo(5)...)
	// What is on the disk before anything is closed is what a kill leaves.
	b, err := os.ReadFile(filepath.Join(dir, "a.avi"))
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(dir, "cut.avi")
	if err := os.WriteFile(cut, b, 0o666); err != nil {
		t.Fatal(err)
	}
	if frames, _, _ := count(t, cut); frames < 5 {
		t.Errorf("%d frames can be read of an AVI that was cut off after 64 (%d bytes)", frames, len(b))
	}
	if _, err := os.Stat(filepath.Join(dir, "a.mp4")); !os.IsNotExist(err) {
		t.Errorf("an unfinished MP4 stands under its name: %v", err)
	}
	if err := errors.Join(avi.Close(), mp4.Close()); err != nil {
		t.Error(err)
	}
}

// The film keeps the source's time: gaps are filled, surplus frames left out.
func TestFilmKeepsTheTime(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		fps   float64
		times []time.Duration
		want  int
	}{
		"even":     {25, []time.Duration{0, 40, 80, 120}, 4},
		"jitter":   {25, []time.Duration{3, 41, 85, 118, 160}, 5},
		"gap":      {25, []time.Duration{0, 40, 400, 440}, 12},
		"too fast": {25, []time.Duration{0, 20, 40, 60, 80}, 3},
		"no times": {25, []time.Duration{0, 0, 0, 0, 0}, 5},
		"hour off": {10, []time.Duration{0, 3600000}, 101},
	} {
		path := filepath.Join(dir, name+".avi")
		f := film(t, FilmOptions{Path: path, FPS: c.fps})
		for _, ms := range c.times {
			picture, p := result(t, 0)
			p.Time = ms * time.Millisecond
			if err := f.Write(context.Background(), picture, p); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if frames, _, _ := count(t, path); frames != c.want {
			t.Errorf("%s: %d frames, want %d", name, frames, c.want)
		}
	}
}

func TestFilmOnAFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.mp4")
	f := film(t, FilmOptions{Path: path, FPS: 25})
	room := 10
	f.free = func(string) uint64 {
		room--
		return uint64(room) * reserveBytes
	}
	failed := 0
	for _, n := range upTo(20) {
		picture, p := result(t, n)
		var e *sink.WriteError
		if err := f.Write(context.Background(), picture, p); errors.As(err, &e) && errors.Is(err, syscall.ENOSPC) && strings.Contains(e.Hint(), "full") {
			failed++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if failed != 11 {
		t.Errorf("%d of 20 frames were refused", failed)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if frames, _, _ := count(t, path); frames != 9 {
		t.Errorf("%d frames stay readable, want 9", frames)
	}
}

func TestFilmRefuses(t *testing.T) {
	dir := t.TempDir()
	input := filepath.Join(dir, "in.mp4")
	if _, err := NewFilm(FilmOptions{Path: input, Inputs: sink.NewInputs(input)}); err == nil {
		t.Error("the input would be overwritten")
	}
	if _, err := NewFilm(FilmOptions{Path: filepath.Join(dir, "a.mkv")}); err == nil {
		t.Error("a film with an unknown ending")
	}
	f := film(t, FilmOptions{Path: "/proc/a.mp4"})
	picture, p := result(t, 0)
	var e *sink.WriteError
	if err := f.Write(context.Background(), picture, p); !errors.As(err, &e) {
		t.Errorf("a folder that takes no files: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	none := film(t, FilmOptions{Path: filepath.Join(dir, "none.mp4")})
	if err := none.Close(); err != nil {
		t.Error(err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("left behind: %v", files)
	}
}

// A camera that comes back with another size must not end the film.
func TestFilmOfChangingSize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.avi")
	f := film(t, FilmOptions{Path: path, FPS: 25})
	write(t, f, 0)
	_, p := result(t, 1)
	big := frame.New(640, 480)
	p.WidthPx, p.HeightPx = 640, 480
	if err := f.Write(context.Background(), big, p); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if frames, _, _ := count(t, path); frames != 2 {
		t.Errorf("%d frames", frames)
	}
}

func TestJPEG(t *testing.T) {
	for _, order := range []frame.Order{frame.BGR, frame.RGB} {
		f := frame.New(2000, 1000)
		f.Order = order
		for i := 0; i < len(f.Pix); i += 3 {
			f.Pix[i], f.Pix[i+1], f.Pix[i+2] = 200, 100, 50
		}
		b, err := JPEG()(f)
		if err != nil {
			t.Fatal(err)
		}
		img, err := jpeg.Decode(bytes.NewReader(b))
		if err != nil || img.Bounds().Dx() != widestPx {
			t.Fatalf("%v, %v", img.Bounds(), err)
		}
		r, _, bl, _ := img.At(100, 100).RGBA()
		if order == frame.BGR && (r>>8 > 60 || bl>>8 < 190) || order == frame.RGB && (r>>8 < 190 || bl>>8 > 60) {
			t.Errorf("order %d: red %d, blue %d", order, r>>8, bl>>8)
		}
	}
}
