package onnx

import (
	"math"

	"google.golang.org/protobuf/proto"
)

// PReLUReport counts what RewritePReLU did.
type PReLUReport struct {
	Channel int // one slope a channel, rewritten
	Layer   int // one slope for all channels, now LeakyRelu
	Kept    int // slopes that are no constant, not finite, or run along another axis than the channels
}

// RewritePReLU replaces PRelu by operators that ONNX Runtime's blocked layout
// (NCHWc) has, without changing what the network computes. With slope a:
//
//	one slope for all          LeakyRelu(x)                          fused into the convolution before it
//	before a depthwise conv w  conv(x; a w) + conv(Relu(x); (1-a) w) the scales cost nothing
//	all slopes <= 1            a x + Relu((1-a) x)                   (1-a) >= 0 may move inside the Relu
//	any slopes                 a x + (1-a) Relu(x)
//
// Each scale is a depthwise 1x1 convolution, because an element-wise Mul by a
// constant would leave the layout.
func (g *Graph) RewritePReLU() PReLUReport {
	var report PReLUReport
	old := g.model.Graph.Node
	nodes := make([]*NodeProto, 0, len(old))
	consumer := g.onlyConsumers()
	folded := map[*NodeProto][]*NodeProto{} // a convolution and what stands for it
	for _, n := range old {
		slopes, ok := g.slopes(n)
		switch {
		case folded[n] != nil:
			nodes = append(nodes, folded[n]...)
		case n.GetOpType() != "PRelu":
			nodes = append(nodes, n)
		case !ok:
			report.Kept++
			nodes = append(nodes, n)
		case uniform(slopes):
			report.Layer++
			alpha := &AttributeProto{Name: proto.String("alpha"), Type: AttributeProto_FLOAT.Enum(), F: proto.Float32(slopes[0])}
			nodes = append(nodes, g.node("LeakyRelu", n.Input[:1], n.Output[:1], alpha))
		default:
			report.Channel++
			x, y := n.Input[0], n.Output[0]
			conv := consumer[y]
			if weights, ok := g.depthwise(conv, y, len(slopes)); ok {
				positive := g.Unique(y + "/relu")
				nodes = append(nodes, g.node("Relu", []string{x}, []string{positive}))
				folded[conv] = g.foldIntoDepthwise(conv, weights, x, positive, slopes)
				continue
			}
			nodes = append(nodes, g.channelPReLU(x, y, slopes)...)
		}
	}
	g.model.Graph.Node = nodes
	return report
}

// onlyConsumers maps each value that exactly one node reads, and nobody else, to that node.
func (g *Graph) onlyConsumers() map[string]*NodeProto {
	reader := map[string]*NodeProto{}
	seen := map[string]int{}
	for _, v := range g.model.GetGraph().GetOutput() {
		seen[v.GetName()] += 2
	}
	for _, n := range g.model.GetGraph().GetNode() {
		eachNodeName(n, func(name *string) { seen[*name]++ })
		for _, in := range n.GetInput() {
			reader[in] = n
		}
	}
	for name := range reader {
		if seen[name] != 2 { // once where it is made, once where it is read
			delete(reader, name)
		}
	}
	return reader
}

// depthwise tells whether a node is a convolution of y, channel by channel, with
// constant weights [C*M,1,h,w], and returns them.
func (g *Graph) depthwise(n *NodeProto, y string, channels int) (*TensorProto, bool) {
	if n.GetOpType() != "Conv" || !isStandard(n.GetDomain()) || len(n.GetInput()) < 2 || n.GetInput()[0] != y || len(n.GetOutput()) != 1 {
		return nil, false
	}
	group := int64(1)
	for _, a := range n.GetAttribute() {
		if a.GetName() == "group" {
			group = a.GetI()
		}
	}
	w := g.constant(n.GetInput()[1])
	if w == nil || channels < 1 || group != int64(channels) || len(w.GetDims()) != 4 || w.GetDims()[1] != 1 || w.GetDims()[0]%group != 0 || w.GetDims()[0] == 0 {
		return nil, false
	}
	values, err := Floats(w)
	return w, err == nil && len(values) > 0
}

