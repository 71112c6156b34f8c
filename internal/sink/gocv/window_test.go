//go:build !lite

package gocv

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// screen starts an X server without a screen and returns the file in which its
// picture lies. The test's environment points at it.
func screen(t *testing.T) (framebuffer string) {
	t.Helper()
	for _, tool := range []string{"Xvfb", "xdotool"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s here (scripts/setup.sh viewers installs it): the window was not looked at", tool)
		}
	}
	dir := t.TempDir()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	// The server finds a free display itself and writes its number into the pipe.
	x := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1000x500x24", "-fbdir", dir, "-nolisten", "tcp")
	x.ExtraFiles = []*os.File{write}
	if err := x.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	t.Cleanup(func() {
		_ = x.Process.Kill()
		_ = x.Wait()
	})
	var number int
	if _, err := fmt.Fscan(read, &number); err != nil {
		t.Fatalf("Xvfb gives no display: %v", err)
	}
	t.Setenv("DISPLAY", fmt.Sprintf(":%d", number))
	t.Setenv("QT_QPA_PLATFORM", "xcb")
	return filepath.Join(dir, "Xvfb_screen0")
}

// photograph reads the framebuffer, an XWD file of 32 bits a pixel, blue first.
func photograph(t *testing.T, framebuffer string) *image.NRGBA {
	t.Helper()
	b, err := os.ReadFile(framebuffer)
	if err != nil {
		t.Fatal(err)
	}
	field := func(n int) int { return int(binary.BigEndian.Uint32(b[4*n:])) }
	header, width, height, stride, colors := field(0), field(4), field(5), field(12), field(19)
	if field(11) != 32 {
		t.Fatalf("%d bits a pixel", field(11))
	}
	pix := b[header+12*colors:]
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			p := pix[y*stride+4*x:]
			img.SetNRGBA(x, y, color.NRGBA{p[2], p[1], p[0], 0xff})
		}
	}
	return img
}

// keep keeps a picture for a person to look at, in the folder MHP_LOOK.
func keep(t *testing.T, name string, img image.Image) {
	t.Helper()
	dir := os.Getenv("MHP_LOOK")
	if dir == "" {
		return
	}
	f, err := os.Create(filepath.Join(dir, name+".png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
}

// like counts the pixels that are about of a colour.
func like(img *image.NRGBA, r, g, b int) (n int) {
	near := func(a uint8, b int) bool { return int(a)-b < 12 && b-int(a) < 12 }
	for i := 0; i < len(img.Pix); i += 4 {
		if near(img.Pix[i], r) && near(img.Pix[i+1], g) && near(img.Pix[i+2], b) {
			n++
		}
	}
	return n
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !ok(); time.Sleep(30 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func press(t *testing.T, key string) {
	t.Helper()
	if out, err := exec.Command("xdotool", "mousemove", "200", "200", "key", key).CombinedOutput(); err != nil {
		t.Fatalf("xdotool: %v\n%s", err, out)
	}
}

// One test for everything: OpenCV's window library lives once in a process.
func TestWindow(t *testing.T) {
	framebuffer := screen(t)
	saves := t.TempDir()
	var saved atomic.Value
	w, err := OpenWindow(WindowOptions{
		Title: "mhp", Display: os.Getenv("DISPLAY"), SaveDir: saves, SureScore: 0.5,
		Saved: func(path string, err error) { saved.Store(path) },
		Delay: func() time.Duration { return 35 * time.Millisecond },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	show := func(n int) {
		t.Helper()
		f, p := result(t, n)
		if err := w.Write(ctx, f, p); err != nil {
			t.Fatal(err)
		}
	}
	show(0)
	// The picture's ground, the blue of left over it, the darker blue on the view's white paper.
	parts := func() (ground, overlay, space int) {
		img := photograph(t, framebuffer)
		return like(img, 60, 90, 40), like(img, 0x1f, 0x8f, 0xff), like(img, 0x00, 0x66, 0xcc)
	}
	until(t, "picture and space on the screen", func() bool {
		ground, overlay, space := parts()
		return ground > 20000 && overlay > 50 && space > 50
	})
	keep(t, "window-1", photograph(t, framebuffer))
	before := photograph(t, framebuffer)
	show(80)
	until(t, "the next frame", func() bool { return string(photograph(t, framebuffer).Pix) != string(before.Pix) })

	press(t, "h")
	until(t, "the help", func() bool { return like(photograph(t, framebuffer), 0x10+8, 0x10+13, 0x10+5) > 5000 })
	keep(t, "window-2-help", photograph(t, framebuffer))
	press(t, "h")
	until(t, "the end of the help", func() bool { return like(photograph(t, framebuffer), 0x10+8, 0x10+13, 0x10+5) < 3000 })

	still := photograph(t, framebuffer)
	press(t, "l")
	until(t, "the turned view", func() bool { return string(photograph(t, framebuffer).Pix) != string(still.Pix) })

	press(t, "s")
	until(t, "the saved picture", func() bool { return saved.Load() != nil })
	f, err := os.Open(saved.Load().(string))
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(f)
	f.Close()
	if err != nil || img.Bounds() != image.Rect(0, 0, 320+240, 240+30) {
		t.Errorf("the saved picture is %v (%v)", img.Bounds(), err)
	}

	press(t, "space")
	until(t, "the pause", w.isPaused)
	waiting := make(chan error, 1)
	go func() { waiting <- w.Hold(ctx) }()
	select {
	case <-waiting:
		t.Error("a file does not wait while paused")
	case <-time.After(100 * time.Millisecond):
	}
	show(90) // must not block, nor be shown
	press(t, "space")
	if err := <-waiting; err != nil {
		t.Error(err)
	}
	press(t, "space")
	until(t, "the second pause", w.isPaused)
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if err := w.Hold(stopped); !errors.Is(err, context.Canceled) {
		t.Errorf("the end of the run does not end the pause: %v", err)
	}

	press(t, "q")
	select {
	case <-w.Quit():
	case <-time.After(60 * time.Second):
		t.Error("q does not quit")
	}
	if err := w.Hold(ctx); err != nil {
		t.Error(err)
	}
	show(91) // after the end: nothing happens
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

func TestWindowNeedsAScreen(t *testing.T) {
	for _, display := range []string{"", "nonsense", ":", ":98765", "127.0.0.1:x"} {
		var e *DisplayError
		if _, err := OpenWindow(WindowOptions{Display: display}); !errors.As(err, &e) || e.Hint() == "" {
			t.Errorf("DISPLAY=%q: %v", display, err)
		}
	}
}

func TestSavedPicturesAreNeverReplaced(t *testing.T) {
	dir := t.TempDir()
	img := image.NewRGBA(image.Rect(0, 0, 2, 2))
	first, err1 := savePNG(dir, 7, img)
	second, err2 := savePNG(dir, 7, img)
	if err1 != nil || err2 != nil || first == second {
		t.Errorf("%s (%v), then %s (%v)", first, err1, second, err2)
	}
	if path, err := savePNG(filepath.Join(dir, "none"), 7, img); err == nil {
		t.Errorf("%s was saved into a folder that is not there", path)
	}
}
