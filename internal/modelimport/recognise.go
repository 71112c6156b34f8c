package modelimport

import (
	"fmt"
	"strings"

	"mhp/internal/model"
	"mhp/internal/onnx"
	"mhp/internal/skeleton"
	"mhp/internal/tensor"
)

const (
	inputPx    = 256 // the network's crop is square
	cropValues = 3 * inputPx * inputPx
	minOpset   = 9 // older operator sets mean other things by the same names
)

// heatSides are the sides in cells of the heat volumes of XS, and of S and L.
var heatSides = []int64{32, 64}

// layout is what was recognised in a foreign file.
type layout struct {
	input, output, score string // value names; score is "" if there is none
	head                 model.Head
	set                  *skeleton.Set
	cells                int64 // side of the heat volume
	batch                int64 // 0 = the file takes any
}

// size is the batch to run the file with.
func (l layout) size() int64 { return max(l.batch, 1) }

// recognise finds the input and the output that a pose can be read from.
func (j *job) recognise() (layout, error) {
	in, batch, err := j.recogniseInput()
	if err != nil {
		return layout{}, err
	}
	l := layout{input: in, batch: batch}
	shapes, err := j.outputShapes(l.size())
	if err != nil {
		return layout{}, err
	}
	if err := j.recogniseOutput(&l, shapes); err != nil {
		return layout{}, err
	}
	return l, nil
}

func (j *job) unknown(what string) error {
	return refuse("a MobileHumanPose file has one input [N,3,256,256] and an output [N,672,32,32], [N,576,32,32], [N,1344,64,64], [N,1152,64,64] or [N,J,3]",
		"%s: %s (%s)", j.source, what, j.before.Ports())
}

// recogniseInput wants one float32 input [N,3,256,256]; sizes that are not
// stated may be anything.
func (j *job) recogniseInput() (name string, batch int64, err error) {
	if len(j.before.Inputs) != 1 {
		return "", 0, j.unknown(fmt.Sprintf("the file has %d inputs, not one", len(j.before.Inputs)))
	}
	v := j.before.Inputs[0]
	if v.Type != "float32" {
		return "", 0, j.unknown("the input is not float32")
	}
	if v.Shape == nil {
		return v.Name, 0, nil
	}
	if len(v.Shape) != 4 {
		return "", 0, j.unknown("the input is not [N,3,256,256]")
	}
	for i, want := range []int64{3, inputPx, inputPx} {
		if d := v.Shape[i+1].Size; d >= 0 && d != want {
			return "", 0, j.unknown("the input is not [N,3,256,256]")
		}
	}
	batch = max(v.Shape[0].Size, 0)
	if batch > maxFixedBatch {
		return "", 0, j.unknown(fmt.Sprintf("the batch is fixed at %d, more than %d", batch, maxFixedBatch))
	}
	return v.Name, batch, nil
}

// maxFixedBatch bounds the memory that a file's claim can make the proof use.
const maxFixedBatch = 64

// outputShapes are the shapes of the outputs at a batch size; a file that does
// not state them is run once.
func (j *job) outputShapes(batch int64) (map[string][]int64, error) {
	shapes := map[string][]int64{}
	for _, v := range j.before.Outputs {
		shape := make([]int64, len(v.Shape))
		stated := v.Shape != nil && v.Type == "float32"
		for i, d := range v.Shape {
			shape[i] = d.Size
			stated = stated && (i == 0 || d.Size >= 0)
		}
		if !stated {
			return j.runForShapes(batch)
		}
		if len(shape) > 0 {
			shape[0] = batch
		}
		shapes[v.Name] = shape
	}
	return shapes, nil
}

func (j *job) runForShapes(batch int64) (map[string][]int64, error) {
	out, err := j.runOld(j.data, tensor.New(batch, 3, inputPx, inputPx))
	if err != nil {
		return nil, err
	}
	shapes := map[string][]int64{}
	for name, t := range out {
		shapes[name] = t.Shape
	}
	return shapes, nil
}

