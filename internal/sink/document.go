package sink

import (
	"mhp/internal/geom"
	"mhp/internal/pose"
)

// document is the JSON form of a pose.Picture; docs/result.schema.json
// describes it and docs/output.md explains it.
type document struct {
	SchemaVersion int         `json:"schema_version"`
	Program       docProgram  `json:"program"`
	Units         docUnits    `json:"units"`
	Axes          docAxes     `json:"axes"`
	Image         docImage    `json:"image"`
	Camera        docCamera   `json:"camera"`
	Model         docModel    `json:"model"`
	Library       string      `json:"library"`
	Provider      string      `json:"provider"`
	Looks         int         `json:"looks"`
	Warnings      []string    `json:"warnings"`
	People        []docPerson `json:"people"`
	Dropped       int         `json:"people_dropped"`
}

type docProgram struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

type docUnits struct {
	Image  string `json:"image"`
	Camera string `json:"camera"`
}

type docAxes struct {
	Image        string `json:"image"`
	Camera       string `json:"camera"`
	RootRelative string `json:"root_relative"`
	World        string `json:"world,omitempty"`
}

type docImage struct {
	Name   string   `json:"name"`
	Index  int      `json:"index"`
	Time   *seconds `json:"time_s,omitempty"` // frames of a video only
	Width  int      `json:"width_px"`
	Height int      `json:"height_px"`
}

type docCamera struct {
	Fx         pxNumber      `json:"fx_px"`
	Fy         pxNumber      `json:"fy_px"`
	Cx         pxNumber      `json:"cx_px"`
	Cy         pxNumber      `json:"cy_px"`
	Distortion docDistortion `json:"distortion"`
	Source     string        `json:"source"`
}

type docDistortion struct {
	K1 float64 `json:"k1"`
	K2 float64 `json:"k2"`
	P1 float64 `json:"p1"`
	P2 float64 `json:"p2"`
	K3 float64 `json:"k3"`
}

type docModel struct {
	Name     string `json:"name"`
	Variant  string `json:"variant"`
	SHA256   string `json:"sha256"`
	JointSet string `json:"joint_set"`
	Trained  bool   `json:"trained"`
}

type docPerson struct {
	ID           int         `json:"id,omitempty"`           // frames of a video only
	Interpolated *bool       `json:"interpolated,omitempty"` // where there is an id
	Box          [4]pxNumber `json:"box_px"`
	BoxScore     scoreNumber `json:"box_score"`
	BoxSource    string      `json:"box_source"`
	Score        scoreNumber `json:"score"`
	Root         docRoot     `json:"root"`
	Joints       []docJoint  `json:"joints"`
}

type docRoot struct {
	Joint  string   `json:"joint"`
	Depth  mmNumber `json:"depth_mm"`
	Source string   `json:"depth_source"`
}

type docJoint struct {
	Name         string       `json:"name"`
	Image        [2]pxNumber  `json:"image_px"`
	Camera       [3]mmNumber  `json:"camera_mm"`
	RootRelative [3]mmNumber  `json:"root_relative_mm"`
	World        *[3]mmNumber `json:"world_mm,omitempty"` // where the world is not the camera's
	Score        scoreNumber  `json:"score"`
}

// documentOf needs a picture that checkFinite let pass.
func documentOf(p *pose.Picture, o JSONOptions) document {
	d := document{
		SchemaVersion: SchemaVersion,
		Program:       docProgram(o.Program),
		Units:         docUnits{Image: "px", Camera: "mm"},
		Axes: docAxes{
			Image:        "x right, y down, origin in the centre of the top left pixel of the upright picture",
			Camera:       "x right, y down, z away from the camera, origin in the camera's centre of projection",
			RootRelative: "as camera, origin in the person's root joint",
		},
		Image:    docImage{p.Name, p.Index, nil, p.WidthPx, p.HeightPx},
		Camera:   cameraOf(p.Camera),
		Model:    docModel{p.Model.Name, p.Model.Variant, p.Model.SHA256, "", p.Model.Trained},
		Library:  p.Library,
		Provider: p.Provider,
		Looks:    p.Looks,
		Warnings: warnings(p),
		People:   []docPerson{},
		Dropped:  p.Dropped,
	}
	if p.Model.Set != nil {
		d.Model.JointSet = p.Model.Set.Name
	}
	if o.Frames {
		t := seconds(p.Time.Seconds())
		d.Image.Time = &t
	}
	if !o.World.plain() {
		d.Axes.World = o.World.text
	}
	for i := range p.People {
		d.People = append(d.People, personOf(p, &p.People[i], o.World))
	}
	return d
}

func cameraOf(k geom.Intrinsics) docCamera {
	return docCamera{
		pxNumber(k.FxPx), pxNumber(k.FyPx), pxNumber(k.CxPx), pxNumber(k.CyPx),
		docDistortion{k.Distortion[0], k.Distortion[1], k.Distortion[2], k.Distortion[3], k.Distortion[4]}, k.Source,
	}
}

func personOf(picture *pose.Picture, p *pose.Person, world World) docPerson {
	d := docPerson{
		Box:      [4]pxNumber{pxNumber(p.Box.X), pxNumber(p.Box.Y), pxNumber(p.Box.W), pxNumber(p.Box.H)},
		BoxScore: scoreNumber(p.BoxScore), BoxSource: p.BoxSource, Score: scoreNumber(p.Score),
		Root:   docRoot{p.Set.Joints[p.Set.Root()], mmNumber(p.RootDepthMM), p.RootDepthSource},
		Joints: make([]docJoint, len(p.Joints)),
	}
	if p.ID > 0 {
		d.ID, d.Interpolated = p.ID, &p.Interpolated
	}
	for i, j := range p.Joints {
		d.Joints[i] = docJoint{
			Name:         p.Set.Joints[i],
			Image:        [2]pxNumber{pxNumber(j.Image.X), pxNumber(j.Image.Y)},
			Camera:       [3]mmNumber{mmNumber(j.Camera.X), mmNumber(j.Camera.Y), mmNumber(j.Camera.Z)},
			RootRelative: [3]mmNumber{mmNumber(j.RootRelative.X), mmNumber(j.RootRelative.Y), mmNumber(j.RootRelative.Z)},
			Score:        scoreNumber(j.Score),
		}
		if !world.plain() {
			w := world.of(picture, j.Camera)
			d.Joints[i].World = &[3]mmNumber{mmNumber(w.X), mmNumber(w.Y), mmNumber(w.Z)}
		}
	}
	return d
}
