package modelimport

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"mhp/internal/model"
	"mhp/internal/onnx"
)

// Plain is the network as the authors' export would have it, for comparison: a
// slope for each channel, the last enlargement before the last convolution,
// and the graph cut at the heat volume, which is then decoded outside. What it
// computes is what f computes. A file whose graph is plain already comes back
// as it is; one that an import rewrote cannot be undone and is an error.
func Plain(f *model.File) (*model.File, error) {
	if f.Spec.Head == model.HeadHeatmap {
		return f, nil
	}
	m, err := onnx.Parse(f.Bytes)
	if err != nil {
		return nil, &Problem{What: f.Name, Cause: err}
	}
	heat := heatValue(m)
	if heat == "" {
		return nil, refuse("give the file it was made from, imported with --raw", "%s: its graph does not end in a soft-argmax of the kind that is made here", f.Name)
	}
	undone, err := perChannel(m, func(alpha float32) float32 { return alpha })
	if err != nil {
		return nil, &Problem{What: f.Name, Cause: err}
	}
	if undone == 0 {
		return nil, refuse("give the file it was made from, imported with --raw", "%s: it has no slope per layer to turn back; its PReLUs were rewritten when it was imported", f.Name)
	}
	resizeBeforeConv(m)
	s := *f.Spec
	s.Head, s.CoordsUnit, s.PReLU = model.HeadHeatmap, "cells", "channel"
	g := onnx.NewGraph(m)
	g.SetOutputs(onnx.FloatValue(heat, onnx.Dim{Size: -1, Name: "N"},
		onnx.Dim{Size: int64(len(s.Set.Joints) * s.DepthBins)}, onnx.Dim{Size: int64(s.HeatH)}, onnx.Dim{Size: int64(s.HeatW)}))
	g.Rename(heat, heatName)
	g.Clean()
	onnx.SetMetadata(m, "mhp.", s.Metadata())
	data, err := onnx.Marshal(m)
	if err != nil {
		return nil, &Problem{What: f.Name, Cause: err}
	}
	return model.Parse(f.Name, data)
}

// heatValue is the heat volume that a soft-argmax in the graph starts from: the
// first thing that is reshaped. "" if no convolution or enlargement makes it.
func heatValue(m *onnx.ModelProto) string {
	g := onnx.NewGraph(m)
	for _, n := range m.GetGraph().GetNode() {
		if n.GetOpType() != "Reshape" {
			continue
		}
		if maker := g.Producer(n.Input[0]); maker.GetOpType() == "Conv" || maker.GetOpType() == "Resize" {
			return n.Input[0]
		}
		return ""
	}
	return ""
}

// perChannel turns each LeakyRelu that follows a convolution into a PRelu with
// a slope a channel, given the layer's, and returns how many there were.
func perChannel(m *onnx.ModelProto, slope func(alpha float32) float32) (int, error) {
	const alphaAbsent = 0.01 // ONNX's default
	undone := 0
	g := onnx.NewGraph(m)
	for i, n := range m.Graph.Node {
		if n.GetOpType() != "LeakyRelu" {
			continue
		}
		alpha := float32(alphaAbsent)
		for _, a := range n.GetAttribute() {
			if a.GetName() == "alpha" {
				alpha = a.GetF()
			}
		}
		slopes := make([]float32, g.ConvChannels(g.Producer(n.Input[0])))
		if len(slopes) == 0 {
			return undone, fmt.Errorf("the LeakyRelu %s does not follow a convolution", n.GetName())
		}
		for c := range slopes {
			slopes[c] = slope(alpha)
		}
		name := g.AddInitialiser(onnx.FloatTensor(g.Unique(n.Output[0]+"/slope"), slopes, int64(len(slopes)), 1, 1))
		m.Graph.Node[i] = &onnx.NodeProto{OpType: proto.String("PRelu"), Input: []string{n.Input[0], name}, Output: n.Output}
		undone++
	}
	return undone, nil
}

// resizeBeforeConv puts an enlargement that follows a convolution directly before it again.
func resizeBeforeConv(m *onnx.ModelProto) {
	g := onnx.NewGraph(m)
	for i, resize := range m.Graph.Node {
		if resize.GetOpType() != "Resize" {
			continue
		}
		conv := g.Producer(resize.Input[0])
		if conv.GetOpType() != "Conv" {
			continue
		}
		before, between, end := conv.Input[0], g.Unique("enlarged"), resize.Output[0]
		resize.Input[0], resize.Output[0] = before, between
		conv.Input[0], conv.Output[0] = between, end
		at := slices.Index(m.Graph.Node, conv)
		copy(m.Graph.Node[at:i], m.Graph.Node[at+1:i+1]) // the convolution goes behind the enlargement
		m.Graph.Node[i] = conv
		return
	}
}
