package eval

import (
	"math"
	"sort"

	"mhp/internal/geom"
)

// cocoSigmas are COCO's standard deviations of the labels by part, as a share
// of the square root of the person's area.
var cocoSigmas = map[string]float64{
	"Nose": 0.026, "L_Eye": 0.025, "R_Eye": 0.025, "L_Ear": 0.035, "R_Ear": 0.035,
	"L_Shoulder": 0.079, "R_Shoulder": 0.079, "L_Elbow": 0.072, "R_Elbow": 0.072, "L_Wrist": 0.062, "R_Wrist": 0.062,
	"L_Hip": 0.107, "R_Hip": 0.107, "L_Knee": 0.087, "R_Knee": 0.087, "L_Ankle": 0.089, "R_Ankle": 0.089,
}

// KeyPoints is an annotated person or, with a score, a found one, over COCO's
// key points as far as they are compared.
type KeyPoints struct {
	Joints  []string // anatomical names
	Points  []geom.ImagePoint
	Visible []bool // labelled; not used of found people
	Box     geom.BoxPx
	AreaPx2 float64 // of the annotated person
	Ignore  bool    // neither for nor against: a crowd, or nobody whose key points are labelled
	Crowd   bool    // stands for many: any number of found people may match it
	Score   float64
}

// OKS is COCO's object key point similarity, 0..1: the mean over the labelled
// key points of exp(-d^2 / (2 area (2 sigma)^2)). Where none is labelled, the
// distance counts that a key point lies beyond the box grown twofold, as in
// COCO's own code.
func OKS(truth, found *KeyPoints) float64 {
	sum, n := 0.0, 0
	labelled := false
	for _, v := range truth.Visible {
		labelled = labelled || v
	}
	b := truth.Box
	left, right, top, bottom := b.X-b.W, b.X+2*b.W, b.Y-b.H, b.Y+2*b.H
	for j, name := range truth.Joints {
		p := found.Points[j]
		var dx, dy float64
		switch {
		case truth.Visible[j]:
			dx, dy = p.X-truth.Points[j].X, p.Y-truth.Points[j].Y
		case !labelled:
			dx = math.Max(0, left-p.X) + math.Max(0, p.X-right)
			dy = math.Max(0, top-p.Y) + math.Max(0, p.Y-bottom)
		default:
			continue
		}
		spread := 2 * cocoSigmas[name]
		sum += math.Exp(-(dx*dx + dy*dy) / (spread * spread) / (truth.AreaPx2 + math.Nextafter(1, 2) - 1) / 2)
		n++
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}

// KeyPointPicture is what one picture holds.
type KeyPointPicture struct{ Truth, Found []KeyPoints }

// maxFound is how many found people of a picture count, best first (COCO's rule for key points).
const maxFound = 20

// AveragePrecision is COCO's AP of key points in %, over the similarities given:
// for each, found people are matched in the order of their score to the
// annotated person of highest OKS, and precision is averaged over 101 recalls.
// NaN without anybody annotated.
func AveragePrecision(pictures []KeyPointPicture, similarities []float64) float64 {
	total := 0.0
	for _, limit := range similarities {
		total += precisionAt(pictures, limit)
	}
	return 100 * total / float64(len(similarities))
}

// COCOSimilarities are 0.50, 0.55 .. 0.95.
func COCOSimilarities() []float64 {
	out := make([]float64, 10)
	for i := range out {
		out[i] = 0.5 + 0.05*float64(i)
	}
	return out
}

type verdict struct {
	score float64
	hit   bool
}

func precisionAt(pictures []KeyPointPicture, limit float64) float64 {
	var verdicts []verdict
	people := 0
	for i := range pictures {
		judged, n := pictures[i].judge(limit)
		verdicts, people = append(verdicts, judged...), people+n
	}
	if people == 0 {
		return math.NaN()
	}
	sort.SliceStable(verdicts, func(a, b int) bool { return verdicts[a].score > verdicts[b].score })
	recall, precision := make([]float64, len(verdicts)), make([]float64, len(verdicts))
	hits := 0.0
	for i, v := range verdicts {
		if v.hit {
			hits++
		}
		recall[i], precision[i] = hits/float64(people), hits/float64(i+1)
	}
	for i := len(precision) - 2; i >= 0; i-- {
		precision[i] = math.Max(precision[i], precision[i+1])
	}
	sum := 0.0
	for k := range 101 {
		at := sort.SearchFloat64s(recall, float64(k)/100)
		if at < len(precision) {
			sum += precision[at]
		}
	}
	return sum / 101
}

// judge matches one picture's found people; those matched to an ignored person
// are left out. It also counts the people who can be found.
func (p *KeyPointPicture) judge(limit float64) ([]verdict, int) {
	truth := make([]int, 0, len(p.Truth)) // those that count first
	for i := range p.Truth {
		if !p.Truth[i].Ignore {
			truth = append(truth, i)
		}
	}
	people := len(truth)
	for i := range p.Truth {
		if p.Truth[i].Ignore {
			truth = append(truth, i)
		}
	}
	found := make([]int, len(p.Found))
	for i := range found {
		found[i] = i
	}
	sort.SliceStable(found, func(a, b int) bool { return p.Found[found[a]].Score > p.Found[found[b]].Score })
	taken := make([]bool, len(p.Truth))
	var verdicts []verdict
	for _, f := range found[:min(len(found), maxFound)] {
		best, match := math.Min(limit, 1-1e-10), -1
		for _, t := range truth {
			ignored := p.Truth[t].Ignore
			if taken[t] && !p.Truth[t].Crowd {
				continue
			}
			if match >= 0 && !p.Truth[match].Ignore && ignored {
				break // a real person is better than any crowd
			}
			if oks := OKS(&p.Truth[t], &p.Found[f]); oks >= best {
				best, match = oks, t
			}
		}
		if match >= 0 {
			taken[match] = true
			if p.Truth[match].Ignore {
				continue
			}
		}
		verdicts = append(verdicts, verdict{p.Found[f].Score, match >= 0})
	}
	return verdicts, people
}
