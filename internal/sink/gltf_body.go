package sink

import (
	"math"

	"mhp/internal/motion"
	"mhp/internal/skeleton"
)

// boneColors are those of the drawings: the person's left blue, right orange.
var boneColors = map[skeleton.Side][4]byte{
	skeleton.Left: {0x1f, 0x8f, 0xff, 0xff}, skeleton.Right: {0xff, 0x8c, 0x1a, 0xff}, skeleton.Middle: {0xc8, 0xc8, 0xc8, 0xff},
}

// body adds a person's mesh in the rest pose, a double pyramid for each bone
// that hangs wholly on the bone's joint, and the skin that moves it.
func (d *gltfDocument) body(name string, rig *motion.Rig, nodeOf []int) {
	rest := rig.RestPositions()
	place := make([]byte, len(rest)) // of a joint in the skin's list
	joints := make([]int, 0, len(rest))
	var inverse []float32
	for i, j := range rig.Order {
		place[j] = byte(i)
		joints = append(joints, nodeOf[j])
		at := metres(rest[j])
		inverse = append(inverse, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, -at[0], -at[1], -at[2], 1)
	}
	var positions, weights []float32
	var colors, hangs []byte
	for j, p := range rig.Set.Parents {
		if p < 0 {
			continue
		}
		color := linear(boneColors[side(rig.Set, p, j)])
		for _, v := range pyramids(rest[p], rest[j]) {
			at := metres(v)
			positions = append(positions, at[:]...)
			colors = append(colors, color[:]...)
			hangs = append(hangs, place[p], 0, 0, 0)
			weights = append(weights, 1, 0, 0, 0)
		}
	}
	if len(positions) == 0 {
		return // a joint set of one joint has no bones
	}
	d.Meshes = append(d.Meshes, gltfMesh{name + " body", []gltfPrimitive{{Attributes: map[string]int{
		"POSITION":  d.floats("VEC3", positions, true, gltfVertex),
		"COLOR_0":   d.octets(colors, true),
		"JOINTS_0":  d.octets(hangs, false),
		"WEIGHTS_0": d.floats("VEC4", weights, false, gltfVertex),
	}}}})
	d.Skins = append(d.Skins, gltfSkin{name, d.floats("MAT4", inverse, false, 0), nodeOf[rig.Set.Root()], joints})
	mesh, skin := len(d.Meshes)-1, len(d.Skins)-1
	// A skin takes its place from the joints; the mesh's own node must not be moved.
	d.Scenes[0].Nodes = append(d.Scenes[0].Nodes, d.node(gltfNode{Name: name + " body", Mesh: &mesh, Skin: &skin}))
}

// side is the side a bone belongs to: the end decides, else the start.
func side(set *skeleton.Set, from, to int) skeleton.Side {
	if s := set.SideOf(to); s != skeleton.Middle {
		return s
	}
	return set.SideOf(from)
}

// linear turns a colour as screens show it into glTF's linear light.
func linear(c [4]byte) [4]byte {
	for i := range 3 {
		v := float64(c[i]) / 255
		c[i] = byte(math.Round(255 * math.Pow((v+0.055)/1.055, 2.4)))
	}
	return c
}

// pyramids are the eight triangles of a bone, thickest at a fifth of its
// length, in the positions' own unit.
func pyramids(from, to motion.Vec) []motion.Vec {
	along := motion.Vec{to[0] - from[0], to[1] - from[1], to[2] - from[2]}
	length := along.Norm()
	across := along.Cross(motion.Vec{0, 0, 1})
	if across.Norm() < 0.1*length {
		across = along.Cross(motion.Vec{1, 0, 0})
	}
	other := along.Cross(across)
	ring := [4]motion.Vec{}
	for i := range ring {
		s, c := math.Sincos(float64(i) * math.Pi / 2)
		for k := range 3 {
			ring[i][k] = from[k] + 0.2*along[k]
			if length > 0 {
				thick := math.Min(0.12*length, 45)
				ring[i][k] += thick * (c*across[k]/across.Norm() + s*other[k]/other.Norm())
			}
		}
	}
	var out []motion.Vec
	for i := range ring {
		a, b := ring[i], ring[(i+1)%4]
		out = append(out, from, b, a, to, a, b)
	}
	return out
}
