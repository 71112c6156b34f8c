package sink

import "strconv"

// The precision of what is written: a hundredth of a pixel, a tenth of a
// millimetre, four digits of a score, a microsecond. More would be noise.
type (
	pxNumber    float64
	mmNumber    float64
	scoreNumber float64
	seconds     float64
)

func (v pxNumber) MarshalJSON() ([]byte, error)    { return []byte(pxText(float64(v))), nil }
func (v mmNumber) MarshalJSON() ([]byte, error)    { return []byte(mmText(float64(v))), nil }
func (v scoreNumber) MarshalJSON() ([]byte, error) { return []byte(scoreText(float64(v))), nil }

func (v seconds) MarshalJSON() ([]byte, error) { return []byte(secondsText(float64(v))), nil }

func pxText(v float64) string      { return decimal(v, 2) }
func mmText(v float64) string      { return decimal(v, 1) }
func scoreText(v float64) string   { return decimal(v, 4) }
func secondsText(v float64) string { return decimal(v, 6) }

// decimal writes v, which must be finite, with at most so many decimals,
// without zeros at the end and without a minus before nought.
func decimal(v float64, decimals int) string {
	b := strconv.AppendFloat(nil, v, 'f', decimals, 64)
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	if b[len(b)-1] == '.' {
		b = b[:len(b)-1]
	}
	if s := string(b); s != "-0" {
		return s
	}
	return "0"
}
