package cli

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"mhp/internal/bench"
	"mhp/internal/infer/ort"
)

// The graphs that --graph names.
const (
	graphPlain     = "plain"
	graphRewritten = "rewritten"
)

// benchGrid is every list of settings; all are combined.
type benchGrid struct {
	models, providers, graphs, spins []string
	threads, batches                 []int
}

func (g *benchGrid) bind(f *pflag.FlagSet) {
	f.StringSliceVar(&g.models, "model", []string{"xs"}, "the networks: xs, s, or ONNX files with mhp metadata")
	f.IntSliceVar(&g.threads, "threads", []int{0}, "threads of the network, 0 = physical cores within the CPU quota")
	f.IntSliceVar(&g.batches, "batch", []int{1}, "people of one run, for the network alone")
	f.StringSliceVar(&g.providers, "provider", []string{"auto"}, "what runs the network: auto, cpu, coreml, nnapi, xnnpack, cuda")
	f.StringSliceVar(&g.graphs, "graph", []string{graphRewritten}, "the network as it is used here (rewritten), as its authors export it (plain), or both")
	f.StringSliceVar(&g.spins, "spin", []string{"off"}, "whether waiting threads spin: off, on, or both")
}

func (g *benchGrid) validate() error {
	for _, list := range []struct {
		flag string
		n    int
	}{{"model", len(g.models)}, {"threads", len(g.threads)}, {"batch", len(g.batches)}, {"provider", len(g.providers)}, {"graph", len(g.graphs)}, {"spin", len(g.spins)}} {
		if list.n == 0 {
			return usagef("--%s needs at least one value", list.flag)
		}
	}
	for _, n := range g.threads {
		if n < 0 || n > 1024 {
			return usagef("--threads must be between 0 and 1024, not %d", n)
		}
	}
	for _, n := range g.batches {
		if n < 1 || n > ort.MaxBatch {
			return usagef("--batch must be between 1 and %d, not %d", ort.MaxBatch, n)
		}
	}
	if err := onlyOf("graph", g.graphs, graphPlain, graphRewritten); err != nil {
		return err
	}
	if err := onlyOf("spin", g.spins, "off", "on"); err != nil {
		return err
	}
	for _, p := range g.providers {
		if err := (ort.Options{Providers: []string{p}}).Validate(); err != nil {
			return usagef("--provider: %w", err)
		}
	}
	return nil
}

func onlyOf(flag string, given []string, allowed ...string) error {
	for _, v := range given {
		if !slices.Contains(allowed, v) {
			return usagef("--%s %q is not one of %s", flag, v, strings.Join(allowed, ", "))
		}
	}
	return nil
}

// sessionSetting is what one session of the library is opened with.
type sessionSetting struct {
	model, graph, provider string
	threads                int
	spin                   bool
}

func (s sessionSetting) options() ort.Options {
	return ort.Options{Threads: s.threads, Spin: s.spin, Providers: []string{s.provider}}
}

// sessions are all combinations, each once, in a fixed order.
func (g *benchGrid) sessions() []sessionSetting {
	var all []sessionSetting
	for _, model := range g.models {
		for _, graph := range g.graphs {
			for _, provider := range g.providers {
				for _, threads := range g.threads {
					if threads == 0 {
						threads = ort.CountCPUs().Threads()
					}
					for _, spin := range g.spins {
						s := sessionSetting{model, graph, provider, threads, spin == "on"}
						if !slices.Contains(all, s) {
							all = append(all, s)
						}
					}
				}
			}
		}
	}
	return all
}

// of is the setting as the report names it; provider is the one that really runs.
func (s sessionSetting) of(kind, model, provider string, batch int) bench.Setting {
	return bench.Setting{Kind: kind, Model: model, Graph: s.graph, Provider: provider, Threads: s.threads, Spin: s.spin, Batch: batch}
}
