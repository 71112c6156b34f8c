package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"mhp/internal/eval"
)

// evalOutputs say how a report is given out.
type evalOutputs struct {
	json, csv, markdown string
	worst               int
	worstDir, plotDir   string
}

// bindReport binds what does not draw.
func (o *evalOutputs) bindReport(f *pflag.FlagSet) {
	f.StringVar(&o.json, "json", "", "write the report as JSON to FILE or -")
	f.StringVar(&o.csv, "csv", "", "write the figures as CSV to FILE or -")
	f.StringVar(&o.markdown, "markdown", "", "write the report as Markdown to FILE or -")
}

func (o *evalOutputs) bind(f *pflag.FlagSet) {
	o.bindReport(f)
	f.IntVar(&o.worst, "worst", 0, "draw the N worst people, labels beside prediction, into --worst-dir")
	f.StringVar(&o.worstDir, "worst-dir", "worst", "folder for --worst")
	f.StringVar(&o.plotDir, "plot", "", "draw the PCK curves and the error of each joint, into a folder")
}

func (o *evalOutputs) validate() error {
	streams := 0
	for _, path := range []string{o.json, o.csv, o.markdown} {
		if path == "-" {
			streams++
		}
	}
	if streams > 1 {
		return usagef("only one of --json, --csv and --markdown can go to standard output")
	}
	if o.worst < 0 {
		return usagef("--worst must be 0 or more, not %d", o.worst)
	}
	return nil
}

// write gives the report out; as text on standard output unless something else goes there.
func (o *evalOutputs) write(e env, r *eval.Report) error {
	text := true
	for _, form := range []struct {
		path string
		make func() ([]byte, error)
	}{{o.json, r.JSON}, {o.csv, r.CSV}, {o.markdown, func() ([]byte, error) { return r.Markdown(), nil }}} {
		if form.path == "" {
			continue
		}
		data, err := form.make()
		if err != nil {
			return fmt.Errorf("%s: %w", form.path, err)
		}
		if form.path == "-" {
			text = false
			if _, err := e.out.Write(data); err != nil {
				return err
			}
			continue
		}
		if err := writeWhole(form.path, data); err != nil {
			return err
		}
	}
	if !text {
		return nil
	}
	_, err := e.out.Write(r.Text())
	return err
}

// writeWhole writes a file under a temporary name and renames it, so that an
// interruption leaves no half of one.
func writeWhole(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".mhp-*")
	if err != nil {
		return fmt.Errorf("%s: cannot be written: %w", path, err)
	}
	_, err = f.Write(data)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Chmod(f.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("%s: cannot be written: %w", path, err)
	}
	return nil
}
