package render

import (
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"mhp/internal/geom"
)

// TestLook writes every kind of drawing into the folder MHP_LOOK, for a person to look at.
func TestLook(t *testing.T) {
	dir := os.Getenv("MHP_LOOK")
	if dir == "" {
		t.Skip("set MHP_LOOK to a folder to have the drawings written there")
	}
	save := func(name string, img image.Image) {
		f, err := os.Create(filepath.Join(dir, name+".png"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := png.Encode(f, img); err != nil {
			t.Fatal(err)
		}
	}
	one := picture(person(t, "muco21", testCamera, geom.CameraPointMM{Z: 2800}, 25))
	save("overlay-group", Overlay(scenery(640, 480), group(t), OverlayOptions{Boxes: true}))
	save("overlay-small", Overlay(scenery(640, 480), group(t), OverlayOptions{MaxSidePx: 100}))
	big := *one
	k := geom.Intrinsics{FxPx: 4000, FyPx: 4000, CxPx: 1999.5, CyPx: 1499.5, Source: "exif-35mm"}
	big.People = group(t).People[:0]
	big.People = append(big.People, person(t, "h36m18", k, geom.CameraPointMM{Z: 2900}, -30))
	big.Model.Trained = false
	save("overlay-12mp", Overlay(scenery(4000, 3000), &big, OverlayOptions{}))
	save("plot-one", Plot(one, PlotOptions{}))
	save("plot-one-small", Plot(one, PlotOptions{WidthPx: 600}))
	save("plot-group", Plot(group(t), PlotOptions{}))
	var live LiveView
	save("live", live.Draw(scenery(1280, 720), group(t), LiveOptions{YawDeg: 35, PitchDeg: 20, FPS: 30, Lines: []string{"h  help", "q  quit"}}))
	save("plot-nobody", Plot(picture(), PlotOptions{}))
}
