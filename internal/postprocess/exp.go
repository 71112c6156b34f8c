package postprocess

import "math"

// e^v is taken as 2^(n/256) * (1 + r ln2/256), where n + r = v log2(e) 256 and
// |r| <= 1/2: the table holds 2^(i/256) for i = n mod 256, n div 256 goes into
// the float's exponent, and what the linear term leaves out is below 1e-6.
const (
	tableBits  = 8
	tableSize  = 1 << tableBits
	tableScale = math.Log2E * tableSize
	tableSlope = math.Ln2 / tableSize
)

// roundMagic, added to a float32 far smaller than itself, leaves the nearest
// whole number in the low bits of the sum.
const roundMagic = 3 << 22

// powers holds the bits of 2^(i/256).
var powers = func() (table [tableSize]uint32) {
	for i := range table {
		table[i] = math.Float32bits(float32(math.Exp2(float64(i) / tableSize)))
	}
	return table
}()

// exponentFloor is the exponent, in steps of the table, from which on a cell
// cannot matter: if all cells were that small, together they would move an
// expected index by less than 1e-4 cells.
func exponentFloor(depth, height, width int) float32 {
	cells := float64(depth * height * width)
	farthest := float64(max(depth, height, width))
	return float32(-math.Log(cells*farthest*1e4) * tableScale)
}

// softRow gives the sum of e^(v - peak) over the row, and the sum of x times
// it. peak is finite and no v exceeds it; v that is NaN or below the floor
// counts nothing.
func softRow(row []float32, peak, floor float32) (weight, weightX float32) {
	// From the right, the running sums of the weights add up to the sum of
	// (x+1) * weight: no multiplication and no index needed.
	var ramp float32
	for x := len(row) - 1; x >= 0; x-- {
		t := (row[x] - peak) * tableScale
		if t > floor {
			rounded := t + roundMagic
			bits := math.Float32bits(rounded)
			power := math.Float32frombits(powers[uint8(bits)] + (bits&^(tableSize-1))<<(23-tableBits))
			weight += power + power*((t-(rounded-roundMagic))*tableSlope)
		}
		ramp += weight
	}
	return weight, ramp - weight
}
