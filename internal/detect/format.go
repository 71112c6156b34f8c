package detect

import (
	"fmt"
	"slices"
	"strings"

	"mhp/internal/model"
)

// FormatAuto asks to recognise a detector's outputs from their shapes.
const FormatAuto = "auto"

// Formats are the names that a format may be told by.
func Formats() []string {
	names := []string{FormatAuto}
	for _, f := range foreign() {
		names = append(names, string(f.format))
	}
	return names
}

// OpenSidePx is the input's side where a file leaves it open.
const OpenSidePx = 640

// convention is how a project prepares pictures for its detectors.
type convention struct {
	format    model.DetectorFormat
	order     string
	scale     float64
	letterbox model.Letterbox
}

// foreign lists the formats of others with what their own tools do: YOLOX's
// demo/ONNXRuntime, Ultralytics' LetterBox, mmdeploy's YOLOX, and torchvision.
func foreign() []convention {
	return []convention{
		{model.FormatYOLOX, "bgr", 1, model.LetterboxTopLeft},
		{model.FormatYOLOv5, "rgb", 1. / 255, model.LetterboxCenter},
		{model.FormatYOLOv8, "rgb", 1. / 255, model.LetterboxCenter},
		{model.FormatYOLOv10, "rgb", 1. / 255, model.LetterboxCenter},
		{model.FormatMMDeploy, "bgr", 1, model.LetterboxTopLeft},
		{model.FormatSSD, "rgb", 1. / 255, model.LetterboxStretch},
	}
}

// The settings for files that do not say theirs.
const (
	foreignScore = 0.4
	foreignIoU   = 0.6
	foreignGrey  = 114
)

// FormatError is a detector file whose outputs are not understood. It wraps model.ErrModel.
type FormatError struct {
	Problem string
	Remedy  string
}

// Error says what is wrong.
func (e *FormatError) Error() string { return e.Problem }

// Hint says what to do.
func (e *FormatError) Hint() string { return e.Remedy }

// Unwrap makes errors.Is find model.ErrModel.
func (e *FormatError) Unwrap() error { return model.ErrModel }

// Recognise says what a detector of another project means, from the shapes of
// its input and outputs, or from the format told (FormatAuto: not told).
// class is which of its classes is a person. Errors are *FormatError.
func Recognise(name string, g *model.Graph, format string, class int) (*model.Detector, error) {
	d := &model.Detector{Name: name, Class: class, Trained: true, InputStd: [3]float64{1, 1, 1},
		LetterboxGrey: foreignGrey, ScoreThreshold: foreignScore, NMSIoU: foreignIoU}
	if err := readInput(d, g); err != nil {
		return nil, err
	}
	matches := matching(d, g, format)
	switch {
	case len(matches) == 0 && format != FormatAuto && format != "":
		return nil, unknownOutputs(g, "do not look like those of "+format)
	case len(matches) == 0:
		return nil, unknownOutputs(g, "are not of any known form")
	case len(matches) > 1:
		var names []string
		for _, m := range matches {
			names = append(names, string(m.format))
		}
		return nil, unknownOutputs(g, "may be those of "+strings.Join(names, " or "))
	}
	d.Format, d.Outputs = matches[0].format, matches[0].outputs
	for _, c := range foreign() {
		if c.format == d.Format {
			d.ColorOrder, d.InputScale, d.Letterbox = c.order, c.scale, c.letterbox
		}
	}
	return d, nil
}

func unknownOutputs(g *model.Graph, problem string) error {
	return &FormatError{
		fmt.Sprintf("its outputs %s %s", model.ListPorts(g.Outputs), problem),
		"say what they are with --detector-format " + strings.Join(Formats()[1:], "|") + ", or export the network in one of these forms (docs/detect.md)",
	}
}

// readInput takes the one float32 input [N,3,H,W].
func readInput(d *model.Detector, g *model.Graph) error {
	problem := ""
	switch {
	case len(g.Inputs) != 1:
		problem = fmt.Sprintf("it has %d inputs (%s), not one", len(g.Inputs), model.ListPorts(g.Inputs))
	case g.Inputs[0].ElemType != 1:
		problem = fmt.Sprintf("its input %s is not float32", g.Inputs[0])
	case len(g.Inputs[0].Shape) != 4 || g.Inputs[0].Shape[1] != 3:
		problem = fmt.Sprintf("its input %s is not [N,3,height,width]", g.Inputs[0])
	case g.Inputs[0].Shape[0] > 1:
		problem = fmt.Sprintf("its input %s takes several pictures at a time", g.Inputs[0])
	}
	if problem != "" {
		return &FormatError{problem, "export the network with one float32 input [1,3,height,width]"}
	}
	side := func(dim int64) int {
		if dim == model.AnyDim {
			return OpenSidePx
		}
		return int(dim)
	}
	in := g.Inputs[0]
	d.Input, d.InputHPx, d.InputWPx = in.Name, side(in.Shape[2]), side(in.Shape[3])
	if d.InputHPx < 16 || d.InputWPx < 16 || d.InputHPx > 4096 || d.InputWPx > 4096 {
		return &FormatError{fmt.Sprintf("its input %s is not between 16 and 4096 px wide and high", in), "export the network for a usual size, such as 640 x 640 px"}
	}
	return nil
}