func (j *job) recogniseOutput(l *layout, shapes map[string][]int64) error {
	var volumes, coords []string
	var joints, cells int64
	for _, v := range j.before.Outputs {
		shape := shapes[v.Name]
		if n, side, ok := volumeShape(shape); ok {
			volumes = append(volumes, v.Name)
			joints, cells = n, side
		}
		if len(shape) == 3 && shape[0] == l.size() && shape[2] == 3 && shape[1] > 0 {
			coords = append(coords, v.Name)
		}
	}
	switch {
	case len(volumes) == 1:
		l.output, l.head, l.cells = volumes[0], model.HeadHeatmap, cells
	case len(volumes) == 0 && len(coords) == 1:
		l.output, l.head = coords[0], model.HeadCoords
		joints = shapes[l.output][1]
	case len(volumes)+len(coords) > 1:
		return j.unknown("several outputs look like a pose: " + strings.Join(append(volumes, coords...), ", "))
	default:
		return j.unknown("no output has a known shape")
	}
	if err := j.chooseSet(l, joints); err != nil {
		return err
	}
	if l.head == model.HeadHeatmap {
		return nil
	}
	for _, v := range j.before.Outputs {
		if s := shapes[v.Name]; len(s) == 2 && s[0] == l.size() && s[1] == joints {
			l.score = v.Name
		}
	}
	return j.chooseCells(l, joints)
}

// volumeShape recognises [N, joints*D, S, S] with D = S.
func volumeShape(shape []int64) (joints, side int64, ok bool) {
	if len(shape) != 4 || shape[2] != shape[3] {
		return 0, 0, false
	}
	for _, side := range heatSides {
		if shape[2] != side || shape[1]%side != 0 {
			continue
		}
		for _, name := range skeleton.Names() {
			if set, err := skeleton.Named(name); err == nil && int64(len(set.Joints)) == shape[1]/side {
				return shape[1] / side, side, true
			}
		}
	}
	return 0, 0, false
}

// chooseSet takes the joint set that was asked for, else the one with as many joints.
func (j *job) chooseSet(l *layout, joints int64) error {
	var known []string
	for _, name := range skeleton.Names() {
		set, err := skeleton.Named(name)
		if err != nil {
			return err
		}
		known = append(known, fmt.Sprintf("%s has %d", name, len(set.Joints)))
		if int64(len(set.Joints)) == joints && (j.options.Joints == "" || j.options.Joints == name) {
			l.set = set
			return nil
		}
	}
	if j.options.Joints != "" {
		return refuse("leave the joint set out, or name the one the file has", "%s: the file has %d joints; joint set %s does not (%s)",
			j.source, joints, j.options.Joints, strings.Join(known, ", "))
	}
	return refuse("", "%s: the file has %d joints; of the known joint sets %s", j.source, joints, strings.Join(known, ", "))
}

// chooseCells finds the side of the heat volume behind a [N,J,3] output: the
// nearest convolution with J*32 or J*64 channels made it.
func (j *job) chooseCells(l *layout, joints int64) error {
	if j.options.CoordsUnit == "" {
		return refuse("say --coords cells, px or unit", "%s: the output %s [N,%d,3] does not say in which unit x and y are", j.source, l.output, joints)
	}
	if j.options.HeatCells != 0 {
		l.cells = int64(j.options.HeatCells)
		return nil
	}
	g := onnx.NewGraph(onnx.Clone(j.model))
	for _, n := range g.Upstream(l.output, func(n *onnx.NodeProto) bool { return n.GetOpType() == "Conv" }) {
		for _, side := range heatSides {
			if g.ConvChannels(n) == joints*side {
				l.cells = side
				return nil
			}
		}
	}
	return refuse("say how many cells a side the heat volume has, 32 or 64", "%s: no convolution before the output %s has %d x 32 or %d x 64 channels, so the size of the heat volume is unknown",
		j.source, l.output, joints, joints)
}
