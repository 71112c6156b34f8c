package preprocess

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"mhp/internal/frame"
	"mhp/internal/geom"
	"mhp/internal/model"
)

// Letterboxer fits whole pictures into a detector's input. Every px of the
// input is the mean of the part of the picture that it covers, rounded to a
// whole grey level: cv2.resize with INTER_AREA to within one level, when
// shrinking and when enlarging. It keeps its tables between calls, allocates
// nothing while pictures of one size come, and is for one goroutine.
//
//	rows of the picture --sum each column--> a row of sums --sum runs of columns--> a row of the input
type Letterboxer struct {
	// Threads is how many goroutines share the rows of one picture; 0 and 1
	// mean the caller's alone. It may not change after the first picture.
	Threads int

	spec  *model.Detector
	level [3][256]float32 // tensor value of each grey level, by plane

	// The plan for pictures of one size.
	srcW, srcH    int
	dstW, dstH    int // of the picture within the input, px
	padX, padY    int
	bits          uint // weights are in units of 2^-bits px
	columns, rows []span
	evenly        bool // every column of the input covers whole ones of the picture
	wide          bool // too much is summed for packed sums: one channel after another
	workers       []*letterboxWorker

	// What the goroutines share during one call.
	picture    *frame.Frame
	plane      [3][]float32
	byteLevel  [3]*[256]float32
	nextRow    atomic.Int64
	goroutines sync.WaitGroup
}

// span is what one column or row of the input covers of the picture's: count
// whole ones from first on, part of the one before and part of the one after.
type span struct {
	first, count   int
	previous, next int     // the ones before and after, or any where they have no weight
	before, after  uint64  // their weights, in units of 2^-bits
	share          float64 // 1 over the sum of all weights
}

// letterboxWorker is the memory of one goroutine.
type letterboxWorker struct {
	whole, edge []uint64 // sums of each column: of whole rows, and of the weighted rows at both ends
	help        func()
}

// Packed sums hold three channels, each in as many bits.
const sumBits = 21

const sumMask = 1<<sumBits - 1

// NewLetterboxer makes a Letterboxer for one detector's input.
func NewLetterboxer(spec *model.Detector) *Letterboxer {
	l := &Letterboxer{spec: spec}
	for plane := range l.level {
		for grey := range l.level[plane] {
			l.level[plane][grey] = float32((float64(grey)*spec.InputScale - spec.InputMean[plane]) / spec.InputStd[plane])
		}
	}
	return l
}

// Fill writes the picture into dst, [3, height, width] in the network's colour
// order, and returns the way back.
func (l *Letterboxer) Fill(dst []float32, f *frame.Frame) geom.LetterboxToImage {
	if f.WidthPx != l.srcW || f.HeightPx != l.srcH {
		l.plan(f.WidthPx, f.HeightPx)
	}
	size := l.spec.InputWPx * l.spec.InputHPx
	l.plane = [3][]float32{dst[:size], dst[size : 2*size], dst[2*size : 3*size]}
	l.byteLevel = [3]*[256]float32{&l.level[0], &l.level[1], &l.level[2]}
	if (l.spec.ColorOrder == "bgr") != (f.Order == frame.BGR) {
		l.plane[0], l.plane[2] = l.plane[2], l.plane[0]
		l.byteLevel[0], l.byteLevel[2] = l.byteLevel[2], l.byteLevel[0]
	}
	l.picture = f
	l.nextRow.Store(0)
	for _, w := range l.workers[1:] {
		l.goroutines.Add(1)
		go w.help()
	}
	l.takeRows(l.workers[0])
	l.goroutines.Wait()
	l.picture, l.plane = nil, [3][]float32{}
	return geom.LetterboxToImage{
		ScaleX: float64(l.srcW) / float64(l.dstW), ScaleY: float64(l.srcH) / float64(l.dstH),
		PadXPx: float64(l.padX), PadYPx: float64(l.padY),
	}
}

