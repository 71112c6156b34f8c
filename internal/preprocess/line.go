package preprocess

// line is a table of levels as a straight line: level = grey*scale + offset,
// each step rounded to float32.
type line struct{ scale, offset float32 }

// at is the level of a grey.
func (l line) at(grey int) float32 {
	product := float32(grey) * l.scale // named, so that it is rounded before the sum
	return product + l.offset
}

// lineOf finds the line that gives a table to the bit; ok is false if there is none.
func lineOf(table *[256]float32) (l line, ok bool) {
	l = line{scale: table[1] - table[0], offset: table[0]}
	for grey, want := range table {
		if l.at(grey) != want {
			return line{}, false
		}
	}
	return l, true
}
