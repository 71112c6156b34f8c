package dataset

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"sort"
	"strconv"
	"strings"

	"mhp/internal/eval"
	"mhp/internal/geom"
	"mhp/internal/skeleton"
)

// posesRow is one joint of one person, whatever the file's form.
type posesRow struct {
	picture, person, joint string
	px                     *[2]float64
	mm                     *[3]float64
	score                  float64
	scored                 bool
}

// PoseFile is what ReadPoses read: people by picture, in the file's order.
type PoseFile struct {
	Path     string
	Labels   *skeleton.Labels
	Relative bool // MM are offsets from the root joint, no places before the camera
	Pictures map[string][]PosePerson
}

// PosePerson is one person of a PoseFile.
type PosePerson struct {
	Person
	Score []float64 // nil: the file says nothing of scores
}

const poseForm = "give the JSON of mhp predict (one document, or one a line), or CSV with the columns image, joint and image_x_px, image_y_px or camera_x_mm, camera_y_mm, camera_z_mm (also _cm, _m; root_relative_ for offsets)"

// ReadPoses reads poses: JSON of ours, or CSV whose columns carry their units.
// names says whose joint names the file uses: a data set's or a joint set's,
// such as muco21 or coco.
func ReadPoses(file, names string) (*PoseFile, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, &Error{File: file, Problem: "cannot be read: " + plain(err), Remedy: poseForm, Cause: err}
	}
	p := &PoseFile{Path: file, Pictures: map[string][]PosePerson{}}
	data = bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	var rows []posesRow
	if len(data) > 0 && data[0] == '{' {
		rows, err = p.json(data)
	} else {
		rows, err = p.csv(data)
	}
	if err == nil && len(rows) == 0 {
		err = errors.New("holds no joint")
	}
	if err != nil {
		return nil, &Error{File: file, Problem: err.Error(), Remedy: poseForm}
	}
	if p.Labels, err = skeleton.LabelsOf(names); err != nil {
		return nil, &Error{File: file, Problem: err.Error(), Remedy: "name one of lsp, coco, pose2sim, h36m, mupots, 3dhp, muco21, h36m18"}
	}
	return p, p.gather(rows)
}

func (p *PoseFile) json(data []byte) ([]posesRow, error) {
	var rows []posesRow
	in := json.NewDecoder(bytes.NewReader(data))
	for n := 1; ; n++ {
		var doc struct {
			Image struct {
				Name string `json:"name"`
			} `json:"image"`
			People []struct {
				Joints []struct {
					Name     string      `json:"name"`
					Image    *[2]float64 `json:"image_px"`
					Camera   *[3]float64 `json:"camera_mm"`
					Relative *[3]float64 `json:"root_relative_mm"`
					Score    *float64    `json:"score"`
				} `json:"joints"`
			} `json:"people"`
		}
		if err := in.Decode(&doc); errors.Is(err, io.EOF) {
			return rows, nil
		} else if err != nil {
			return nil, fmt.Errorf("document %d is not the JSON it should be: %w", n, err)
		}
		if doc.Image.Name == "" {
			return nil, fmt.Errorf("document %d has no image name", n)
		}
		for i, person := range doc.People {
			for _, j := range person.Joints {
				r := posesRow{picture: doc.Image.Name, person: strconv.Itoa(i + 1), joint: j.Name, px: j.Image, mm: j.Camera}
				if r.mm == nil && j.Relative != nil {
					r.mm, p.Relative = j.Relative, true
				}
				if j.Score != nil {
					r.score, r.scored = *j.Score, true
				}
				rows = append(rows, r)
			}
		}
	}
}

// unitsMM are the units that a column of lengths may have.
var unitsMM = map[string]float64{"mm": 1, "cm": 10, "m": 1000}

// column3 finds stem_x_UNIT, stem_y_UNIT, stem_z_UNIT.
func column3(at map[string]int, stem string) (columns [3]int, scale float64, ok bool) {
	for unit, factor := range unitsMM {
		x, okX := at[stem+"_x_"+unit]
		y, okY := at[stem+"_y_"+unit]
		z, okZ := at[stem+"_z_"+unit]
		if okX && okY && okZ {
			return [3]int{x, y, z}, factor, true
		}
	}
	return columns, 0, false
}

