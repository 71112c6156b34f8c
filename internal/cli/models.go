package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"mhp/internal/infer"
	"mhp/internal/infer/ort"
	"mhp/internal/model"
	"mhp/internal/tensor"
	"mhp/models"
)

// sumsFile lists the hashes of the models beside it, as sha256sum writes them.
const sumsFile = "SHA256SUMS"

func newModels(e env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "models",
		Short: "List, show, verify and import networks",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newModelsList(e), newModelsShow(e), newModelsVerify(e), newModelsImport(e))
	return cmd
}

// store is every place where a model is found by name: a folder models beside
// the program, then what is built in.
func store() model.Store {
	s := model.Store{Builtin: models.FS}
	if program, err := os.Executable(); err == nil {
		s.Dirs = append(s.Dirs, filepath.Join(filepath.Dir(program), "models"))
	}
	return s
}

func newModelsList(e env) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the networks that are built in or lie in a folder models beside the program",
		Example: "  mhp models list",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			w := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tVARIANT\tJOINTS\tPARAMETERS\tFILE BYTES\tINPUT PX\tHEAD\tTRAINED\tWHERE\tSHA-256")
			var errs []error
			for _, entry := range store().List() {
				if entry.Err != nil {
					errs = append(errs, entry.Err)
					continue
				}
				f := entry.File
				s := f.Spec
				fmt.Fprintf(w, "%s\t%s\t%d (%s)\t%d\t%d\t%dx%d\t%s\t%s\t%s\t%.12s\n", entry.Name, s.Variant,
					len(s.Set.Joints), s.Set.Name, s.Parameters, len(f.Bytes), s.InputWPx, s.InputHPx, s.Head, yesNo(s.Trained), f.Where(), f.SHA256)
			}
			return errors.Join(append(errs, w.Flush(), listDetectors(e.out))...)
		},
	}
}

func newModelsShow(e env) *cobra.Command {
	return &cobra.Command{
		Use:     "show MODEL",
		Short:   "Say all that a network's file says of itself",
		Example: "  mhp models show xs",
		Args:    oneModel,
		RunE: func(_ *cobra.Command, args []string) error {
			f, err := resolveEither(args[0])
			if err != nil {
				return err
			}
			if f.Detector != nil {
				return showDetector(e.out, f)
			}
			return showModel(e.out, f)
		},
	}
}

func showModel(out io.Writer, f *model.File) error {
	s := f.Spec
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(key, format string, args ...any) { fmt.Fprintf(w, "%s\t%s\n", key, fmt.Sprintf(format, args...)) }
	line("name", "%s", s.Name)
	line("where", "%s", f.Where())
	line("SHA-256", "%s", f.SHA256)
	line("file size", "%d bytes", len(f.Bytes))
	line("variant", "%s, %d parameters, PReLU per %s", s.Variant, s.Parameters, s.PReLU)
	line("trained", "%s", yesNo(s.Trained))
	line("trained on", "%s", orNone(s.Data))
	line("licence", "%s", orNone(s.Licence))
	line("input", "%d x %d px, %s, (grey 0..255 * %g - %v) / %v", s.InputWPx, s.InputHPx, s.ColorOrder, s.InputScale, s.InputMean, s.InputStd)
	line("heat volume", "%d x %d x %d cells (depth, height, width), depth %g .. %g mm round the root", s.DepthBins, s.HeatH, s.HeatW, s.DepthMinMM, s.DepthMaxMM)
	line("head", "%s", s.Head)
	line("joint set", "%s, root %s", s.Set.Name, s.Set.Joints[s.Set.Root()])
	line("joints", "%s", strings.Join(s.Set.Joints, " "))
	line("joint definition", "%s", orNone(s.JointRule))
	for _, each := range []struct {
		name  string
		curve *model.ScoreCurve
	}{{"score", s.ScoreCurve}, {"score of looks merged", s.ScoreMerged}} {
		if c := each.curve; c != nil {
			line(each.name, "1 / (1 + exp(-(%g ln(peak) + %g))): the chance that the joint is right, as fitted", c.Slope, c.Offset)
		} else {
			line(each.name, "peak probability of the heat volume")
		}
	}
	line("depths along", "%s", map[string]string{model.DepthAlongCamera: "the camera's axis", model.DepthAlongCrop: "the line of sight through the crop's centre"}[s.DepthAxis])
	line("checkpoint", "%s", orNone(s.Checkpoint))
	for _, key := range sortedKeys(s.Accuracy) {
		line("accuracy", "%s: %s", key, s.Accuracy[key])
	}
	if len(s.Accuracy) == 0 {
		line("accuracy", "not measured")
	}
	return w.Flush()
}

