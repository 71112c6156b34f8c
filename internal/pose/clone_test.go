package pose

import "testing"

func TestCloneSharesNothingThatChanges(t *testing.T) {
	p := &Picture{Name: "a", People: []Person{{ID: 3, Joints: []Joint{{Score: 1}}}}}
	c := p.Clone()
	p.People[0].Joints[0].Score = 2
	p.People[0].ID = 4
	if c.Name != "a" || c.People[0].ID != 3 || c.People[0].Joints[0].Score != 1 {
		t.Errorf("the copy changed with the original: %+v", c.People[0])
	}
}
