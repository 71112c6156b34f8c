package eval

import (
	"math"
	"sort"
)

// scoreBins is how many equally filled bins the score table has.
const scoreBins = 10

// ScoreBin is one bin of joints with scores of From to To.
type ScoreBin struct {
	From  float64 `json:"score_from"`
	To    float64 `json:"score_to"`
	Error float64 `json:"mean_error"` // in the unit of the errors
	N     int     `json:"n"`
}

// ScoreTable says what the score is worth: the mean error in ten equally
// filled bins of rising score, and Spearman's rank correlation of bin and
// error (-1: the error falls from bin to bin). NaN where there are fewer than
// three bins.
func ScoreTable(scores, errors []float64) ([]ScoreBin, float64) {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return scores[order[a]] < scores[order[b]] })
	var bins []ScoreBin
	var means, places []float64
	for k := range scoreBins {
		// The first n mod 10 bins hold one more.
		size := len(order) / (scoreBins - k)
		if len(order)%(scoreBins-k) > 0 {
			size++
		}
		if size == 0 {
			continue
		}
		part := order[:size]
		order = order[size:]
		bin := ScoreBin{From: scores[part[0]], To: scores[part[size-1]], N: size}
		for _, i := range part {
			bin.Error += errors[i] / float64(size)
		}
		bins = append(bins, bin)
		means, places = append(means, bin.Error), append(places, float64(k))
	}
	if len(bins) < 3 {
		return bins, math.NaN()
	}
	return bins, Spearman(places, means)
}

// Spearman is the rank correlation of a and b, ties sharing their mean rank.
func Spearman(a, b []float64) float64 {
	ra, rb := ranks(a), ranks(b)
	mean := float64(len(a)+1) / 2
	var ab, aa, bb float64
	for i := range ra {
		x, y := ra[i]-mean, rb[i]-mean
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	if aa == 0 || bb == 0 {
		return math.NaN()
	}
	return ab / math.Sqrt(aa*bb)
}

// ranks counts from 1.
func ranks(values []float64) []float64 {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return values[order[a]] < values[order[b]] })
	out := make([]float64, len(values))
	for i := 0; i < len(order); {
		k := i
		for k < len(order) && values[order[k]] == values[order[i]] {
			k++
		}
		for _, at := range order[i:k] {
			out[at] = float64(i+k+1) / 2
		}
		i = k
	}
	return out
}
