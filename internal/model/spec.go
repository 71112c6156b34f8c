// Package model knows what a pose network needs and means: the metadata that
// every model file of ours carries, and where the file is found.
//
//	FILE.onnx --Open--> File{Bytes, SHA256, Spec} --infer--> session
package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"mhp/internal/skeleton"
)

// ErrModel marks a model file that is missing, unreadable or not one of ours;
// the command line turns it into exit code 3.
var ErrModel = errors.New("model")

// Head says what a network's outputs are.
type Head string

// The two heads. Coords has the soft-argmax inside the graph; heatmap ends at the volume.
const (
	HeadCoords  Head = "coords"
	HeadHeatmap Head = "heatmap"
)

// FormatVersion is the metadata version this program reads and writes.
const FormatVersion = "1"

// Spec is the meaning of a model file. All of it is stored in the file's
// metadata under keys that start with "mhp.".
type Spec struct {
	Name        string
	Variant     string // "xs", "s", "l" or "custom"
	Set         *skeleton.Set
	InputWPx    int
	InputHPx    int
	HeatW       int // cells
	HeatH       int // cells
	DepthBins   int // cells
	DepthMinMM  float64
	DepthMaxMM  float64
	ColorOrder  string // "rgb" or "bgr"
	InputScale  float64
	InputMean   [3]float64 // per channel, in ColorOrder; value = (grey*Scale - Mean) / Std
	InputStd    [3]float64
	Head        Head
	CoordsUnit  string // "cells", "px" (of the crop) or "unit" (0..1); x and y only, z is always cells
	DepthAxis   string // what depths are along: "camera" (its optical axis) or "crop" (the line of sight through the crop's centre)
	PReLU       string // "layer", "channel" or "none"
	Trained     bool
	Data        string // what it was trained on
	Accuracy    map[string]string
	Parameters  int
	Checkpoint  string // SHA-256 of the checkpoint
	Licence     string
	JointRule   string // where the joints lie on the body
	TrainConfig string
	FixedBatch  int         // the only batch size that the file takes; 0 = any
	ScoreCurve  *ScoreCurve // nil: the score is the peak probability itself
	ScoreMerged *ScoreCurve // the same where several looks at a crop were merged
}

// ScoreCurve turns the peak probability of a heat volume, which is small and
// depends on the network, into the chance that the joint is right, as fitted
// on labelled pictures:
//
//	score = 1 / (1 + exp(-(Slope * ln(peak) + Offset)))
type ScoreCurve struct{ Slope, Offset float64 }

// Score is the chance that a joint with that peak probability is right. It
// rises with the peak.
func (c *ScoreCurve) Score(peak float64) float64 {
	return 1 / (1 + math.Exp(-(c.Slope*math.Log(peak) + c.Offset)))
}

// LogOdds of a score 0..1, finite.
func LogOdds(score float64) float64 {
	const least = 1e-9
	score = math.Min(math.Max(score, least), 1-least)
	return math.Log(score / (1 - score))
}

// The values of Spec.DepthAxis. A crop does not show where in the picture it
// lies, so a network can tell depths along the camera's axis only on average.
const (
	DepthAlongCamera = "camera"
	DepthAlongCrop   = "crop"
)

// DepthMM turns a depth in heat cells into mm relative to the root joint.
func (s *Spec) DepthMM(zCells float64) float64 {
	return s.DepthMinMM + (s.DepthMaxMM-s.DepthMinMM)*zCells/float64(s.DepthBins)
}

// parser collects what is missing or wrong, so that one message lists all of it.
type parser struct {
	meta     map[string]string
	problems []string
}

func (p *parser) text(key string) string {
	v, ok := p.meta["mhp."+key]
	if !ok {
		p.problems = append(p.problems, "mhp."+key+" is missing")
	}
	return v
}

func (p *parser) oneOf(key string, allowed ...string) string {
	v, ok := p.meta["mhp."+key]
	if !ok {
		p.problems = append(p.problems, "mhp."+key+" is missing")
		return ""
	}
	for _, a := range allowed {
		if v == a {
			return v
		}
	}
	p.problems = append(p.problems, fmt.Sprintf("mhp.%s is %q, not one of %s", key, v, strings.Join(allowed, ", ")))
	return ""
}

