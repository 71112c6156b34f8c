package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"mhp/internal/bench"
	"mhp/internal/ui"
)

// errSlower says that something takes longer than allowed; the exit code is 4.
var errSlower = errors.New("slower than allowed")

// benchFlags is the command line of mhp bench.
type benchFlags struct {
	grid    benchGrid
	seconds float64
	runs    int
	library string
	input   benchInput
	profile bool
	out     benchOutputs
}

func newBench(e env) *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure how fast this machine is, stage by stage",
		Long: `Measure the network alone and the whole way from an encoded picture to joints in
3D, stage by stage, after a warm-up; each figure with its spread, and held against
what the same library reaches in a plain matrix product on the same threads.

Every option that takes a list is combined with every other. Settings run in turn,
block by block, so that what else the machine does hits all of them alike: ratios
within one report hold on a busy machine too, milliseconds only on an idle one.

--graph plain is the network as its authors export it: a PReLU slope for each
channel, the heat volume as output and decoded outside.

--compare OLD.json holds the medians against an older report (--json) and ends with
exit code 4 if a setting takes longer than --tolerance allows, by the whole of the
ratio's 95 % interval.`,
		Example: `  mhp bench --seconds 0.2 --runs 5
  mhp bench --seconds 0.1 --runs 5 --threads 1,2 --batch 1,4 --json now.json --plot speed.png
  mhp bench --seconds 0.1 --runs 5 --graph plain,rewritten --image photo.jpg --markdown -`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runBench(cmd.Context(), e, &f) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	f.grid.bind(flags)
	flags.Float64Var(&f.seconds, "seconds", 2, "time for each setting; the warm-up, a quarter of it, comes on top")
	flags.IntVar(&f.runs, "runs", 20, "runs of each setting at least")
	f.input.bind(flags)
	flags.BoolVar(&f.profile, "profile", false, "show which operators take the time, by the library's own trace")
	f.out.bind(flags)
	bindLibrary(flags, &f.library)
	return cmd
}

func (f *benchFlags) validate() error {
	if !(f.seconds >= 0 && f.seconds <= 3600) {
		return usagef("--seconds must be between 0 and 3600, not %g", f.seconds)
	}
	if f.runs < 1 {
		return usagef("--runs must be 1 or more, not %d", f.runs)
	}
	return errors.Join(f.grid.validate(), f.input.validate(), f.out.validate())
}

func runBench(ctx context.Context, e env, f *benchFlags) (err error) {
	if err := f.validate(); err != nil {
		return err
	}
	old, err := f.out.readOld()
	if err != nil {
		return err
	}
	limitHeap()
	input, err := f.input.open(e, f.library)
	defer func() { err = errors.Join(err, input.Close()) }()
	if err != nil {
		return err
	}
	b := newBenchRun(e, f, input)
	defer func() { err = errors.Join(err, b.Close()) }()
	if err := b.prepare(ctx); err != nil {
		return err
	}
	if err := b.measure(ctx); err != nil {
		return err
	}
	if f.profile {
		if err := b.profiles(); err != nil {
			return err
		}
	}
	b.report.Warn()
	return f.out.write(e, b.report, old)
}

// The shape of a measurement. A block is long against a run and short against
// what else a machine does; a spinning thread gives up within the rest.
const (
	benchBlock     = 40 * time.Millisecond
	benchWarmShare = 0.25
	benchRest      = 3 * time.Millisecond
)

// measure runs all cases in turn and adds what they gave to the report.
func (b *benchRun) measure(ctx context.Context) error {
	length := time.Duration(b.flags.seconds * float64(time.Second))
	// A per cent a step: a bar that is drawn more often would take part in what is measured.
	bar, shown := ui.NewProgress(b.env.err, 100, "measuring"), 0
	defer bar.Close()
	cases := make([]bench.Case, len(b.cases))
	for i, c := range b.cases {
		cases[i] = c.run
	}
	before := bench.TakeSnapshot(os.DirFS("/"))
	series, err := bench.Interleave(ctx, cases, bench.Plan{
		Warm: time.Duration(benchWarmShare * float64(length)), Length: length, Runs: b.flags.runs, Block: benchBlock,
		Usage: bench.CPUTime,
		Step: func(done float64) {
			for ; shown < int(100*min(done, 1)); shown++ {
				bar.Step()
			}
		},
	})
	if err != nil {
		return err
	}
	b.report.Load = bench.TakeSnapshot(os.DirFS("/")).Since(before)
	for i, c := range b.cases {
		c.done(b.report, series[i])
	}
	for i := range b.report.Results {
		if x := &b.report.Results[i]; x.Kind == bench.KindNetwork {
			x.Rate(b.multiplyAdds(x.Setting), b.report.Peak(x.Threads))
		}
	}
	return nil
}

// multiplyAdds of one person on a setting's graph; 0 if not known.
func (b *benchRun) multiplyAdds(s bench.Setting) int64 {
	for _, m := range b.report.Models {
		if m.Name == s.Model && m.Graph == s.Graph {
			return m.MultiplyAdds
		}
	}
	return 0
}

// slowerError says which settings are too slow.
func slowerError(c *bench.Comparison, tolerance float64) error {
	if n := c.Slower(); n > 0 {
		return fmt.Errorf("%w: %d of %d settings take more than %.0f %% longer than in the old report", errSlower, n, len(c.Changes), 100*tolerance)
	}
	return nil
}
