package frame

// CloneInto copies the frame, its pixels into pixels, which grows if it must.
// The copy has nothing to release; the original stays its owner's.
func (f *Frame) CloneInto(pixels []uint8) Frame {
	c := *f
	c.ReleaseFunc = nil
	c.Pix = append(pixels[:0], f.Pix...)
	return c
}
