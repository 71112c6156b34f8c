package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/pflag"

	"mhp/internal/dataset"
	"mhp/internal/detect"
	"mhp/internal/pipeline"
	"mhp/internal/source"
	"mhp/internal/ui"
)

// Where the boxes of an evaluation come from, besides files.
const (
	boxesGiven = "gt"
	boxesFound = "detected"
)

// evalBoxes lets an evaluation run on other boxes than the given ones.
type evalBoxes struct {
	boxes    string
	detector detectorFlags
	refine   int
}

func (b *evalBoxes) bind(f *pflag.FlagSet) {
	f.StringVar(&b.boxes, "boxes", boxesGiven, "gt, detected (see --detector), or boxes by picture: COCO detection JSON; who is not found counts as wrong")
	f.IntVar(&b.refine, "refine", 1, "how often the network looks again at found people, 0..2; boxes of files and gt are looked at once")
	b.detector.bind(f)
}

// people are the estimator's options: found boxes are refined as in mhp
// predict; nobody is merged or left out, for each box is measured.
func (b *evalBoxes) people() pipeline.PeopleOptions {
	if b == nil || b.boxes != boxesFound {
		return pipeline.PeopleOptions{}
	}
	return pipeline.PeopleOptions{Refine: b.refine, Grow: foundGrow}
}

// findBoxes replaces the set's boxes where other ones are asked for, and says
// so in the protocol and in the cache's key.
func (j *evalJob) findBoxes(ctx context.Context, e env, network *networkFlags) error {
	if j.boxes == nil || j.boxes.boxes == boxesGiven {
		return nil
	}
	words, err := j.boxes.apply(ctx, e, j.set, network, j.free)
	if err != nil {
		return err
	}
	if j.settings == nil {
		j.settings = map[string]string{}
	}
	j.protocol, j.settings["found"] = words, words
	if j.meter == nil {
		j.meter = newFoundMeter
	}
	return nil
}

// apply puts other boxes into the set's pictures and says in words which. Where
// free is set they stay without a person, else each person gets the box that
// overlaps the given one most, and boxes of nobody labelled are left out.
func (b *evalBoxes) apply(ctx context.Context, e env, set *dataset.Set, network *networkFlags, free bool) (words string, err error) {
	find, words, closeFinder, err := b.source(e, network)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, closeFinder()) }()
	bar := ui.NewProgress(e.err, len(set.Pictures), "pictures searched")
	defer bar.Close()
	opts := source.Options{Pool: &source.Pool{}}
	without := 0
	for i := range set.Pictures {
		p := &set.Pictures[i]
		found, err := find(ctx, p, opts)
		switch {
		case errors.Is(err, errUnread): // told when the picture is to be measured
		case err != nil:
			return "", err
		default:
			p.Boxes = assign(p.Boxes, found, free)
		}
		if len(found) == 0 {
			without++
		}
		bar.Step()
	}
	if without > 0 {
		set.Missing = append(set.Missing, fmt.Sprintf("%d of %d pictures have no boxes (%s)", without, len(set.Pictures), words))
	}
	if !free {
		words += "; each person gets the box that overlaps the given one most"
	}
	return words, nil
}

// errUnread is a picture that cannot be opened.
var errUnread = errors.New("picture cannot be read")

// boxFinder gives the boxes of one picture.
type boxFinder func(ctx context.Context, p *dataset.Picture, o source.Options) ([]detect.Box, error)

func (b *evalBoxes) source(e env, network *networkFlags) (boxFinder, string, func() error, error) {
	if b.boxes != boxesFound {
		file, err := detect.ReadCOCO(b.boxes)
		if err != nil {
			return nil, "", nil, err
		}
		return func(_ context.Context, p *dataset.Picture, _ source.Options) ([]detect.Box, error) {
			if p.ImageID != nil {
				if boxes, known := file.ForID(*p.ImageID); known {
					return boxes, nil
				}
			}
			boxes, _ := file.For(p.Name)
			return boxes, nil
		}, "boxes of " + b.boxes, func() error { return nil }, nil
	}
	finder, err := b.detector.open(e, network)
	if err != nil {
		return nil, "", nil, err
	}
	return func(ctx context.Context, p *dataset.Picture, o source.Options) ([]detect.Box, error) {
		f, err := p.Open(o)
		if err != nil {
			return nil, errUnread
		}
		defer f.Release()
		return finder.Find(ctx, f)
	}, fmt.Sprintf("boxes found by %s, refined %d times", finder.facts, b.refine), finder.Close, nil
}

// assign gives each person of the given boxes the found box that overlaps it
// most, the closest pairs first.
func assign(given []dataset.Box, found []detect.Box, free bool) []dataset.Box {
	var out []dataset.Box
	if free {
		for _, f := range found {
			out = append(out, dataset.Box{BoxPx: f.BoxPx, Score: f.Score, Person: -1})
		}
		return out
	}
	type pair struct {
		given, found int
		iou          float64
	}
	var pairs []pair
	for i := range given {
		for k := range found {
			if iou := given[i].IoU(found[k].BoxPx); iou > 0 {
				pairs = append(pairs, pair{i, k, iou})
			}
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(b.iou, a.iou) })
	people, boxes := map[int]bool{}, map[int]bool{}
	for _, p := range pairs {
		if !people[p.given] && !boxes[p.found] {
			people[p.given], boxes[p.found] = true, true
			out = append(out, dataset.Box{BoxPx: found[p.found].BoxPx, Score: found[p.found].Score, Person: given[p.given].Person})
		}
	}
	return out
}

// foundMeter measures people by the boxes that were found for them; those
// without one count as wrong in every joint.
type foundMeter struct{ *givenMeter }

func newFoundMeter(p *dataset.Plan) evalMeter { return &foundMeter{newGivenMeter(p, depthTrue)} }

func (m *foundMeter) picture(p *dataset.Picture, found []*dataset.Prediction) {
	m.givenMeter.picture(p, found)
	for i := range p.People {
		if p.People[i].Ignore || slices.ContainsFunc(p.Boxes, func(b dataset.Box) bool { return b.Person == i }) {
			continue
		}
		m.meter.Miss(m.plan.Labels(nameOf(p, &p.People[i]), &p.People[i]))
	}
}
