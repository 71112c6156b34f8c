package modelimport

import (
	"errors"
	"fmt"
	"math"

	"mhp/internal/model"
	"mhp/internal/onnx"
	"mhp/internal/tensor"
)

// How far old and new may lie apart.
const (
	maxVolumeError = 1e-4 // of the volume's largest value
	maxPx          = 0.01 // of the crop
	maxMM          = 0.1
	maxScoreError  = 0.01 // a score that is another quantity is far beyond it
)

// Proof is how far the new file lay from the old one, at worst over all crops.
type Proof struct {
	Crops  int     // random ones and the picture
	Volume float64 // largest difference, relative to the largest value; 0 where the file has no volume
	Px     float64 // x or y of a joint, px of the crop
	MM     float64 // depth of a joint
	Score  float64 // 0 where the file has no score
	Batch  int     // largest batch that was run
}

func (p *Proof) within() error {
	var wrong []error
	check := func(what string, got, limit float64, unit string) {
		if !(got <= limit) { // NaN is no agreement
			wrong = append(wrong, fmt.Errorf("%s differ by %.3g%s, more than %g%s", what, got, unit, limit, unit))
		}
	}
	check("volumes", p.Volume, maxVolumeError, " of the largest value")
	check("positions", p.Px, maxPx, " px")
	check("depths", p.MM, maxMM, " mm")
	check("scores", p.Score, maxScoreError, "")
	return errors.Join(wrong...)
}

// answer is what one crop gave, on one scale for all kinds of file.
type answer struct {
	volume []float32 // [J*D,H,W], nil if the file has none
	coords []float64 // [J,3]: x and y in px of the crop, z in mm
	score  []float64 // [J], nil if the file has none
}

// prove runs old and new on the same crops: each alone, and all of them as one
// batch if the new file takes any.
func (j *job) prove(l layout, b *built, data []byte, anyBatch bool) (Proof, error) {
	withVolume, err := j.volumeTwin(l, b, data)
	if err != nil {
		return Proof{}, err
	}
	crops := j.crops()
	p := Proof{Crops: len(crops), Batch: int(l.size())}
	var olds []answer
	for _, crop := range crops {
		input := repeated(crop, l.size())
		old, err := j.oldAnswer(l, input)
		if err != nil {
			return Proof{}, err
		}
		fresh, err := j.newAnswers(l, data, input)
		if err != nil {
			return Proof{}, err
		}
		if withVolume != nil {
			out, err := j.runNew(withVolume, input)
			if err != nil {
				return Proof{}, err
			}
			fresh[0].volume = first(out[heatName], l.size())
		}
		p.compare(old, fresh[0])
		olds = append(olds, old)
	}
	if anyBatch {
		p.Batch = len(crops)
		fresh, err := j.newAnswers(l, data, joined(crops))
		if err != nil {
			return Proof{}, err
		}
		for i := range fresh {
			p.compare(olds[i], fresh[i])
		}
	}
	if err := p.within(); err != nil {
		return Proof{}, &Problem{What: j.source + ": old and new file disagree, nothing is written", Cause: err,
			Remedy: "with --raw the graph is kept as it is"}
	}
	return p, nil
}

// volumeTwin is the new file with its volume as one more output, nil if the new
// file has no volume or shows it anyway.
func (j *job) volumeTwin(l layout, b *built, data []byte) ([]byte, error) {
	if l.head != model.HeadHeatmap || j.options.Raw {
		return nil, nil
	}
	m, err := onnx.Parse(data)
	if err != nil {
		return nil, err
	}
	g := onnx.NewGraph(m)
	g.AddOutput(heatName)
	return onnx.Marshal(m)
}

// compare takes the worst of both; something that one of them lacks, or that is
// not finite, counts as infinitely wrong.
func (p *Proof) compare(old, fresh answer) {
	p.Px = max(p.Px, worst(old.coords, fresh.coords, func(i int) bool { return i%3 != 2 }))
	p.MM = max(p.MM, worst(old.coords, fresh.coords, func(i int) bool { return i%3 == 2 }))
	if old.score != nil {
		p.Score = max(p.Score, worst(old.score, fresh.score, func(int) bool { return true }))
	}
	if old.volume != nil && fresh.volume != nil {
		p.Volume = max(p.Volume, volumeError(old.volume, fresh.volume))
	}
}

func worst(a, b []float64, counts func(int) bool) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	w := 0.0
	for i := range a {
		if !counts(i) {
			continue
		}
		d := math.Abs(a[i] - b[i])
		if math.IsNaN(d) {
			return math.Inf(1)
		}
		w = max(w, d)
	}
	return w
}

