package dataset

import (
	"archive/tar"
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mhp/internal/frame"
	"mhp/internal/source"
)

func pngOf(t *testing.T, grey uint8) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 40, 20))
	for i := range img.Pix {
		img.Pix[i] = grey
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Pictures of folders and tar files come by name, of each so many the last.
func TestReadBackdrops(t *testing.T) {
	dir := t.TempDir()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, i := range []int{4, 2, 9, 1, 7, 3, 8, 5, 6} {
		data, name := pngOf(t, uint8(10*i)), fmt.Sprintf("%d.png", i)
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	tarFile := filepath.Join(t.TempDir(), "all.tar")
	for path, data := range map[string][]byte{tarFile: archive.Bytes(), filepath.Join(dir, "README.md"): []byte("text")} {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{dir, tarFile} {
		pictures, err := ReadBackdrops(path, 4)
		if err != nil || len(pictures) != 2 || pictures[0].Name != "4.png" || pictures[1].Name != "8.png" {
			t.Fatalf("%s: %v, %v", path, pictures, err)
		}
		f, err := pictures[1].Open(source.Options{})
		if err != nil || f.Pix[0] != 80 {
			t.Errorf("%s: the eighth picture is another: %v", path, err)
		}
	}
	for path, says := range map[string]string{filepath.Join(dir, "gone"): "no such file", filepath.Join(dir, "README.md"): "cannot be read", t.TempDir(): "holds 0 pictures"} {
		if _, err := ReadBackdrops(path, 4); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: error %v, want %q", path, err, says)
		}
	}
}

// What lies ahead in a panorama is in the middle of the first view, what lies
// to the right in that of the second of four; above the horizon is the sky.
func TestPanoramaViews(t *testing.T) {
	panorama := frame.New(360, 180)
	for y := range 180 {
		for x := range 360 {
			c := color.RGBA{R: uint8(x / 2), B: 20}
			if y < 80 {
				c.B = 220
			}
			copy(panorama.Pix[y*panorama.Stride+3*x:], []uint8{c.R, c.G, c.B})
		}
	}
	picture := Picture{Name: "round", Open: func(source.Options) (*frame.Frame, error) { return panorama, nil }}
	views := PanoramaViews([]Picture{picture}, 4)
	if len(views) != 4 || views[1].Name != "round, turned by 90 degrees" {
		t.Fatalf("%d views, the second %q", len(views), views[1].Name)
	}
	for i, azimuth := range []int{180, 270, 0, 90} {
		f, err := views[i].Open(source.Options{})
		if err != nil {
			t.Fatal(err)
		}
		r, _, b := f.RGBAt(f.WidthPx/2, f.HeightPx/2)
		if d := int(r) - azimuth/2; i != 2 && (d < -1 || d > 1) || b != 20 {
			t.Errorf("view %d shows %d, %d in its middle, want %d, 20", i, r, b, azimuth/2)
		}
		if _, _, sky := f.RGBAt(f.WidthPx/2, 10); sky != 220 {
			t.Errorf("view %d has no sky: %d", i, sky)
		}
	}
}
