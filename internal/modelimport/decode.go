package modelimport

import "math"

// softArgmax decodes a volume [J*D,S,S] with D = S = side in double precision:
// the expected x, y, z [J,3] in cells under the softmax over all of a joint's
// voxels, and its largest probability [J]. It is the plain rule that the fused
// graph is held against.
func softArgmax(volume []float32, joints, side int) (cells, score []float64) {
	voxels := side * side * side
	cells, score = make([]float64, 3*joints), make([]float64, joints)
	for j := range joints {
		h := volume[j*voxels : (j+1)*voxels]
		peak := math.Inf(-1)
		for _, v := range h {
			peak = math.Max(peak, float64(v)) // unlike max of a comparison, keeps NaN
		}
		var total, x, y, z float64
		for i, v := range h {
			e := math.Exp(float64(v) - peak)
			total += e
			x += e * float64(i%side)
			y += e * float64(i/side%side)
			z += e * float64(i/(side*side))
		}
		cells[3*j], cells[3*j+1], cells[3*j+2] = x/total, y/total, z/total
		score[j] = 1 / total
	}
	return cells, score
}
