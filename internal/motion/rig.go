package motion

import (
	"slices"
	"sort"

	"mhp/internal/skeleton"
)

// Rig is a person's skeleton at rest: a T pose that faces the viewer, with
// bones of constant length. In the rest pose no joint is turned.
type Rig struct {
	Set *skeleton.Set
	// Order lists the joints, every parent before its children and each
	// branch in one piece, as hierarchies are written.
	Order    []int
	Children [][]int
	// Rest is each joint's offset from its parent in mm; the root's is zero.
	Rest []Vec
}

// Posture is a rig at one time.
type Posture struct {
	Root  Vec    // position of the root joint, mm
	Turns []Quat // of each joint against its parent
}

// restDirection is where a bone points in the rest pose, by the joint at its
// end, sides left out; for the left side x counts from the middle outwards.
// What is not listed keeps the direction it had in the first frame.
var restDirection = map[string]Vec{
	"Spine": {0, 1, 0}, "Torso": {0, 1, 0}, "Thorax": {0, 1, 0}, "Neck": {0, 1, 0},
	"Head": {0, 1, 0}, "Head_top": {0, 1, 0}, "Nose": {0, 0.7, 0.7},
	"Shoulder": {1, 0, 0}, "Elbow": {1, 0, 0}, "Wrist": {1, 0, 0}, "Hand": {1, 0, 0},
	"Hip": {1, 0, 0}, "Knee": {0, -1, 0}, "Ankle": {0, -1, 0}, "Toe": {0, -0.3, 0.95},
}

// NewRig measures a person over frames of joints in mm, at least one. They
// should be frames that were seen: what bridges a gap bends the bones.
func NewRig(set *skeleton.Set, frames [][]Vec) *Rig {
	r := &Rig{Set: set, Children: make([][]int, len(set.Joints)), Rest: make([]Vec, len(set.Joints))}
	for j, p := range set.Parents {
		if p >= 0 {
			r.Children[p] = append(r.Children[p], j)
		}
	}
	r.Order = r.branch(nil, set.Root())
	for j, p := range set.Parents {
		if p < 0 {
			continue
		}
		r.Rest[j] = r.nominal(j, frames[0]).times(medianLength(frames, j, p))
	}
	for j := range set.Joints {
		if len(r.Children[j]) > 1 {
			r.shape(j, frames)
		}
	}
	return r
}

func (r *Rig) branch(order []int, joint int) []int {
	order = append(order, joint)
	for _, c := range r.Children[joint] {
		order = r.branch(order, c)
	}
	return order
}

// nominal is the direction of the bone that ends in the joint.
func (r *Rig) nominal(joint int, first []Vec) Vec {
	name := r.Set.Joints[joint]
	side := r.Set.SideOf(joint)
	if side != skeleton.Middle {
		name = name[2:]
	}
	d, ok := restDirection[name]
	if !ok {
		d = first[joint].sub(first[r.Set.Parents[joint]])
	} else if side == skeleton.Right {
		d[0] = -d[0]
	}
	if u, ok := d.unit(); ok {
		return u
	}
	return Vec{0, 1, 0} // a bone of no length points anywhere
}

func medianLength(frames [][]Vec, joint, parent int) float64 {
	lengths := make([]float64, len(frames))
	for i, f := range frames {
		lengths[i] = f[joint].sub(f[parent]).Norm()
	}
	slices.Sort(lengths)
	if n := len(lengths); n%2 == 0 {
		return (lengths[n/2-1] + lengths[n/2]) / 2
	}
	return lengths[len(lengths)/2]
}

// mostFrames is from how many frames a joint's shape is taken; more change nothing visible.
const mostFrames = 2000

