package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"mhp/internal/detect"
	"mhp/internal/infer"
	"mhp/internal/infer/ort"
	"mhp/internal/model"
)

// listDetectors writes a table of the files that find people, if there are any.
func listDetectors(out io.Writer) error {
	entries := store().Detectors()
	if len(entries) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nDETECTOR\tPARAMETERS\tFILE BYTES\tINPUT PX\tSCORE FROM\tTRAINED\tWHERE\tSHA-256")
	var errs []error
	for _, entry := range entries {
		if entry.Err != nil {
			errs = append(errs, entry.Err)
			continue
		}
		f, d := entry.File, entry.File.Detector
		fmt.Fprintf(w, "%s\t%d\t%d\t%dx%d\t%g\t%s\t%s\t%.12s\n", entry.Name, d.Parameters, len(f.Bytes), d.InputWPx, d.InputHPx,
			d.ScoreThreshold, yesNo(d.Trained), f.Where(), f.SHA256)
	}
	return errors.Join(append(errs, w.Flush())...)
}

// resolveEither opens a pose network, or else a detector, by name or path.
func resolveEither(name string) (*model.File, error) {
	f, err := store().Resolve(name)
	if err == nil {
		return f, nil
	}
	if d, detectorErr := store().ResolveDetector(name); detectorErr == nil && d.Detector != nil {
		return d, nil
	}
	return nil, err
}

func showDetector(out io.Writer, f *model.File) error {
	d := f.Detector
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(key, format string, args ...any) { fmt.Fprintf(w, "%s\t%s\n", key, fmt.Sprintf(format, args...)) }
	line("name", "%s", d.Name)
	line("kind", "detector of people")
	line("where", "%s", f.Where())
	line("SHA-256", "%s", f.SHA256)
	line("file size", "%d bytes", len(f.Bytes))
	line("parameters", "%d", d.Parameters)
	line("trained", "%s", yesNo(d.Trained))
	line("trained on", "%s", orNone(d.Data))
	line("licence", "%s", orNone(d.Licence))
	line("input", "%d x %d px, %s, (grey 0..255 * %g - %v) / %v", d.InputWPx, d.InputHPx, d.ColorOrder, d.InputScale, d.InputMean, d.InputStd)
	line("letterbox", "%s, grey %d", d.Letterbox, d.LetterboxGrey)
	line("outputs", "%s", model.ListPorts(d.Outputs))
	line("score", "people from %g on (--detect-score); of boxes that overlap by more than %g the better stays", d.ScoreThreshold, d.NMSIoU)
	for _, key := range sortedKeys(d.Accuracy) {
		line("accuracy", "%s: %s", key, d.Accuracy[key])
	}
	if len(d.Accuracy) == 0 {
		line("accuracy", "not measured")
	}
	return w.Flush()
}

// verifyDetector runs a detector twice on a fixed pattern, for equal answers
// that can be decoded.
func verifyDetector(ctx context.Context, f *model.File, library string) (err error) {
	runner, err := ort.OpenDetector(libraryOptions(library), f.Bytes, f.Detector, ort.Options{Threads: 1, Providers: []string{ort.CPU}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, runner.Close()) }()
	fillPattern(runner.Input(), 1)
	first, err := outputsOf(ctx, runner)
	if err != nil {
		return err
	}
	second, err := outputsOf(ctx, runner)
	if err != nil {
		return err
	}
	if worst := largestGap(first, second); worst != 0 {
		return fmt.Errorf("%w: %s: two runs on one input differ by %g", model.ErrModel, f.Detector.Name, worst)
	}
	return detect.CheckOutputs(ctx, runner)
}

// outputsOf copies all that a detector says, one output after another.
func outputsOf(ctx context.Context, r infer.DetectorRunner) ([]float32, error) {
	outputs, err := r.Run(ctx)
	var all []float32
	for _, o := range outputs {
		all = append(all, o.Data...)
	}
	return all, err
}

// nameOfModel is how a file of either kind calls itself.
func nameOfModel(f *model.File) string {
	if f.Spec == nil {
		return f.Detector.Name
	}
	return f.Spec.Name
}

// detectors reports on the files that find people.
func (d *checkup) detectors() {
	entries := store().Detectors()
	if len(entries) == 0 {
		d.line("detector", "none: each picture is taken to show one person, unless --box, --boxes or --detector says more")
	}
	for _, entry := range entries {
		what := "model " + entry.Name
		switch {
		case entry.Err != nil:
			d.broken(what, entry.Err)
		case !entry.File.Detector.Trained:
			d.line(what, "NOT TRAINED, its boxes mean nothing: %s", entry.File.Where())
		default:
			d.line(what, "ok: finds people, %s", entry.File.Where())
		}
	}
}
