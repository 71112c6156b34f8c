package postprocess

import (
	"math"

	"mhp/internal/model"
)

// surerLook is the power of a look's mean peak probability (geometric, of all
// joints) that it counts with in Merge; sharper makes both together surer than
// their mean. Chosen on the development sets.
const (
	surerLook = 1.4
	sharper   = 1.2
)

// smallestShare keeps logarithms finite.
const smallestShare = 1e-12

// Look is what a network said of one crop: peak probability [J] and marginals
// of its heat volumes, [J, H*W] and [J, D].
type Look struct{ Score, Plane, Depth []float32 }

// Merge makes one person's points [J] of two looks, at the crop and at its
// mirror image (preprocess.CropMirrored, left and right still exchanged): for
// each place the product of what both say of it, so that what either holds
// impossible is out. The score is the product's peak, the lower the less they
// agree, or what the model's file says that it is worth.
func (d *Decoder) Merge(dst []HeatPoint, straight, mirrored Look) {
	width, cells, bins := d.spec.HeatW, d.spec.HeatW*d.spec.HeatH, d.spec.DepthBins
	doubt := 0.0 // how much less sure the straight look is
	for j := range d.joints {
		doubt += math.Log(share(mirrored.Score[j])) - math.Log(share(straight.Score[j]))
	}
	part := 1 / (1 + math.Exp(-surerLook*doubt/float64(d.joints))) // of the mirrored look
	for j := range dst[:d.joints] {
		other := d.mirror[j]
		a, b := straight.Plane[j*cells:][:cells], mirrored.Plane[other*cells:][:cells]
		plane, planePeak := d.product(cells, part, func(i int) (float32, float32) {
			row, column := i/width, i%width
			return a[i], b[row*width+width-1-column]
		})
		var x, y float64
		for i, v := range plane {
			x += v * float64(i%width)
			y += v * float64(i/width)
		}
		a, b = straight.Depth[j*bins:][:bins], mirrored.Depth[other*bins:][:bins]
		depth, depthPeak := d.product(bins, part, func(i int) (float32, float32) { return a[i], b[i] })
		z := 0.0
		for i, v := range depth {
			z += v * float64(i)
		}
		score := planePeak * depthPeak
		if d.spec.ScoreTwo != nil {
			score = d.spec.ScoreTwo.Score(score)
		}
		dst[j] = HeatPoint{X: x, Y: y, Z: z, Score: score}
	}
}

// product is (a^(1-part) b^part)^sharper of n shares, summing to 1 again, valid
// until the next call; peak is its largest before that, low where a and b disagree.
func (d *Decoder) product(n int, part float64, shares func(int) (a, b float32)) (shared []float64, peak float64) {
	product := d.merged[:n]
	most := math.Inf(-1)
	for i := range product {
		a, b := shares(i)
		product[i] = sharper * ((1-part)*math.Log(share(a)) + part*math.Log(share(b)))
		most = math.Max(most, product[i])
	}
	all := 0.0
	for i, v := range product {
		product[i] = math.Exp(v - most)
		all += product[i]
	}
	for i := range product {
		product[i] /= all
	}
	return product, math.Exp(most)
}

// share is a probability, never 0 and never what is no number.
func share(p float32) float64 {
	if !(p > smallestShare) {
		return smallestShare
	}
	return math.Min(float64(p), 1)
}

// The powers of the odds that a joint weighs with in MirrorBack: of its own, and
// of the mean of all joints' log odds. The mean of two places that exclude each
// other is neither; who is seen from the front in one look and from behind in
// the other must be taken from one of them as a whole.
const (
	surerJoint  = 2
	surerPerson = 12
)

// MirrorBack is Merge for networks that only tell where joints are: dst becomes
// the mean of dst and of what the network said of the mirrored crop, each
// weighted by powers of the odds score/(1-score) of its joint and of all
// joints. Scores are averaged. mirrored is used up.
func MirrorBack(dst, mirrored []HeatPoint, spec *model.Spec) {
	for _, pair := range spec.Set.Mirror {
		mirrored[pair[0]], mirrored[pair[1]] = mirrored[pair[1]], mirrored[pair[0]]
	}
	last := float64(spec.HeatW - 1)
	whole := 0.0 // by how much dst is the surer look
	for j, p := range dst {
		whole += (model.LogOdds(p.Score) - model.LogOdds(mirrored[j].Score)) / float64(len(dst))
	}
	for j, p := range dst {
		q := mirrored[j]
		q.X = last - q.X
		part := 1 / (1 + math.Exp(surerJoint*(model.LogOdds(p.Score)-model.LogOdds(q.Score))+surerPerson*whole)) // of q
		dst[j] = HeatPoint{
			X:     p.X + part*(q.X-p.X),
			Y:     p.Y + part*(q.Y-p.Y),
			Z:     p.Z + part*(q.Z-p.Z),
			Score: (p.Score + q.Score) / 2,
		}
	}
}