// shape gives the bones that leave one joint, such as hips and spine, the
// angles between them that the person has on average: one turn cannot bend
// them against each other, so a textbook T would never fit. Turn and mean take
// turns (generalised Procrustes analysis; Gower 1975) until they stand still.
func (r *Rig) shape(joint int, frames [][]Vec) {
	children := r.Children[joint]
	nominal := make([]Vec, len(children))
	for i, c := range children {
		nominal[i] = r.Rest[c]
	}
	shape := slices.Clone(nominal)
	stride := max(1, len(frames)/mostFrames)
	for range 6 {
		sum := make([]Vec, len(children))
		for f := 0; f < len(frames); f += stride {
			seen := r.offsets(joint, frames[f])
			back := bestTurn(shape, seen, Still).Inverse()
			for i := range sum {
				if u, ok := seen[i].unit(); ok {
					sum[i] = sum[i].add(back.Turn(u))
				}
			}
		}
		for i := range shape {
			if u, ok := sum[i].unit(); ok {
				shape[i] = u.times(nominal[i].Norm())
			}
		}
	}
	stand := bestTurn(shape, nominal, Still)
	for i, c := range children {
		r.Rest[c] = stand.Turn(shape[i])
	}
}

// offsets are the bones that leave a joint as seen in a frame.
func (r *Rig) offsets(joint int, frame []Vec) []Vec {
	out := make([]Vec, len(r.Children[joint]))
	for i, c := range r.Children[joint] {
		out[i] = frame[c].sub(frame[joint])
	}
	return out
}

// Fit turns the rig into each of the frames. Joints with one bone turn by the
// smallest angle, so limbs have no twist of their own; joints at the ends do
// not turn. Neighbouring frames have neighbouring quaternions.
func (r *Rig) Fit(frames [][]Vec) []Posture {
	out := make([]Posture, len(frames))
	root := r.Set.Root()
	world := make([]Quat, len(r.Set.Joints))
	for i, f := range frames {
		p := Posture{Root: f[root], Turns: make([]Quat, len(r.Set.Joints))}
		for _, j := range r.Order {
			parent := Still
			if j != root {
				parent = world[r.Set.Parents[j]]
			} else if i > 0 {
				parent = out[i-1].Turns[root]
			}
			world[j] = r.turn(j, f, parent)
			if j == root {
				p.Turns[j] = world[j]
			} else {
				p.Turns[j] = parent.Inverse().Mul(world[j]).normal()
			}
			if i > 0 {
				p.Turns[j] = p.Turns[j].near(out[i-1].Turns[j])
			}
		}
		out[i] = p
	}
	return out
}

// turn is how the joint's bones are turned in space; prior is how they would
// be if the joint did not turn.
func (r *Rig) turn(joint int, frame []Vec, prior Quat) Quat {
	children := r.Children[joint]
	switch len(children) {
	case 0:
		return prior
	case 1:
		rest, ok1 := r.Rest[children[0]].unit()
		seen, ok2 := frame[children[0]].sub(frame[joint]).unit()
		if !ok1 || !ok2 {
			return prior
		}
		return shortest(prior.Turn(rest), seen).Mul(prior).normal()
	}
	rest := make([]Vec, len(children))
	for i, c := range children {
		rest[i] = r.Rest[c]
	}
	return bestTurn(rest, r.offsets(joint, frame), prior)
}

// Forward gives the joints' positions in mm.
func (r *Rig) Forward(p Posture) []Vec {
	at, world := make([]Vec, len(r.Rest)), make([]Quat, len(r.Rest))
	for _, j := range r.Order {
		parent := r.Set.Parents[j]
		if parent < 0 {
			at[j], world[j] = p.Root, p.Turns[j]
			continue
		}
		world[j] = world[parent].Mul(p.Turns[j])
		at[j] = at[parent].add(world[parent].Turn(r.Rest[j]))
	}
	return at
}

// RestPositions are the joints' places in the rest pose, the root at the origin.
func (r *Rig) RestPositions() []Vec {
	still := Posture{Turns: make([]Quat, len(r.Rest))}
	for j := range still.Turns {
		still.Turns[j] = Still
	}
	return r.Forward(still)
}

// Misfit is how far the rig's joints lie from those it was fitted to, in mm:
// the median and the 95th percentile over all joints and frames.
func (r *Rig) Misfit(frames [][]Vec, postures []Posture) (medianMM, p95MM float64) {
	var off []float64
	for i, p := range postures {
		for j, at := range r.Forward(p) {
			off = append(off, at.sub(frames[i][j]).Norm())
		}
	}
	if len(off) == 0 {
		return 0, 0
	}
	sort.Float64s(off)
	return off[len(off)/2], off[len(off)*95/100]
}
