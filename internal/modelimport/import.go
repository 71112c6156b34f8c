package modelimport

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"mhp/internal/model"
	"mhp/internal/onnx"
	"mhp/internal/tensor"
)

// RunFunc runs a model once. The bytes are an ONNX file with one float32 input,
// to which input goes whatever its name is; the answer holds every float32
// output by name. Nothing it returns may be reused by the next call.
type RunFunc func(modelBytes []byte, input tensor.Tensor) (outputs map[string]tensor.Tensor, err error)

// Result tells what an import did.
type Result struct {
	Spec          *model.Spec // FixedBatch is set where the batch could not be freed
	Before, After onnx.Summary
	PReLU         onnx.PReLUReport // with Raw: what was left as it is
	Swapped       int              // 1x1 convolutions put before the enlargement they followed
	Fused         bool             // soft-argmax was added to the graph
	Proof         Proof
	Notes         []string // what the user should know, whole sentences
}

// job is one import under way.
type job struct {
	source  string // the file's name, for messages
	data    []byte
	model   *onnx.ModelProto // as read; never edited
	before  onnx.Summary
	options Options
	run     RunFunc
}

// Convert makes a file of ours from a foreign one; source names it in messages.
// Errors about the file wrap model.ErrModel; an error of Options.Validate does
// not. Without a proof that old and new agree there is no result.
func Convert(data []byte, source string, o Options, run RunFunc) ([]byte, *Result, error) {
	if err := o.Validate(); err != nil {
		return nil, nil, err
	}
	m, err := onnx.Parse(data)
	if err != nil {
		return nil, nil, &Problem{What: source, Cause: err}
	}
	j := &job{source: source, data: data, model: m, before: onnx.Summarize(m), options: o, run: run}
	if _, ok := onnx.Metadata(m)["mhp.format"]; ok {
		return nil, nil, refuse("use it as it is; to change how it is read, import the file it was made from", "%s: the file carries our metadata already", source)
	}
	if j.before.Opset < minOpset {
		return nil, nil, refuse("export it again with operator set 11 or newer", "%s: the file uses operator set %d, older than %d", source, j.before.Opset, minOpset)
	}
	l, err := j.recognise()
	if err != nil {
		return nil, nil, err
	}
	return j.convert(l)
}

// convert tries to free a fixed batch first, and keeps it where that cannot be proved.
func (j *job) convert(l layout) ([]byte, *Result, error) {
	if j.options.Raw {
		return j.attempt(l, l.batch == 0)
	}
	out, result, err := j.attempt(l, true)
	if err == nil {
		return out, result, nil
	}
	fixed := l
	fixed.batch = l.size()
	out, result, fixedErr := j.attempt(fixed, false)
	if fixedErr != nil {
		return nil, nil, fixedErr // what fails at the file's own batch size says more than what fails at others
	}
	result.Notes = append(result.Notes, fmt.Sprintf("The batch stays fixed at %d: with another one the file fails (%v).", fixed.batch, err))
	return out, result, nil
}

func (j *job) attempt(l layout, freeBatch bool) ([]byte, *Result, error) {
	b, err := j.build(l, freeBatch)
	if err != nil {
		return nil, nil, err
	}
	r := &Result{Spec: j.spec(l, b), Before: j.before, PReLU: b.prelu, Swapped: b.swapped, Fused: l.head == model.HeadHeatmap && !j.options.Raw}
	if !freeBatch {
		r.Spec.FixedBatch = int(l.size())
	}
	onnx.SetMetadata(b.graph.Model(), "mhp.", r.Spec.Metadata())
	if _, err := model.ParseSpec(onnx.Metadata(b.graph.Model())); err != nil {
		return nil, nil, &Problem{What: j.source, Cause: err}
	}
	r.After = onnx.Summarize(b.graph.Model())
	out, err := onnx.Marshal(b.graph.Model())
	if err != nil {
		return nil, nil, &Problem{What: j.source, Cause: err}
	}
	if r.Proof, err = j.prove(l, b, out, freeBatch); err != nil {
		return nil, nil, err
	}
	r.Notes = j.notes(l, b)
	return out, r, nil
}

