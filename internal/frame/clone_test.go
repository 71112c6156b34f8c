package frame

import "testing"

func TestCloneInto(t *testing.T) {
	f := New(4, 2)
	f.Index, f.ReleaseFunc = 7, func() { t.Error("the copy releases the original") }
	f.Pix[5] = 9
	room := make([]uint8, 100)
	c := f.CloneInto(room)
	f.Pix[5] = 1
	if c.Pix[5] != 9 || len(c.Pix) != 24 || c.Index != 7 || &c.Pix[0] != &room[0] {
		t.Errorf("the copy is %+v", c)
	}
	c.Release()
}
