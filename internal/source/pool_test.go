package source

import (
	"bytes"
	"image"
	"runtime"
	"sync"
	"testing"
)

// Pixels come back on release, and a frame never shows what was in them before.
func TestPoolReusesPixels(t *testing.T) {
	pool := &Pool{}
	o := Options{Pool: pool}
	large, small := encodePNG(t, noiseRGBA(64, 64)), encodePNG(t, noiseNRGBA(31, 17))
	f := mustDecode(t, large, o)
	first := &f.Pix[0]
	f.Release()
	f.Release() // the second does nothing
	g := mustDecode(t, small, o)
	if &g.Pix[0] != first {
		t.Error("the released pixels were not used again")
	}
	sameAsPicture(t, g, noiseNRGBA(31, 17))
	h := mustDecode(t, large, o)
	if &h.Pix[0] == first {
		t.Fatal("pixels in use were lent again")
	}
	sameAsPicture(t, g, noiseNRGBA(31, 17))
	sameAsPicture(t, h, noiseRGBA(64, 64))
}

func TestFreeListStaysShort(t *testing.T) {
	var l freeList
	for n := 1; n <= 3*freeListLen; n++ {
		l.put(make([]uint8, n))
	}
	if len(l.bufs) != freeListLen || cap(l.bufs[l.smallest()]) != 2*freeListLen+1 {
		t.Fatalf("%d buffers wait, the smallest of %d bytes", len(l.bufs), cap(l.bufs[l.smallest()]))
	}
	l.put(make([]uint8, 1)) // smaller than all: not kept
	if cap(l.bufs[l.smallest()]) == 1 {
		t.Error("a small buffer drove out a larger one")
	}
	if b := l.get(3*freeListLen - 1); len(b) != 3*freeListLen-1 || cap(b) != 3*freeListLen-1 {
		t.Errorf("asked for %d bytes, lent %d of %d", 3*freeListLen-1, len(b), cap(b))
	}
	l.put(make([]uint8, 2*freeListLen+1))
	l.get(1000) // none is large enough: the smallest makes room
	if len(l.bufs) != freeListLen-1 {
		t.Errorf("%d buffers wait after a large one was asked for", len(l.bufs))
	}
	l.put(make([]uint8, maxKeptBytes+1))
	if len(l.bufs) != freeListLen-1 {
		t.Error("a giant was kept")
	}
}

// Many pictures of changing size, from two goroutines: what stays in memory
// after 1,000 is what stayed after 100.
func TestMemoryDoesNotGrow(t *testing.T) {
	files := [][]byte{encodeJPEG(t, noiseRGBA(320, 200)), encodePNG(t, noiseNRGBA(200, 320)), encodeBMP(t, noiseRGBA(100, 50)),
		encodeTIFF(t, noiseRGBA(256, 256)), withEXIF(encodeJPEG(t, noiseRGBA(300, 310)), oriented(6)), {0xff, 0xd8, 0xff, 0}}
	o := Options{Pool: &Pool{}}
	run := func(n int) uint64 {
		var group sync.WaitGroup
		for worker := range 2 {
			group.Go(func() {
				for i := range n / 2 {
					if f, err := Decode(bytes.NewReader(files[(2*i+worker)%len(files)]), "x", o); err == nil {
						f.Release()
					}
				}
			})
		}
		group.Wait()
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	early, late := run(50), run(350)
	if late > early+256<<10 {
		t.Errorf("%d bytes stayed in memory after 50 pictures, %d after 400", early, late)
	}
}

// Reading out allocates nothing, whatever the colour model: only the decoder does.
func TestReadOutAllocatesNothing(t *testing.T) {
	for name, m := range subPictures() {
		w, h := m.Bounds().Dx(), m.Bounds().Dy()
		dst, span, l := make([]uint8, 3*w*h), spanOf(m, false), layoutOf(w, h, 6)
		if n := testing.AllocsPerRun(5, func() { readOut(dst, h, l, span) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// photo is a smooth 12 megapixel scene with grain, 4000 x 3000 px, as large as a camera's.
func photo() *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, 4000, 3000))
	grain := uint32(1)
	for y := range 3000 {
		for x := range 4000 {
			grain = grain*1664525 + 1013904223
			p := m.Pix[m.PixOffset(x, y):]
			n := uint8(grain >> 28)
			p[0], p[1], p[2], p[3] = uint8(x/16)&0xef+n, uint8(y/12)&0xef+n, uint8((x+y)/28)&0xef+n, 255
		}
	}
	return m
}

func BenchmarkDecode12MP(b *testing.B) {
	data := encodeJPEG(b, photo())
	for _, c := range []struct {
		name string
		file []byte
	}{{"upright", data}, {"turned", withEXIF(data, oriented(6))}} {
		b.Run(c.name, func(b *testing.B) {
			o := Options{Pool: &Pool{}}
			b.SetBytes(int64(len(c.file)))
			b.ReportAllocs()
			for b.Loop() {
				mustDecode(b, c.file, o).Release()
			}
		})
	}
}

// The second half of the work alone: decoder's picture to frame, fast and generic.
func BenchmarkReadOut12MP(b *testing.B) {
	m := image.NewYCbCr(image.Rect(0, 0, 4000, 3000), image.YCbCrSubsampleRatio420)
	for i := range m.Y {
		m.Y[i] = uint8(i * 7)
	}
	for i := range m.Cb {
		m.Cb[i], m.Cr[i] = uint8(i*3), uint8(i*5)
	}
	dst := make([]uint8, 3*4000*3000)
	for _, c := range []struct {
		name string
		o    orientation
		span spanFunc
	}{{"upright", 1, spanOf(m, false)}, {"turned", 6, spanOf(m, false)}, {"generic", 1, genericSpan(m)}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				readOut(dst, 3000, layoutOf(4000, 3000, c.o), c.span)
			}
		})
	}
}
