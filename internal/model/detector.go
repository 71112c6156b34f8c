package model

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
)

// KindDetector is mhp.kind of a network that finds people; files without
// mhp.kind, or with "pose", are pose networks.
const KindDetector = "detector"

// Letterbox says how a picture is fitted into a detector's input.
type Letterbox string

// The ways to fit a picture: with its proportions kept and the rest grey, or stretched.
const (
	LetterboxTopLeft Letterbox = "topleft"
	LetterboxCenter  Letterbox = "center"
	LetterboxStretch Letterbox = "stretch"
)

// DetectorFormat says what a detector's outputs are; detect decodes them.
type DetectorFormat string

// The formats. Ours has the outputs boxes [N,M,4], two corners in input px, and
// scores [N,M]; the others are those of the projects they are named after.
const (
	FormatMHP      DetectorFormat = "mhp"
	FormatYOLOX    DetectorFormat = "yolox"    // [N,M,5+C] cells: cx cy w h of strides 8, 16, 32, objectness, classes
	FormatYOLOv5   DetectorFormat = "yolov5"   // [N,M,5+C] px: cx cy w h, objectness, classes
	FormatYOLOv8   DetectorFormat = "yolov8"   // [N,4+C,M] px: cx cy w h, classes; v11 and v12 too
	FormatYOLOv10  DetectorFormat = "yolov10"  // [N,M,6] px: x1 y1 x2 y2 score class; exports with NMS inside too
	FormatMMDeploy DetectorFormat = "mmdeploy" // dets [N,M,5] px: x1 y1 x2 y2 score, labels [N,M]
	FormatSSD      DetectorFormat = "ssd"      // boxes [N,M,4] or [M,4], scores [N,M] or [N,M,C], perhaps labels
)

// Detector is the meaning of a file that finds people.
type Detector struct {
	Name           string
	Format         DetectorFormat
	Class          int // which of the classes is a person
	Input          string
	Outputs        []Port // in the order that the format's decoder takes them
	InputWPx       int
	InputHPx       int
	ColorOrder     string // "rgb" or "bgr"
	InputScale     float64
	InputMean      [3]float64 // per channel, in ColorOrder; value = (grey*Scale - Mean) / Std
	InputStd       [3]float64
	Letterbox      Letterbox
	LetterboxGrey  int     // 0..255, what is outside the picture
	ScoreThreshold float64 // people that score less are not reported, unless told otherwise
	NMSIoU         float64 // of two boxes that overlap more, the better one stays
	Trained        bool
	Data           string // what it was trained on
	Accuracy       map[string]string
	Parameters     int
	Licence        string
}

// errDetector is why a file cannot be used as a pose network.
var errDetector = errors.New("finds people, it does not estimate joints (mhp.kind is detector)")

// errDetectorMetadata marks a detector of ours that is not right.
var errDetectorMetadata = fmt.Errorf("%w: detector's metadata", ErrModel)

// OpenDetector reads a file that finds people, ours or anybody's. Detector is
// nil for a file without our metadata. Errors are *FileError.
func OpenDetector(path string) (*File, error) {
	data, err := read(path)
	if err != nil {
		return nil, err
	}
	f, err := ReadDetector(path, data)
	if err != nil {
		return nil, err
	}
	f.Name, f.Path = filepath.Base(path), path
	return f, nil
}

// ReadDetector is OpenDetector of a file in memory; name stands in messages only.
func ReadDetector(name string, data []byte) (*File, error) {
	if len(data) == 0 {
		return nil, &FileError{name, errors.New("is empty"), hintDetector}
	}
	graph, err := ReadGraph(data)
	if err != nil {
		return nil, notONNX(name, data, err)
	}
	sum := sha256.Sum256(data)
	f := &File{Name: name, Bytes: data, SHA256: hex.EncodeToString(sum[:]), Graph: graph}
	_, ours := graph.Meta["mhp.format"]
	switch {
	case IsDetector(graph):
		if f.Detector, err = ParseDetector(graph); err != nil {
			return nil, &FileError{name, err, "export it again"}
		}
	case ours:
		return nil, &FileError{name, errors.New("is a pose network, it does not find people"), "--model takes this file; " + hintDetector}
	}
	return f, nil
}

