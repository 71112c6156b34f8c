package sink

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strings"

	"mhp/internal/motion"
)

// NewBVH writes NAME_personN.bvh for each person: a hierarchy at rest in a T
// pose and its turns, frame by frame at one rate, with bones of constant
// length, in centimetres. Gaps in which the person was not seen are bridged.
func NewBVH(o DirOptions, c ClipOptions) Sink {
	s := &perPerson{options: o, how: c, extension: ".bvh"}
	s.fill = func(w io.Writer, t *motion.Track, _ string) error {
		return writeBVH(w, t, s.step().Seconds(), t.Even(s.step()), c.World)
	}
	return s
}

// cmPerMM: animation programs read BVH in centimetres.
const cmPerMM = 0.1

// writeBVH writes one person's frames.
func writeBVH(out io.Writer, t *motion.Track, stepSeconds float64, frames [][]motion.Vec, world World) error {
	rig := motion.NewRig(t.Set, t.Seen())
	w := bufio.NewWriterSize(out, 1<<16)
	basis := world.fromUpright()
	fmt.Fprintln(w, "HIERARCHY")
	bvhJoint(w, rig, t.Set.Root(), 0, basis)
	fmt.Fprintf(w, "MOTION\nFrames: %d\nFrame Time: %.7f\n", len(frames), stepSeconds)
	last := make([][3]float64, len(rig.Order))
	var line []byte
	for _, p := range rig.Fit(frames) {
		line = line[:0]
		for i, j := range rig.Order {
			if i == 0 {
				for _, v := range basis.Turn(p.Root) {
					line = append(append(line, decimal(v*cmPerMM, 4)...), ' ')
				}
			}
			last[i] = eulerZXY(basis.Mul(p.Turns[j]).Mul(basis.Inverse()), last[i])
			for _, deg := range last[i] {
				line = append(append(line, decimal(deg, 4)...), ' ')
			}
		}
		line[len(line)-1] = '\n'
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	return w.Flush()
}

// bvhJoint writes a joint and all below it. A joint at an end gets an end site
// a tenth of its bone further on, which makes it a bone in animation programs.
func bvhJoint(w io.Writer, rig *motion.Rig, joint, depth int, basis motion.Quat) {
	indent := strings.Repeat("\t", depth)
	offset := func(indent string, v motion.Vec) {
		v = basis.Turn(v)
		fmt.Fprintf(w, "%s\tOFFSET %s %s %s\n", indent, decimal(v[0]*cmPerMM, 4), decimal(v[1]*cmPerMM, 4), decimal(v[2]*cmPerMM, 4))
	}
	kind, channels := "JOINT", "3 Zrotation Xrotation Yrotation"
	if depth == 0 {
		kind, channels = "ROOT", "6 Xposition Yposition Zposition Zrotation Xrotation Yrotation"
	}
	fmt.Fprintf(w, "%s%s %s\n%s{\n", indent, kind, bvhName(rig.Set.Joints[joint]), indent)
	offset(indent, rig.Rest[joint])
	fmt.Fprintf(w, "%s\tCHANNELS %s\n", indent, channels)
	for _, c := range rig.Children[joint] {
		bvhJoint(w, rig, c, depth+1, basis)
	}
	if len(rig.Children[joint]) == 0 {
		fmt.Fprintf(w, "%s\tEnd Site\n%s\t{\n", indent, indent)
		tip := rig.Rest[joint]
		offset(indent+"\t", motion.Vec{tip[0] / 10, tip[1] / 10, tip[2] / 10})
		fmt.Fprintf(w, "%s\t}\n", indent)
	}
	fmt.Fprintf(w, "%s}\n", indent)
}

// bvhName is a joint's name as one word: a custom joint set may have any.
func bvhName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f || r == '{' || r == '}' {
			return '_'
		}
		return r
	}, name)
	if name == "" {
		return "joint"
	}
	return name
}

// eulerZXY gives the angles z, x, y in degrees with R = Rz Rx Ry. Of the many
// that say the same it takes the nearest to the last frame's, so that a curve
// between frames takes the short way.
func eulerZXY(q motion.Quat, last [3]float64) [3]float64 {
	x, y, z := q.Turn(motion.Vec{1, 0, 0}), q.Turn(motion.Vec{0, 1, 0}), q.Turn(motion.Vec{0, 0, 1})
	// Columns of R: R[row][col] is {x,y,z}[col][row].
	sin := math.Max(-1, math.Min(1, y[2]))
	deg := 180 / math.Pi
	var a [3]float64
	if math.Abs(sin) > 1-1e-9 {
		// z and y turn about the same line: all of it goes to y, z stays as it was.
		keep := last[0] / deg
		turn := math.Atan2(z[0], x[0]) // y - z or y + z, by the sign of sin
		if sin < 0 {
			keep = -keep
		}
		a = [3]float64{last[0], math.Copysign(90, sin), (turn - keep) * deg}
	} else {
		a = [3]float64{math.Atan2(-y[0], y[1]) * deg, math.Asin(sin) * deg, math.Atan2(-x[2], z[2]) * deg}
	}
	b := [3]float64{a[0] + 180, 180 - a[1], a[2] + 180}
	a, b = wound(a, last), wound(b, last)
	if math.Abs(b[0]-last[0])+math.Abs(b[1]-last[1])+math.Abs(b[2]-last[2]) < math.Abs(a[0]-last[0])+math.Abs(a[1]-last[1])+math.Abs(a[2]-last[2]) {
		return b
	}
	return a
}

// wound adds whole turns until each angle is the nearest to the last.
func wound(a, last [3]float64) [3]float64 {
	for i := range a {
		a[i] += 360 * math.Round((last[i]-a[i])/360)
	}
	return a
}