func newModelsVerify(e env) *cobra.Command {
	var library string
	cmd := &cobra.Command{
		Use:   "verify [MODEL]",
		Short: "Recompute a network's hash and run it on a known input",
		Long: `Recompute a network's SHA-256 and compare it with the SHA256SUMS beside it, check its metadata against its inputs and outputs,
and run it on a fixed pattern: twice for equal answers, and as a batch of two
against one by one. Without MODEL all that "mhp models list" shows are verified.`,
		Example: "  mhp models verify xs",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("models verify takes one MODEL or none, got %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := toVerify(args)
			if err != nil {
				return err
			}
			for _, f := range files {
				hash, err := checkHash(f)
				if err != nil {
					return err
				}
				verify, what := verifyModel, "runs repeatably, alone and in a batch"
				if f.Detector != nil {
					verify, what = verifyDetector, "runs repeatably"
				}
				if err := verify(cmd.Context(), f, library); err != nil {
					return err
				}
				fmt.Fprintf(e.out, "%s  ok  sha256 %s (%s), %s\n", nameOfModel(f), f.SHA256, hash, what)
			}
			return nil
		},
	}
	bindLibrary(cmd.Flags(), &library)
	return cmd
}

func toVerify(args []string) ([]*model.File, error) {
	if len(args) == 1 {
		f, err := resolveEither(args[0])
		return []*model.File{f}, err
	}
	var files []*model.File
	for _, entry := range append(store().List(), store().Detectors()...) {
		if entry.Err != nil {
			return nil, entry.Err
		}
		files = append(files, entry.File)
	}
	return files, nil
}

// verifyModel runs the network on a fixed pattern: its answers must be finite,
// repeatable, and the same alone and in a batch.
func verifyModel(ctx context.Context, f *model.File, library string) (err error) {
	opts := ort.Options{Threads: 1, Providers: []string{"cpu"}}
	session, err := ort.Open(libraryOptions(library), f.Bytes, f.Spec, opts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	runner, err := session.NewRunner()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, runner.Close()) }()
	first, err := runPattern(ctx, runner, 1)
	if err != nil {
		return err
	}
	second, err := runPattern(ctx, runner, 1)
	if err != nil {
		return err
	}
	pair, err := runPattern(ctx, runner, 2)
	if err != nil {
		return err
	}
	if worst := largestGap(first, second); worst != 0 {
		return fmt.Errorf("%w: %s: two runs on one input differ by %g", model.ErrModel, f.Spec.Name, worst)
	}
	if worst := largestGap(first, pair[:len(first)]); worst > 1e-2 {
		return fmt.Errorf("%w: %s: a batch of two differs from a single run by %g", model.ErrModel, f.Spec.Name, worst)
	}
	return nil
}

// runPattern fills n inputs with one smooth pattern and returns a copy of the
// first output that the head has.
func runPattern(ctx context.Context, r infer.Runner, n int) ([]float32, error) {
	input, err := r.Input(n)
	if err != nil {
		return nil, err
	}
	fillPattern(input, n)
	out, err := r.Run(ctx, n)
	if err != nil {
		return nil, err
	}
	data := out.Coords.Data
	if len(data) == 0 {
		data = out.Heatmap.Data
	}
	for i, v := range data {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("%w: %s: output value %d is %g", model.ErrModel, r.Spec().Name, i, v)
		}
	}
	return append([]float32(nil), data...), nil
}

func fillPattern(input tensor.Tensor, n int) {
	size := len(input.Data) / n
	width := int(input.Shape[3])
	for i := range input.Data {
		at := i % size
		x, y := float64(at%width), float64(at/width)
		input.Data[i] = float32(127 + 100*math.Sin(x/17)*math.Cos(y/23))
	}
}

func largestGap(a, b []float32) float64 {
	worst := 0.0
	for i := range a {
		worst = math.Max(worst, math.Abs(float64(a[i]-b[i])))
	}
	return worst
}

// checkHash compares the file's hash with the one recorded in SHA256SUMS where
// the file came from, and says what it found.
func checkHash(f *model.File) (string, error) {
	var sums []byte
	var err error
	if f.Path == "" {
		sums, err = fs.ReadFile(models.FS, sumsFile)
	} else {
		sums, err = os.ReadFile(filepath.Join(filepath.Dir(f.Path), sumsFile))
	}
	if err != nil {
		return "no recorded hash", nil // a file of the user's own need not have one
	}
	for line := range strings.Lines(string(sums)) {
		fields := strings.Fields(line)
		if len(fields) != 2 || strings.TrimPrefix(fields[1], "*") != f.Name {
			continue
		}
		if fields[0] != f.SHA256 {
			return "", fmt.Errorf("%w: %s: its SHA-256 is %s, but %s records %s: the file is damaged or was replaced", model.ErrModel, f.Name, f.SHA256, sumsFile, fields[0])
		}
		return "as recorded", nil
	}
	return "no recorded hash", nil
}

func oneModel(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usagef("%s takes one MODEL: a name from mhp models list, or an ONNX file", cmd.CommandPath())
	}
	return nil
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "NO"
}

func orNone(s string) string {
	if s == "" {
		return "not stated"
	}
	return s
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
