package web

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"image/jpeg"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"mhp/internal/frame"
	"mhp/internal/geom"
	"mhp/internal/pose"
	"mhp/internal/skeleton"
	"mhp/internal/testkit"
)

// walker is a person who stands 4 m away and swings arms and legs.
func walker(t testing.TB, id int, seconds float64) pose.Person {
	t.Helper()
	set, err := skeleton.Named("muco21")
	if err != nil {
		t.Fatal(err)
	}
	// x to the person's left, y down, z from the front to the back, in mm about the pelvis.
	swing := 300 * math.Sin(4*seconds)
	at := map[string][3]float64{
		"Head_top": {0, -750, 0}, "Head": {0, -600, 0}, "Thorax": {0, -500, 0}, "Spine": {0, -250, 0}, "Pelvis": {},
		"Shoulder": {180, -480, 0}, "Elbow": {240, -230, 0.4}, "Wrist": {250, 0, 0.8}, "Hand": {250, 80, 0.9},
		"Hip": {100, 30, 0}, "Knee": {110, 450, -0.5}, "Ankle": {110, 850, -1}, "Toe": {115, 900, -1.1},
	}
	p := pose.Person{Set: set, ID: id, Joints: make([]pose.Joint, len(set.Joints)), Score: 0.9, RootDepthMM: 4000, RootDepthSource: "box"}
	for j, name := range set.Joints {
		side := 1.0
		switch set.SideOf(j) {
		case skeleton.Right:
			side = -1
			fallthrough
		case skeleton.Left:
			name = name[2:]
		}
		o := at[name]
		if len(name) > 0 && set.SideOf(j) != skeleton.Middle {
			o[0] *= side
			o[2] = o[2] * swing * side
		}
		c := geom.CameraPointMM{X: o[0] + 900*float64(id-1) - 300, Y: o[1] + 100, Z: 4000 + o[2]}
		p.Joints[j] = pose.Joint{Camera: c, Score: 0.9, Image: geom.ImagePoint{X: 319.5 + 560*c.X/c.Z, Y: 239.5 + 560*c.Y/c.Z}}
	}
	return p
}

func result(t testing.TB, number int, people int) (*frame.Frame, *pose.Picture) {
	t.Helper()
	f := frame.New(640, 480)
	for y := range 480 {
		for x := range 640 {
			p := f.Pix[y*f.Stride+3*x:]
			p[0], p[1], p[2] = uint8(60+y/8), 90, uint8(110+x/16)
		}
	}
	s := float64(number) / 30
	p := &pose.Picture{Name: "dance.mp4", Index: number, Time: time.Duration(s * float64(time.Second)), WidthPx: 640, HeightPx: 480,
		Model: pose.ModelInfo{Trained: true}}
	for i := range people {
		p.People = append(p.People, walker(t, i+1, s))
	}
	return f, p
}

func open(t testing.TB, o Options) *Page {
	t.Helper()
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	p, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func dial(t testing.TB, p *Page) *websocket.Conn {
	t.Helper()
	at := strings.Replace(p.URL(), "http:", "ws:", 1)
	before, query, _ := strings.Cut(at, "?")
	c, _, err := websocket.Dial(context.Background(), before+"live?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.SetReadLimit(1 << 22)
	t.Cleanup(func() { c.CloseNow() })
	return c
}

// waitFor polls until the condition holds.
func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func (p *Page) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.viewers)
}

// next reads one message and says that it was drawn.
func next(t testing.TB, c *websocket.Conn) (n note, picture []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	_, b, err := c.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	length := binary.LittleEndian.Uint32(b)
	if err := json.Unmarshal(b[4:4+length], &n); err != nil {
		t.Fatal(err)
	}
	if err := c.Write(ctx, websocket.MessageText, []byte("drawn")); err != nil {
		t.Fatal(err)
	}
	return n, b[4+length:]
}

