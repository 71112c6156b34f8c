package preprocess

import "unsafe"

// laneMask is one lane of 16 bits.
const laneMask = 0xffff

// sumRows sums the rows that a span covers, column by column, three channels
// packed into each sum.
func (l *Letterboxer) sumRows(w *letterboxWorker, rows span) {
	if rows.count > 0 {
		l.wholeRows(w.whole, rows.first, rows.count)
	} else {
		clear(w.whole)
	}
	if rows.before|rows.after == 0 {
		return
	}
	before, after := l.pixels(rows.previous), l.pixels(rows.next)
	for x := range w.edge {
		b, a := before[3*x:3*x+3], after[3*x:3*x+3]
		w.edge[x] = (uint64(b[0])|uint64(b[1])<<sumBits|uint64(b[2])<<(2*sumBits))*rows.before +
			(uint64(a[0])|uint64(a[1])<<sumBits|uint64(a[2])<<(2*sumBits))*rows.after
	}
}

// pixels is one row of the picture.
func (l *Letterboxer) pixels(y int) []uint8 {
	return l.picture.Pix[y*l.picture.Stride:][:3*l.srcW]
}

// wholeRows sums count rows from first on, eight pixels at a time: their 24
// bytes are three words, the even and the odd bytes of which are summed in
// four lanes of 16 bits each.
func (l *Letterboxer) wholeRows(sums []uint64, first, count int) {
	f := l.picture
	// Checking the bounds of every read would cost a third of the time.
	start := unsafe.Pointer(unsafe.SliceData(f.Pix[first*f.Stride : (first+count-1)*f.Stride+3*l.srcW]))
	x := 0
	for ; x+8 <= l.srcW; x += 8 {
		var even, odd, even8, odd8, even16, odd16 uint64
		for at, n := 3*x, count; n > 0; at, n = at+f.Stride, n-1 {
			v, v8, v16 := load(start, at), load(start, at+8), load(start, at+16)
			even, odd = even+v&lanes, odd+v>>8&lanes             // bytes 0 2 4 6, 1 3 5 7
			even8, odd8 = even8+v8&lanes, odd8+v8>>8&lanes       // 8 10 12 14, 9 11 13 15
			even16, odd16 = even16+v16&lanes, odd16+v16>>8&lanes // 16 18 20 22, 17 19 21 23
		}
		out := sums[x : x+8]
		out[0] = packed(even, odd, even>>16)
		out[1] = packed(odd>>16, even>>32, odd>>32)
		out[2] = packed(even>>48, odd>>48, even8)
		out[3] = packed(odd8, even8>>16, odd8>>16)
		out[4] = packed(even8>>32, odd8>>32, even8>>48)
		out[5] = packed(odd8>>48, even16, odd16)
		out[6] = packed(even16>>16, odd16>>16, even16>>32)
		out[7] = packed(odd16>>32, even16>>48, odd16>>48)
	}
	for ; x < l.srcW; x++ {
		sums[x] = 0
		for y := first; y < first+count; y++ {
			p := f.Pix[y*f.Stride+3*x:][:3]
			sums[x] += uint64(p[0]) | uint64(p[1])<<sumBits | uint64(p[2])<<(2*sumBits)
		}
	}
}

// packed joins the lowest lanes of three words.
func packed(a, b, c uint64) uint64 {
	return a&laneMask | b&laneMask<<sumBits | c&laneMask<<(2*sumBits)
}

// sumColumns turns the sums of columns into one row of the input.
func (l *Letterboxer) sumColumns(dst *[3][]float32, w *letterboxWorker, rows span) {
	if rows.before|rows.after == 0 {
		if l.evenly {
			l.sumWholeColumns(dst, w.whole, rows)
			return
		}
		clear(w.edge)
	}
	n := len(l.columns)
	d0, d1, d2 := dst[0][:n], dst[1][:n], dst[2][:n]
	for x := range l.columns {
		s := &l.columns[x]
		var c columnSums
		for i, v := range w.whole[s.first : s.first+s.count] {
			c.whole += v
			c.edge += w.edge[s.first+i]
		}
		c.wholeBefore, c.edgeBefore = w.whole[s.previous], w.edge[s.previous]
		c.wholeAfter, c.edgeAfter = w.whole[s.next], w.edge[s.next]
		share := s.share * rows.share
		d0[x] = l.byteLevel[0][grey(c.channel(0, s, l.bits), share)]
		d1[x] = l.byteLevel[1][grey(c.channel(sumBits, s, l.bits), share)]
		d2[x] = l.byteLevel[2][grey(c.channel(2*sumBits, s, l.bits), share)]
	}
}

// columnSums are the packed sums that one px of the input is made of: of its
// whole columns and of those at both sides, each of whole rows and of the
// weighted rows at both ends.
type columnSums struct {
	whole, wholeBefore, wholeAfter uint64
	edge, edgeBefore, edgeAfter    uint64
}

// channel is the weighted sum of the channel that begins at bit shift.
func (c *columnSums) channel(shift uint, s *span, bits uint) uint64 {
	part := func(whole, edge uint64) uint64 { return whole>>shift&sumMask<<bits + edge>>shift&sumMask }
	return part(c.whole, c.edge)<<bits + part(c.wholeBefore, c.edgeBefore)*s.before + part(c.wholeAfter, c.edgeAfter)*s.after
}

// sumWholeColumns is sumColumns where neither rows nor columns are cut.
func (l *Letterboxer) sumWholeColumns(dst *[3][]float32, sums []uint64, rows span) {
	n := len(l.columns)
	d0, d1, d2 := dst[0][:n], dst[1][:n], dst[2][:n]
	unit := float64(uint64(1) << (2 * l.bits))
	for x := range l.columns {
		s := &l.columns[x]
		var sum uint64
		for _, v := range sums[s.first : s.first+s.count] {
			sum += v
		}
		share := s.share * rows.share * unit
		d0[x] = l.byteLevel[0][grey(sum&sumMask, share)]
		d1[x] = l.byteLevel[1][grey(sum>>sumBits&sumMask, share)]
		d2[x] = l.byteLevel[2][grey(sum>>(2*sumBits), share)]
	}
}

// grey is the rounded mean. The product is rounded by itself, so that all
// processors agree.
func grey(sum uint64, share float64) uint8 {
	return uint8(int32(float64(float64(int64(sum))*share) + 0.5))
}

// wideRow is the way for pictures so large that packed sums would run over:
// every pixel of the span by itself.
func (l *Letterboxer) wideRow(dst *[3][]float32, rows span) {
	for x := range l.columns {
		s := &l.columns[x]
		var sum [3]uint64
		for y := rows.first - 1; y <= rows.first+rows.count; y++ {
			if wy := weight(&rows, y, l.bits); wy > 0 {
				row := l.pixels(y)
				for c := s.first - 1; c <= s.first+s.count; c++ {
					if wx := weight(s, c, l.bits); wx > 0 {
						for k := range sum {
							sum[k] += uint64(row[3*c+k]) * wx * wy
						}
					}
				}
			}
		}
		for k := range dst {
			dst[k][x] = l.byteLevel[k][grey(sum[k], s.share*rows.share)]
		}
	}
}

// weight is what px i of the picture counts for in a span.
func weight(s *span, i int, bits uint) uint64 {
	switch i {
	case s.first - 1:
		return s.before
	case s.first + s.count:
		return s.after
	}
	return 1 << bits
}
