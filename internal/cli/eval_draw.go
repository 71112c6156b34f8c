package cli

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"mhp/internal/dataset"
	"mhp/internal/eval"
	"mhp/internal/geom"
	"mhp/internal/pose"
	"mhp/internal/render"
	"mhp/internal/skeleton"
	"mhp/internal/source"
)

// worstCase is one person whose error is among the largest.
type worstCase struct {
	error   float64
	name    string
	picture *dataset.Picture
	person  *dataset.Person
	found   *dataset.Prediction
}

// worstCases keeps the n largest errors.
type worstCases struct {
	n     int
	cases []worstCase
}

func newWorst(n int) *worstCases { return &worstCases{n: n} }

func (w *worstCases) offer(c worstCase) {
	if w == nil || w.n == 0 || len(w.cases) == w.n && c.error <= w.cases[w.n-1].error {
		return
	}
	at := sort.Search(len(w.cases), func(i int) bool { return w.cases[i].error < c.error })
	w.cases = append(w.cases, worstCase{})
	copy(w.cases[at+1:], w.cases[at:])
	w.cases[at] = c
	w.cases = w.cases[:min(len(w.cases), w.n)]
}

// draw writes the pictures that --worst and --plot ask for.
func (o *evalOutputs) draw(e env, r *eval.Report, w *worstCases, job *evalJob, rt *network) error {
	if o.plotDir != "" {
		if err := plotReport(o.plotDir, r); err != nil {
			return err
		}
	}
	if o.worst == 0 {
		return nil
	}
	if err := os.MkdirAll(o.worstDir, 0o755); err != nil {
		return fmt.Errorf("--worst-dir: %w", err)
	}
	for i, c := range w.cases {
		img, err := drawCase(c, job, rt)
		if err != nil {
			return err
		}
		if err := writePNG(filepath.Join(o.worstDir, fmt.Sprintf("%03d_%s.png", i+1, plainName(c.name))), img); err != nil {
			return err
		}
	}
	return nil
}

// plainName keeps what every file system takes.
func plainName(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
}

// drawCase shows the labels on the left and the prediction on the right.
func drawCase(c worstCase, job *evalJob, rt *network) (image.Image, error) {
	f, err := c.picture.Open(source.Options{})
	if err != nil {
		return nil, err
	}
	defer f.Release()
	set := rt.info.Set
	matches, _ := skeleton.MatchJoints(job.set.Labels, set, nil)
	truth, found := blank(set), blank(set)
	for _, m := range matches {
		if c.person.Labelled[m.Label] && c.person.Px != nil {
			truth.Joints[m.Joint].Image, truth.Joints[m.Joint].Score = c.person.Px[m.Label], 1
		}
	}
	for j := range set.Joints {
		found.Joints[j].Image, found.Joints[j].Score = c.found.Px[j], 1
	}
	options := render.OverlayOptions{MaxSidePx: 900}
	left := render.Overlay(f, &pose.Picture{People: []pose.Person{truth}, Model: pose.ModelInfo{Trained: true}}, options)
	right := render.Overlay(f, &pose.Picture{People: []pose.Person{found}, Model: rt.info}, options)
	both := image.NewRGBA(image.Rect(0, 0, left.Bounds().Dx()+right.Bounds().Dx()+8, left.Bounds().Dy()))
	draw.Draw(both, left.Bounds(), left, image.Point{}, draw.Src)
	draw.Draw(both, right.Bounds().Add(image.Pt(left.Bounds().Dx()+8, 0)), right, image.Point{}, draw.Src)
	return both, nil
}

// blank is a person whose joints are nowhere.
func blank(set *skeleton.Set) pose.Person {
	p := pose.Person{Set: set, Joints: make([]pose.Joint, len(set.Joints))}
	for j := range p.Joints {
		p.Joints[j].Image = geom.ImagePoint{X: math.NaN(), Y: math.NaN()}
	}
	return p
}

// plotReport draws each curve and each metric's value by joint.
func plotReport(dir string, r *eval.Report) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("--plot: %w", err)
	}
	for _, c := range r.Curves {
		img := render.Chart([]render.Line{{Name: r.Title, X: c.X, Y: c.Percent}},
			render.ChartOptions{Title: c.Name + " curve", XLabel: "limit, " + c.Unit, YLabel: "joints within the limit, %", TopY: 100})
		if err := writePNG(filepath.Join(dir, "curve_"+strings.ToLower(plainName(c.Name))+".png"), img); err != nil {
			return err
		}
	}
	for _, metric := range []string{eval.MPJPE, eval.PCKTorso} {
		var names []string
		var values []float64
		unit := ""
		for _, e := range r.Entries {
			if e.Over == eval.Joint && e.Metric == metric {
				names, values, unit = append(names, e.Name), append(values, e.Value), e.Unit
			}
		}
		if len(names) == 0 {
			continue
		}
		img := render.Bars(names, values, render.ChartOptions{Title: metric + " by joint, " + unit, XLabel: r.Title})
		if err := writePNG(filepath.Join(dir, "joints_"+strings.ToLower(plainName(metric))+".png"), img); err != nil {
			return err
		}
	}
	return nil
}

func writePNG(path string, img image.Image) error {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return writeWhole(path, b.Bytes())
}