func show(t testing.TB, p *Page, number, people int) {
	t.Helper()
	f, picture := result(t, number, people)
	if err := p.Write(context.Background(), f, picture); err != nil {
		t.Fatal(err)
	}
}

func TestViewerSeesTheResult(t *testing.T) {
	p := open(t, Options{Delay: func() time.Duration { return 42 * time.Millisecond }})
	show(t, p, 0, 1) // nobody looks yet: nothing happens
	c := dial(t, p)
	waitFor(t, "the viewer", func() bool { return p.count() == 1 })
	show(t, p, 7, 2)
	n, picture := next(t, c)
	if n.Frame != 7 || len(n.People) != 2 || n.People[1].ID != 2 || n.DelayMS != 42 || n.Width != 640 || !n.Trained {
		t.Errorf("the note is %+v", n)
	}
	_, want := result(t, 7, 2)
	j := want.People[1].Joints[4]
	if got := n.People[1].MM[4]; math.Abs(got[0]-j.Camera.X) > 0.6 || math.Abs(got[2]-j.Camera.Z) > 0.6 || len(n.People[1].Bones) != 20 || n.People[0].Alpha[0] != 1 {
		t.Errorf("joint 4 is at %v, want %v", got, j.Camera)
	}
	img, err := jpeg.Decode(bytes.NewReader(picture))
	if err != nil || img.Bounds().Dx() != 640 {
		t.Fatalf("the picture: %v", err)
	}
	if r, g, b, _ := img.At(320, 240).RGBA(); math.Abs(float64(r>>8)-90) > 4 || math.Abs(float64(g>>8)-90) > 4 || math.Abs(float64(b>>8)-130) > 4 {
		t.Errorf("its middle is %d, %d, %d, want 90, 90, 130", r>>8, g>>8, b>>8)
	}
}

// One viewer reads, one never does, one is slow: writing must not wait, and
// the one that reads must get every frame that it asks for.
func TestSlowViewersSlowNobody(t *testing.T) {
	p := open(t, Options{})
	p.patience = time.Hour
	quick, deaf := dial(t, p), dial(t, p)
	waitFor(t, "two viewers", func() bool { return p.count() == 2 })
	for i := range 40 {
		show(t, p, i, 1)
		if n, _ := next(t, quick); n.Frame != i {
			t.Fatalf("the quick viewer got frame %d instead of %d", n.Frame, i)
		}
	}
	// After all that the deaf one has two messages under way, and then the newest.
	for _, want := range []string{"first", "second", "newest"} {
		n, _ := next(t, deaf)
		switch {
		// The quick one may have had its last frame before it was offered to the other.
		case want == "newest" && n.Frame < 38:
			t.Errorf("the viewer that slept gets frame %d, not the newest", n.Frame)
		case want != "newest" && n.Frame > 20:
			t.Errorf("its %s message is frame %d", want, n.Frame)
		}
	}
}

func TestViewerWhoNeverAnswersIsDropped(t *testing.T) {
	p := open(t, Options{})
	p.patience = 50 * time.Millisecond
	dial(t, p)
	waitFor(t, "the viewer", func() bool { return p.count() == 1 })
	waitFor(t, "its end", func() bool {
		show(t, p, 0, 1)
		return p.count() == 0
	})
}

func TestManyViewersComeAndGo(t *testing.T) {
	p := open(t, Options{})
	var all []*websocket.Conn
	for range 12 {
		all = append(all, dial(t, p))
	}
	waitFor(t, "twelve viewers", func() bool { return p.count() == 12 })
	show(t, p, 3, 1)
	for _, c := range all {
		if n, _ := next(t, c); n.Frame != 3 {
			t.Errorf("a viewer got frame %d", n.Frame)
		}
	}
	for _, c := range all[1:] {
		c.CloseNow()
	}
	waitFor(t, "one viewer", func() bool { return p.count() == 1 })
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if _, _, err := all[0].Read(ctx); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		t.Errorf("the end of the video reads as %v", err)
	}
}

