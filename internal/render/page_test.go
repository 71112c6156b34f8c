package render

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"mhp/internal/geom"
	"mhp/internal/pose"
)

// nasty is a file name that breaks out of every context that does not escape it.
const nasty = `</script><script>document.title="owned"</script>"'&<b>.jpg`

func pageOf(t *testing.T, p *pose.Picture) string {
	t.Helper()
	var b bytes.Buffer
	if err := Page(&b, scenery(p.WidthPx, p.HeightPx), p, PageOptions{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPageIsSelfContained(t *testing.T) {
	page := pageOf(t, group(t))
	if m := regexp.MustCompile(`(?i)(https?:|src="//|@import|url\()`).FindString(page); m != "" {
		t.Errorf("the page refers to something outside: %q", m)
	}
	for _, want := range []string{"data:image/jpeg;base64,", "x right, y down, z away", "focal length 614.7", "default-fov"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "UNTRAINED") {
		t.Error("a trained model's page says untrained")
	}
}

func TestPageEscapes(t *testing.T) {
	p := group(t)
	p.Name = nasty
	p.Model.Name, p.Library, p.Camera.Source = nasty, nasty, nasty
	p.People[0].RootDepthSource = nasty
	p.Model.Trained = false
	page := pageOf(t, p)
	if strings.Contains(page, `<script>document.title`) || strings.Contains(page, "<b>.jpg") {
		t.Error("a file name reached the page without escaping")
	}
	if n := strings.Count(page, "</script>"); n != 2 {
		t.Errorf("%d ends of scripts, want 2", n)
	}
	if !strings.Contains(page, untrainedNote) {
		t.Error("an untrained model's page does not warn")
	}
}

func TestPageWithoutPictureOrPeople(t *testing.T) {
	var b bytes.Buffer
	if err := Page(&b, nil, picture(), PageOptions{}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "<img") || !strings.Contains(b.String(), "nobody in the picture") {
		t.Error("want no picture and a word about nobody")
	}
}

func TestPageLeavesOutBrokenPeople(t *testing.T) {
	p := group(t)
	p.People[1].Joints[3].Camera.Z = math.NaN()
	d := dataOf(p, 0)
	if len(d.People) != 3 || len(d.People[1].Joints) != 0 || len(d.People[1].Bones) != 0 || len(d.People[0].Joints) != 21 {
		t.Errorf("the person with a NaN has %d joints, the sound one %d", len(d.People[1].Joints), len(d.People[0].Joints))
	}
	pageOf(t, p) // and the page can still be written
}

// chromium opens the page in a real browser and gives its document after the script ran.
func chromium(t *testing.T, page string, args ...string) string {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("no chromium, chromium-browser or google-chrome on the PATH: the page was not tried in a browser")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "page.html")
	if err := os.WriteFile(file, []byte(page), 0o666); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	args = append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--window-size=1400,900", "--virtual-time-budget=2000",
		"--user-data-dir=" + filepath.Join(dir, "profile")}, args...)
	cmd := exec.CommandContext(ctx, path, append(args, "file://"+file)...)
	cmd.WaitDelay = 5 * time.Second
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		t.Skipf("%s does not run here (%v): the page was not tried in a browser\n%s", path, err, problems.String())
	}
	return out.String()
}

