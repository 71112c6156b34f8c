package detect

import (
	"fmt"
	"math"

	"mhp/internal/model"
	"mhp/internal/tensor"
)

// candidate is what a network takes for a person, in px of its input.
type candidate struct {
	x1, y1, x2, y2 float64
	score          float64
}

// decode appends the people that score at least least. Numbers that are not
// finite are no people. The error says which output has a shape of its own.
func decode(dst []candidate, d *model.Detector, outputs []tensor.Tensor, least float64) ([]candidate, error) {
	if len(outputs) != len(d.Outputs) {
		return dst, fmt.Errorf("%d outputs, want %d", len(outputs), len(d.Outputs))
	}
	v := values{outputs: outputs, class: d.Class, least: least, dst: dst}
	var ok bool
	switch d.Format {
	case model.FormatMHP:
		ok = v.separate()
	case model.FormatSSD:
		ok = v.separate()
		scaleUnit(v.dst[len(dst):], d, outputs[0].Data)
	case model.FormatYOLOv5:
		ok = v.rows(5, func(row []float32) candidate { return centred(row, row[4]*row[5+d.Class]) })
	case model.FormatYOLOX:
		ok = v.yolox(d)
	case model.FormatYOLOv8:
		ok = v.columns()
	case model.FormatYOLOv10:
		ok = v.labelled()
	case model.FormatMMDeploy:
		ok = v.scored()
	}
	if !ok {
		var shapes []any
		for _, o := range outputs {
			shapes = append(shapes, o.Shape)
		}
		return dst, fmt.Errorf("%w: its outputs have the shapes %v, which are not those of %s with class %d", model.ErrModel, shapes, d.Format, d.Class)
	}
	return v.dst, nil
}

// values reads outputs; each method is false if the shapes do not fit.
type values struct {
	outputs []tensor.Tensor
	class   int
	least   float64
	dst     []candidate
}

// add takes a candidate that scores enough and has an area.
func (v *values) add(c candidate) {
	if c.score >= v.least && c.x2-c.x1 > 0 && c.y2-c.y1 > 0 && !math.IsInf(c.x2-c.x1+c.y2-c.y1, 0) {
		c.score = math.Min(c.score, 1)
		v.dst = append(v.dst, c)
	}
}

// centred is a box given by its centre and its size.
func centred(v []float32, score float32) candidate {
	x, y, w, h := float64(v[0]), float64(v[1]), float64(v[2])/2, float64(v[3])/2
	return candidate{x - w, y - h, x + w, y + h, float64(score)}
}

func corners(v []float32, score float32) candidate {
	return candidate{float64(v[0]), float64(v[1]), float64(v[2]), float64(v[3]), float64(score)}
}

// trimmed is a shape without the first dimension, which must be 1 if there are more than rank.
func trimmed(t tensor.Tensor, rank int) ([]int64, bool) {
	if len(t.Shape) == rank+1 && t.Shape[0] == 1 {
		return t.Shape[1:], true
	}
	return t.Shape, len(t.Shape) == rank
}

// separate reads boxes [M,4], two corners, and scores [M] or [M,C], with labels [M] or without.
func (v *values) separate() bool {
	boxes, ok := trimmed(v.outputs[0], 2)
	if !ok || boxes[1] != 4 {
		return false
	}
	n, classes := int(boxes[0]), 1
	scores := v.outputs[1].Data
	if n > 0 {
		classes = len(scores) / n
	}
	if len(scores) != n*classes || classes > 1 && v.class >= classes {
		return false
	}
	var labels []float32
	if len(v.outputs) > 2 {
		if labels = v.outputs[2].Data; len(labels) != n || classes != 1 {
			return false
		}
	}
	class := 0
	if classes > 1 {
		class = v.class
	}
	for i := range n {
		if labels == nil || int(labels[i]) == v.class {
			if score := scores[i*classes+class]; float64(score) >= v.least {
				v.add(corners(v.outputs[0].Data[4*i:4*i+4], score))
			}
		}
	}
	return true
}

