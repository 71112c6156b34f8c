package onnx

import "google.golang.org/protobuf/proto"

// opsetReduceAxesInput is the operator set from which ReduceMax takes its axes
// as an input and no longer as an attribute.
const opsetReduceAxesInput = 18

// Volume is the shape of a heat volume [N, Joints*Depth, Height, Width]; channel = joint*Depth + depth.
type Volume struct {
	Joints, Depth, Height, Width int64
}

// SoftArgmax appends the expected position under the softmax over all of a
// joint's voxels:
//
//	[N,J*D,H,W] -> [N,J,D*H*W] -> e = exp(h - max) -> e x [x y z 1] = [N,J,4] -> coords = [:3] / [3], score = 1 / [3]
//
// One matrix product gives numerators and denominator at once, and the largest
// e is 1, so that 1/denominator is the peak probability. The new values coords
// [N,J,3] (x, y, z in heat cells) and score [N,J] get the given names, which
// must be unused; they are not made outputs.
func (g *Graph) SoftArgmax(heat string, v Volume, coords, score string) {
	voxels := v.Depth * v.Height * v.Width
	part := func(name string) string { return g.Unique(coords + "/" + name) }
	ints := func(name string, values []int64, shape ...int64) string {
		return g.AddInitialiser(IntTensor(part(name), values, shape...))
	}
	flat, peak, below, e := part("flat"), part("max"), part("below_max"), part("exp")
	sums, numerator, denominator, total := part("sums"), part("numerator"), part("denominator"), part("total")
	// 0 keeps the batch, whatever it is.
	g.append(g.node("Reshape", []string{heat, ints("flat_shape", []int64{0, v.Joints, voxels}, 3)}, []string{flat}))
	g.append(g.reduceMax(flat, peak, part))
	g.append(g.node("Sub", []string{flat, peak}, []string{below}))
	g.append(g.node("Exp", []string{below}, []string{e}))
	positions := g.AddInitialiser(FloatTensor(part("positions"), v.positions(), voxels, 4))
	g.append(g.node("MatMul", []string{e, positions}, []string{sums}))
	// Gather means the same in every operator set; Split and Slice do not.
	axis := func() *AttributeProto { return intAttribute("axis", 2) }
	g.append(g.node("Gather", []string{sums, ints("xyz", []int64{0, 1, 2}, 3)}, []string{numerator}, axis()))
	g.append(g.node("Gather", []string{sums, ints("last", []int64{3}, 1)}, []string{denominator}, axis()))
	g.append(g.node("Div", []string{numerator, denominator}, []string{coords}))
	g.append(g.node("Gather", []string{sums, ints("last_scalar", []int64{3})}, []string{total}, axis()))
	g.append(g.node("Reciprocal", []string{total}, []string{score}))
	g.taken[coords], g.taken[score] = true, true
}

// PeakScore appends score [N,J]: the largest value along the last axis of a softmax [N,J,K].
func (g *Graph) PeakScore(softmax, score string) {
	part := func(name string) string { return g.Unique(score + "/" + name) }
	peak := part("max")
	g.append(g.reduceMax(softmax, peak, part))
	shape := g.AddInitialiser(IntTensor(part("shape"), []int64{0, -1}, 2))
	g.append(g.node("Reshape", []string{peak, shape}, []string{score}))
	g.taken[score] = true
}

// reduceMax takes the maximum over axis 2 and keeps it as 1.
func (g *Graph) reduceMax(from, to string, part func(string) string) *NodeProto {
	keep := intAttribute("keepdims", 1)
	if Opset(g.model) >= opsetReduceAxesInput {
		axes := g.AddInitialiser(IntTensor(part("max_axis"), []int64{2}, 1))
		return g.node("ReduceMax", []string{from, axes}, []string{to}, keep)
	}
	axes := &AttributeProto{Name: proto.String("axes"), Type: AttributeProto_INTS.Enum(), Ints: []int64{2}}
	return g.node("ReduceMax", []string{from}, []string{to}, axes, keep)
}

// positions is the constant [D*H*W, 4] of x, y, z and 1 of every voxel.
func (v Volume) positions() []float32 {
	out := make([]float32, 0, 4*v.Depth*v.Height*v.Width)
	for z := range v.Depth {
		for y := range v.Height {
			for x := range v.Width {
				out = append(out, float32(x), float32(y), float32(z), 1)
			}
		}
	}
	return out
}

// CertainScore appends score [N,J] that is 1 for every joint of coords [N,J,3]:
// for files that say nothing about how sure they are.
func (g *Graph) CertainScore(coords, score string) {
	part := func(name string) string { return g.Unique(score + "/" + name) }
	constant := func(name string, v float32) string {
		return g.AddInitialiser(FloatTensor(part(name), []float32{v}))
	}
	x, nothing := part("x"), part("nothing")
	first := g.AddInitialiser(IntTensor(part("first"), []int64{0}))
	g.append(g.node("Gather", []string{coords, first}, []string{x}, intAttribute("axis", 2)))
	g.append(g.node("Mul", []string{x, constant("zero", 0)}, []string{nothing}))
	g.append(g.node("Add", []string{nothing, constant("one", 1)}, []string{score}))
	g.taken[score] = true
}

// IsLastAxisSoftmax tells whether a node is a softmax over the last axis of a
// value of rank 3. Before operator set 13 the axis means "flatten from here",
// which is the same at the last one; the default then was 1.
func IsLastAxisSoftmax(n *NodeProto, opset int64) bool {
	if n.GetOpType() != "Softmax" || !isStandard(n.GetDomain()) || len(n.GetOutput()) != 1 {
		return false
	}
	for _, a := range n.GetAttribute() {
		if a.GetName() == "axis" {
			return a.GetI() == 2 || a.GetI() == -1
		}
	}
	return opset >= 13
}
