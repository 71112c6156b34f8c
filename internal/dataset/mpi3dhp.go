package dataset

import (
	"fmt"
	"os"
	"path/filepath"

	"mhp/internal/geom"
	"mhp/internal/skeleton"
)

// mpi3DHPNeeded are all 17 joints, over which mmpose averages.
var mpi3DHPNeeded = append(append([]string{}, muPoTSNeeded...), muPoTSFitted...)

// convert3DHP tells how a MAT file of version 7.3 becomes one that is read.
const convert3DHP = "MATLAB's v7.3 files are HDF5: prepare the set with mmpose's preprocess_mpi_inf_3dhp.py and give its mpi_inf_3dhp_test_valid.npz"

// Read3DHP reads the test part of MPI-INF-3DHP from the npz that mmpose
// prepares: imgname, center, scale (200 px), part [n,17,3] px and S [n,17,4] m
// before the camera. mmpose keeps the cameras in a pickle, so that they are
// worked out anew, as it does, from part and S by least squares for each sequence.
// The given box is mmpose's: the square round the joints times 1.2.
func Read3DHP(annotations, images string) (*Set, error) {
	labels, err := skeleton.LabelsOf("3dhp")
	if err != nil {
		return nil, err
	}
	if data, err := os.ReadFile(annotations); err == nil && isHDF5(data) {
		return nil, &Error{File: annotations, Problem: "is a MAT file of version 7.3, which is not read here", Remedy: convert3DHP}
	}
	arrays, err := readNPZ(annotations, "imgname", "center", "scale", "part", "S")
	if err != nil {
		return nil, err
	}
	names, center, scale, part, space := arrays["imgname"].texts, arrays["center"], arrays["scale"], arrays["part"], arrays["S"]
	n := len(names)
	if part.rows() != n || space.rows() != n || center.rows() != n || scale.rows() != n || len(part.numbers) != n*51 || len(space.numbers) != n*68 || len(center.numbers) != n*2 {
		return nil, &Error{File: annotations, Problem: "its arrays do not go together: it needs part [n,17,3], S [n,17,4], center [n,2], scale [n] for n names", Remedy: convert3DHP}
	}
	s := &Set{Name: "3dhp", Title: "MPI-INF-3DHP test", Labels: labels, Needed: mpi3DHPNeeded}
	fits := map[string]*pinholeFit{}
	for i, name := range names {
		group := sequenceOf(name)
		if fits[group] == nil {
			fits[group] = &pinholeFit{}
		}
		for j := range 17 {
			p, q := part.numbers[i*51+3*j:], space.numbers[i*68+4*j:]
			fits[group].add(p[0], p[1], q[0], q[1], q[2])
		}
	}
	absent, withoutCamera := 0, 0
	for i, name := range names {
		path := filepath.Join(images, filepath.FromSlash(name))
		if !exists(path) {
			absent++
			continue
		}
		group := sequenceOf(name)
		k, ok := fits[group].solve()
		if !ok {
			withoutCamera++
			continue
		}
		person := Person{Group: group}
		for j := range 17 {
			p, q := part.numbers[i*51+3*j:], space.numbers[i*68+4*j:]
			person.Px = append(person.Px, geom.ImagePoint{X: p[0], Y: p[1]})
			person.MM = append(person.MM, geom.CameraPointMM{X: 1000 * q[0], Y: 1000 * q[1], Z: 1000 * q[2]})
			person.Labelled, person.Inside = append(person.Labelled, true), append(person.Inside, p[2] > 0)
		}
		side := scale.numbers[i] * 200
		person.Box = geom.BoxPx{X: center.numbers[2*i] - side/2, Y: center.numbers[2*i+1] - side/2, W: side, H: side}
		s.Pictures = append(s.Pictures, Picture{Name: name, Open: openFile(path), Camera: k, People: []Person{person}, Boxes: []Box{{BoxPx: person.Box, Score: 1}}})
	}
	s.countMissing(absent, n, "pictures are not in "+images)
	s.countMissing(withoutCamera, n, "pictures are of a sequence whose camera cannot be worked out")
	if len(s.Pictures) == 0 {
		return nil, &Error{File: annotations, Problem: fmt.Sprintf("none of its %d pictures could be used", n), Remedy: "give the folder of the pictures with --images"}
	}
	return s, nil
}

// pinholeFit finds f and c of u Z = f X + c Z (and v, Y alike) by least squares.
type pinholeFit struct{ xx, xz, zz, xu, zu, yy, yz, yv, zv float64 }

func (p *pinholeFit) add(u, v, x, y, z float64) {
	p.xx, p.xz, p.zz = p.xx+x*x, p.xz+x*z, p.zz+z*z
	p.yy, p.yz = p.yy+y*y, p.yz+y*z
	p.xu, p.zu, p.yv, p.zv = p.xu+x*u*z, p.zu+z*u*z, p.yv+y*v*z, p.zv+z*v*z
}

func (p *pinholeFit) solve() (geom.Intrinsics, bool) {
	fx, cx, okX := solve2(p.xx, p.xz, p.zz, p.xu, p.zu)
	fy, cy, okY := solve2(p.yy, p.yz, p.zz, p.yv, p.zv)
	return geom.Intrinsics{FxPx: fx, FyPx: fy, CxPx: cx, CyPx: cy, Source: "file"}, okX && okY && fx > 0 && fy > 0
}

// solve2 solves the symmetric a f + b c = r, b f + d c = s.
func solve2(a, b, d, r, s float64) (f, c float64, ok bool) {
	det := a*d - b*b
	if !(det > 1e-12*a*d) {
		return 0, 0, false
	}
	return (r*d - s*b) / det, (a*s - b*r) / det, true
}
