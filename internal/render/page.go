package render

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"image/jpeg"
	"io"
	"math"

	"mhp/internal/frame"
	"mhp/internal/geom"
	"mhp/internal/pose"
	"mhp/internal/skeleton"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
	//go:embed page.js
	pageJS string
)

// PageOptions say how a page is made. The zero value embeds the picture with
// at most 1600 px on its longer side.
type PageOptions struct {
	MaxSidePx   int     // 0 means 1600
	JPEGQuality int     // 1..100, 0 means 85
	SureScore   float64 // as in OverlayOptions
}

// pageData is what the page's script draws. Lengths are mm and px as the
// keys of the result document; alpha is the opacity by score.
type pageData struct {
	Width  int          `json:"width"`
	Height int          `json:"height"`
	People []pagePerson `json:"people"`
}

type pagePerson struct {
	Box      [4]float64  `json:"box"`
	Root     string      `json:"root"`
	Distance string      `json:"distance"`
	DepthBy  string      `json:"depthBy"`
	Score    float64     `json:"score"`
	Joints   []pageJoint `json:"joints"`
	Bones    []pageBone  `json:"bones"`
}

type pageJoint struct {
	Name  string     `json:"name"`
	MM    [3]float64 `json:"mm"`
	Px    [2]float64 `json:"px"`
	Score float64    `json:"score"`
	Alpha float64    `json:"alpha"`
	Side  string     `json:"side"`
}

type pageBone struct {
	From int    `json:"from"`
	To   int    `json:"to"`
	Side string `json:"side"`
}

// Page writes one self-contained HTML page: the picture with the skeletons
// beside a 3D view that turns, with the list of people, units and camera. It
// loads nothing from anywhere. The frame may be nil; then the picture is left out.
func Page(w io.Writer, f *frame.Frame, p *pose.Picture, o PageOptions) error {
	t, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return fmt.Errorf("the built-in page template: %w", err)
	}
	picture, err := pictureURL(f, p, o)
	if err != nil {
		return err
	}
	warning := ""
	if !p.Model.Trained {
		warning = untrainedNote
	}
	return t.Execute(w, map[string]any{
		"Title": p.Name, "Summary": pageSummary(p), "Warning": warning, "Picture": picture,
		"Style": template.CSS(pageCSS), "Script": template.JS(pageJS), "Data": dataOf(p, o.SureScore),
		"Units": "Units: mm before the camera, x right, y down, z away from the camera, origin in the camera; picture in px. " +
			"The floor is drawn at the lowest joint and takes the camera as level.",
		"Camera": cameraText(p.Camera), "Made": madeBy(p),
	})
}

func pictureURL(f *frame.Frame, p *pose.Picture, o PageOptions) (template.URL, error) {
	if f == nil {
		return "", nil
	}
	if o.MaxSidePx == 0 {
		o.MaxSidePx = 1600
	}
	if o.JPEGQuality == 0 {
		o.JPEGQuality = 85
	}
	var b bytes.Buffer
	img := Overlay(f, p, OverlayOptions{MaxSidePx: o.MaxSidePx, SureScore: o.SureScore})
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: o.JPEGQuality}); err != nil {
		return "", fmt.Errorf("%s: cannot compress the picture: %w", p.Name, err)
	}
	return template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(b.Bytes())), nil
}

func pageSummary(p *pose.Picture) string {
	people := "nobody in the picture"
	switch n := len(p.People); {
	case n == 1:
		people = "1 person"
	case n > 1:
		people = fmt.Sprintf("%d people", n)
	}
	if p.Dropped > 0 {
		people += fmt.Sprintf(" (%d left out, scored too low)", p.Dropped)
	}
	return fmt.Sprintf("%s · %d × %d px", people, p.WidthPx, p.HeightPx)
}

func cameraText(k geom.Intrinsics) string {
	text := fmt.Sprintf("Camera: focal length %.1f, %.1f px, principal point %.1f, %.1f px (from: %s)",
		k.FxPx, k.FyPx, k.CxPx, k.CyPx, k.Source)
	if k.Distorted() {
		text += fmt.Sprintf(", lens distortion %v undone", k.Distortion)
	}
	return text
}

func madeBy(p *pose.Picture) string {
	text := "Model: " + p.Model.Name
	if p.Model.Set != nil {
		text += ", joints " + p.Model.Set.Title
	}
	for _, more := range []string{p.Library, p.Provider} {
		if more != "" {
			text += " · " + more
		}
	}
	return text
}

// dataOf gathers what the script draws. A joint that is not finite makes its
// person unfit to draw, so that person's joints are left out.
func dataOf(p *pose.Picture, sure float64) pageData {
	d := pageData{Width: p.WidthPx, Height: p.HeightPx, People: []pagePerson{}}
	for i := range p.People {
		d.People = append(d.People, personData(&p.People[i], sure))
	}
	return d
}

func personData(p *pose.Person, sure float64) pagePerson {
	out := pagePerson{
		Box:      [4]float64{round(p.Box.X, 1), round(p.Box.Y, 1), round(p.Box.W, 1), round(p.Box.H, 1)},
		Distance: fmt.Sprintf("%.2f", p.RootDepthMM/1000), DepthBy: p.RootDepthSource,
		Score: round(p.Score, 3), Joints: []pageJoint{}, Bones: []pageBone{},
	}
	if p.Set != nil && p.Set.Root() < len(p.Set.Joints) {
		out.Root = p.Set.Joints[p.Set.Root()]
	}
	for i, j := range p.Joints {
		if !finite(j.Camera.X, j.Camera.Y, j.Camera.Z, j.Image.X, j.Image.Y) {
			out.Joints = []pageJoint{}
			return out
		}
		name := fmt.Sprintf("joint %d", i)
		if p.Set != nil && i < len(p.Set.Joints) {
			name = p.Set.Joints[i]
		}
		out.Joints = append(out.Joints, pageJoint{
			Name: name, MM: [3]float64{round(j.Camera.X, 1), round(j.Camera.Y, 1), round(j.Camera.Z, 1)},
			Px:    [2]float64{round(j.Image.X, 2), round(j.Image.Y, 2)},
			Score: round(j.Score, 3), Alpha: round(opacity(j.Score, sure), 3), Side: sideName(sideOf(p, i)),
		})
	}
	for _, b := range bones(p) {
		out.Bones = append(out.Bones, pageBone{b[0], b[1], sideName(boneSide(p.Set, b))})
	}
	return out
}

func sideName(s skeleton.Side) string {
	return [...]string{"middle", "left", "right"}[s]
}

// round keeps so many decimals; what is not finite becomes 0, since JSON has no word for it.
func round(v float64, decimals int) float64 {
	if !finite(v) {
		return 0
	}
	p := math.Pow(10, float64(decimals))
	return math.Round(v*p) / p
}
