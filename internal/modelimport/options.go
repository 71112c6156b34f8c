// Package modelimport makes a model of ours from somebody else's ONNX export of
// MobileHumanPose: it recognises the outputs by their shapes, writes down what
// the input means, rewrites what is slow on CPUs without changing the result,
// and proves by running both that old and new agree.
//
//	foreign bytes --recognise--> layout --build--> our bytes --prove (old and new, same crops)--> written, or refused
//
// It runs models through a function that the caller gives (RunFunc), so that it
// depends on no library.
package modelimport

import (
	"fmt"
	"strings"

	"mhp/internal/skeleton"
	"mhp/internal/tensor"
)

// Convention says which numbers a foreign file expects for a crop's grey levels.
type Convention string

// The conventions that public exports follow, all RGB.
const (
	Official Convention = "official" // (grey 0..255 - mean) / std, as the authors train: NOT divided by 255
	Raw255   Convention = "raw255"   // grey 0..255 as it is
	Unit     Convention = "unit"     // grey / 255
	ImageNet Convention = "imagenet" // (grey / 255 - mean) / std
)

// Conventions lists the known ones.
func Conventions() []Convention { return []Convention{Official, Raw255, Unit, ImageNet} }

// The mean and deviation of ImageNet's colours, used by the authors as well.
var (
	colourMean = [3]float64{0.485, 0.456, 0.406}
	colourStd  = [3]float64{0.229, 0.224, 0.225}
)

// normalisation gives scale, mean and std of value = (grey*scale - mean) / std.
func (c Convention) normalisation() (scale float64, mean, std [3]float64) {
	one := [3]float64{1, 1, 1}
	switch c {
	case Official:
		return 1, colourMean, colourStd
	case ImageNet:
		return 1.0 / 255, colourMean, colourStd
	case Unit:
		return 1.0 / 255, [3]float64{}, one
	}
	return 1, [3]float64{}, one
}

// Options say what a foreign file does not say about itself.
type Options struct {
	Convention Convention // required
	Joints     string     // joint set; "" = by the number of joints
	// CoordsUnit is the unit of x and y in a [N,J,3] output: "cells", "px" (of
	// the crop) or "unit" (0..1); z is in cells. Required for such files, else "".
	CoordsUnit string
	// HeatCells is the side of the heat volume behind a [N,J,3] output, 32 or
	// 64; 0 = read it from the last convolution.
	HeatCells    int
	Raw          bool   // keep the graph as it is: for NNAPI and CoreML, which have PRelu and no NCHWc
	Trained      bool   // false makes the model warn whenever it is used
	Name         string // "" = the file's name without its extension
	TrainingData string // "" = "unknown: imported from NAME"
	Licence      string // "" = "unknown, see its origin"
	// Picture is a crop for the proof, [1,3,256,256], RGB grey levels 0..255.
	// Empty = a drawn one.
	Picture tensor.Tensor
}

// DefaultOptions are those for a trained file that follows a convention.
func DefaultOptions(c Convention) Options { return Options{Convention: c, Trained: true} }

// Validate reports an option that no file could be imported with.
func (o Options) Validate() error {
	known := false
	var names []string
	for _, c := range Conventions() {
		known = known || c == o.Convention
		names = append(names, string(c))
	}
	if !known {
		return fmt.Errorf("convention %q is not one of %s", o.Convention, strings.Join(names, ", "))
	}
	if o.Joints != "" {
		if _, err := skeleton.Named(o.Joints); err != nil {
			return err
		}
	}
	switch o.CoordsUnit {
	case "", "cells", "px", "unit":
	default:
		return fmt.Errorf("unit of the coordinates %q is not one of cells, px, unit", o.CoordsUnit)
	}
	switch o.HeatCells {
	case 0, 32, 64:
	default:
		return fmt.Errorf("side of the heat volume %d is not 32 or 64", o.HeatCells)
	}
	if o.Picture.Data == nil {
		return nil
	}
	if err := o.Picture.Validate(); err != nil {
		return err
	}
	if len(o.Picture.Data) != cropValues {
		return fmt.Errorf("the picture for the proof has shape %v, not [1,3,%d,%d]", o.Picture.Shape, inputPx, inputPx)
	}
	return nil
}
