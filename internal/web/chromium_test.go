package web

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// browser is a headless Chromium that is steered through its DevTools protocol.
type browser struct {
	t    *testing.T
	conn *websocket.Conn
	next int
	log  []string // what the page's console said
}

func startBrowser(t *testing.T, url string) *browser {
	t.Helper()
	var exe string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			exe = path
			break
		}
	}
	if exe == "" {
		t.Skip("no Chromium here: the page was not looked at")
	}
	profile := t.TempDir()
	cmd := exec.Command(exe, "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
		"--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-background-networking", "--disable-component-update",
		"--user-data-dir="+profile, "--remote-debugging-port=0", "--window-size=1000,560", url)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // the browser and its helpers
		_ = cmd.Wait()
	})
	var port string
	within(t, "Chromium's port", func() bool {
		b, err := os.ReadFile(filepath.Join(profile, "DevToolsActivePort"))
		port, _, _ = strings.Cut(string(b), "\n")
		return err == nil && port != ""
	})
	b := &browser{t: t}
	var target string
	within(t, "the page's tab", func() bool {
		target = tab("http://127.0.0.1:" + port + "/json")
		return target != ""
	})
	c, _, err := websocket.Dial(context.Background(), target, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.SetReadLimit(1 << 26)
	t.Cleanup(func() { c.CloseNow() })
	b.conn = c
	b.call("Runtime.enable", nil)
	b.call("Log.enable", nil)
	return b
}

