package onnx

// ConvBeforeResize swaps an enlargement and the 1x1 convolution that alone reads
// it: Conv(Resize(x)) becomes Resize(Conv(x)), and returns how many it swapped.
//
// Interpolation weighs the cells of one channel by weights that add up to 1, a
// 1x1 convolution weighs the channels of one cell and adds a bias: the two do
// not care for their order, and the convolution has fewer cells to go through
// before the enlargement. MobileHumanPose ends in such a pair, where twice the
// size makes for a quarter of the multiply-adds.
func (g *Graph) ConvBeforeResize() int {
	old := g.model.Graph.Node
	nodes := make([]*NodeProto, 0, len(old))
	consumer := g.onlyConsumers()
	swapped := map[*NodeProto]*NodeProto{} // convolution -> the Resize before it
	for _, n := range old {
		if resize := swapped[n]; resize != nil {
			between, end := g.Unique(n.Output[0]+"/small"), n.Output[0]
			n.Input[0], n.Output[0] = resize.Input[0], between
			resize.Input[0], resize.Output[0] = between, end
			g.producer[between], g.producer[end] = n, resize
			nodes = append(nodes, n, resize)
			continue
		}
		if g.enlarges(n) {
			if conv := consumer[n.Output[0]]; conv != nil && g.pointwise(conv, n.Output[0]) {
				swapped[conv] = n
				continue
			}
		}
		nodes = append(nodes, n)
	}
	g.model.Graph.Node = nodes
	return len(swapped)
}

// enlarges tells whether a node enlarges height and width by constant factors
// with weights that add up to 1 everywhere.
func (g *Graph) enlarges(n *NodeProto) bool {
	if !isStandard(n.GetDomain()) || len(n.GetOutput()) != 1 {
		return false
	}
	at := 0
	switch {
	case n.GetOpType() == "Resize" && len(n.GetInput()) == 3:
		at = 2
	case (n.GetOpType() == "Resize" || n.GetOpType() == "Upsample") && len(n.GetInput()) == 2:
		at = 1
	default:
		return false
	}
	for _, a := range n.GetAttribute() {
		switch a.GetName() {
		case "mode":
			if mode := string(a.GetS()); mode != "linear" && mode != "nearest" {
				return false
			}
		case "coordinate_transformation_mode":
			if string(a.GetS()) == "tf_crop_and_resize" { // fills what lies outside with a constant
				return false
			}
		case "axes": // the factors are then not those of all four dimensions
			return false
		}
	}
	t := g.constant(n.GetInput()[at])
	if t == nil {
		return false
	}
	f, err := Floats(t)
	return err == nil && len(f) == 4 && f[0] == 1 && f[1] == 1 && f[2] >= 1 && f[3] >= 1
}

// pointwise tells whether a node is a plain 1x1 convolution of the value.
func (g *Graph) pointwise(n *NodeProto, value string) bool {
	if n.GetOpType() != "Conv" || !isStandard(n.GetDomain()) || len(n.GetInput()) < 2 || n.GetInput()[0] != value || len(n.GetOutput()) != 1 {
		return false
	}
	w := g.constant(n.GetInput()[1])
	if w == nil || len(w.GetDims()) != 4 || w.GetDims()[2] != 1 || w.GetDims()[3] != 1 {
		return false
	}
	for _, a := range n.GetAttribute() {
		for _, v := range a.GetInts() {
			if a.GetName() == "strides" && v != 1 || a.GetName() == "pads" && v != 0 {
				return false
			}
		}
	}
	return true
}
