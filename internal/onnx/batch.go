package onnx

// SetInputShape states the shape of the graph's only input; a Dim of Size -1 is symbolic.
func (g *Graph) SetInputShape(dims ...Dim) {
	v := g.Inputs()[0]
	v.Type = FloatValue("", dims...).Type
}

// FreeBatch removes what fixes the batch size inside the graph: the leading
// size in the constant shape of a Reshape becomes "as it comes in" or "the
// rest". It returns the Resize nodes that state a whole constant output size,
// batch included, which only ScaleResize with their input shape can mend.
// Whether the batch is free afterwards, only running the graph tells.
func (g *Graph) FreeBatch(batch int64) (resizes []*NodeProto) {
	for _, n := range g.model.GetGraph().GetNode() {
		if !isStandard(n.GetDomain()) {
			continue
		}
		switch {
		case n.GetOpType() == "Reshape" && len(n.GetInput()) == 2:
			g.freeReshape(n, batch)
		case n.GetOpType() == "Resize" && len(n.GetInput()) == 4 && g.resizeSizes(n) != nil:
			resizes = append(resizes, n)
		}
	}
	return resizes
}

func (g *Graph) freeReshape(n *NodeProto, batch int64) {
	t := g.constant(n.GetInput()[1])
	if t == nil || g.constant(n.GetInput()[0]) != nil {
		return
	}
	shape, err := Ints(t)
	if err != nil || len(shape) < 2 || shape[0] != batch {
		return
	}
	free := append([]int64{-1}, shape[1:]...)
	for _, d := range shape[1:] {
		if d < 0 {
			free[0] = 0
		}
	}
	n.Input[1] = g.AddInitialiser(IntTensor(g.Unique(n.Output[0]+"/shape"), free, int64(len(free))))
}

// resizeSizes is the constant output size of a Resize, nil if it has none.
func (g *Graph) resizeSizes(n *NodeProto) []int64 {
	if len(n.GetInput()) != 4 || n.GetInput()[3] == "" {
		return nil
	}
	t := g.constant(n.GetInput()[3])
	if t == nil {
		return nil
	}
	sizes, err := Ints(t)
	if err != nil || len(sizes) != 4 {
		return nil
	}
	return sizes
}

// ScaleResize restates a Resize's constant output size as scales, given the
// shape [n,C,H,W] of what comes in. Sizes that are no whole multiple are left:
// there the rounding of a scale could change the result.
func (g *Graph) ScaleResize(n *NodeProto, in []int64) bool {
	sizes := g.resizeSizes(n)
	if sizes == nil || len(in) != 4 || sizes[1] != in[1] {
		return false
	}
	scales := []float32{1, 1, 0, 0}
	for i := 2; i < 4; i++ {
		if in[i] <= 0 || sizes[i]%in[i] != 0 {
			return false
		}
		scales[i] = float32(sizes[i] / in[i])
	}
	n.Input = []string{n.Input[0], n.Input[1], g.AddInitialiser(FloatTensor(g.Unique(n.Output[0]+"/scales"), scales, 4))}
	return true
}
