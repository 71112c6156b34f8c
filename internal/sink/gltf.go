package sink

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strings"
	"time"

	"mhp/internal/motion"
)

// GLTF writes one glTF 2.0 file at the end of a video: for each person a
// skeleton of named joints that moves, with a body of simple bones about it so
// that viewers show something. Metres, y up, as glTF demands. A file that ends
// in .glb is binary, any other holds its buffer as text.
type GLTF struct {
	gathered
	file    FileOptions
	how     ClipOptions
	program Program
}

// NewGLTF refuses a path that is an input. ClipOptions.World has no say: glTF
// knows one set of axes.
func NewGLTF(o FileOptions, c ClipOptions, program Program) (*GLTF, error) {
	return &GLTF{file: o, how: c, program: program}, checkTarget(o)
}

// Close writes the file. A video with nobody in it gives a scene without nodes.
// Without a single frame there will be no file.
func (s *GLTF) Close() error {
	if len(s.clip.Times) == 0 {
		return nil
	}
	d := s.document()
	s.clip = motion.Clip{}
	return writeFile(s.file.Path, s.file.Inputs, s.file.wrap, func(w io.Writer) error {
		if strings.EqualFold(filepath.Ext(s.file.Path), ".glb") {
			return d.writeBinary(w)
		}
		return d.writeText(w)
	})
}

// The parts of a glTF document that are used here; names and meaning as in
// https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html.
type gltfDocument struct {
	Asset       gltfAsset        `json:"asset"`
	Scene       int              `json:"scene"`
	Scenes      []gltfScene      `json:"scenes"`
	Nodes       []gltfNode       `json:"nodes,omitempty"`
	Meshes      []gltfMesh       `json:"meshes,omitempty"`
	Materials   []gltfMaterial   `json:"materials,omitempty"`
	Skins       []gltfSkin       `json:"skins,omitempty"`
	Animations  []gltfAnimation  `json:"animations,omitempty"`
	Accessors   []gltfAccessor   `json:"accessors,omitempty"`
	BufferViews []gltfBufferView `json:"bufferViews,omitempty"`
	Buffers     []gltfBuffer     `json:"buffers,omitempty"`

	data bytes.Buffer
}

type gltfAsset struct {
	Version   string         `json:"version"`
	Generator string         `json:"generator"`
	Extras    map[string]any `json:"extras,omitempty"`
}

type gltfScene struct {
	Nodes []int `json:"nodes,omitempty"`
}

type gltfNode struct {
	Name        string      `json:"name"`
	Children    []int       `json:"children,omitempty"`
	Translation *[3]float32 `json:"translation,omitempty"`
	Mesh        *int        `json:"mesh,omitempty"`
	Skin        *int        `json:"skin,omitempty"`
}

type gltfMesh struct {
	Name       string          `json:"name"`
	Primitives []gltfPrimitive `json:"primitives"`
}

type gltfPrimitive struct {
	Attributes map[string]int `json:"attributes"`
	Material   int            `json:"material"`
}

type gltfMaterial struct {
	Name        string         `json:"name"`
	PBR         map[string]any `json:"pbrMetallicRoughness"`
	DoubleSided bool           `json:"doubleSided"`
}

type gltfSkin struct {
	Name     string `json:"name"`
	Inverse  int    `json:"inverseBindMatrices"`
	Skeleton int    `json:"skeleton"`
	Joints   []int  `json:"joints"`
}

type gltfAnimation struct {
	Name     string        `json:"name"`
	Channels []gltfChannel `json:"channels"`
	Samplers []gltfSampler `json:"samplers"`
}

type gltfChannel struct {
	Sampler int        `json:"sampler"`
	Target  gltfTarget `json:"target"`
}

type gltfTarget struct {
	Node int    `json:"node"`
	Path string `json:"path"`
}

type gltfSampler struct {
	Input         int    `json:"input"`
	Interpolation string `json:"interpolation"`
	Output        int    `json:"output"`
}

type gltfAccessor struct {
	View       int       `json:"bufferView"`
	Component  int       `json:"componentType"`
	Normalized bool      `json:"normalized,omitempty"`
	Count      int       `json:"count"`
	Type       string    `json:"type"`
	Min        []float32 `json:"min,omitempty"`
	Max        []float32 `json:"max,omitempty"`
}