// volumeError is the largest difference, relative to the largest magnitude in old.
func volumeError(old, fresh []float32) float64 {
	if len(old) != len(fresh) {
		return math.Inf(1)
	}
	var largest, diff float64
	for i := range old {
		a, b := float64(old[i]), float64(fresh[i])
		d := math.Abs(a - b)
		if math.IsNaN(d) || math.IsInf(a, 0) {
			return math.Inf(1)
		}
		largest, diff = max(largest, math.Abs(a)), max(diff, d)
	}
	if diff == 0 {
		return 0
	}
	return diff / largest
}

// oldAnswer is what the foreign file says about the first crop of a batch.
func (j *job) oldAnswer(l layout, input tensor.Tensor) (answer, error) {
	out, err := j.runOld(j.data, input)
	if err != nil {
		return answer{}, err
	}
	t, ok := out[l.output]
	if !ok {
		return answer{}, &Problem{What: fmt.Sprintf("%s: running the file gave no output %s", j.source, l.output)}
	}
	if l.head == model.HeadHeatmap {
		return j.fromVolume(l, first(t, l.size()))
	}
	a := answer{coords: j.metric(l, first(t, l.size()))}
	if s, ok := out[l.score]; ok {
		a.score = doubles(first(s, l.size()))
	}
	return a, nil
}

// newAnswers are what the new file says about each crop of a batch.
func (j *job) newAnswers(l layout, data []byte, input tensor.Tensor) ([]answer, error) {
	out, err := j.runNew(data, input)
	if err != nil {
		return nil, err
	}
	n := input.Shape[0]
	answers := make([]answer, n)
	for i := range answers {
		if heat, ok := out[heatName]; ok {
			if answers[i], err = j.fromVolume(l, part(heat, n, int64(i))); err != nil {
				return nil, err
			}
			continue
		}
		answers[i].coords = j.metric(l, part(out[coordsName], n, int64(i)))
		if s, ok := out[scoreName]; ok {
			answers[i].score = doubles(part(s, n, int64(i)))
		}
	}
	return answers, nil
}

// fromVolume decodes a volume [J*D,H,W] the plain way.
func (j *job) fromVolume(l layout, volume []float32) (answer, error) {
	joints := len(l.set.Joints)
	if int64(len(volume)) != int64(joints)*l.cells*l.cells*l.cells {
		return answer{}, &Problem{What: fmt.Sprintf("%s: the volume has %d values, not %d x %d³", j.source, len(volume), joints, l.cells)}
	}
	cells, score := softArgmax(volume, joints, int(l.cells))
	a := answer{volume: volume, coords: cells, score: score}
	for i := range a.coords {
		a.coords[i] *= l.perCell(i, "cells")
	}
	return a, nil
}

// metric brings coordinates [J,3] to px of the crop and mm.
func (j *job) metric(l layout, coords []float32) []float64 {
	unit := j.options.CoordsUnit
	if l.head == model.HeadHeatmap {
		unit = "cells"
	}
	out := doubles(coords)
	for i := range out {
		out[i] *= l.perCell(i, unit)
	}
	return out
}

// perCell is how many px (x, y) or mm (z) one unit of the i-th number of [J,3]
// is; mm without the offset, which cancels out.
func (l layout) perCell(i int, unit string) float64 {
	switch {
	case i%3 == 2:
		return (depthMaxMM - depthMinMM) / float64(l.cells)
	case unit == "px":
		return 1
	case unit == "unit":
		return inputPx
	}
	return inputPx / float64(l.cells)
}

func (j *job) runOld(data []byte, input tensor.Tensor) (map[string]tensor.Tensor, error) {
	return j.runOne(data, input, "the file does not run")
}

func (j *job) runNew(data []byte, input tensor.Tensor) (map[string]tensor.Tensor, error) {
	return j.runOne(data, input, "the rewritten file does not run")
}

func (j *job) runOne(data []byte, input tensor.Tensor, what string) (map[string]tensor.Tensor, error) {
	out, err := j.run(data, input)
	if err != nil {
		return nil, &Problem{What: j.source + ": " + what, Cause: err}
	}
	for name, t := range out {
		if err := t.Validate(); err != nil {
			return nil, &Problem{What: fmt.Sprintf("%s: %s: output %s", j.source, what, name), Cause: err}
		}
	}
	return out, nil
}

// part is the i-th of n equal parts of a tensor's values, nil if it has no such parts.
func part(t tensor.Tensor, n, i int64) []float32 {
	if len(t.Shape) == 0 || t.Shape[0] != n {
		return nil
	}
	size := int64(len(t.Data)) / n
	return t.Data[i*size : (i+1)*size]
}

func first(t tensor.Tensor, n int64) []float32 { return part(t, n, 0) }

func doubles(values []float32) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = float64(v)
	}
	return out
}