// within is waitFor with the time that a browser takes on a busy machine.
func within(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(90 * time.Second); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// call runs one command of the protocol; messages in between are noted.
func (b *browser) call(method string, params any) json.RawMessage {
	b.t.Helper()
	b.next++
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	text, err := json.Marshal(map[string]any{"id": b.next, "method": method, "params": params})
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.conn.Write(ctx, websocket.MessageText, text); err != nil {
		b.t.Fatal(err)
	}
	for {
		_, answer, err := b.conn.Read(ctx)
		if err != nil {
			b.t.Fatalf("%s: %v", method, err)
		}
		var a struct {
			ID     int
			Method string
			Result json.RawMessage
			Error  *struct{ Message string }
			Params json.RawMessage
		}
		if err := json.Unmarshal(answer, &a); err != nil {
			b.t.Fatal(err)
		}
		if a.ID != b.next {
			if a.Method == "Runtime.exceptionThrown" || a.Method == "Log.entryAdded" {
				b.log = append(b.log, string(a.Params))
			}
			continue
		}
		if a.Error != nil {
			b.t.Fatalf("%s: %s", method, a.Error.Message)
		}
		return a.Result
	}
}

func (b *browser) eval(expression string) string {
	b.t.Helper()
	var r struct {
		Result struct{ Value any }
	}
	if err := json.Unmarshal(b.call("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}), &r); err != nil {
		b.t.Fatal(err)
	}
	return fmt.Sprint(r.Result.Value)
}

// shot takes a picture of the page; with MHP_LOOK it is kept for a person to look at.
func (b *browser) shot(name string) *image.NRGBA {
	b.t.Helper()
	var r struct{ Data string }
	if err := json.Unmarshal(b.call("Page.captureScreenshot", map[string]any{"format": "png"}), &r); err != nil {
		b.t.Fatal(err)
	}
	data, err := base64.StdEncoding.DecodeString(r.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	if dir := os.Getenv("MHP_LOOK"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".png"), data, 0o666); err != nil {
			b.t.Fatal(err)
		}
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		b.t.Fatal(err)
	}
	out := image.NewNRGBA(img.Bounds())
	for y := out.Rect.Min.Y; y < out.Rect.Max.Y; y++ {
		for x := out.Rect.Min.X; x < out.Rect.Max.X; x++ {
			out.Set(x, y, img.At(x, y))
		}
	}
	return out
}

func (b *browser) mouse(kind string, x, y int, buttons int) {
	b.call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": x, "y": y, "button": "left", "buttons": buttons, "clickCount": 1})
}

// colored counts the pixels of a part of the picture that are clearly blue and
// clearly orange, the colours of left and right.
func colored(img *image.NRGBA, part image.Rectangle) (blue, orange int) {
	for y := part.Min.Y; y < part.Max.Y; y++ {
		for x := part.Min.X; x < part.Max.X; x++ {
			c := img.NRGBAAt(x, y)
			r, g, b := int(c.R), int(c.G), int(c.B)
			switch {
			case b > 110 && b > r+70 && b > g+30:
				blue++
			case r > 110 && r > b+70 && g > b && r > g+30:
				orange++
			}
		}
	}
	return blue, orange
}

// differ counts the pixels of a part that differ clearly.
func differ(a, b *image.NRGBA, part image.Rectangle) (n int) {
	for y := part.Min.Y; y < part.Max.Y; y++ {
		for x := part.Min.X; x < part.Max.X; x++ {
			p, q := a.NRGBAAt(x, y), b.NRGBAAt(x, y)
			if d := func(u, v uint8) bool { return int(u)-int(v) > 40 || int(v)-int(u) > 40 }; d(p.R, q.R) || d(p.G, q.G) || d(p.B, q.B) {
				n++
			}
		}
	}
	return n
}

// The page in a real browser: picture and space show both people in their
// colours, the view turns when dragged and on its own, and follows the video.
func TestPageInChromium(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes a while")
	}
	p := open(t, Options{Delay: func() time.Duration { return 23 * time.Millisecond }})
	b := startBrowser(t, p.URL())
	advance := func(want int) {
		t.Helper()
		within(t, fmt.Sprintf("frame %d on the page", want), func() bool {
			show(t, p, want, 2)
			return b.eval("document.body.dataset.frame") == fmt.Sprint(want)
		})
	}
	within(t, "the page as a viewer", func() bool { return p.count() == 1 })
	advance(10)
	// Two redraws later the picture is on the screen.
	redraw := "new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(r, 50))))"
	b.eval(redraw)
	first := b.shot("page-1")
	area := first.Bounds()
	left := image.Rect(0, 60, area.Dx()/2, area.Dy())
	right := image.Rect(area.Dx()/2, 60, area.Dx(), area.Dy()-30) // without the help text
	for name, part := range map[string]image.Rectangle{"picture": left, "space": right} {
		if blue, orange := colored(first, part); blue < 300 || orange < 300 {
			t.Errorf("the %s shows %d blue and %d orange pixels", name, blue, orange)
		}
	}
	if text := b.eval("document.getElementById('state').value + ' ' + document.getElementById('figures').value"); !strings.Contains(text, "dance.mp4 · 2 people") || !strings.Contains(text, "delay 23 ms") {
		t.Errorf("the head says %q", text)
	}

	x, y := area.Dx()*3/4, area.Dy()/2
	b.mouse("mouseMoved", x, y, 0)
	b.mouse("mousePressed", x, y, 1)
	for i := 1; i <= 5; i++ {
		b.mouse("mouseMoved", x+40*i, y-6*i, 1)
	}
	b.mouse("mouseReleased", x+200, y-30, 0)
	b.eval(redraw)
	turned := b.shot("page-2-turned")
	if n := differ(first, turned, right); n < 2000 {
		t.Errorf("dragging changed %d pixels of the view in space", n)
	}
	if n := differ(first, turned, left); n > 50 {
		t.Errorf("dragging in space changed %d pixels of the picture", n)
	}
	if blue, orange := colored(turned, right); blue < 300 || orange < 300 {
		t.Errorf("turned, the space shows %d blue and %d orange pixels", blue, orange)
	}

	b.eval("document.getElementById('turn').click()")
	b.eval("new Promise(r => setTimeout(r, 1500))")
	alone := b.shot("page-3-turning")
	if n := differ(turned, alone, right); n < 1000 {
		t.Errorf("the view does not turn on its own: %d pixels changed", n)
	}
	b.eval("document.getElementById('turn').click()")
	b.eval("document.getElementById('reset').click()")
	advance(40)
	b.eval(redraw)
	if n := differ(first, b.shot("page-4-later"), left); n < 200 {
		t.Errorf("thirty frames later %d pixels of the picture have changed", n)
	}
	if len(b.log) > 0 {
		t.Errorf("the page complains: %v", b.log)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	within(t, "the end on the page", func() bool {
		s := b.eval("document.getElementById('state').value")
		return strings.Contains(s, "over") || strings.Contains(s, "no connection")
	})
}

// tab is the DevTools address of the first tab, "" while there is none.
func tab(list string) string {
	r, err := http.Get(list)
	if err != nil {
		return ""
	}
	defer r.Body.Close()
	var tabs []struct {
		Type string `json:"type"`
		URL  string `json:"webSocketDebuggerUrl"`
	}
	if json.NewDecoder(r.Body).Decode(&tabs) != nil {
		return ""
	}
	for _, one := range tabs {
		if one.Type == "page" {
			return one.URL
		}
	}
	return ""
}
