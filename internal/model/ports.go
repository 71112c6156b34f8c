package model

import (
	"fmt"
	"strings"
)

// Ports names the inputs and outputs of a graph that serves a Spec.
type Ports struct {
	Image   string // [N,3,H,W]
	Coords  string // head coords: [N,J,3]
	Score   string // head coords: [N,J]; "" if the graph has none
	Plane   string // head coords: [N,J,H*W]; "" if the graph does not have it and Depth
	Depth   string // head coords: [N,J,D]
	Heatmap string // head heatmap: [N,J*D,H,W]
	Batch   int    // crops a run takes: 0 any, else exactly so many
}

// Ports finds the graph's inputs and outputs and checks their names, types and
// shapes against the metadata. Names are fixed (image, coords, score, plane,
// depth, heatmap)
// except where there is one candidate only. The error wraps ErrModel and lists
// all that does not fit.
func (s *Spec) Ports(g *Graph) (Ports, error) {
	joints := int64(len(s.Set.Joints))
	c := portCheck{batch: AnyDim}
	var p Ports
	p.Image = c.pick("input", g.Inputs, "image", true, 3, int64(s.InputHPx), int64(s.InputWPx))
	if len(g.Inputs) > 1 {
		c.problem("the graph has %d inputs (%s), not one", len(g.Inputs), list(g.Inputs))
	}
	if s.Head == HeadCoords {
		p.Coords = c.pick("output", g.Outputs, "coords", true, joints, 3)
		p.Score = c.pick("output", g.Outputs, "score", false, joints)
		p.Plane = c.pick("output", g.Outputs, "plane", false, joints, int64(s.HeatH*s.HeatW))
		if p.Depth = c.pick("output", g.Outputs, "depth", false, joints, int64(s.DepthBins)); p.Plane == "" || p.Depth == "" {
			p.Plane, p.Depth = "", ""
		}
	} else {
		p.Heatmap = c.pick("output", g.Outputs, "heatmap", true, joints*int64(s.DepthBins), int64(s.HeatH), int64(s.HeatW))
	}
	if c.batch != AnyDim {
		p.Batch = int(c.batch)
	}
	if len(c.problems) > 0 {
		return Ports{}, fmt.Errorf("%w: the graph contradicts its metadata: %s", ErrModel, strings.Join(c.problems, "; "))
	}
	return p, nil
}

// portCheck collects problems and the batch size that the ports agree on.
type portCheck struct {
	batch    int64
	problems []string
}

func (c *portCheck) problem(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

// pick finds a port by name (a required one also by being the only one) and
// checks it against [N, dims...].
func (c *portCheck) pick(kind string, ports []Port, name string, required bool, dims ...int64) string {
	for _, p := range ports {
		if p.Name == name {
			c.check(kind, p, dims)
			return p.Name
		}
	}
	if !required {
		return ""
	}
	if len(ports) == 1 {
		c.check(kind, ports[0], dims)
		return ports[0].Name
	}
	c.problem("no %s is called %q; there are %s", kind, name, list(ports))
	return ""
}

func (c *portCheck) check(kind string, p Port, dims []int64) {
	if p.ElemType != elemFloat {
		c.problem("%s %s has element type %d of onnx.proto, not 1 (float32)", kind, p, p.ElemType)
	}
	if p.Shape == nil {
		return
	}
	fits := len(p.Shape) == len(dims)+1
	for i := 0; fits && i < len(dims); i++ {
		fits = p.Shape[i+1] == AnyDim || dims[i] == AnyDim || p.Shape[i+1] == dims[i]
	}
	if !fits {
		c.problem("%s %s should be %s", kind, p, Port{Name: p.Name, Shape: append([]int64{AnyDim}, dims...)})
		return
	}
	batch := p.Shape[0]
	switch {
	case batch == AnyDim:
	case batch == 0 || c.batch != AnyDim && batch != c.batch:
		c.problem("%s %s has another batch size than the other ports", kind, p)
	default:
		c.batch = batch
	}
}

func list(ports []Port) string {
	if len(ports) == 0 {
		return "none"
	}
	text := make([]string, len(ports))
	for i, p := range ports {
		text[i] = p.String()
	}
	return strings.Join(text, ", ")
}
