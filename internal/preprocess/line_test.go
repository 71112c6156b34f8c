package preprocess

import (
	"math/rand/v2"
	"slices"
	"testing"

	"mhp/internal/geom"
)

func TestLineOf(t *testing.T) {
	for name, c := range map[string]struct {
		scale, offset float64
		ok            bool
	}{
		"grey levels":    {1, 0, true},
		"halves":         {0.5, -3, true},
		"not to the bit": {1 / 0.229, -0.485 / 0.229, false},
	} {
		var table [256]float32
		for grey := range table {
			table[grey] = float32(float64(grey)*c.scale + c.offset)
		}
		l, ok := lineOf(&table)
		if ok != c.ok || ok && l.at(200) != table[200] {
			t.Errorf("%s: %+v, %t", name, l, ok)
		}
	}
}

// The fast levels are those of the table, for every length and shift.
func TestLevelsEqualTheTable(t *testing.T) {
	if !lineFits() {
		t.Skip("this processor looks levels up")
	}
	var table [256]float32
	for grey := range table {
		table[grey] = float32(grey)*0.5 - 3
	}
	l, ok := lineOf(&table)
	if !ok {
		t.Fatal("no line")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	pixels := make([]uint64, 100)
	for i := range pixels {
		pixels[i] = rng.Uint64()
	}
	for n := range pixels {
		for channel := range 3 {
			shift := uint(channel*channelBits + wholeAt)
			got, want := make([]float32, n+1), make([]float32, n+1)
			got[n], want[n] = -99, -99 // what lies behind stays
			done := levels(got[:n], pixels[:n], l, shift)
			lookUp(got[done:n], pixels[done:n], &table, shift)
			lookUp(want[:n], pixels[:n], &table, shift)
			if !slices.Equal(got, want) || n >= 8 && done < 8 {
				t.Fatalf("%d pixels, shift %d, %d of them fast: %v, want %v", n, shift, done, got, want)
			}
		}
	}
}

// BenchmarkLevels compares a whole crop with levels looked up and worked out, in turn.
func BenchmarkLevels(b *testing.B) {
	spec := greySpec(b, 256, 256)
	f := noise(1024, 1024, 1)
	m := geom.SquareCrop(geom.BoxPx{X: 100, Y: 100, W: 800, H: 800}, 256)
	dst := make([]float32, 3*256*256)
	for _, straight := range []bool{false, true} {
		name := "table"
		if straight {
			name = "line"
		}
		b.Run(name, func(b *testing.B) {
			c := New(spec)
			c.straight = c.straight && straight
			for b.Loop() {
				c.Crop(dst, f, m, geom.View{})
			}
		})
	}
}