const hintDetector = "--detector takes an ONNX file that finds people"

// IsDetector tells whether a file says that it finds people.
func IsDetector(g *Graph) bool { return g.Meta["mhp.kind"] == KindDetector }

// ParseDetector reads the metadata of a detector of ours and checks the
// graph's ports. The error wraps ErrModel and lists everything that is missing
// or contradicts itself.
func ParseDetector(g *Graph) (*Detector, error) {
	p := &parser{meta: g.Meta}
	if v := p.text("format"); v != FormatVersion {
		return nil, fmt.Errorf("%w: format %q, this program reads %q", errDetectorMetadata, v, FormatVersion)
	}
	d := &Detector{
		Format:         FormatMHP,
		Name:           p.text("name"),
		InputWPx:       p.whole("input_width_px", 16, 4096),
		InputHPx:       p.whole("input_height_px", 16, 4096),
		ColorOrder:     p.oneOf("color_order", "rgb", "bgr"),
		InputScale:     p.number("input_scale"),
		Letterbox:      Letterbox(p.oneOf("letterbox", string(LetterboxTopLeft), string(LetterboxCenter), string(LetterboxStretch))),
		LetterboxGrey:  p.whole("letterbox_grey", 0, 255),
		ScoreThreshold: p.number("score_threshold"),
		NMSIoU:         p.number("nms_iou"),
		Trained:        p.oneOf("trained", "true", "false") == "true",
		Data:           p.text("training_data"),
		Parameters:     p.whole("parameters", 0, math.MaxInt32),
		Licence:        p.text("licence"),
	}
	copy(d.InputMean[:], p.numbers("input_mean", 3))
	copy(d.InputStd[:], p.numbers("input_std", 3))
	p.decode("accuracy", &d.Accuracy)
	p.detectorContradictions(d)
	p.detectorPorts(d, g)
	if len(p.problems) > 0 {
		return nil, fmt.Errorf("%w: %s", errDetectorMetadata, strings.Join(p.problems, "; "))
	}
	return d, nil
}

func (p *parser) detectorContradictions(d *Detector) {
	if d.InputScale == 0 {
		p.problems = append(p.problems, "mhp.input_scale must not be 0")
	}
	if slices.Contains(d.InputStd[:], 0) {
		p.problems = append(p.problems, "mhp.input_std must not hold 0")
	}
	for _, f := range []struct {
		key   string
		value float64
	}{{"score_threshold", d.ScoreThreshold}, {"nms_iou", d.NMSIoU}} {
		if !(f.value > 0 && f.value <= 1) {
			p.problems = append(p.problems, fmt.Sprintf("mhp.%s is %g, not above 0 and at most 1", f.key, f.value))
		}
	}
}

// detectorPorts fills Input and Outputs: image, boxes and scores of one M.
func (p *parser) detectorPorts(d *Detector, g *Graph) {
	c := portCheck{batch: AnyDim}
	d.Input = c.pick("input", g.Inputs, "image", true, 3, int64(d.InputHPx), int64(d.InputWPx))
	if len(g.Inputs) > 1 {
		c.problem("the graph has %d inputs (%s), not one", len(g.Inputs), ListPorts(g.Inputs))
	}
	c.pick("output", g.Outputs, "boxes", true, AnyDim, 4)
	c.pick("output", g.Outputs, "scores", true, AnyDim)
	if c.batch != AnyDim && c.batch != 1 {
		c.problem("the graph takes %d pictures at a time, not one", c.batch)
	}
	for _, name := range []string{"boxes", "scores"} {
		if i := slices.IndexFunc(g.Outputs, func(o Port) bool { return o.Name == name }); i >= 0 {
			d.Outputs = append(d.Outputs, g.Outputs[i])
		}
	}
	p.problems = append(p.problems, c.problems...)
}

// ListPorts shows ports as name[1,3,256,256], with ? for open dimensions.
func ListPorts(ports []Port) string { return list(ports) }
