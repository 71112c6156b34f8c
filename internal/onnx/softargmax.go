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
//	[N,J*D,H,W] -> [N,J,D,H*W] -> e = exp(h - max)
//	e x [x y 1]       = [N,J,D,3]            sums over a plane
//	[1; z] x the sums = [N,J,2,3] -> [N,J,6] sums over the volume: x y 1, and again weighted by z
//	coords = (x, y, z) / 1, score = 1 / 1
//
// The largest e is 1, so that one over the sum of all e is the peak
// probability. Summing planes first reads a small constant instead of four
// numbers a voxel, and rounds less. The new values coords [N,J,3] (x, y, z in
// heat cells) and score [N,J] get the given names, which must be unused; they
// are not made outputs.
func (g *Graph) SoftArgmax(heat string, v Volume, coords, score string) {
	part := func(name string) string { return g.Unique(coords + "/" + name) }
	ints := func(name string, values []int64, shape ...int64) string {
		return g.AddInitialiser(IntTensor(part(name), values, shape...))
	}
	do := func(op, name string, in []string, attributes ...*AttributeProto) string {
		out := part(name)
		g.append(g.node(op, in, []string{out}, attributes...))
		return out
	}
	// 0 keeps the batch, whatever it is.
	planes := do("Reshape", "planes", []string{heat, ints("planes_shape", []int64{0, v.Joints, v.Depth, v.Height * v.Width}, 4)})
	peak := part("max")
	g.append(g.reduceMax(planes, peak, part, 2, 3))
	e := do("Exp", "exp", []string{do("Sub", "below_max", []string{planes, peak})})
	sums := do("MatMul", "plane_sums", []string{e, g.AddInitialiser(FloatTensor(part("xy1"), v.planePositions(), v.Height*v.Width, 3))})
	whole := do("MatMul", "volume_sums", []string{g.AddInitialiser(FloatTensor(part("1z"), v.depths(), 2, v.Depth)), sums})
	six := do("Reshape", "sums", []string{whole, ints("sums_shape", []int64{0, v.Joints, 6}, 3)})
	// Gather means the same in every operator set; Split and Slice do not.
	pick := func(name string, index []int64, shape ...int64) string {
		return do("Gather", name, []string{six, ints(name+"_index", index, shape...)}, intAttribute("axis", 2))
	}
	numerator, denominator := pick("numerator", []int64{0, 1, 5}, 3), pick("denominator", []int64{2}, 1)
	g.append(g.node("Div", []string{numerator, denominator}, []string{coords}))
	g.append(g.node("Reciprocal", []string{pick("total", []int64{2})}, []string{score}))
	g.taken[coords], g.taken[score] = true, true
}

// PeakScore appends score [N,J]: the largest value along the last axis of a softmax [N,J,K].
func (g *Graph) PeakScore(softmax, score string) {
	part := func(name string) string { return g.Unique(score + "/" + name) }
	peak := part("max")
	g.append(g.reduceMax(softmax, peak, part, 2))
	shape := g.AddInitialiser(IntTensor(part("shape"), []int64{0, -1}, 2))
	g.append(g.node("Reshape", []string{peak, shape}, []string{score}))
	g.taken[score] = true
}

// reduceMax takes the maximum over the given axes and keeps them as 1.
func (g *Graph) reduceMax(from, to string, part func(string) string, axes ...int64) *NodeProto {
	keep := intAttribute("keepdims", 1)
	if Opset(g.model) >= opsetReduceAxesInput {
		list := g.AddInitialiser(IntTensor(part("max_axes"), axes, int64(len(axes))))
		return g.node("ReduceMax", []string{from, list}, []string{to}, keep)
	}
	list := &AttributeProto{Name: proto.String("axes"), Type: AttributeProto_INTS.Enum(), Ints: axes}
	return g.node("ReduceMax", []string{from}, []string{to}, list, keep)
}

// planePositions is the constant [H*W, 3] of x, y and 1 of every cell of a plane.
func (v Volume) planePositions() []float32 {
	out := make([]float32, 0, 3*v.Height*v.Width)
	for y := range v.Height {
		for x := range v.Width {
			out = append(out, float32(x), float32(y), 1)
		}
	}
	return out
}

// depths is the constant [2, D] of ones, and of the depth of every plane.
func (v Volume) depths() []float32 {
	out := make([]float32, 2*v.Depth)
	for z := range v.Depth {
		out[z], out[v.Depth+z] = 1, float32(z)
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