// scaleUnit turns parts of the picture into px. Boxes are parts if none of
// them reaches beyond 2: in px they would all be smaller than 2 px.
func scaleUnit(found []candidate, d *model.Detector, boxes []float32) {
	for _, b := range boxes {
		if b > 2 {
			return
		}
	}
	for i := range found {
		c := &found[i]
		c.x1, c.x2 = c.x1*float64(d.InputWPx), c.x2*float64(d.InputWPx)
		c.y1, c.y2 = c.y1*float64(d.InputHPx), c.y2*float64(d.InputHPx)
	}
}

// rows reads [M, first+C]: whatever read makes of each row.
func (v *values) rows(first int, read func(row []float32) candidate) bool {
	shape, ok := trimmed(v.outputs[0], 2)
	if !ok || int(shape[1]) <= first+v.class {
		return false
	}
	width := int(shape[1])
	for i := range int(shape[0]) {
		v.add(read(v.outputs[0].Data[i*width : (i+1)*width]))
	}
	return true
}

// yolox reads [M,5+C] in cells of the grids of strides 8, 16 and 32, or in px
// where the export has decoded them: then the centres reach far beyond any
// offset within a cell.
func (v *values) yolox(d *model.Detector) bool {
	shape, ok := trimmed(v.outputs[0], 2)
	if !ok || shape[0] != gridCells(d.InputWPx, d.InputHPx) {
		return false
	}
	width, farthest := int(shape[1]), float32(0)
	for at := 0; at < len(v.outputs[0].Data); at += width {
		farthest = max(farthest, v.outputs[0].Data[at])
	}
	decoded := farthest > float32(d.InputWPx)/2
	cell, grid := 0, 0
	return v.rows(5, func(row []float32) candidate {
		score := row[4] * row[5+v.class]
		if decoded || float64(score) < v.least {
			cell++
			return centred(row, score)
		}
		for {
			columns, rows := d.InputWPx/strides[grid], d.InputHPx/strides[grid]
			if cell < columns*rows {
				break
			}
			cell -= columns * rows
			grid++
		}
		columns, stride := d.InputWPx/strides[grid], float64(strides[grid])
		x, y := float64(cell%columns), float64(cell/columns)
		cell++
		w, h := math.Exp(float64(row[2]))*stride/2, math.Exp(float64(row[3]))*stride/2
		cx, cy := (float64(row[0])+x)*stride, (float64(row[1])+y)*stride
		return candidate{cx - w, cy - h, cx + w, cy + h, float64(score)}
	})
}

// columns reads [4+C, M]: a row of centres, sizes and scores each.
func (v *values) columns() bool {
	shape, ok := trimmed(v.outputs[0], 2)
	if !ok || int(shape[0]) <= 4+v.class {
		return false
	}
	n, data := int(shape[1]), v.outputs[0].Data
	for i, score := range data[(4+v.class)*n : (5+v.class)*n] {
		if float64(score) >= v.least {
			v.add(centred([]float32{data[i], data[n+i], data[2*n+i], data[3*n+i]}, score))
		}
	}
	return true
}

// labelled reads [M,6]: two corners, score, class.
func (v *values) labelled() bool {
	shape, ok := trimmed(v.outputs[0], 2)
	if !ok || shape[1] != 6 {
		return false
	}
	for data := v.outputs[0].Data; len(data) >= 6; data = data[6:] {
		if int(data[5]) == v.class {
			v.add(corners(data, data[4]))
		}
	}
	return true
}

// scored reads [M,5], two corners and score, and the labels [M].
func (v *values) scored() bool {
	shape, ok := trimmed(v.outputs[0], 2)
	labels := v.outputs[1].Data
	if !ok || shape[1] != 5 || len(labels) != int(shape[0]) {
		return false
	}
	for i, label := range labels {
		if row := v.outputs[0].Data[5*i : 5*i+5]; int(label) == v.class {
			v.add(corners(row, row[4]))
		}
	}
	return true
}
