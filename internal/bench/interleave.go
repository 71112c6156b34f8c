package bench

import (
	"context"
	"time"
)

// Case is one setting to measure.
type Case struct {
	Name string
	// Run does the thing once. It may return what its parts took; their names
	// are the caller's and their number the same at each call.
	Run func(ctx context.Context) (parts []time.Duration, err error)
	// Rest is waited before another case's turn, for threads that spin on after the work.
	Rest time.Duration
}

// Plan says how long to measure.
type Plan struct {
	Warm   time.Duration // for each case, before anything counts
	Length time.Duration // for each case; 0: Runs decides alone
	Runs   int           // at least so many for each case
	Block  time.Duration // that a case has before the next one's turn
	// Usage tells the CPU time that the process has used so far; nil: not measured.
	Usage func() time.Duration
	// Step hears how much of the whole is done, 0..1; may be nil.
	Step func(done float64)
}

// Series is what a case's runs took, in the order in which they were made.
type Series struct {
	Name   string
	WarmMS []float64   // the warm-up's runs, which count nowhere else
	MS     []float64   // each run
	Parts  [][]float64 // [part][run], ms
	Blocks []float64   // the median of each block, ms
	CPU    time.Duration
	Wall   time.Duration // of the blocks, without the other cases' turns
}

// warmRuns is how often a case is run at least before it counts.
const warmRuns = 3

// Interleave runs the cases in turn, block by block, the first of each round a
// different one, until each has had its length and its runs. What the machine
// does meanwhile thus hits all cases alike. The first error ends it.
func Interleave(ctx context.Context, cases []Case, p Plan) ([]Series, error) {
	series := make([]Series, len(cases))
	for i, c := range cases {
		series[i].Name = c.Name
		if err := series[i].warm(ctx, c, p); err != nil {
			return nil, err
		}
	}
	for round := 0; ; round++ {
		done := 1.0
		for _, s := range series {
			done = min(done, s.done(p))
		}
		if p.Step != nil {
			p.Step(done)
		}
		if done >= 1 {
			return series, nil
		}
		for i := range cases {
			k := (round + i) % len(cases)
			if err := series[k].block(ctx, cases[k], p); err != nil {
				return nil, err
			}
		}
	}
}

func (s *Series) warm(ctx context.Context, c Case, p Plan) error {
	for begin := time.Now(); len(s.WarmMS) < warmRuns || time.Since(begin) < p.Warm; {
		start := time.Now()
		if _, err := c.Run(ctx); err != nil {
			return err
		}
		s.WarmMS = append(s.WarmMS, milliseconds(time.Since(start)))
	}
	time.Sleep(c.Rest)
	return nil
}

// done is the share of the plan that a case has had.
func (s *Series) done(p Plan) float64 {
	done := 1.0
	if p.Length > 0 {
		done = float64(s.Wall) / float64(p.Length)
	}
	if p.Runs > 0 {
		done = min(done, float64(len(s.MS))/float64(p.Runs))
	}
	if len(s.MS) == 0 {
		return 0
	}
	return done
}

// block is a case's turn.
func (s *Series) block(ctx context.Context, c Case, p Plan) error {
	first, used, begin := len(s.MS), time.Duration(0), time.Now()
	if p.Usage != nil {
		used = p.Usage()
	}
	for {
		start := time.Now()
		parts, err := c.Run(ctx)
		if err != nil {
			return err
		}
		s.MS = append(s.MS, milliseconds(time.Since(start)))
		for i, d := range parts {
			if i == len(s.Parts) {
				s.Parts = append(s.Parts, nil)
			}
			s.Parts[i] = append(s.Parts[i], milliseconds(d))
		}
		if time.Since(begin) >= p.Block {
			break
		}
	}
	s.Wall += time.Since(begin)
	if p.Usage != nil {
		s.CPU += p.Usage() - used
	}
	s.Blocks = append(s.Blocks, Median(s.MS[first:]))
	time.Sleep(c.Rest)
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }
