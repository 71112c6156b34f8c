package dataset

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mhp/internal/frame"
	"mhp/internal/source"
)

// ReadBackdrops lists the pictures of a folder or a tar file, sorted by name;
// of every so many the last is taken (every 4: the fourth, the eighth, ...), 1
// takes all. Nobody is labelled in them.
func ReadBackdrops(path string, every int) ([]Picture, error) {
	all, err := backdrops(path)
	if err != nil {
		return nil, &Error{File: path, Problem: "cannot be read: " + plain(err), Remedy: "give a folder or a tar file of pictures", Cause: err}
	}
	slices.SortFunc(all, func(a, b Picture) int { return strings.Compare(a.Name, b.Name) })
	var taken []Picture
	for i, p := range all {
		if i%every == every-1 {
			taken = append(taken, p)
		}
	}
	if len(taken) == 0 {
		return nil, &Error{File: path, Problem: fmt.Sprintf("holds %d pictures, of which none is taken", len(all)), Remedy: "give a folder or a tar file of pictures, or take them all with --every 1"}
	}
	return taken, nil
}

func backdrops(path string) ([]Picture, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	var all []Picture
	if !info.IsDir() {
		err := eachMember(path, func(name string, _ io.Reader) error {
			all = append(all, Picture{Name: name, Open: func(o source.Options) (*frame.Frame, error) { return openTarred(path, name, o) }})
			return nil
		})
		return all, err
	}
	entries, err := os.ReadDir(path)
	for _, e := range entries {
		if isPicture(e.Name()) {
			all = append(all, Picture{Name: e.Name(), Open: openFile(filepath.Join(path, e.Name()))})
		}
	}
	return all, err
}

func isPicture(name string) bool {
	return slices.Contains([]string{".jpg", ".jpeg", ".png", ".webp"}, strings.ToLower(filepath.Ext(name)))
}

// eachMember calls each for the pictures of a tar file, until an error.
func eachMember(path string, each func(name string, r io.Reader) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := tar.NewReader(f)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeReg && isPicture(h.Name) {
			if err := each(h.Name, r); err != nil {
				return err
			}
		}
	}
}

// openTarred decodes one picture of a tar file.
func openTarred(path, wanted string, o source.Options) (*frame.Frame, error) {
	var data []byte
	stop := errors.New("found")
	err := eachMember(path, func(name string, r io.Reader) (err error) {
		if name != wanted {
			return nil
		}
		if data, err = io.ReadAll(r); err != nil {
			return err
		}
		return stop
	})
	if !errors.Is(err, stop) {
		return nil, &Error{File: path, Problem: "cannot be unpacked: " + wanted, Remedy: "copy the file again", Cause: err}
	}
	return source.Decode(bytes.NewReader(data), wanted, o)
}

// The views of a panorama: as wide as a phone's camera sees, a little downwards.
const (
	viewWidthPx, viewHeightPx = 640, 480
	viewFieldDeg              = 75
	viewPitchDeg              = -3
)

// PanoramaViews makes each equirectangular panorama turns pictures, evenly
// round about.
func PanoramaViews(panoramas []Picture, turns int) []Picture {
	var views []Picture
	for _, p := range panoramas {
		for turn := range turns {
			views = append(views, Picture{Name: fmt.Sprintf("%s, turned by %d degrees", p.Name, 360*turn/turns), Open: func(o source.Options) (*frame.Frame, error) {
				f, err := p.Open(o)
				if err != nil {
					return nil, err
				}
				defer f.Release()
				return viewOf(f, 2*math.Pi*float64(turn)/float64(turns)), nil
			}})
		}
	}
	return views
}

// viewOf is what a camera in the middle of a panorama sees, turned to the
// right by yawRad. The middle of the panorama is ahead.
func viewOf(panorama *frame.Frame, yawRad float64) *frame.Frame {
	out := frame.New(viewWidthPx, viewHeightPx)
	focal := viewWidthPx / 2 / math.Tan(viewFieldDeg*math.Pi/180/2)
	sin, cos := math.Sincos(viewPitchDeg * math.Pi / 180)
	for row := range viewHeightPx {
		y := (float64(row) - (viewHeightPx-1)/2.) / focal
		ahead, up := cos+y*sin, sin-y*cos
		for column := range viewWidthPx {
			x := (float64(column) - (viewWidthPx-1)/2.) / focal
			azimuth := math.Atan2(x, ahead) + yawRad
			polar := math.Atan2(math.Hypot(x, ahead), up)
			u := (azimuth/(2*math.Pi)+0.5)*float64(panorama.WidthPx) - 0.5
			v := polar/math.Pi*float64(panorama.HeightPx) - 0.5
			blendAround(out.Pix[row*out.Stride+3*column:][:3], panorama, u, v)
		}
	}
	return out
}

// blendAround is the colour at a place of a panorama, whose sides meet.
func blendAround(dst []uint8, f *frame.Frame, u, v float64) {
	left, top := math.Floor(u), math.Floor(v)
	fx, fy := u-left, v-top
	at := func(dx, dy int) [3]uint8 {
		x := ((int(left)+dx)%f.WidthPx + f.WidthPx) % f.WidthPx
		y := min(max(int(top)+dy, 0), f.HeightPx-1)
		r, g, b := f.RGBAt(x, y)
		return [3]uint8{r, g, b}
	}
	a, b, c, d := at(0, 0), at(1, 0), at(0, 1), at(1, 1)
	for k := range dst {
		dst[k] = uint8((1-fy)*((1-fx)*float64(a[k])+fx*float64(b[k])) + fy*((1-fx)*float64(c[k])+fx*float64(d[k])) + 0.5)
	}
}