func TestWhatIsNotFiniteIsLeftOut(t *testing.T) {
	p := open(t, Options{})
	c := dial(t, p)
	waitFor(t, "the viewer", func() bool { return p.count() == 1 })
	f, picture := result(t, 0, 2)
	picture.People[0].Joints[3].Camera.Z = math.NaN()
	if err := p.Write(context.Background(), f, picture); err != nil {
		t.Fatal(err)
	}
	if n, _ := next(t, c); len(n.People) != 1 || n.People[0].ID != 2 {
		t.Errorf("shown are %+v", n.People)
	}
}

// ask makes a request with a Host and an Origin of its own.
func ask(t *testing.T, p *Page, path, host, origin string) (status int, body string) {
	t.Helper()
	base, query, _ := strings.Cut(p.URL(), "?")
	base = strings.Replace(base, "//localhost:", "//127.0.0.1:", 1) // not every container knows the name
	path = strings.Replace(path, "TOKEN", query, 1)
	r, err := http.NewRequest(http.MethodGet, strings.TrimSuffix(base, "/")+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		r.Host = host
	}
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	if strings.HasPrefix(path, "/live") {
		r.Header.Set("Connection", "Upgrade")
		r.Header.Set("Upgrade", "websocket")
		r.Header.Set("Sec-WebSocket-Version", "13")
		r.Header.Set("Sec-WebSocket-Key", "AQIDBAUGBwgJCgsMDQ4PEA==")
	}
	a, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	if a.StatusCode == http.StatusSwitchingProtocols {
		return a.StatusCode, ""
	}
	b, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return a.StatusCode, string(b)
}

func TestForeignPagesAreRefused(t *testing.T) {
	p := open(t, Options{})
	_, port, _ := net.SplitHostPort(p.listen.Addr().String())
	own := "http://127.0.0.1:" + port
	for _, c := range []struct {
		path, host, origin string
		want               int
	}{
		{"/", "", "", 200}, {"/", "localhost:" + port, "", 200}, {"/", "evil.example:" + port, "", 403},
		{"/live", "", own, 101}, {"/live", "", "", 101}, {"/live", "", "http://evil.example", 403},
		{"/live", "", "http://127.0.0.1:1", 403}, {"/live", "evil.example:" + port, "http://evil.example:" + port, 403},
		{"/live", "", "null", 403}, {"/nothing", "", "", 404},
	} {
		if got, _ := ask(t, p, c.path, c.host, c.origin); got != c.want {
			t.Errorf("%s with host %q and origin %q: %d, want %d", c.path, c.host, c.origin, got, c.want)
		}
	}
}

func TestRemoteNeedsAToken(t *testing.T) {
	var refused *Error
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "example.org:0"} {
		if _, err := Open(Options{Addr: addr}); !errors.As(err, &refused) || !strings.Contains(refused.Hint(), "--web-allow-remote") {
			t.Errorf("%s without permission: %v", addr, err)
		}
	}
	p := open(t, Options{Addr: "0.0.0.0:0", AllowRemote: true})
	q := open(t, Options{Addr: "0.0.0.0:0", AllowRemote: true})
	if p.token == q.token || len(p.token) != 32 || !strings.Contains(p.URL(), "token="+p.token) {
		t.Fatalf("tokens %q and %q", p.token, q.token)
	}
	for path, want := range map[string]int{"/": 403, "/?token=": 403, "/?token=" + q.token: 403, "/?TOKEN": 200, "/live": 403, "/live?token=x": 403, "/live?TOKEN": 101} {
		if got, _ := ask(t, p, path, "a.name.on.the.network:80", ""); got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
	if got, _ := ask(t, p, "/live?TOKEN", "", "http://evil.example"); got != 403 {
		t.Errorf("a foreign page with the token: %d", got)
	}
}

