package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"mhp/internal/geom"
	"mhp/internal/infer/ort"
	"mhp/internal/model"
	"mhp/internal/modelimport"
	"mhp/internal/preprocess"
	"mhp/internal/source"
	"mhp/internal/tensor"
)

// importFlags is the command line of mhp models import.
type importFlags struct {
	convention, out, picture, library string
	untrained                         bool
	options                           modelimport.Options
}

func newModelsImport(e env) *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:   "import FILE --convention CONVENTION -o OUT",
		Short: "Make a foreign MobileHumanPose export usable here",
		Long: `Add the metadata that mhp needs to a MobileHumanPose network exported elsewhere,
rewrite per-channel PReLU exactly into operators that a CPU runs faster, and put
soft-argmax into the graph. Old and new must agree on random input and on a
picture, or nothing is written.

The convention says which numbers the file expects for a grey level 0..255:
  official  (grey - mean) / std, as the authors train: NOT divided by 255
  raw255    grey as it is
  unit      grey / 255
  imagenet  (grey / 255 - mean) / std
A file cannot tell which; ask whoever exported it, or try and look.`,
		Example: "  mhp models import other.onnx --convention official -o mine.onnx",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("models import takes one FILE, got %d", len(args))
			}
			if f.convention == "" || f.out == "" {
				return usagef("models import needs --convention and -o")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return runImport(e, &f, args[0]) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.convention, "convention", "", "official, raw255, unit or imagenet (required)")
	flags.StringVarP(&f.out, "output", "o", "", "the file to write (required)")
	flags.StringVar(&f.options.Joints, "joints", "", "joint set: muco21 or h36m18 (default: by the number of joints)")
	flags.StringVar(&f.options.CoordsUnit, "coords", "", "for [N,J,3] outputs: unit of x and y: cells, px (of the crop) or unit (0..1)")
	flags.IntVar(&f.options.HeatCells, "heat-cells", 0, "for [N,J,3] outputs: side of the heat volume, 32 or 64 (default: read from the graph)")
	flags.BoolVar(&f.options.Raw, "raw", false, "keep the graph as it is, for NNAPI and CoreML")
	flags.BoolVar(&f.untrained, "untrained", false, "the file holds random weights: warn at every use")
	flags.StringVar(&f.options.Name, "name", "", "the model's name (default: the file's)")
	flags.StringVar(&f.options.TrainingData, "training-data", "", "what it was trained on, as far as known")
	flags.StringVar(&f.options.Licence, "licence", "", "licence of the weights, as far as known")
	flags.StringVar(&f.picture, "picture", "", "picture for the proof (default: a drawn one)")
	bindLibrary(flags, &f.library)
	return cmd
}

func runImport(e env, f *importFlags, in string) error {
	f.options.Convention, f.options.Trained = modelimport.Convention(f.convention), !f.untrained
	if f.picture != "" {
		picture, err := proofPicture(f.picture)
		if err != nil {
			return err
		}
		f.options.Picture = picture
	}
	if err := f.options.Validate(); err != nil {
		return usagef("%w", err)
	}
	run := func(modelBytes []byte, input tensor.Tensor) (map[string]tensor.Tensor, error) {
		return ort.RunOnce(libraryOptions(f.library), modelBytes, input)
	}
	result, err := modelimport.File(in, f.out, f.options, run)
	if err != nil {
		return err
	}
	printImport(e.out, f.out, result)
	return nil
}

// proofPicture is the middle of a picture as a crop of grey levels, [1,3,256,256].
func proofPicture(path string) (tensor.Tensor, error) {
	f, err := source.Input{Path: path, Name: path}.Decode(source.Options{})
	if err != nil {
		return tensor.Tensor{}, err
	}
	const sidePx = 256
	square, err := preprocess.SquareBox(geom.BoxPx{W: float64(f.WidthPx), H: float64(f.HeightPx)}, f.WidthPx, f.HeightPx)
	if err != nil {
		return tensor.Tensor{}, fmt.Errorf("%s: %w", path, err)
	}
	plain := &model.Spec{InputWPx: sidePx, InputHPx: sidePx, ColorOrder: "rgb", InputScale: 1, InputStd: [3]float64{1, 1, 1}}
	crop := tensor.New(1, 3, sidePx, sidePx)
	preprocess.New(plain).Crop(crop.Data, f, geom.SquareCrop(square, sidePx), geom.View{})
	return crop, nil
}

func printImport(out io.Writer, path string, r *modelimport.Result) {
	fmt.Fprintf(out, "wrote %s: %s, %d joints (%s), head %s\n", path, r.Spec.Name, len(r.Spec.Set.Joints), r.Spec.Set.Name, r.Spec.Head)
	fmt.Fprintf(out, "PReLU: %d with a slope per channel, %d per layer, %d of another form\n", r.PReLU.Channel, r.PReLU.Layer, r.PReLU.Kept)
	if r.Fused {
		fmt.Fprintln(out, "soft-argmax is now in the graph")
	}
	fmt.Fprintf(out, "proof on %d crops: volume within %.1e of its largest value, joints within %.2g px of the crop and %.2g mm\n",
		r.Proof.Crops, r.Proof.Volume, r.Proof.Px, r.Proof.MM)
	for _, note := range r.Notes {
		fmt.Fprintf(out, "note: %s\n", note)
	}
}