// foldIntoDepthwise splits a depthwise convolution of a PReLU: one half reads
// the PReLU's input, the other the positive part of it. A convolution is linear
// and pads with zeros, so the halves add up; the bias stays with the first.
func (g *Graph) foldIntoDepthwise(conv *NodeProto, weights *TensorProto, x, positive string, slopes []float32) []*NodeProto {
	values, err := Floats(weights)
	if err != nil {
		panic(err) // depthwise has read them already
	}
	through, above := make([]float32, len(values)), make([]float32, len(values))
	perChannel := len(values) / len(slopes)
	for i, w := range values {
		a := slopes[i/perChannel]
		through[i], above[i] = a*w, (1-a)*w
	}
	z := conv.Output[0]
	half := func(from, name string, factors []float32, rest ...string) *NodeProto {
		out := g.Unique(z + name)
		w := g.AddInitialiser(FloatTensor(g.Unique(out+"/weight"), factors, weights.GetDims()...))
		return g.node("Conv", append([]string{from, w}, rest...), []string{out}, conv.GetAttribute()...)
	}
	second := half(positive, "/above", above)
	first := half(x, "/through", through, conv.Input[2:]...)
	sum := g.node("Add", []string{first.Output[0], second.Output[0]}, []string{z})
	return []*NodeProto{second, first, sum}
}

// CountPReLU tells how many PRelu nodes have one slope a channel and how many
// activations have one for the whole layer (PRelu or LeakyRelu).
func (g *Graph) CountPReLU() PReLUReport {
	var report PReLUReport
	for _, n := range g.model.GetGraph().GetNode() {
		slopes, ok := g.slopes(n)
		switch {
		case n.GetOpType() == "LeakyRelu":
			report.Layer++
		case n.GetOpType() != "PRelu":
		case !ok:
			report.Kept++
		case uniform(slopes):
			report.Layer++
		default:
			report.Channel++
		}
	}
	return report
}

// slopes are a PRelu's slopes, one a channel or a single one. The shapes that
// exporters write are [C,1,1], [1,C,1,1] and [1]; anything else is not ok.
func (g *Graph) slopes(n *NodeProto) ([]float32, bool) {
	if n.GetOpType() != "PRelu" || !isStandard(n.GetDomain()) || len(n.GetInput()) != 2 || len(n.GetOutput()) != 1 {
		return nil, false
	}
	t := g.constant(n.GetInput()[1])
	if t == nil {
		return nil, false
	}
	values, err := Floats(t)
	if err != nil || len(values) == 0 {
		return nil, false
	}
	for _, v := range values {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, false
		}
	}
	dims := t.GetDims()
	if len(dims) == 4 && dims[0] == 1 {
		dims = dims[1:]
	}
	perChannel := len(dims) == 3 && dims[1] == 1 && dims[2] == 1
	return values, perChannel || len(values) == 1 && len(dims) <= 1
}

func uniform(values []float32) bool {
	for _, v := range values {
		if v != values[0] {
			return false
		}
	}
	return true
}

// channelPReLU builds the exact rewrite of one PRelu from x to y.
func (g *Graph) channelPReLU(x, y string, slopes []float32) []*NodeProto {
	rest := make([]float32, len(slopes))
	upToOne := true
	for i, a := range slopes {
		rest[i] = 1 - a
		upToOne = upToOne && a <= 1
	}
	scaled := g.Unique(y + "/slope")
	first, second := g.Unique(y+"/rest"), g.Unique(y+"/relu")
	sum := func(part string) *NodeProto { return g.node("Add", []string{scaled, part}, []string{y}) }
	if upToOne {
		return []*NodeProto{
			g.scale(x, first, rest), g.node("Relu", []string{first}, []string{second}),
			g.scale(x, scaled, slopes), sum(second),
		}
	}
	return []*NodeProto{
		g.node("Relu", []string{x}, []string{second}), g.scale(second, first, rest),
		g.scale(x, scaled, slopes), sum(first),
	}
}

// scale multiplies each channel by a constant: a depthwise 1x1 convolution.
func (g *Graph) scale(from, to string, factors []float32) *NodeProto {
	c := int64(len(factors))
	weights := g.AddInitialiser(FloatTensor(g.Unique(to+"/weight"), factors, c, 1, 1, 1))
	kernel := &AttributeProto{Name: proto.String("kernel_shape"), Type: AttributeProto_INTS.Enum(), Ints: []int64{1, 1}}
	return g.node("Conv", []string{from, weights}, []string{to}, kernel, intAttribute("group", c))
}

func intAttribute(name string, v int64) *AttributeProto {
	return &AttributeProto{Name: proto.String(name), Type: AttributeProto_INT.Enum(), I: proto.Int64(v)}
}