type gltfBufferView struct {
	Buffer int `json:"buffer"`
	Offset int `json:"byteOffset"`
	Length int `json:"byteLength"`
	Target int `json:"target,omitempty"`
}

type gltfBuffer struct {
	URI    string `json:"uri,omitempty"`
	Length int    `json:"byteLength"`
}

const (
	gltfFloat  = 5126
	gltfByte   = 5121 // unsigned
	gltfVertex = 34962
	gltfMPerMM = 0.001
)

// document turns the clip into glTF. Keyframes lie at one rate, counted from
// the first frame of the video.
func (s *GLTF) document() *gltfDocument {
	d := &gltfDocument{
		Asset:  gltfAsset{Version: "2.0", Generator: s.program.Name + " " + s.program.Version},
		Scenes: []gltfScene{{}},
	}
	if !s.clip.Trained {
		d.Asset.Extras = map[string]any{"mhp_warning": UntrainedWarning}
	}
	step := s.clip.Step(s.how.FPS)
	start := s.clip.Times[0]
	end := s.clip.Times[len(s.clip.Times)-1]
	moves := gltfAnimation{Name: "motion"}
	for _, t := range s.clip.Tracks() {
		d.person(&moves, t, step, start, end)
	}
	if len(moves.Channels) > 0 {
		d.Animations = []gltfAnimation{moves}
		d.Materials = []gltfMaterial{{"bones", map[string]any{"metallicFactor": 0, "roughnessFactor": 0.8}, true}}
	}
	if d.data.Len() > 0 {
		d.Buffers = []gltfBuffer{{Length: d.data.Len()}}
	}
	return d
}

// person adds nodes, body and moves of one person.
func (d *gltfDocument) person(moves *gltfAnimation, t *motion.Track, step, start, end time.Duration) {
	frames := t.Even(step)
	rig := motion.NewRig(t.Set, t.Seen())
	postures := rig.Fit(frames)
	name := fmt.Sprintf("person%d", t.ID)

	group := d.node(gltfNode{Name: name})
	d.Scenes[0].Nodes = append(d.Scenes[0].Nodes, group)
	nodeOf := make([]int, len(rig.Rest))
	for _, j := range rig.Order {
		at := metres(rig.Rest[j])
		if t.Set.Parents[j] < 0 {
			at = metres(postures[0].Root)
		}
		nodeOf[j] = d.node(gltfNode{Name: name + ":" + t.Set.Joints[j], Translation: &at})
		above := group
		if p := t.Set.Parents[j]; p >= 0 {
			above = nodeOf[p]
		}
		d.Nodes[above].Children = append(d.Nodes[above].Children, nodeOf[j])
	}
	d.body(name, rig, nodeOf)

	times := make([]float32, len(postures))
	for i := range times {
		times[i] = float32((t.Times[0] - start + time.Duration(i)*step).Seconds())
	}
	input := d.floats("SCALAR", times, true, 0)
	move := func(node int, path string, in int, how, kind string, values []float32) {
		moves.Samplers = append(moves.Samplers, gltfSampler{in, how, d.floats(kind, values, false, 0)})
		moves.Channels = append(moves.Channels, gltfChannel{len(moves.Samplers) - 1, gltfTarget{node, path}})
	}
	var places []float32
	for _, p := range postures {
		at := metres(p.Root)
		places = append(places, at[:]...)
	}
	move(nodeOf[t.Set.Root()], "translation", input, "LINEAR", "VEC3", places)
	for _, j := range rig.Order {
		if len(rig.Children[j]) == 0 {
			continue // joints at the ends do not turn
		}
		turns := make([]float32, 0, 4*len(postures))
		for _, p := range postures {
			q := p.Turns[j]
			turns = append(turns, float32(q.X), float32(q.Y), float32(q.Z), float32(q.W))
		}
		move(nodeOf[j], "rotation", input, "LINEAR", "VEC4", turns)
	}
	if when, size := presence(t, step, start, end); len(when) > 0 {
		move(group, "scale", d.floats("SCALAR", when, true, 0), "STEP", "VEC3", size)
	}
}