func (p *PoseFile) csv(data []byte) ([]posesRow, error) {
	r := csv.NewReader(bufio.NewReader(bytes.NewReader(data)))
	r.TrimLeadingSpace = true
	head, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("is neither JSON nor CSV: %w", err)
	}
	at := map[string]int{}
	for i, name := range head {
		at[strings.ToLower(strings.TrimSpace(name))] = i
	}
	image, okImage := at["image"]
	joint, okJoint := at["joint"]
	if !okImage || !okJoint {
		return nil, fmt.Errorf("has no columns image and joint, only %s", strings.Join(head, ", "))
	}
	px, okX := at["image_x_px"]
	py, okY := at["image_y_px"]
	mm, scale, okMM := column3(at, "camera")
	if !okMM {
		if mm, scale, okMM = column3(at, "root_relative"); okMM {
			p.Relative = true
		}
	}
	if !(okX && okY) && !okMM {
		return nil, fmt.Errorf("has no columns of positions with units")
	}
	person, okPerson := at["person"]
	score, okScore := at["score"]
	var rows []posesRow
	for line := 2; ; line++ {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		row := posesRow{picture: cells[image], person: "1", joint: cells[joint]}
		if okPerson {
			row.person = cells[person]
		}
		read := func(column int) float64 {
			v, bad := strconv.ParseFloat(strings.TrimSpace(cells[column]), 64)
			if bad != nil && err == nil {
				err = fmt.Errorf("line %d: %q in column %s is no number", line, cells[column], head[column])
			}
			return v
		}
		if okX && okY {
			row.px = &[2]float64{read(px), read(py)}
		}
		if okMM {
			row.mm = &[3]float64{scale * read(mm[0]), scale * read(mm[1]), scale * read(mm[2])}
		}
		if okScore {
			row.score, row.scored = read(score), true
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
}

// gather makes people of rows.
func (p *PoseFile) gather(rows []posesRow) error {
	type key struct{ picture, person string }
	index := map[key]int{}
	unknown := map[string]bool{}
	for _, r := range rows {
		picture := path.Base(strings.ReplaceAll(r.picture, `\`, "/"))
		k := key{picture, r.person}
		i, ok := index[k]
		if !ok {
			i = len(p.Pictures[picture])
			index[k] = i
			p.Pictures[picture] = append(p.Pictures[picture], p.newPerson(r.person))
		}
		j := p.Labels.Stored(r.joint)
		if j < 0 {
			unknown[r.joint] = true
			continue
		}
		person := &p.Pictures[picture][i]
		person.Labelled[j] = true
		if r.px != nil {
			person.Px[j] = geom.ImagePoint{X: r.px[0], Y: r.px[1]}
		}
		if r.mm != nil {
			person.MM[j] = geom.CameraPointMM{X: r.mm[0], Y: r.mm[1], Z: r.mm[2]}
		}
		if r.scored {
			person.Score[j] = r.score
		}
	}
	if allUnknown(p) {
		var names []string
		for name := range unknown {
			names = append(names, name)
		}
		sort.Strings(names)
		return &Error{File: p.Path, Problem: fmt.Sprintf("none of its joints (%s) is one of %s's", strings.Join(names, ", "), p.Labels.Name), Remedy: "say whose joint names they are with --truth-joints or --prediction-joints"}
	}
	p.trim(rows)
	return nil
}

func allUnknown(p *PoseFile) bool {
	for _, people := range p.Pictures {
		for i := range people {
			for _, l := range people[i].Labelled {
				if l {
					return false
				}
			}
		}
	}
	return true
}

func (p *PoseFile) newPerson(name string) PosePerson {
	n := len(p.Labels.Joints)
	person := PosePerson{Person: Person{Name: "person " + name, Labelled: make([]bool, n), Px: make([]geom.ImagePoint, n), MM: make([]geom.CameraPointMM, n)}, Score: make([]float64, n)}
	for j := range n {
		person.Px[j] = geom.ImagePoint{X: math.NaN(), Y: math.NaN()}
		person.MM[j] = geom.CameraPointMM{X: math.NaN(), Y: math.NaN(), Z: math.NaN()}
	}
	return person
}

// trim drops the kinds of positions that the file does not have, and adds the made joints.
func (p *PoseFile) trim(rows []posesRow) {
	px, mm, scored := false, false, false
	for _, r := range rows {
		px, mm, scored = px || r.px != nil, mm || r.mm != nil, scored || r.scored
	}
	for _, people := range p.Pictures {
		for i := range people {
			person := &people[i]
			if !px {
				person.Px = nil
			}
			if !mm {
				person.MM = nil
			}
			person.fill(p.Labels)
			if !scored {
				person.Score = nil
				continue
			}
			for range p.Labels.Made {
				person.Score = append(person.Score, 1)
			}
		}
	}
}

// Pair is one annotated person with what was found of them, or with nothing.
type Pair struct {
	Name  string
	Truth *PosePerson
	Found *PosePerson // nil: nobody was found
}

// PairPoses matches people picture by picture: where both files know px and
// there is a choice, by least mean distance of the joints that both have, in
// the order of the truth; else by their order. surplus counts found people
// that belong to nobody.
func PairPoses(truth, found *PoseFile) (pairs []Pair, absent, surplus int) {
	var names []string
	for name := range truth.Pictures {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		real, guesses := truth.Pictures[name], found.Pictures[name]
		if len(guesses) == 0 {
			absent++
		}
		taken := make([]bool, len(guesses))
		for i := range real {
			pair := Pair{Name: name, Truth: &real[i]}
			if len(real) > 1 {
				pair.Name += ", " + real[i].Name
			}
			best, at := math.Inf(1), -1
			for k := range guesses {
				if taken[k] {
					continue
				}
				far := meanDistancePx(truth.Labels, &real[i], found.Labels, &guesses[k])
				if math.IsNaN(far) { // no px to tell by: the order decides
					far = math.Abs(float64(k - i))
				}
				if far < best {
					best, at = far, k
				}
			}
			if at >= 0 {
				taken[at], pair.Found = true, &guesses[at]
			}
			pairs = append(pairs, pair)
		}
		for _, t := range taken {
			if !t {
				surplus++
			}
		}
	}
	return pairs, absent, surplus
}

func meanDistancePx(tl *skeleton.Labels, t *PosePerson, fl *skeleton.Labels, f *PosePerson) float64 {
	if t.Px == nil || f.Px == nil {
		return math.NaN()
	}
	sum, n := 0.0, 0
	for i := range tl.Count() {
		j := fl.Find(tl.Anatomy(i))
		if tl.Anatomy(i) == "" || j < 0 || !t.Labelled[i] || !f.Labelled[j] {
			continue
		}
		sum, n = sum+math.Hypot(t.Px[i].X-f.Px[j].X, t.Px[i].Y-f.Px[j].Y), n+1
	}
	return sum / float64(n)
}

// SharedJoints are the places on the body that both files name, in the truth's
// order, and those that only the truth does.
func SharedJoints(truth, found *PoseFile) (shared, lacking []string) {
	for i := range truth.Labels.Count() {
		place := truth.Labels.Anatomy(i)
		switch {
		case place == "":
		case found.Labels.Find(place) >= 0 && found.has(place):
			shared = append(shared, place)
		case truth.has(place):
			lacking = append(lacking, place)
		}
	}
	return shared, lacking
}

// has tells whether anybody has that joint.
func (p *PoseFile) has(place string) bool {
	j := p.Labels.Find(place)
	for _, people := range p.Pictures {
		for i := range people {
			if j >= 0 && people[i].Labelled[j] {
				return true
			}
		}
	}
	return false
}

// Sample joins the two sides of a pair over the shared joints.
func (p *Pair) Sample(truth, found *PoseFile, shared []string) *eval.Sample {
	s := &eval.Sample{Name: p.Name, Joints: shared, Root: -1, Relative: truth.Relative || found.Relative}
	threeD := p.Truth.MM != nil && (p.Found == nil || p.Found.MM != nil)
	for k, place := range shared {
		i, j := truth.Labels.Find(place), found.Labels.Find(place)
		if place == "Pelvis" {
			s.Root = k
		}
		labelled := p.Truth.Labelled[i] && (p.Found == nil || p.Found.Labelled[j])
		s.Labelled = append(s.Labelled, labelled)
		if p.Truth.Px != nil {
			s.TruthPx = append(s.TruthPx, p.Truth.Px[i])
		}
		if threeD {
			s.TruthMM = append(s.TruthMM, p.Truth.MM[i])
		}
		if p.Found == nil {
			continue
		}
		if p.Found.Px != nil {
			s.PredPx = append(s.PredPx, p.Found.Px[j])
		}
		if threeD {
			s.PredMM = append(s.PredMM, p.Found.MM[j])
		}
		if p.Found.Score != nil {
			s.Score = append(s.Score, p.Found.Score[j])
		}
	}
	return s
}
