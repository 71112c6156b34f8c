package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mhp/internal/dataset"
	"mhp/internal/eval"
	"mhp/internal/pipeline"
)

// evalFlags are what all data sets share.
type evalFlags struct {
	network networkFlags
	out     evalOutputs

	looks  int
	common bool
	cache  string
}

func newEval(e env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "eval",
		Short: "Measure a network on labelled pictures, in the field's own protocols",
		Long: `Measure a network, or any tool's predictions, on labelled pictures: errors in mm
and px with 95 % intervals, beside what papers print for the same protocol.

Joints are matched by their place on the body, not by name. A network that lacks
joints of a protocol is refused with a list of them, unless --common-joints is
given, which averages over the joints that both have and says so.

docs/eval.md names the folders and files that each data set needs.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newEvalLSP(e), newEvalCOCO(e), newEvalPose2Sim(e), newEvalSynth(e), newEvalH36M(e), newEvalMuPoTS(e), newEval3DHP(e), newEvalDetect(e), newEvalGeneric(e))
	return cmd
}

func (f *evalFlags) bind(flags *pflag.FlagSet) {
	flags.IntVar(&f.looks, "looks", looksPhotographs, looksUsage)
	flags.BoolVar(&f.common, "common-joints", false, "average over the joints that network and protocol share")
	flags.StringVar(&f.cache, "cache", "", "keep predictions in FILE and go on from there after an interruption")
	f.out.bind(flags)
	f.network.bind(flags)
}

// evalJob is one data set with what its protocol adds to the common figures.
type evalJob struct {
	set      *dataset.Set
	protocol string            // a line of the report's head
	settings map[string]string // what decides the predictions, for the cache's key
	paper    func() ([]string, []eval.PaperRow)
	meter    func(*dataset.Plan) evalMeter // nil: people by given boxes
	inOrder  bool                          // pictures are opened one after another
	boxes    *evalBoxes                    // nil: the set's own
	free     bool                          // found boxes belong to nobody until they are measured
}

// evalMeter takes what the network says of one picture after another.
type evalMeter interface {
	picture(p *dataset.Picture, found []*dataset.Prediction)
	report(title string) *eval.Report
	// remember hears of everybody's error.
	remember(w *worstCases)
}

// facts are the head of a report.
func (j *evalJob) facts(plan *dataset.Plan, network *network, f *evalFlags) []eval.Fact {
	info := network.info
	facts := []eval.Fact{
		{Name: "model", Value: fmt.Sprintf("%s (%s, %.12s)", info.Name, info.Set.Name, info.SHA256)},
		{Name: "protocol", Value: j.protocol},
	}
	joints := fmt.Sprintf("%d of the protocol's joints", plan.Common())
	if len(plan.Missing) > 0 {
		averaged := plan.AveragedJoints()
		joints = fmt.Sprintf("COMMON JOINTS ONLY: averaged over %d (%s); the network lacks %s", len(averaged), strings.Join(averaged, ", "), strings.Join(plan.Missing, ", "))
	}
	facts = append(facts, eval.Fact{Name: "joints", Value: joints})
	return append(facts, eval.Fact{Name: "looks", Value: strconv.Itoa(pipeline.Looks(network.runner, f.looks))})
}

// oneDir is the argument of the commands that read one folder.
func oneDir(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usagef("%s needs one folder, got %d arguments", cmd.CommandPath(), len(args))
	}
	return nil
}