// plan lays out pictures of one size.
func (l *Letterboxer) plan(width, height int) {
	l.srcW, l.srcH = width, height
	l.dstW, l.dstH = fitted(width, height, l.spec)
	l.padX, l.padY = 0, 0
	if l.spec.Letterbox == model.LetterboxCenter {
		l.padX, l.padY = (l.spec.InputWPx-l.dstW)/2, (l.spec.InputHPx-l.dstH)/2
	}
	l.bits, l.wide = weightBits(float64(width)/float64(l.dstW), float64(height)/float64(l.dstH))
	l.columns, l.rows = spans(width, l.dstW, l.bits), spans(height, l.dstH, l.bits)
	l.evenly = !slices.ContainsFunc(l.columns, func(s span) bool { return s.before|s.after != 0 })
	l.workers = make([]*letterboxWorker, max(1, l.Threads))
	for i := range l.workers {
		w := &letterboxWorker{whole: make([]uint64, width), edge: make([]uint64, width)}
		w.help = func() {
			defer l.goroutines.Done()
			l.takeRows(w)
		}
		l.workers[i] = w
	}
}

// fitted is the size that a picture gets within the input, at least 1 px.
func fitted(width, height int, spec *model.Detector) (w, h int) {
	if spec.Letterbox == model.LetterboxStretch {
		return spec.InputWPx, spec.InputHPx
	}
	r := math.Min(float64(spec.InputWPx)/float64(width), float64(spec.InputHPx)/float64(height))
	fit := func(side, most int) int { return min(max(1, int(math.RoundToEven(float64(side)*r))), most) }
	return fit(width, spec.InputWPx), fit(height, spec.InputHPx)
}

// weightBits is how fine weights can be while a packed sum of a run of columns
// fits, given how many px of the picture one px of the input covers. A weight
// matters less the more px there are, so the fineness that is lost when much
// is summed does not show. Where even whole px do not fit, wide is true.
func weightBits(scaleX, scaleY float64) (bits uint, wide bool) {
	columns := math.Max(1, math.Floor(scaleX)) + 1
	rows := math.Max(1, math.Floor(scaleY)) + 1
	if 255*columns*rows > sumMask || rows > 257 { // the lanes of a column hold 257 grey levels
		return 4, true
	}
	for bits = 16; bits > 4; bits-- {
		unit := float64(int(1) << bits)
		edge := math.Min(2*unit, math.Ceil(scaleY*unit)+1)
		if 255*edge*columns <= sumMask {
			break
		}
	}
	return bits, false
}

// spans cuts n px of the picture into the given number of equal parts.
func spans(n, parts int, bits uint) []span {
	out := make([]span, parts)
	unit := int64(1) << bits
	at := func(i int) int64 { // the near edge of part i
		return int64(math.RoundToEven(float64(i) * float64(n) / float64(parts) * float64(unit)))
	}
	for i := range out {
		begin, end := at(i), at(i+1)
		first := (begin + unit - 1) / unit // first px that lies wholly after begin
		s := span{first: int(first), count: int(max(0, end/unit-first)), share: 1 / float64(end-begin)}
		if end < first*unit { // all within one px
			s.before = uint64(end - begin)
		} else {
			s.before, s.after = uint64(first*unit-begin), uint64(end-(first+int64(s.count))*unit)
		}
		s.previous, s.next = max(s.first-1, 0), min(s.first+s.count, n-1)
		out[i] = s
	}
	return out
}

// takeRows makes rows that no other goroutine has taken, until none is left.
func (l *Letterboxer) takeRows(w *letterboxWorker) {
	for {
		y := int(l.nextRow.Add(rowsAtOnce)) - rowsAtOnce
		if y >= l.spec.InputHPx {
			return
		}
		for end := min(y+rowsAtOnce, l.spec.InputHPx); y < end; y++ {
			l.row(w, y)
		}
	}
}

// row makes row y of the input.
func (l *Letterboxer) row(w *letterboxWorker, y int) {
	width := l.spec.InputWPx
	var dst [3][]float32
	for k, plane := range l.plane {
		dst[k] = plane[y*width : (y+1)*width]
	}
	if y < l.padY || y >= l.padY+l.dstH {
		l.pad(&dst, 0, width)
		return
	}
	l.pad(&dst, 0, l.padX)
	l.pad(&dst, l.padX+l.dstW, width)
	for k := range dst {
		dst[k] = dst[k][l.padX : l.padX+l.dstW]
	}
	if l.wide {
		l.wideRow(&dst, l.rows[y-l.padY])
		return
	}
	l.sumRows(w, l.rows[y-l.padY])
	l.sumColumns(&dst, w, l.rows[y-l.padY])
}

func (l *Letterboxer) pad(dst *[3][]float32, begin, end int) {
	for k, plane := range dst {
		for x := begin; x < end; x++ {
			plane[x] = l.byteLevel[k][l.spec.LetterboxGrey]
		}
	}
}
