package preprocess

import (
	"encoding/binary"
	"unsafe"

	"mhp/internal/frame"
)

// lanes picks every second byte of eight into a lane of 16 bits.
const lanes = 0x00ff00ff00ff00ff

// laneHalf is half a grey level in every lane after the vertical blend, so
// that dropping the fraction at the end rounds to the nearest level.
const laneHalf = (fractionOne / 2) * 0x0001000100010001

// The three channels of one blended pixel lie 20 bits apart, each with
// 2*fractionBits bits of fraction.
const (
	channelBits = 20
	wholeAt     = 2 * fractionBits
)

// stretch is how many pixels are blended before their levels are looked up:
// two short loops leave enough registers for each, one long loop does not.
const stretch = 256

// rowPair is the two rows of the picture that a row of the crop lies between.
// A row outside the picture has weight 0, and the other one stands in for it.
type rowPair struct {
	top, bottom             []uint8 // WidthPx*3 bytes each
	topWeight, bottomWeight uint64  // of 32
}

func newRowPair(f *frame.Frame, at sample) rowPair {
	row := func(y int) []uint8 {
		y = min(max(y, 0), f.HeightPx-1)
		return f.Pix[y*f.Stride : y*f.Stride+3*f.WidthPx]
	}
	first, part := int(at.first), uint64(at.part)
	p := rowPair{row(first), row(first + 1), fractionOne - part, part}
	if first < 0 {
		p.topWeight = 0
	}
	if first+1 >= f.HeightPx {
		p.bottomWeight = 0
	}
	return p
}

// inside makes the columns [begin, end) of one row.
func (c *Cropper) inside(dst *[3][]float32, src *rowPair) {
	var pixels [stretch]uint64
	for x := c.begin; x < c.end; x += stretch {
		part := pixels[:min(stretch, c.end-x)]
		blend(part, c.column[x:], src)
		c.unpack(dst, x, part)
	}
}

// unpack writes the levels of blended pixels to the columns from x on.
func (c *Cropper) unpack(dst *[3][]float32, x int, pixels []uint64) {
	for k, plane := range dst {
		shift, done := uint(k*channelBits+wholeAt), 0
		if c.straight {
			done = levels(plane[x:], pixels, c.line, shift)
		}
		lookUp(plane[x+done:], pixels[done:], c.byteLevel[k], shift)
	}
}

// blend fills dst with one blended pixel per column. Every column must have
// its first pixel and two more in the row: eight bytes are read from there.
// They hold two neighbouring pixels; the vertical blend treats their even and
// odd bytes as four lanes of 16 bits each, the horizontal one the channels of
// a pixel as three lanes of 20 bits.
func blend(dst []uint64, columns []sample, src *rowPair) {
	columns = columns[:len(dst)]
	// Checking the bounds of every read would cost a third of the time.
	top, bottom := unsafe.Pointer(unsafe.SliceData(src.top)), unsafe.Pointer(unsafe.SliceData(src.bottom))
	wt, wb := src.topWeight, src.bottomWeight
	for x, at := range columns {
		dst[x] = blended(load(top, int(at.first)*3), load(bottom, int(at.first)*3), wt, wb, uint64(at.part))
	}
}

// blended is one packed pixel from the eight bytes of either row that begin with the left pixel.
func blended(t, b, wt, wb, part uint64) uint64 {
	// Bytes 0 1 2 are the left pixel's channels, 3 4 5 the right one's.
	even := (t&lanes)*wt + (b&lanes)*wb + laneHalf      // 0 2 4
	odd := (t>>8&lanes)*wt + (b>>8&lanes)*wb + laneHalf // 1 3 5
	left := even&0xffff | odd&0xffff<<channelBits | even&0xffff0000<<(2*channelBits-16)
	right := odd>>16&0xffff | even>>32&0xffff<<channelBits | odd>>32&0xffff<<(2*channelBits)
	// left*(32-part) + right*part; the difference may borrow between
	// lanes, the sum gives it back.
	return left<<fractionBits + (right-left)*part
}

func load(row unsafe.Pointer, at int) uint64 {
	return binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(row, at))[:])
}

// lookUp writes the level of the channel that begins at bit shift.
func lookUp(dst []float32, pixels []uint64, level *[256]float32, shift uint) {
	dst = dst[:len(pixels)]
	for x, p := range pixels {
		dst[x] = level[uint8(p>>(shift&63))]
	}
}

// border makes the columns [begin, end) that touch or leave the picture's
// sides; a pixel outside counts as black.
func (c *Cropper) border(dst *[3][]float32, src *rowPair, begin, end int) {
	width := len(src.top) / 3
	vertical := func(x, k int) uint64 {
		if x < 0 || x >= width {
			return 0
		}
		return uint64(src.top[3*x+k])*src.topWeight + uint64(src.bottom[3*x+k])*src.bottomWeight
	}
	for x := begin; x < end; x++ {
		first, part := int(c.column[x].first), uint64(c.column[x].part)
		for k, plane := range dst {
			sum := vertical(first, k)*(fractionOne-part) + vertical(first+1, k)*part
			plane[x] = c.byteLevel[k][(sum+fractionOne*fractionOne/2)>>wholeAt]
		}
	}
}