func (p *parser) whole(key string, min, max int) int {
	text, ok := p.meta["mhp."+key]
	if !ok {
		p.problems = append(p.problems, "mhp."+key+" is missing")
		return min
	}
	v, err := strconv.Atoi(text)
	if err != nil || v < min || v > max {
		p.problems = append(p.problems, fmt.Sprintf("mhp.%s is %q, not a whole number from %d to %d", key, text, min, max))
		return min
	}
	return v
}

func (p *parser) number(key string) float64 {
	return p.numbers(key, 1)[0]
}

func (p *parser) numbers(key string, n int) []float64 {
	out := make([]float64, n)
	text, ok := p.meta["mhp."+key]
	if !ok {
		p.problems = append(p.problems, "mhp."+key+" is missing")
		return out
	}
	parts := strings.Split(text, ",")
	if len(parts) != n {
		p.problems = append(p.problems, fmt.Sprintf("mhp.%s is %q, not %d numbers", key, text, n))
		return out
	}
	for i, part := range parts {
		v, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			p.problems = append(p.problems, fmt.Sprintf("mhp.%s is %q, not %d finite numbers", key, text, n))
			return out
		}
		out[i] = v
	}
	return out
}

func (p *parser) decode(key string, into any) {
	text, ok := p.meta["mhp."+key]
	if !ok {
		p.problems = append(p.problems, "mhp."+key+" is missing")
		return
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		p.problems = append(p.problems, fmt.Sprintf("mhp.%s is not the JSON it should be: %v", key, err))
	}
}

// ParseSpec reads a model's metadata. The error wraps ErrModel and lists
// everything that is missing or contradicts itself.
func ParseSpec(meta map[string]string) (*Spec, error) {
	if _, ok := meta["mhp.format"]; !ok {
		return nil, fmt.Errorf("%w: the file has no mhp metadata", ErrModel)
	}
	p := &parser{meta: meta}
	if v := p.text("format"); v != FormatVersion {
		return nil, fmt.Errorf("%w: metadata format %q, this program reads %q", ErrModel, v, FormatVersion)
	}
	s := &Spec{
		Name:        p.text("name"),
		Variant:     p.oneOf("variant", "xs", "s", "l", "custom"),
		InputWPx:    p.whole("input_width_px", 16, 4096),
		InputHPx:    p.whole("input_height_px", 16, 4096),
		HeatW:       p.whole("heatmap_width", 1, 1024),
		HeatH:       p.whole("heatmap_height", 1, 1024),
		DepthBins:   p.whole("depth_bins", 1, 1024),
		DepthMinMM:  p.number("depth_min_mm"),
		DepthMaxMM:  p.number("depth_max_mm"),
		ColorOrder:  p.oneOf("color_order", "rgb", "bgr"),
		InputScale:  p.number("input_scale"),
		Head:        Head(p.oneOf("head", string(HeadCoords), string(HeadHeatmap))),
		CoordsUnit:  "cells",
		DepthAxis:   DepthAlongCamera,
		PReLU:       p.oneOf("prelu", "layer", "channel", "none"),
		Trained:     p.oneOf("trained", "true", "false") == "true",
		Data:        p.text("training_data"),
		Parameters:  p.whole("parameters", 0, math.MaxInt32),
		Checkpoint:  p.text("checkpoint_sha256"),
		Licence:     p.text("licence"),
		JointRule:   p.text("joint_definition"),
		TrainConfig: p.text("training_config"),
	}
	copy(s.InputMean[:], p.numbers("input_mean", 3))
	copy(s.InputStd[:], p.numbers("input_std", 3))
	p.decode("accuracy", &s.Accuracy)
	if _, ok := meta["mhp.coords_unit"]; ok {
		s.CoordsUnit = p.oneOf("coords_unit", "cells", "px", "unit")
	}
	if _, ok := meta["mhp.depth_axis"]; ok {
		s.DepthAxis = p.oneOf("depth_axis", DepthAlongCamera, DepthAlongCrop)
	}
	if _, ok := meta["mhp.fixed_batch"]; ok {
		s.FixedBatch = p.whole("fixed_batch", 1, 64)
	}
	s.ScoreCurve = p.scoreCurve("score_logit")
	s.ScoreMerged = p.scoreCurve("score_logit_merged")
	p.joints(s)
	p.contradictions(s)
	if len(p.problems) > 0 {
		return nil, fmt.Errorf("%w: metadata: %s", ErrModel, strings.Join(p.problems, "; "))
	}
	return s, nil
}

