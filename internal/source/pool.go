package source

import "sync"

// Pool lends memory for pixels and file contents and takes it back, so that
// a run over many pictures stays as small as its largest few. The zero value
// is ready to use.
type Pool struct {
	pixels freeList // handed back by frame.Release
	files  freeList // handed back when a file has been decoded
}

// freeListLen is how many buffers wait to be used again: more than a
// pipeline's queue holds when it decodes with a few workers, few enough that
// what waits stays small.
const freeListLen = 8

// maxKeptBytes is the largest buffer that waits; a rare giant goes back to the
// garbage collector. A picture of 44 megapixels fits.
const maxKeptBytes = 128 << 20

// freeList is a short stock of buffers. Get prefers the smallest that is
// large enough; when none is, it drops the smallest of a full stock so that
// old small buffers do not keep large ones out.
type freeList struct {
	mu   sync.Mutex
	bufs [][]uint8
}

// get lends n bytes of unknown content.
func (l *freeList) get(n int) []uint8 {
	l.mu.Lock()
	defer l.mu.Unlock()
	best := -1
	for i, b := range l.bufs {
		if cap(b) >= n && (best < 0 || cap(b) < cap(l.bufs[best])) {
			best = i
		}
	}
	if best < 0 {
		if len(l.bufs) == freeListLen {
			l.remove(l.smallest())
		}
		return make([]uint8, n)
	}
	return l.remove(best)[:n]
}

// put takes a buffer back; nobody may touch it afterwards.
func (l *freeList) put(b []uint8) {
	if cap(b) > maxKeptBytes {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.bufs) == freeListLen {
		small := l.smallest()
		if cap(l.bufs[small]) >= cap(b) {
			return
		}
		l.remove(small)
	}
	l.bufs = append(l.bufs, b)
}

// smallest is the index of the smallest buffer of a stock that is not empty.
func (l *freeList) smallest() int {
	small := 0
	for i, b := range l.bufs {
		if cap(b) < cap(l.bufs[small]) {
			small = i
		}
	}
	return small
}

// remove takes buffer i out of the stock.
func (l *freeList) remove(i int) []uint8 {
	b, last := l.bufs[i], len(l.bufs)-1
	l.bufs[i], l.bufs[last] = l.bufs[last], nil
	l.bufs = l.bufs[:last]
	return b
}
