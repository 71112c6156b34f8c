package bench

import (
	"bytes"
	"fmt"
	"text/tabwriter"
)

// Change is one setting's time now over its time then.
type Change struct {
	Setting
	OldMS, NewMS float64 // medians of the blocks' medians
	Ratio        Ratio
	Slower       bool // beyond the tolerance, by the whole interval
}

// Comparison is a report held against an older one.
type Comparison struct {
	Changes []Change
	OnlyNow []Setting // settings that the old report lacks
	// Machine is what the yardstick reaches now over what it reached then; 0: not known.
	Machine float64
	Notes   []string
}

// Compare holds a report against an older one. A setting is slower when even
// the lower end of its ratio's interval exceeds 1 + tolerance.
func Compare(old, now *Report, tolerance float64) *Comparison {
	c := &Comparison{}
	then := map[Setting]Result{}
	for _, r := range old.Results {
		then[r.Setting] = r
	}
	for _, r := range now.Results {
		o, ok := then[r.Setting]
		if !ok || len(o.Blocks) == 0 || len(r.Blocks) == 0 {
			c.OnlyNow = append(c.OnlyNow, r.Setting)
			continue
		}
		ratio := RatioOf(r.Blocks, o.Blocks)
		c.Changes = append(c.Changes, Change{r.Setting, Median(o.Blocks), Median(r.Blocks), ratio, ratio.Low > 1+tolerance})
	}
	for _, p := range now.Yardstick {
		if was := old.Peak(p.Threads); was > 0 {
			c.Machine = p.GFLOPS / was
			break
		}
	}
	c.note(old, now)
	return c
}

// note says what else differs between the two reports.
func (c *Comparison) note(old, now *Report) {
	differ := func(what, was, is string) {
		if was != is {
			c.Notes = append(c.Notes, fmt.Sprintf("the %s differs: %s then, %s now", what, was, is))
		}
	}
	differ("processor", old.Machine.CPU, now.Machine.CPU)
	differ("library", old.Machine.Library, now.Machine.Library)
	differ("input", old.Input, now.Input)
	hashes := map[string]string{}
	for _, m := range old.Models {
		hashes[m.Name+m.Graph] = m.SHA256
	}
	for _, m := range now.Models {
		if was := hashes[m.Name+m.Graph]; was != "" && was != m.SHA256 {
			c.Notes = append(c.Notes, fmt.Sprintf("the model %s is another file than then", m.Name))
		}
	}
	const notable = 0.05
	if c.Machine > 0 && (c.Machine < 1-notable || c.Machine > 1+notable) {
		c.Notes = append(c.Notes, fmt.Sprintf("the machine itself does %.2f times as many matrix products a second as then: other load, or another clock", c.Machine))
	}
	if len(c.Changes) == 0 {
		c.Notes = append(c.Notes, "no setting is in both reports: nothing was compared")
	}
}

// Slower counts the settings that are slower beyond the tolerance.
func (c *Comparison) Slower() int {
	n := 0
	for _, x := range c.Changes {
		if x.Slower {
			n++
		}
	}
	return n
}

// Text is the comparison as a table.
func (c *Comparison) Text() []byte {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "then ms\tnow ms\tnow / then\t95 % interval\t\tsetting\t")
	for _, x := range c.Changes {
		verdict := ""
		switch {
		case x.Slower:
			verdict = "SLOWER"
		case x.Ratio.High < 1:
			verdict = "faster"
		}
		fmt.Fprintf(w, "%.3f\t%.3f\t%.3f\t%.3f to %.3f\t%s\t%s\t\n", x.OldMS, x.NewMS, x.Ratio.Value, x.Ratio.Low, x.Ratio.High, verdict, x.Setting)
	}
	w.Flush() // into memory: it cannot fail
	for _, s := range c.OnlyNow {
		fmt.Fprintf(&b, "not in the old report: %s\n", s)
	}
	for _, n := range c.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	return b.Bytes()
}
