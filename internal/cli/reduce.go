package cli

import (
	"context"
	"runtime"

	"mhp/internal/detect"
	"mhp/internal/frame"
	"mhp/internal/pipeline"
	"mhp/internal/pose"
	"mhp/internal/preprocess"
	"mhp/internal/sink"
	"mhp/internal/source/gocv"
)

// maxDecodeWorkers bounds the pictures that are decoded at the same time:
// each may take a hundred megabytes.
const maxDecodeWorkers = 4

// decodeWorkers is how many pictures are decoded at the same time. One leaves
// cores idle, since decoding takes many times as long as the network.
func (s *images) decodeWorkers() int {
	if s.total == 1 {
		return 1
	}
	return min(runtime.GOMAXPROCS(0), maxDecodeWorkers)
}

// wholePictureShare is what part of the longer side a person is taken to fill
// at least when nothing is known of the people: a smaller one costs a second look.
const wholePictureShare = 0.4

// hasten lets JPEGs be decoded by the fast decoder where this build has it, and
// only as large as the network needs them, where no detector looks at the pixels.
func (s *images) hasten(from *finder, inputPx int) {
	if gocv.HasJPEG {
		s.opts.JPEG = gocv.JPEG
	}
	_, whole := from.Finder.(detect.Picture)
	if !from.given && !whole {
		return
	}
	s.opts.Reduce = func(name string, widthPx, heightPx int) int {
		sidePx := wholePictureShare * float64(max(widthPx, heightPx))
		if from.given {
			// Boxes that are given are found without a look at the picture.
			boxes, err := from.Find(context.Background(), &frame.Frame{Name: name, WidthPx: widthPx, HeightPx: heightPx})
			if err != nil {
				return 1 // it will be told when the picture is there
			}
			sidePx = smallestSquarePx(boxes, widthPx, heightPx)
		}
		return pipeline.Reduction(sidePx, inputPx)
	}
}

// smallestSquarePx is the side of the smallest square that is cropped for the
// boxes; without boxes that of the picture.
func smallestSquarePx(boxes []detect.Box, widthPx, heightPx int) float64 {
	sidePx := float64(max(widthPx, heightPx))
	for _, b := range boxes {
		square, err := preprocess.SquareBox(b.BoxPx, widthPx, heightPx)
		if err != nil {
			return 0
		}
		sidePx = min(sidePx, square.W)
	}
	return sidePx
}

// wholeFrames hands a sink that draws the whole picture where the network saw
// a reduced one, so that results do not depend on what is drawn.
type wholeFrames struct{ sink.Sink }

// Write decodes the picture once more if it was reduced.
func (s wholeFrames) Write(ctx context.Context, f *frame.Frame, p *pose.Picture) error {
	if f.Reduce <= 1 {
		return s.Sink.Write(ctx, f, p)
	}
	whole, err := f.Sharper(1)
	if err != nil {
		return err
	}
	defer whole.Release()
	whole.Index, whole.Time = f.Index, f.Time
	return s.Sink.Write(ctx, whole, p)
}

// draws tells whether an output shows the picture itself.
func (o *outputFlags) draws() bool { return o.overlay != "" || o.html != "" }
