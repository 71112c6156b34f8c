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
//	one slope for all    LeakyRelu(x)                        fused into the convolution before it
//	all slopes <= 1      a x + Relu((1-a) x)                 (1-a) >= 0 may move inside the Relu
//	any slopes           a x + (1-a) Relu(x)
//
// Each scale is a depthwise 1x1 convolution, because an element-wise Mul by a
// constant would leave the layout.
func (g *Graph) RewritePReLU() PReLUReport {
	var report PReLUReport
	old := g.model.Graph.Node
	nodes := make([]*NodeProto, 0, len(old))
	for _, n := range old {
		slopes, ok := g.slopes(n)
		switch {
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
			nodes = append(nodes, g.channelPReLU(n.Input[0], n.Output[0], slopes)...)
		}
	}
	g.model.Graph.Node = nodes
	return report
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