// scoreCurve reads an optional curve.
func (p *parser) scoreCurve(key string) *ScoreCurve {
	if _, ok := p.meta["mhp."+key]; !ok {
		return nil
	}
	v := p.numbers(key, 2)
	if v[0] <= 0 {
		p.problems = append(p.problems, "mhp."+key+" must have a slope above 0, so that a higher peak gives a higher score")
	}
	return &ScoreCurve{Slope: v[0], Offset: v[1]}
}

// joints fills s.Set: a known set must have exactly the names the file states.
func (p *parser) joints(s *Spec) {
	name := p.text("joint_set")
	var joints []string
	var parents []int
	p.decode("joints", &joints)
	p.decode("parents", &parents)
	if len(p.problems) > 0 {
		return
	}
	custom, err := skeleton.Custom(joints, parents)
	if err != nil {
		p.problems = append(p.problems, err.Error())
		return
	}
	s.Set = custom
	if name == "custom" {
		return
	}
	known, err := skeleton.Named(name)
	if err != nil {
		p.problems = append(p.problems, "mhp.joint_set: "+err.Error())
		return
	}
	if strings.Join(known.Joints, " ") != strings.Join(joints, " ") || fmt.Sprint(known.Parents) != fmt.Sprint(parents) {
		p.problems = append(p.problems, "mhp.joints and mhp.parents are not those of joint set "+name)
	}
	s.Set = known
}

func (p *parser) contradictions(s *Spec) {
	if s.DepthMaxMM <= s.DepthMinMM {
		p.problems = append(p.problems, "mhp.depth_max_mm must be above mhp.depth_min_mm")
	}
	if s.InputScale == 0 {
		p.problems = append(p.problems, "mhp.input_scale must not be 0")
	}
	for _, v := range s.InputStd {
		if v == 0 {
			p.problems = append(p.problems, "mhp.input_std must not hold 0")
			break
		}
	}
}

// Metadata is the inverse of ParseSpec: what a file with this meaning carries.
func (s *Spec) Metadata() map[string]string {
	list := func(v [3]float64) string {
		return fmt.Sprintf("%s,%s,%s", number(v[0]), number(v[1]), number(v[2]))
	}
	encode := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			panic(err) // strings and ints only: cannot fail
		}
		return string(b)
	}
	accuracy := s.Accuracy
	if accuracy == nil {
		accuracy = map[string]string{}
	}
	meta := map[string]string{
		"mhp.format": FormatVersion, "mhp.name": s.Name, "mhp.variant": s.Variant,
		"mhp.joint_set": s.Set.Name, "mhp.joints": encode(s.Set.Joints), "mhp.parents": encode(s.Set.Parents),
		"mhp.input_width_px": strconv.Itoa(s.InputWPx), "mhp.input_height_px": strconv.Itoa(s.InputHPx),
		"mhp.heatmap_width": strconv.Itoa(s.HeatW), "mhp.heatmap_height": strconv.Itoa(s.HeatH),
		"mhp.depth_bins": strconv.Itoa(s.DepthBins), "mhp.depth_min_mm": number(s.DepthMinMM), "mhp.depth_max_mm": number(s.DepthMaxMM),
		"mhp.color_order": s.ColorOrder, "mhp.input_scale": number(s.InputScale), "mhp.input_mean": list(s.InputMean), "mhp.input_std": list(s.InputStd),
		"mhp.head": string(s.Head), "mhp.coords_unit": s.CoordsUnit, "mhp.depth_axis": s.DepthAxis, "mhp.prelu": s.PReLU,
		"mhp.trained": strconv.FormatBool(s.Trained), "mhp.training_data": s.Data, "mhp.accuracy": encode(accuracy),
		"mhp.parameters": strconv.Itoa(s.Parameters), "mhp.checkpoint_sha256": s.Checkpoint, "mhp.licence": s.Licence,
		"mhp.joint_definition": s.JointRule, "mhp.training_config": s.TrainConfig,
	}
	if s.FixedBatch > 0 {
		meta["mhp.fixed_batch"] = strconv.Itoa(s.FixedBatch)
	}
	for key, c := range map[string]*ScoreCurve{"mhp.score_logit": s.ScoreCurve, "mhp.score_logit_merged": s.ScoreMerged} {
		if c != nil {
			meta[key] = number(c.Slope) + "," + number(c.Offset)
		}
	}
	return meta
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