// spec is the meaning of the new file.
func (j *job) spec(l layout, b *built) *model.Spec {
	o := j.options
	base := filepath.Base(j.source)
	s := &model.Spec{
		Name: o.Name, Variant: j.variant(l), Set: l.set,
		InputWPx: inputPx, InputHPx: inputPx,
		HeatW: int(l.cells), HeatH: int(l.cells), DepthBins: int(l.cells),
		DepthMinMM: depthMinMM, DepthMaxMM: depthMaxMM,
		ColorOrder: "rgb", Head: model.HeadCoords, CoordsUnit: "cells", DepthAxis: model.DepthAlongCamera, PReLU: "none",
		Trained: o.Trained, Data: o.TrainingData, Licence: o.Licence,
		Parameters: j.before.Parameters,
		JointRule:  "unknown: imported, taken to be that of " + l.set.Name,
	}
	s.InputScale, s.InputMean, s.InputStd = o.Convention.normalisation()
	if s.Name == "" {
		s.Name = strings.TrimSuffix(base, filepath.Ext(base))
	}
	if s.Data == "" {
		s.Data = "unknown: imported from " + base
	}
	if s.Licence == "" {
		s.Licence = "unknown, see its origin"
	}
	switch {
	case l.head == model.HeadHeatmap && o.Raw:
		s.Head = model.HeadHeatmap
	case l.head == model.HeadCoords:
		s.CoordsUnit = o.CoordsUnit
	}
	switch {
	case b.prelu.Channel > 0:
		s.PReLU = "channel"
	case b.prelu.Layer > 0:
		s.PReLU = "layer"
	}
	s.TrainConfig = j.origin(b)
	return s
}

// The depth range that every MobileHumanPose export has.
const (
	depthMinMM = -1000
	depthMaxMM = 1000
)

// origin tells, as JSON, where the file comes from and what was done to it.
func (j *job) origin(b *built) string {
	sum := sha256.Sum256(j.data)
	text, err := json.Marshal(map[string]any{
		"imported_from": filepath.Base(j.source), "imported_sha256": hex.EncodeToString(sum[:]),
		"convention": j.options.Convention, "raw": j.options.Raw, "score": b.score,
	})
	if err != nil {
		panic(err) // strings and a bool only: cannot fail
	}
	return string(text)
}

// variants are the published networks: channels of the first convolution, side
// of the heat volume, parameters with 18 and 21 joints.
var variants = map[string]struct {
	stem, cells int64
	parameters  [2]int
}{
	"xs": {24, 32, [2]int{959216, 983888}},
	"s":  {40, 64, [2]int{2242000, 2291344}},
	"l":  {48, 64, [2]int{4073248, 4122592}},
}

// variant names the published network that a file looks like, else "custom".
// Exports that fold batch norms hold a few per cent fewer parameters.
func (j *job) variant(l layout) string {
	g := onnx.NewGraph(onnx.Clone(j.model))
	stem := int64(0)
	for _, n := range j.model.GetGraph().GetNode() {
		if stem = g.ConvChannels(n); stem > 0 {
			break
		}
	}
	for _, name := range slices.Sorted(maps.Keys(variants)) {
		v := variants[name]
		if v.stem != stem || v.cells != l.cells {
			continue
		}
		for _, want := range v.parameters {
			if diff := j.before.Parameters - want; max(diff, -diff) <= want/20 {
				return name
			}
		}
	}
	return "custom"
}

func (j *job) notes(l layout, b *built) []string {
	var notes []string
	if b.score == "ones" {
		notes = append(notes, "The file does not say how sure it is of a joint: every score is 1.")
	}
	if b.score == "none" {
		notes = append(notes, "The file has no scores, and its graph is kept as it is: there is no output named score.")
	}
	if b.prelu.Kept > 0 {
		notes = append(notes, fmt.Sprintf("%d PReLUs are left as they are: their slopes are not constant, one a channel.", b.prelu.Kept))
	}
	if j.options.Raw && l.batch > 1 {
		notes = append(notes, fmt.Sprintf("The batch stays fixed at %d, as the file has it.", l.batch))
	}
	return notes
}
