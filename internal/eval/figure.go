package eval

import (
	"fmt"
	"math"
	"slices"
)

// bootstraps is how often a figure's people are drawn anew for its interval.
const bootstraps = 1000

// z95 is the standard normal quantile of a two-sided 95 % interval.
const z95 = 1.959963984540054

// Figure is a mean with its 95 % interval.
type Figure struct {
	Value    float64 `json:"value"`
	Low      float64 `json:"low_95"`
	High     float64 `json:"high_95"`
	N        int     `json:"n"`      // values
	People   int     `json:"people"` // who gave them
	Unit     string  `json:"unit"`
	Interval string  `json:"interval"` // "bootstrap over people", "Wilson", or "" where there is nothing
}

func (f Figure) String() string {
	if f.N == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %s [%.1f, %.1f] n %d, people %d", f.Value, f.Unit, f.Low, f.High, f.N, f.People)
}

// Values gathers what each person adds to a figure; it keeps two numbers a
// person, whatever the number of joints.
type Values struct{ sums, counts []float64 }

// Add takes one person's values; a person without any is not counted.
func (v *Values) Add(values []float64) {
	if len(values) == 0 {
		return
	}
	sum := 0.0
	for _, x := range values {
		sum += x
	}
	v.sums, v.counts = append(v.sums, sum), append(v.counts, float64(len(values)))
}

// Figure is the mean of all values. Its interval draws whole people with
// replacement, since one person's joints hang together.
func (v *Values) Figure(unit string) Figure {
	if len(v.sums) == 0 {
		return Figure{Unit: unit}
	}
	total, n := 0.0, 0.0
	for i := range v.sums {
		total, n = total+v.sums[i], n+v.counts[i]
	}
	means := make([]float64, bootstraps)
	random := sequence(0)
	for k := range means {
		sum, count := 0.0, 0.0
		for range v.sums {
			i := random.below(len(v.sums))
			sum, count = sum+v.sums[i], count+v.counts[i]
		}
		means[k] = sum / count
	}
	slices.Sort(means)
	return Figure{
		Value: total / n, Low: quantile(means, 0.025), High: quantile(means, 0.975),
		N: int(n), People: len(v.sums), Unit: unit, Interval: "bootstrap over people",
	}
}

// Rate is a share of people in % with Wilson's interval.
func Rate(hits, people int) Figure {
	f := Figure{N: people, People: people, Unit: "%"}
	if people == 0 {
		return f
	}
	n, p := float64(people), float64(hits)/float64(people)
	middle := (p + z95*z95/(2*n)) / (1 + z95*z95/n)
	half := z95 / (1 + z95*z95/n) * math.Sqrt(p*(1-p)/n+z95*z95/(4*n*n))
	f.Value, f.Low, f.High, f.Interval = 100*p, 100*max(0, middle-half), 100*min(1, middle+half), "Wilson"
	return f
}

// quantile of sorted values, linear between them (numpy's default).
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// sequence is splitmix64: small, the same everywhere, good enough to draw people.
type sequence uint64

func (s *sequence) next() uint64 {
	*s += 0x9e3779b97f4a7c15
	z := uint64(*s)
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// below is a number from 0 to n-1.
func (s *sequence) below(n int) int {
	return int(float64(s.next()>>11) / (1 << 53) * float64(n))
}
