package pipeline

import (
	"math"
	"time"
)

// Delays gathers durations without keeping them: a histogram whose steps grow
// by 2 %, from 10 microseconds to some minutes.
type Delays struct {
	counts [900]int
	n      int
	newest time.Duration
}

const (
	delayFirst = 10 * time.Microsecond
	delayGrow  = 1.02
)

// Add takes in one duration.
func (d *Delays) Add(v time.Duration) {
	i := 0
	if v > delayFirst {
		i = min(len(d.counts)-1, int(math.Log(float64(v)/float64(delayFirst))/math.Log(delayGrow)))
	}
	d.counts[i]++
	d.n++
	d.newest = v
}

// Count is how many were added.
func (d *Delays) Count() int { return d.n }

// Quantile is the duration that the share q of all does not exceed, within 2 %; 0 without any.
func (d *Delays) Quantile(q float64) time.Duration {
	want := int(math.Ceil(q * float64(d.n)))
	seen := 0
	for i, c := range d.counts {
		if seen += c; c > 0 && seen >= want {
			return time.Duration(float64(delayFirst) * math.Pow(delayGrow, float64(i)+0.5))
		}
	}
	return 0
}
