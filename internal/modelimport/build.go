package modelimport

import (
	"mhp/internal/model"
	"mhp/internal/onnx"
	"mhp/internal/tensor"
)

// The names that our models' inputs and outputs have.
const (
	inputName  = "image"
	heatName   = "heatmap"
	coordsName = "coords"
	scoreName  = "score"
)

// built is a candidate for the file to write.
type built struct {
	graph   *onnx.Graph
	prelu   onnx.PReLUReport
	swapped int    // convolutions put before the enlargement they followed
	score   string // "volume", "output", "softmax", "none" or "ones": where the score comes from
}

// build makes our graph from the foreign one. With freeBatch a fixed batch is
// made dynamic as far as that can be seen; the proof decides.
func (j *job) build(l layout, freeBatch bool) (*built, error) {
	g := onnx.NewGraph(onnx.Clone(j.model))
	b := &built{graph: g}
	if j.options.Raw {
		b.prelu = g.CountPReLU()
		j.rename(g, l)
		b.score = map[bool]string{true: "output", false: "none"}[l.score != ""]
		return b, nil
	}
	if freeBatch && l.batch != 0 {
		if err := j.freeBatch(g, l); err != nil {
			return nil, err
		}
	}
	keep := []string{l.output}
	if l.score != "" {
		keep = append(keep, l.score)
	}
	g.KeepOutputs(keep...)
	b.prelu = g.RewritePReLU()
	b.swapped = g.ConvBeforeResize()
	var softmax *onnx.NodeProto
	if l.head == model.HeadCoords && l.score == "" {
		softmax = j.findSoftmax(g, l)
	}
	j.rename(g, l)
	j.finish(b, l, softmax)
	j.declare(g, l, freeBatch)
	g.Clean()
	return b, nil
}

// rename gives input and outputs the names of the contract.
func (j *job) rename(g *onnx.Graph, l layout) {
	// The values are held by their declarations, for a rename may have to move another one away.
	in := g.Inputs()[0]
	outputs := g.Model().GetGraph().GetOutput()
	names := make([]string, len(outputs))
	for i, v := range outputs {
		names[i] = v.GetName()
	}
	g.Rename(in.GetName(), inputName)
	for i, v := range outputs {
		switch {
		case names[i] == l.output && l.head == model.HeadHeatmap:
			g.Rename(v.GetName(), heatName)
		case names[i] == l.output:
			g.Rename(v.GetName(), coordsName)
		case names[i] == l.score:
			g.Rename(v.GetName(), scoreName)
		}
	}
}

// finish appends what the contract wants and the file lacks.
func (j *job) finish(b *built, l layout, softmax *onnx.NodeProto) {
	g := b.graph
	switch {
	case l.head == model.HeadHeatmap:
		g.Claim(coordsName)
		g.Claim(scoreName)
		g.SoftArgmax(heatName, onnx.Volume{Joints: int64(len(l.set.Joints)), Depth: l.cells, Height: l.cells, Width: l.cells}, coordsName, scoreName)
		b.score = "volume"
	case l.score != "":
		b.score = "output"
	case softmax != nil:
		g.Claim(scoreName)
		g.PeakScore(softmax.GetOutput()[0], scoreName)
		b.score = "softmax"
	default:
		g.Claim(scoreName)
		g.CertainScore(coordsName, scoreName)
		b.score = "ones"
	}
}

// declare states the shapes of input and outputs.
func (j *job) declare(g *onnx.Graph, l layout, freeBatch bool) {
	batch := onnx.Dim{Size: -1, Name: "N"}
	if l.batch != 0 && !freeBatch {
		batch = onnx.Dim{Size: l.batch}
	}
	size := func(n int64) onnx.Dim { return onnx.Dim{Size: n} }
	joints := size(int64(len(l.set.Joints)))
	g.SetInputShape(batch, size(3), size(inputPx), size(inputPx))
	g.SetOutputs(onnx.FloatValue(coordsName, batch, joints, size(3)), onnx.FloatValue(scoreName, batch, joints))
}

// freeBatch mends what fixes the batch; resizing to a stated size needs to know
// the size before, which running the file tells.
func (j *job) freeBatch(g *onnx.Graph, l layout) error {
	resizes := g.FreeBatch(l.batch)
	if len(resizes) == 0 {
		return nil
	}
	var names []string
	for _, n := range resizes {
		names = append(names, n.GetInput()[0])
	}
	shapes, err := j.probe(names, l)
	if err != nil {
		return err
	}
	for _, n := range resizes {
		g.ScaleResize(n, shapes[n.GetInput()[0]])
	}
	return nil
}

// findSoftmax looks for the softmax [N,J,voxels] behind the coordinates.
func (j *job) findSoftmax(g *onnx.Graph, l layout) *onnx.NodeProto {
	opset := onnx.Opset(j.model)
	nodes := g.Upstream(l.output, func(n *onnx.NodeProto) bool { return onnx.IsLastAxisSoftmax(n, opset) })
	if len(nodes) != 1 {
		return nil
	}
	name := nodes[0].GetOutput()[0]
	shapes, err := j.probe([]string{name}, l)
	if err != nil {
		return nil // a value that cannot be asked for is no score
	}
	voxels := l.cells * l.cells * l.cells
	if s := shapes[name]; len(s) == 3 && s[1] == int64(len(l.set.Joints)) && s[2] == voxels {
		return nodes[0]
	}
	return nil
}

// probe runs the foreign file with inner values as further outputs and returns their shapes.
func (j *job) probe(names []string, l layout) (map[string][]int64, error) {
	g := onnx.NewGraph(onnx.Clone(j.model))
	asked := map[string]bool{}
	for _, v := range g.Model().GetGraph().GetOutput() {
		asked[v.GetName()] = true
	}
	for _, name := range names {
		if !asked[name] {
			asked[name] = true
			g.AddOutput(name)
		}
	}
	data, err := onnx.Marshal(g.Model())
	if err != nil {
		return nil, err
	}
	out, err := j.runOld(data, tensor.New(l.size(), 3, inputPx, inputPx))
	if err != nil {
		return nil, err
	}
	shapes := map[string][]int64{}
	for name, t := range out {
		shapes[name] = t.Shape
	}
	return shapes, nil
}
