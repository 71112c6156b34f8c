package camera

import (
	"math"

	"mhp/internal/geom"
)

// personSideMM is the side of the square that a person's box is taken to
// cover in space (the k of RootNet, Moon et al. 2019).
const personSideMM = 2000

// BoxDepthMM estimates the root joint's depth from the size of the person's
// box after SquareBox: sqrt(2000 mm * 2000 mm * fx * fy / (width * height)).
func BoxDepthMM(k geom.Intrinsics, square geom.BoxPx) float64 {
	return math.Sqrt(personSideMM * personSideMM * k.FxPx * k.FyPx / (square.W * square.H))
}

// Bone is one bone of the person whose depth HeightDepthMM looks for: indices
// of its joints, the length it should have, and how much it counts.
type Bone struct {
	A, B     int
	LengthMM float64
	Weight   float64
}

// Ray is one joint as the network sees it: its direction (x/z, y/z) and its
// depth relative to the root joint.
type Ray struct{ X, Y, ZMM float64 }

// minDepthMM is the least distance from the camera that any joint may have.
const minDepthMM = 100

// maxDepthMM is the greatest root depth that HeightDepthMM looks at.
const maxDepthMM = 1e6

// HeightDepthMM solves for the root depth Z at which the bones have their
// lengths on average:
//
//	sum_b w_b |P_A(Z) - P_B(Z)| = sum_b w_b length_b,   P_j(Z) = (x_j (Z + z_j), y_j (Z + z_j), Z + z_j)
//
// Foreshortening is thereby included, since the network gives z_j in mm. Each
// term is the length of a vector that is linear in Z, so the left side is
// convex and has at most one solution where it rises; that one is meant. It
// reports false when there is none: no bone counts, or the depths alone make
// the person longer than wanted.
func HeightDepthMM(rays []Ray, bones []Bone) (float64, bool) {
	near := minDepthMM
	lowest := math.Inf(1)
	for _, r := range rays {
		lowest = math.Min(lowest, r.ZMM)
	}
	low, high := float64(near)-lowest, float64(maxDepthMM)
	excess := func(depthMM float64) float64 { return excessMM(rays, bones, depthMM) }
	if !(low < high) || !(excess(high) > 0) {
		return 0, false
	}
	if excess(low) > 0 {
		if low = lowestPoint(excess, low, high); excess(low) > 0 {
			return 0, false
		}
	}
	for range 200 {
		middle := (low + high) / 2
		if high-low < 1e-6 {
			break
		}
		if excess(middle) > 0 {
			high = middle
		} else {
			low = middle
		}
	}
	return (low + high) / 2, true
}

// excessMM is the weighted sum of how much longer than wanted the bones are
// with the root at depthMM.
func excessMM(rays []Ray, bones []Bone, depthMM float64) float64 {
	sum := 0.0
	for _, b := range bones {
		p, q := rays[b.A], rays[b.B]
		zp, zq := depthMM+p.ZMM, depthMM+q.ZMM
		dx, dy, dz := p.X*zp-q.X*zq, p.Y*zp-q.Y*zq, zp-zq
		sum += b.Weight * (math.Sqrt(dx*dx+dy*dy+dz*dz) - b.LengthMM)
	}
	return sum
}

// lowestPoint finds where a convex function is least in [low, high] by ternary search.
func lowestPoint(f func(float64) float64, low, high float64) float64 {
	for high-low > 1e-3 {
		a, b := low+(high-low)/3, high-(high-low)/3
		if f(a) <= f(b) {
			high = b
		} else {
			low = a
		}
	}
	return low
}
