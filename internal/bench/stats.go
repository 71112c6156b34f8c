// Package bench measures and compares: it runs several settings in turn, block
// by block, so that whatever else the machine does hits all of them alike, and
// sums up what it saw.
//
//	cases --Interleave--> series --Summarise--> Spread --> Report --> table, JSON, CSV
//	                                                         |
//	                                     another Report --Compare--> ratios with intervals
//
// It knows nothing of networks: what is run is a function.
package bench

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Spread is how a measured quantity is distributed; all in the unit of the values.
type Spread struct {
	N    int     `json:"n"`
	Mean float64 `json:"mean"`
	P10  float64 `json:"p10"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	Max  float64 `json:"max"`
}

// Summarise gives the spread of values, which it leaves in their order. Nothing gives zeros.
func Summarise(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	sum := 0.0
	for _, v := range sorted {
		sum += v
	}
	return Spread{
		N: len(sorted), Mean: sum / float64(len(sorted)),
		P10: quantile(sorted, 0.10), P50: quantile(sorted, 0.50), P90: quantile(sorted, 0.90), P99: quantile(sorted, 0.99),
		Max: sorted[len(sorted)-1],
	}
}

// Median is the middle of values, 0 of none.
func Median(values []float64) float64 { return Summarise(values).P50 }

// quantile interpolates linearly between neighbours, as numpy does by default.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	low := int(at)
	if low+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	part := at - float64(low)
	return sorted[low]*(1-part) + sorted[low+1]*part
}

// Ratio is how much larger one median is than another, with a 95 % interval.
type Ratio struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// bootstrapDraws makes the interval's ends good to about 1 % of its width.
const bootstrapDraws = 2000

// RatioOf compares the medians of two lists of block medians by the bootstrap
// (Efron 1979): blocks are drawn anew with replacement, each list on its own.
// Whole blocks, since neighbouring runs share what disturbs them. The same
// lists give the same interval. Empty lists give NaN.
func RatioOf(over, under []float64) Ratio {
	if len(over) == 0 || len(under) == 0 {
		return Ratio{math.NaN(), math.NaN(), math.NaN()}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	ratios := make([]float64, bootstrapDraws)
	a, b := make([]float64, len(over)), make([]float64, len(under))
	for i := range ratios {
		draw(rng, a, over)
		draw(rng, b, under)
		ratios[i] = middle(a) / middle(b)
	}
	slices.Sort(ratios)
	return Ratio{Median(over) / Median(under), quantile(ratios, 0.025), quantile(ratios, 0.975)}
}

// PairedRatio is RatioOf for blocks that were run in turn: block i of one list
// saw the same machine as block i of the other, so that pairs are drawn. The
// longer list's end is left out.
func PairedRatio(over, under []float64) Ratio {
	n := min(len(over), len(under))
	each := make([]float64, n)
	for i := range each {
		each[i] = over[i] / under[i]
	}
	if n == 0 {
		return Ratio{math.NaN(), math.NaN(), math.NaN()}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	ratios, drawn := make([]float64, bootstrapDraws), make([]float64, n)
	for i := range ratios {
		draw(rng, drawn, each)
		ratios[i] = middle(drawn)
	}
	slices.Sort(ratios)
	return Ratio{Median(each), quantile(ratios, 0.025), quantile(ratios, 0.975)}
}

func draw(rng *rand.Rand, dst, from []float64) {
	for i := range dst {
		dst[i] = from[rng.IntN(len(from))]
	}
}

// middle is the median of values, whose order it changes.
func middle(values []float64) float64 {
	slices.Sort(values)
	return quantile(values, 0.5)
}
