package cli

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"mhp/internal/detect"
	"mhp/internal/frame"
	"mhp/internal/geom"
	"mhp/internal/infer/ort"
	"mhp/internal/source"
	"mhp/internal/source/gocv"
)

// benchInput says which pictures the whole way is measured on.
type benchInput struct {
	image, video string
	box          string
	detector     string
}

func (i *benchInput) bind(f *pflag.FlagSet) {
	f.StringVar(&i.image, "image", "", "the picture to measure on (default: a drawn one of 1280 x 960 px with one person's box)")
	f.StringVar(&i.video, "video", "", "measure on the frames of a video instead")
	f.StringVar(&i.box, "box", "", "the person's box x,y,w,h in px of --image or --video (default: people are searched for)")
	f.StringVar(&i.detector, "detector", "auto", "who searches, as for mhp predict: auto, none, hog, or an ONNX file")
}

func (i *benchInput) validate() error {
	if i.image != "" && i.video != "" {
		return usagef("give --image or --video, not both")
	}
	if i.box == "" {
		return nil
	}
	if i.image == "" && i.video == "" {
		return usagef("--box needs --image or --video")
	}
	if _, err := detect.ParseBox(i.box); err != nil {
		return usagef("--box: %w", err)
	}
	return nil
}

// benchPictures gives one frame after another, from encoded bytes each time.
type benchPictures struct {
	name   string
	next   func() (*frame.Frame, error)
	finder *finder
	close  func() error
}

// Close ends the reading.
func (p *benchPictures) Close() error {
	var err error
	if p.close != nil {
		err = p.close()
	}
	if p.finder != nil {
		err = errors.Join(err, p.finder.Close())
	}
	return err
}

// open gives pictures that the caller closes, also after an error.
func (i *benchInput) open(e env, library string) (p *benchPictures, err error) {
	p = &benchPictures{}
	switch {
	case i.video != "":
		err = p.openVideo(i.video)
	case i.image != "":
		var data []byte
		if data, err = os.ReadFile(i.image); err != nil {
			return p, fmt.Errorf("%s: %w", i.image, err)
		}
		err = p.openImage(filepath.Base(i.image), data)
	default:
		var data []byte
		if data, err = drawnJPEG(); err == nil {
			err = p.openImage("drawn", data)
		}
	}
	if err == nil {
		p.finder, err = i.search(e, library)
	}
	if err == nil && p.finder.facts != "" {
		p.name += "; detector: " + p.finder.facts
	}
	return p, err
}

// search is who finds the people: nobody where a box is given.
func (i *benchInput) search(e env, library string) (*finder, error) {
	given := func(box geom.BoxPx) *finder {
		return &finder{Finder: detect.Given([]geom.BoxPx{box}), given: true}
	}
	switch {
	case i.box != "":
		box, err := detect.ParseBox(i.box)
		if err != nil {
			return nil, usagef("--box: %w", err)
		}
		return given(box), nil
	case i.image == "" && i.video == "":
		return given(drawnBox), nil
	}
	var d detectorFlags
	d.bind(pflag.NewFlagSet("bench", pflag.ContinueOnError)) // for the defaults of mhp predict
	d.detector = i.detector
	return d.open(e, &networkFlags{provider: ort.Auto, library: library})
}

// openImage decodes the same bytes again and again.
func (p *benchPictures) openImage(name string, data []byte) error {
	opts := source.Options{Pool: &source.Pool{}}
	p.next = func() (*frame.Frame, error) { return source.Decode(bytes.NewReader(data), name, opts) }
	f, err := p.next()
	if err != nil {
		return err
	}
	defer f.Release()
	p.name = fmt.Sprintf("%s, %d x %d px, %d bytes", name, f.WidthPx, f.HeightPx, len(data))
	return nil
}

// openVideo reads frame after frame, and from the beginning again after the last.
func (p *benchPictures) openVideo(path string) error {
	v, err := gocv.OpenFrames(path)
	if err != nil {
		return err
	}
	p.close = v.Close
	number := 0
	p.next = func() (*frame.Frame, error) {
		f, err := v.Frame(number)
		if err != nil && number > 0 {
			number = 0
			f, err = v.Frame(number)
		}
		number++
		return f, err
	}
	f, err := p.next()
	if err != nil {
		return err
	}
	defer f.Release()
	p.name = fmt.Sprintf("%s, frames of %d x %d px", filepath.Base(path), f.WidthPx, f.HeightPx)
	return nil
}

const drawnW, drawnH = 1280, 960

// drawnBox is where the drawn picture has its person.
var drawnBox = geom.BoxPx{X: 400, Y: 80, W: 480, H: 800}

// drawnJPEG is the picture that is measured on unless another is given: the
// same bytes on every machine, with as much detail as a photograph has, so
// that decoding takes as long.
func drawnJPEG() ([]byte, error) {
	img := image.NewRGBA(image.Rect(0, 0, drawnW, drawnH))
	for y := range drawnH {
		for x := range drawnW {
			fx, fy := float64(x), float64(y)
			wave := 40*math.Sin(fx/31)*math.Cos(fy/23) + 15*math.Sin(fx*fy/977)
			body := 0.0
			if dx, dy := (fx-640)/150, (fy-480)/380; dx*dx+dy*dy < 1 {
				body = 60
			}
			grey := func(base float64) uint8 { return uint8(base + wave + body) }
			img.SetRGBA(x, y, color.RGBA{grey(110), grey(100), grey(90), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 90}); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
