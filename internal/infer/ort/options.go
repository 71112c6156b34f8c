package ort

import (
	"fmt"
	"sort"
	"strings"
)

// Options choose how a session computes.
type Options struct {
	// Threads that share one operator's work, the caller among them; 0 takes CPUs.Threads.
	Threads int
	// Spin lets waiting threads burn their core to be quicker off the mark.
	// It costs more than it gains as soon as anything else runs.
	Spin bool
	// Providers in order of preference: each takes the operators it can, the
	// next one the rest, the CPU what is left. Empty or "auto": the best one
	// that works.
	Providers []string
	// ProviderOptions go to the first provider that is not the CPU.
	ProviderOptions map[string]string
	// OptimisedFile, if set, is where the library writes the graph as it runs
	// it. For inspection: the file is for one processor and one version.
	OptimisedFile string

	profile string // prefix of the file for the library's trace; "" for none
}

// Validate checks what can be checked without a library.
func (o Options) Validate() error {
	if o.Threads < 0 {
		return fmt.Errorf("threads must be 0 or more, not %d", o.Threads)
	}
	seen := map[string]bool{}
	for _, name := range o.Providers {
		p, ok := providers[name]
		switch {
		case name == Auto:
			if len(o.Providers) > 1 {
				return fmt.Errorf("provider %s stands alone, it tries the others by itself", Auto)
			}
		case !ok:
			return fmt.Errorf("unknown provider %q; known are %s, %s", name, Auto, strings.Join(providerNames(), ", "))
		case seen[name]:
			return fmt.Errorf("provider %s is named twice", name)
		case p.onlyOn != "" && p.onlyOn != goos:
			return fmt.Errorf("provider %s exists only on %s", name, p.onlySystem())
		}
		seen[name] = true
	}
	if len(o.ProviderOptions) > 0 && o.optionsFor() == "" {
		return fmt.Errorf("provider options (%s) need a provider named that takes them", strings.Join(keys(o.ProviderOptions), ", "))
	}
	if o.optionsFor() == "nnapi" {
		if _, err := nnapiFlags(o.ProviderOptions); err != nil {
			return err
		}
	}
	return nil
}

// optionsFor is the provider that ProviderOptions go to, "" if none takes any.
func (o Options) optionsFor() string {
	for _, name := range o.Providers {
		if name != CPU && name != Auto {
			return name
		}
	}
	return ""
}

func keys(m map[string]string) []string {
	var list []string
	for k := range m {
		list = append(list, k)
	}
	sort.Strings(list)
	return list
}