// presence hides a person before the first and after the last frame that has
// them, by the size 0. Nothing is needed for who is there throughout.
func presence(t *motion.Track, step, start, end time.Duration) (when, size []float32) {
	first, last := t.Times[0], t.Times[len(t.Times)-1]
	add := func(at time.Duration, s float32) {
		when, size = append(when, float32((at-start).Seconds())), append(size, s, s, s)
	}
	if first > start {
		add(start, 0)
	}
	if first > start || last < end {
		add(first, 1)
	}
	if last < end {
		add(last+step, 0)
	}
	return when, size
}

func metres(v motion.Vec) [3]float32 {
	return [3]float32{float32(v[0] * gltfMPerMM), float32(v[1] * gltfMPerMM), float32(v[2] * gltfMPerMM)}
}

func (d *gltfDocument) node(n gltfNode) int {
	d.Nodes = append(d.Nodes, n)
	return len(d.Nodes) - 1
}

// floats appends numbers to the buffer and gives their accessor. bounds adds
// the least and the greatest element, which glTF demands of times and positions.
func (d *gltfDocument) floats(kind string, values []float32, bounds bool, target int) int {
	width := map[string]int{"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}[kind]
	a := gltfAccessor{View: d.view(4*len(values), target), Component: gltfFloat, Count: len(values) / width, Type: kind}
	bits := make([]byte, 0, 4*len(values))
	for _, v := range values {
		bits = binary.LittleEndian.AppendUint32(bits, math.Float32bits(v))
	}
	d.data.Write(bits)
	if bounds {
		a.Min, a.Max = append([]float32{}, values[:width]...), append([]float32{}, values[:width]...)
		for i, v := range values {
			a.Min[i%width], a.Max[i%width] = min(a.Min[i%width], v), max(a.Max[i%width], v)
		}
	}
	d.Accessors = append(d.Accessors, a)
	return len(d.Accessors) - 1
}

// octets appends groups of four bytes, so that everything stays aligned.
func (d *gltfDocument) octets(values []byte, normalized bool) int {
	a := gltfAccessor{View: d.view(len(values), gltfVertex), Component: gltfByte, Normalized: normalized, Count: len(values) / 4, Type: "VEC4"}
	d.data.Write(values)
	d.Accessors = append(d.Accessors, a)
	return len(d.Accessors) - 1
}

func (d *gltfDocument) view(length, target int) int {
	d.BufferViews = append(d.BufferViews, gltfBufferView{Offset: d.data.Len(), Length: length, Target: target})
	return len(d.BufferViews) - 1
}

// writeText writes the .gltf form with the buffer inside.
func (d *gltfDocument) writeText(w io.Writer) error {
	if len(d.Buffers) > 0 {
		d.Buffers[0].URI = "data:application/octet-stream;base64," + base64.StdEncoding.EncodeToString(d.data.Bytes())
	}
	b, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("cannot make glTF of the result: %w", err)
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// writeBinary writes the .glb form: a header, the document, the buffer.
func (d *gltfDocument) writeBinary(w io.Writer) error {
	b, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("cannot make glTF of the result: %w", err)
	}
	for len(b)%4 != 0 {
		b = append(b, ' ')
	}
	data := d.data.Bytes() // a multiple of four by construction
	total := 12 + 8 + len(b)
	if len(data) > 0 {
		total += 8 + len(data)
	}
	if total > math.MaxUint32 {
		return fmt.Errorf("the animation has %d bytes, more than a .glb can hold: write a .gltf or fewer frames", total)
	}
	head := binary.LittleEndian.AppendUint32([]byte("glTF\x02\x00\x00\x00"), uint32(total))
	chunk := func(kind string, body []byte) []byte {
		return append(append(binary.LittleEndian.AppendUint32(nil, uint32(len(body))), kind...), body...)
	}
	out := append(head, chunk("JSON", b)...)
	if len(data) > 0 {
		out = append(out, chunk("BIN\x00", data)...)
	}
	_, err = w.Write(out)
	return err
}
