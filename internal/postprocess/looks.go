package postprocess

import (
	"math"

	"mhp/internal/geom"
	"mhp/internal/model"
)

// surerLook is the power of a look's mean peak probability (geometric, of all
// joints) that it counts with in Merge, surerScore the same for scores; sharper
// makes all together surer than their mean. Chosen on the development sets.
const (
	surerLook  = 4
	surerScore = 1.4
	sharper    = 2
)

// turnDeg is by how much looks are turned. Chosen on the development sets.
const turnDeg = 25

// smallestShare keeps logarithms finite.
const smallestShare = 1e-12

// unseenShare is what a turned look says of a cell that it does not see.
const unseenShare = 1e-6

const maxLooks = 6

// views are what the first looks at a crop see.
var views = [maxLooks]geom.View{
	{}, {Mirrored: true},
	{TurnDeg: turnDeg}, {TurnDeg: turnDeg, Mirrored: true}, {TurnDeg: -turnDeg}, {TurnDeg: -turnDeg, Mirrored: true},
}

// Views is what n looks at a crop see: 1 the crop, 2 its mirror image as well,
// 6 both turned either way, too. ok is false for other numbers.
func Views(n int) (seen []geom.View, ok bool) {
	if n != 1 && n != 2 && n != len(views) {
		return nil, false
	}
	return views[:n], true
}

// Look is what a network said of one view of a crop: peak probability [J] and
// marginals of its heat volumes, [J, H*W] and [J, D].
type Look struct{ Score, Plane, Depth []float32 }

// Merge makes one person's points [J] of looks at the first views: for each
// place the product of what all say of it, so that what one of them holds
// impossible is out. The score is how likely they hold the likeliest place
// together, the lower the less they agree, or what the model's file says that it
// is worth.
func (d *Decoder) Merge(dst []HeatPoint, looks []Look) {
	width, cells, bins := d.spec.HeatW, d.spec.HeatW*d.spec.HeatH, d.spec.DepthBins
	all, allScore := d.parts(looks)
	parts, scoreParts := all[:len(looks)], allScore[:len(looks)]
	for j := range dst[:d.joints] {
		for k, look := range looks {
			logs, plane := d.logs[k][:cells], d.seenAs(look.Plane, views[k], j)
			d.upright(logs, plane, views[k])
		}
		plane, score := d.product(cells, parts, scoreParts)
		var x, y float64
		for i, v := range plane {
			x += v * float64(i%width)
			y += v * float64(i/width)
		}
		for k, look := range looks {
			for i, p := range d.seenAs(look.Depth, views[k], j) {
				d.logs[k][i] = logShare(p)
			}
		}
		depth, depthScore := d.product(bins, parts, scoreParts)
		z := 0.0
		for i, v := range depth {
			z += v * float64(i)
		}
		score = math.Exp(score + depthScore)
		if d.spec.ScoreMerged != nil {
			score = d.spec.ScoreMerged.Score(score)
		}
		dst[j] = HeatPoint{X: x, Y: y, Z: z, Score: score}
	}
}

// parts is how much each look counts for in the product and in the score, each summing to 1.
func (d *Decoder) parts(looks []Look) (product, score [maxLooks]float64) {
	var sure [maxLooks]float64
	for k, look := range looks {
		for _, p := range look.Score[:d.joints] {
			sure[k] += math.Log(share(p)) / float64(d.joints)
		}
	}
	all, allScore := 0.0, 0.0
	for k := range looks { // by their distance to the first: no power runs over
		product[k], score[k] = math.Exp(surerLook*(sure[k]-sure[0])), math.Exp(surerScore*(sure[k]-sure[0]))
		all, allScore = all+product[k], allScore+score[k]
	}
	for k := range looks {
		product[k], score[k] = product[k]/all, score[k]/allScore
	}
	return product, score
}

// seenAs is the part of values [J, n] about the joint that joint j is seen as: in a mirror image its partner.
func (d *Decoder) seenAs(values []float32, view geom.View, j int) []float32 {
	if view.Mirrored {
		j = d.mirror[j]
	}
	n := len(values) / d.joints
	return values[j*n:][:n]
}