type match struct {
	format  model.DetectorFormat
	outputs []model.Port
}

// matching lists the formats that the outputs can be read as.
func matching(d *model.Detector, g *model.Graph, told string) []match {
	var found []match
	add := func(format model.DetectorFormat, outputs ...model.Port) {
		if told == "" || told == FormatAuto || told == string(format) {
			found = append(found, match{format, outputs})
		}
	}
	if m, ok := boxesAndScores(g.Outputs); ok {
		add(model.FormatSSD, m...)
	}
	if m, ok := scoredBoxes(g.Outputs); ok {
		add(model.FormatMMDeploy, m...)
	}
	if len(found) > 0 {
		return found
	}
	for _, port := range g.Outputs {
		if len(port.Shape) == 3 && port.ElemType == 1 {
			for _, format := range gridFormats(d, port.Shape, told) {
				add(format, port)
			}
		}
	}
	return found
}

// gridFormats tells formats of one output [N,a,b] by which of a and b is the
// number of cells of the grids with strides of 8, 16 and 32 px.
func gridFormats(d *model.Detector, shape []int64, told string) []model.DetectorFormat {
	a, b := shape[1], shape[2]
	cells := gridCells(d.InputWPx, d.InputHPx)
	told3 := told == string(model.FormatYOLOX) || told == string(model.FormatYOLOv5)
	switch {
	case b == 6 && a != cells && a != 3*cells && !told3:
		return []model.DetectorFormat{model.FormatYOLOv10}
	case b == cells && a >= 5, b == model.AnyDim && a >= 5:
		return []model.DetectorFormat{model.FormatYOLOv8}
	case a == cells && b >= 6:
		return []model.DetectorFormat{model.FormatYOLOX}
	case a == 3*cells && b >= 6, a == 3*(cells+stride64(d)) && b >= 6:
		return []model.DetectorFormat{model.FormatYOLOv5}
	case a == model.AnyDim && b >= 6:
		return []model.DetectorFormat{model.FormatYOLOX, model.FormatYOLOv5}
	}
	return nil
}

// strides are the sides of YOLOX's cells in px of the input.
var strides = [...]int{8, 16, 32}

func gridCells(width, height int) int64 {
	n := 0
	for _, s := range strides {
		n += (width / s) * (height / s)
	}
	return int64(n)
}

// stride64 is the number of cells that YOLOv5's P6 networks have besides.
func stride64(d *model.Detector) int64 { return int64((d.InputWPx / 64) * (d.InputHPx / 64)) }

// last is a port's last dimension, 0 if it has none.
func last(p model.Port) int64 {
	if len(p.Shape) == 0 {
		return 0
	}
	return p.Shape[len(p.Shape)-1]
}

// boxesAndScores finds boxes [N,M,4] or [M,4], scores [N,M,C], [N,M] or [M],
// and labels shaped as scores, if there are such.
func boxesAndScores(ports []model.Port) ([]model.Port, bool) {
	boxes := slices.IndexFunc(ports, func(p model.Port) bool {
		return p.ElemType == 1 && last(p) == 4 && (len(p.Shape) == 2 || len(p.Shape) == 3)
	})
	if boxes < 0 || len(ports) < 2 {
		return nil, false
	}
	rank := len(ports[boxes].Shape)
	var scores, labels []model.Port
	for i, p := range ports {
		switch {
		case i == boxes:
		case isLabels(p) && len(p.Shape) == rank-1:
			labels = append(labels, p)
		case p.ElemType == 1 && (len(p.Shape) == rank-1 || len(p.Shape) == rank && rank == 3):
			scores = append(scores, p)
		}
	}
	if len(scores) != 1 || len(labels) > 1 {
		return nil, false
	}
	return append([]model.Port{ports[boxes], scores[0]}, labels...), true
}

// isLabels tells class numbers by their type or name.
func isLabels(p model.Port) bool {
	name := strings.ToLower(p.Name)
	return p.ElemType == 6 || p.ElemType == 7 || strings.Contains(name, "label") || strings.Contains(name, "class")
}

// scoredBoxes finds dets [N,M,5] and labels [N,M].
func scoredBoxes(ports []model.Port) ([]model.Port, bool) {
	if len(ports) != 2 {
		return nil, false
	}
	for i, p := range ports {
		if p.ElemType == 1 && len(p.Shape) == 3 && last(p) == 5 && isLabels(ports[1-i]) && len(ports[1-i].Shape) == 2 {
			return []model.Port{p, ports[1-i]}, true
		}
	}
	return nil, false
}
