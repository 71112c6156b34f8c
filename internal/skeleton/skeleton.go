// Package skeleton knows the joint sets: names, parents, edges and mirror
// pairs. The sets live in skeletons.json, which the Python side reads too.
package skeleton

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"sync"
)

//go:embed skeletons.json
var skeletonsJSON []byte

// Set is an ordered list of joints. Treat it as read-only.
type Set struct {
	Name    string   // "muco21", "h36m18" or "custom"
	Title   string   // for people
	Joints  []string // in the order of the network's output
	Parents []int    // index of the parent joint, -1 for the root
	Edges   [][2]int // bones to draw
	Mirror  [][2]int // left/right partners
}

var load = sync.OnceValue(func() map[string]*Set {
	sets := map[string]*Set{}
	if err := json.Unmarshal(skeletonsJSON, &sets); err != nil {
		panic("skeleton: embedded skeletons.json: " + err.Error())
	}
	for name, s := range sets {
		s.Name = name
	}
	return sets
})

// Named returns the joint set of that name, or an error that lists the known ones.
func Named(name string) (*Set, error) {
	if s, ok := load()[name]; ok {
		return s, nil
	}
	return nil, fmt.Errorf("unknown joint set %q; known are %s", name, strings.Join(Names(), ", "))
}

// Names lists the known joint sets in alphabetical order.
func Names() []string {
	var names []string
	for name := range load() {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Custom builds a set from names and parents, as a model file states them.
// Mirror pairs are found by the prefixes L_ and R_; edges follow the parents.
func Custom(joints []string, parents []int) (*Set, error) {
	if len(joints) == 0 || len(joints) != len(parents) {
		return nil, fmt.Errorf("a joint set needs as many parents as joints: %d joints, %d parents", len(joints), len(parents))
	}
	s := &Set{Name: "custom", Title: "custom joint set", Joints: joints, Parents: parents}
	roots := 0
	for j, p := range parents {
		switch {
		case p == -1:
			roots++
		case p < 0 || p >= len(joints) || p == j:
			return nil, fmt.Errorf("joint %q has parent %d outside 0..%d", joints[j], p, len(joints)-1)
		default:
			s.Edges = append(s.Edges, [2]int{p, j})
		}
	}
	if roots != 1 {
		return nil, fmt.Errorf("a joint set needs exactly one root (parent -1), not %d", roots)
	}
	if j := cyclic(parents); j >= 0 {
		return nil, fmt.Errorf("the parents of joint %q go round in a circle", joints[j])
	}
	for j, name := range joints {
		if other := s.Index("L_" + strings.TrimPrefix(name, "R_")); strings.HasPrefix(name, "R_") && other >= 0 {
			s.Mirror = append(s.Mirror, [2]int{j, other})
		}
	}
	return s, nil
}

// cyclic returns a joint that never reaches the root, or -1.
func cyclic(parents []int) int {
	for j := range parents {
		steps := 0
		for p := j; p != -1; p = parents[p] {
			if steps++; steps > len(parents) {
				return j
			}
		}
	}
	return -1
}

// Index is the position of the joint with that name, -1 if the set has none.
func (s *Set) Index(joint string) int {
	for i, name := range s.Joints {
		if name == joint {
			return i
		}
	}
	return -1
}

// Root is the index of the joint that depths are relative to.
func (s *Set) Root() int {
	for i, p := range s.Parents {
		if p == -1 {
			return i
		}
	}
	return 0
}

// MirrorIndex gives, for each joint, the joint it becomes in a mirrored picture.
func (s *Set) MirrorIndex() []int {
	index := make([]int, len(s.Joints))
	for i := range index {
		index[i] = i
	}
	for _, pair := range s.Mirror {
		index[pair[0]], index[pair[1]] = pair[1], pair[0]
	}
	return index
}

// Side tells on which side of the body a joint lies.
type Side int

// The sides of the body, the person's own.
const (
	Middle Side = iota
	Left
	Right
)

// SideOf reads the side from the joint's name (L_, R_).
func (s *Set) SideOf(joint int) Side {
	switch {
	case strings.HasPrefix(s.Joints[joint], "L_"):
		return Left
	case strings.HasPrefix(s.Joints[joint], "R_"):
		return Right
	}
	return Middle
}