// upright fills logs with the logarithms of a plane as view has it, in the cells of the crop itself.
func (d *Decoder) upright(logs []float64, plane []float32, view geom.View) {
	width, height := d.spec.HeatW, d.spec.HeatH
	seen, stride, first := logs, width, 0
	if view.TurnDeg != 0 {
		seen, stride, first = d.framed, width+2, width+3
	}
	for y := range height {
		row, out := plane[y*width:][:width], seen[first+y*stride:][:width]
		if view.Mirrored {
			for x, p := range row {
				out[width-1-x] = logShare(p)
			}
			continue
		}
		for x, p := range row {
			out[x] = logShare(p)
		}
	}
	if view.TurnDeg == 0 {
		return
	}
	for i, at := range d.turnedPlaces(view.TurnDeg) {
		above, below := seen[at.cell:][:2], seen[int(at.cell)+stride:][:2]
		top := above[0] + at.right*(above[1]-above[0])
		bottom := below[0] + at.right*(below[1]-below[0])
		logs[i] = top + at.down*(bottom-top)
	}
}

// turnedPlace is where a cell of the crop lies in the turned crop's cells with a
// frame of one cell round them: right of and below the middle of a cell.
type turnedPlace struct {
	cell        int32
	right, down float64
}

// turnedPlaces is that of every cell, worked out once.
func (d *Decoder) turnedPlaces(turnDeg float64) []turnedPlace {
	if places := d.turned[turnDeg]; places != nil {
		return places
	}
	width, height := d.spec.HeatW, d.spec.HeatH
	sin, cos := math.Sincos(turnDeg * math.Pi / 180)
	middleX, middleY := float64(width-1)/2, float64(height-1)/2
	places := make([]turnedPlace, width*height)
	for i := range places {
		dx, dy := float64(i%width)-middleX, float64(i/width)-middleY
		// Beyond the frame all is unseen, as in it.
		x := min(max(cos*dx+sin*dy+middleX, -1), float64(width))
		y := min(max(cos*dy-sin*dx+middleY, -1), float64(height))
		left, top := min(math.Floor(x), float64(width-1)), min(math.Floor(y), float64(height-1))
		places[i] = turnedPlace{cell: int32((top+1)*float64(width+2) + left + 1), right: x - left, down: y - top}
	}
	d.turned[turnDeg] = places
	return places
}

// product is that of what the looks say in d.logs of n places, each to the power
// of its part, summing to 1 and valid until the next call; score is the
// logarithm of what they say of the likeliest of them by the other parts.
func (d *Decoder) product(n int, parts, scoreParts []float64) (shares []float64, score float64) {
	shares = d.merged[:n]
	clear(shares)
	for k, part := range parts {
		for i, log := range d.logs[k][:n] {
			shares[i] += part * log
		}
	}
	most := 0
	for i, v := range shares {
		if v > shares[most] {
			most = i
		}
	}
	for k, part := range scoreParts {
		score += part * d.logs[k][most]
	}
	all, peak := 0.0, shares[most]
	for i, v := range shares {
		shares[i] = math.Exp(sharper * (v - peak))
		all += shares[i]
	}
	for i := range shares {
		shares[i] /= all
	}
	return shares, score
}

// share is a probability, never 0 and never what is no number.
func share(p float32) float64 {
	if !(p > smallestShare) {
		return smallestShare
	}
	return math.Min(float64(p), 1)
}

// The logarithm of a share by its exponent and a table of its mantissa, to two
// millionths: a hundred thousand of them are taken a person.
const mantissaSteps = 256

var (
	logSmallest  = math.Log(smallestShare)
	logMantissas = func() (table [mantissaSteps + 1]float64) {
		for i := range table {
			table[i] = math.Log(1 + float64(i)/mantissaSteps)
		}
		return table
	}()
)

func logShare(p float32) float64 {
	if !(p > smallestShare) {
		return logSmallest
	}
	const stepBits = 23 - 8 // of a float32's mantissa
	bits := math.Float32bits(min(p, 1))
	step := bits >> stepBits & (mantissaSteps - 1)
	part := float64(bits&(1<<stepBits-1)) / (1 << stepBits)
	exponent := float64(int(bits>>23) - 127)
	return exponent*math.Ln2 + logMantissas[step] + part*(logMantissas[step+1]-logMantissas[step])
}

// The powers of the odds that a joint weighs with in MirrorBack: of its own, and
// of the mean of all joints' log odds. The mean of two places that exclude each
// other is neither; who is seen from the front in one look and from behind in
// the other must be taken from one of them as a whole.
const (
	surerJoint  = 2
	surerPerson = 12
)

// MirrorBack is Merge of two looks for networks that only tell where joints are: dst becomes
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