func TestPortInUse(t *testing.T) {
	p := open(t, Options{})
	_, err := Open(Options{Addr: p.listen.Addr().String()})
	var e *Error
	if !errors.As(err, &e) || !strings.Contains(e.Hint(), "choose another") {
		t.Errorf("a port in use gives %v", err)
	}
	if _, err := Open(Options{Addr: "8090"}); err == nil {
		t.Error("an address without a host is taken")
	}
}

// The page must not load anything from anywhere.
func TestPageIsSelfContained(t *testing.T) {
	p := open(t, Options{})
	status, body := ask(t, p, "/", "", "")
	if status != 200 || len(body) < 100000 {
		t.Fatalf("status %d, %d bytes", status, len(body))
	}
	for _, bad := range []string{"src=\"", "href=\"", "@import", "url(", "/*SCRIPT*/", "/*STYLE*/"} {
		head, _, _ := strings.Cut(body, "<script type=\"module\">")
		if strings.Contains(head, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	if !strings.Contains(body, "Three.js Authors") || !strings.Contains(body, "SPDX-License-Identifier: MIT") {
		t.Error("three.js has lost its licence")
	}
}

// The committed bundle is what its sources make.
func TestBundleIsUpToDate(t *testing.T) {
	root := testkit.RepoRoot(t)
	if _, err := os.Stat(filepath.Join(root, ".tools", "node", "node_modules", "esbuild")); err != nil {
		t.Skip("no esbuild here: scripts/setup.sh node fetches it")
	}
	made := filepath.Join(t.TempDir(), "live.js")
	if out, err := exec.Command(filepath.Join(root, "scripts", "bundle_page.sh"), made).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b, err := os.ReadFile(made)
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != liveJS {
		t.Error("internal/web/bundle/live.js is not what its sources make: run make page and commit it")
	}
}

// shrunk against its plain twin: the mean of each square, then Go's own conversion.
func TestShrunkIsTheMean(t *testing.T) {
	for _, order := range []frame.Order{frame.RGB, frame.BGR} {
		f := frame.New(61, 35)
		f.Order = order
		for i := range f.Pix {
			f.Pix[i] = uint8(i*i/7 + i)
		}
		for _, widest := range []int{100, 31, 15, 1} {
			img := shrunk(f, widest)
			k := (61 + widest - 1) / widest
			k = min(k, 35)
			b := img.Bounds()
			if b.Dx() != 61/k || b.Dy() != 35/k {
				t.Fatalf("widest %d: %v", widest, b)
			}
			for y := range b.Dy() {
				for x := range b.Dx() {
					sum := 0.0
					for dy := range k {
						for dx := range k {
							r, g, bl := f.RGBAt(x*k+dx, y*k+dy)
							sum += 0.299*float64(r) + 0.587*float64(g) + 0.114*float64(bl)
						}
					}
					if got, want := float64(img.Y[y*img.YStride+x]), sum/float64(k*k); math.Abs(got-want) > 1.6 {
						t.Fatalf("widest %d at %d,%d: %v, want %v", widest, x, y, got, want)
					}
				}
			}
		}
	}
	grey := frame.New(9, 9)
	for i := range grey.Pix {
		grey.Pix[i] = 200
	}
	img := shrunk(grey, 9)
	for i := range img.Cb {
		if img.Cb[i] != 128 || img.Cr[i] != 128 {
			t.Fatalf("grey has the colour %d, %d", img.Cb[i], img.Cr[i])
		}
	}
}

func BenchmarkMessage720p(b *testing.B) {
	p := &Page{}
	f := frame.New(1280, 720)
	for i := range f.Pix {
		f.Pix[i] = uint8(i * 7 / 5)
	}
	_, picture := result(b, 0, 1)
	s := newShot(f, picture, nil)
	for b.Loop() {
		_ = p.message(s, 30)
	}
}
