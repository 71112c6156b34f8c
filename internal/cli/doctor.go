package cli

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"mhp/internal/infer/ort"
	"mhp/internal/source"
	"mhp/internal/source/gocv"
)

func newDoctor(e env) *cobra.Command {
	var library string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what works on this machine, what does not, and how to mend it",
		Long: `Look at everything mhp depends on: the machine's cores and quota, ONNX Runtime's
library and its providers, OpenCV, the models, cameras. What does not work comes
with the command that mends it. Exit code 3 if predictions cannot run.`,
		Example: "  mhp doctor",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			d := &checkup{out: tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)}
			d.program()
			d.library(libraryOptions(library))
			d.openCV()
			d.models()
			d.cameras()
			return errors.Join(d.out.Flush(), d.failure)
		},
	}
	bindLibrary(cmd.Flags(), &library)
	return cmd
}

// checkup writes a line for each thing it looks at and keeps the first failure
// that predictions cannot run without.
type checkup struct {
	out     *tabwriter.Writer
	failure error
}

func (d *checkup) line(what, format string, args ...any) {
	fmt.Fprintf(d.out, "%s\t%s\n", what, fmt.Sprintf(format, args...))
}

func (d *checkup) broken(what string, err error) {
	d.line(what, "BROKEN: %v", err)
	var h hinter
	if errors.As(err, &h) && h.Hint() != "" {
		d.line("", "to mend it: %s", h.Hint())
	}
	if d.failure == nil {
		d.failure = err
	}
}

func (d *checkup) program() {
	d.line("mhp", "%s, %s/%s, %s", Version, runtime.GOOS, runtime.GOARCH, runtime.Version())
	cpus := ort.CountCPUs()
	quota := "no quota"
	if cpus.Quota > 0 {
		quota = fmt.Sprintf("a quota of %.2g", cpus.Quota)
	}
	d.line("cores", "%d physical, %d logical, %s: %d threads by default (%s)", cpus.Physical, cpus.Logical, quota, cpus.Threads(), cpus.Model)
}

func (d *checkup) library(where ort.LibraryOptions) {
	found, err := ort.FindLibrary(where)
	if err != nil {
		d.broken("ONNX Runtime", err)
		return
	}
	d.line("ONNX Runtime", "ok: %s, %s (%s)", found.Version, found.Path, found.From)
	d.line("", "providers: %s", strings.Join(found.Providers, ", "))
	for _, skipped := range found.Skipped {
		d.line("", "passed over %s", skipped)
	}
}

func (d *checkup) openCV() {
	version, explanation := gocv.Version()
	if version == "" {
		d.line("OpenCV", "not in this program: %s", explanation)
		return
	}
	d.line("OpenCV", "ok: %s", version)
}

func (d *checkup) models() {
	entries := store().List()
	if len(entries) == 0 {
		_, err := store().Resolve("xs")
		d.broken("models", err)
	}
	for _, entry := range entries {
		what := "model " + entry.Name
		switch {
		case entry.Err != nil:
			d.broken(what, entry.Err)
		case !entry.File.Spec.Trained:
			d.line(what, "NOT TRAINED, its joints mean nothing: %s", entry.File.Where())
		default:
			d.line(what, "ok: %s, %d joints, %s", entry.File.Spec.Variant, len(entry.File.Spec.Set.Joints), entry.File.Where())
		}
	}
	d.detectors()
}

func (d *checkup) cameras() {
	cameras := source.Cameras()
	if len(cameras) == 0 {
		d.line("cameras", "none found (photographs need none)")
	}
	for _, c := range cameras {
		d.line("camera", "%s %s", c.Device, c.Name)
	}
}