// userScript plays a person with a mouse: it drags, turns the wheel, points at
// a joint and clicks on a person, and notes the page's state after each.
const userScript = `<script>
const scene = document.getElementById("scene"), notes = [];
const at = (type, x, y, more) => scene.dispatchEvent(new PointerEvent(type, { pointerId: 1, clientX: x, clientY: y, bubbles: true, ...more }));
const note = what => notes.push([what, scene.dataset.people, scene.dataset.bones, scene.dataset.yaw, scene.dataset.pitch, scene.dataset.zoom].join(" "));
note("start");
at("pointerdown", 900, 400); at("pointermove", 1000, 425); at("pointerup", 1000, 425);
note("drag");
at("pointermove", 1100, 500);
note("released");
scene.dispatchEvent(new WheelEvent("wheel", { deltaY: -500, bubbles: true, cancelable: true }));
note("wheel");
document.querySelector("nav button[data-pitch='90']").click();
note("top");
const r = scene.getBoundingClientRect(), hint = document.getElementById("hint");
let names = new Set();
for (let y = 0; y < r.height; y += 8) for (let x = 0; x < r.width; x += 8) {
  at("pointermove", r.left + x, r.top + y);
  if (!hint.hidden) names.add(hint.textContent.split(" (")[0]);
}
notes.push("names " + [...names].join(";"));
document.querySelector("#people tr").click();
notes.push("chosen " + document.querySelectorAll("#people tr.chosen").length);
const pixels = scene.getContext("2d").getImageData(0, 0, scene.width, scene.height).data;
let painted = 0;
for (let i = 3; i < pixels.length; i += 4) painted += pixels[i] > 0;
notes.push("painted " + (painted > 1000));
document.body.dataset.notes = notes.join("|");
</script></body>`

func TestPageInABrowser(t *testing.T) {
	p := group(t)
	p.Name = nasty
	page := strings.Replace(pageOf(t, p), "</body>", userScript, 1)
	dom := chromium(t, page, "--dump-dom")
	found := regexp.MustCompile(`data-notes="([^"]*)"`).FindStringSubmatch(dom)
	if found == nil {
		t.Fatalf("the page's script did not run to its end:\n%.600s", dom)
	}
	notes := html.UnescapeString(found[1])
	for _, want := range []string{
		"start 3 60 30.0 18.0 1.00",
		"|drag 3 60 -10.0 28.0 1.00",
		"|released 3 60 -10.0 28.0 1.00",
		"|wheel 3 60 -10.0 28.0 1.65",
		"|top 3 60 0.0 90.0 1.00",
		"person 1, R_Elbow", "person 2, L_Hand", "person 3, L_Toe",
		"|chosen 1", "|painted true",
	} {
		if !strings.Contains(notes, want) {
			t.Errorf("want %q in what the page did:\n%s", want, notes)
		}
	}
	if !strings.Contains(dom, "<title>"+strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(nasty)+"</title>") {
		t.Error("the title is not the file's name")
	}
	if strings.Contains(dom, "<title>owned") {
		t.Error("the file's name ran as a script")
	}
	if rows := strings.Count(dom, "<td>box</td>"); rows != 3 {
		t.Errorf("%d rows in the list of people, want 3", rows)
	}
}

func TestPageOfNobodyInABrowser(t *testing.T) {
	dom := chromium(t, pageOf(t, picture()), "--dump-dom")
	if !strings.Contains(dom, `data-people="0"`) || !strings.Contains(dom, "nobody in the picture</td>") {
		t.Errorf("the empty page was not drawn:\n%.600s", dom)
	}
}

// TestLookAtPage writes screenshots into the folder MHP_LOOK, for a person to look at.
func TestLookAtPage(t *testing.T) {
	dir := os.Getenv("MHP_LOOK")
	if dir == "" {
		t.Skip("set MHP_LOOK to a folder to have the screenshots written there")
	}
	one := picture(person(t, "h36m18", testCamera, geom.CameraPointMM{Z: 2800}, 25))
	one.Model.Trained = false
	chromium(t, pageOf(t, one), "--screenshot="+filepath.Join(dir, "page-one.png"))
	chromium(t, pageOf(t, group(t)), "--force-dark-mode", "--enable-features=WebContentsForceDark", "--screenshot="+filepath.Join(dir, "page-dark.png"))
	chromium(t, pageOf(t, group(t)), "--window-size=420,1300", "--screenshot="+filepath.Join(dir, "page-phone.png"))
	if err := os.WriteFile(filepath.Join(dir, "page.html"), []byte(pageOf(t, group(t))), 0o666); err != nil {
		t.Fatal(fmt.Errorf("cannot keep the page: %w", err))
	}
}
