package pose

// Clone copies the result with its people and their joints, for who keeps it
// longer than the call that brought it. Joint sets are shared: they are read-only.
func (p *Picture) Clone() Picture {
	c := *p
	c.People = make([]Person, len(p.People))
	for i, one := range p.People {
		one.Joints = append([]Joint(nil), one.Joints...)
		c.People[i] = one
	}
	return c
}
