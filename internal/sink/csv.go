package sink

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"strconv"

	"mhp/internal/frame"
	"mhp/internal/pose"
)

// CSV writes one long table, a row for each joint; every column with a unit
// carries it in its name. A picture with nobody adds no row.
type CSV struct {
	rows
	options CSVOptions
	headed  bool
}

// CSVOptions say how results become a table.
type CSVOptions struct {
	FileOptions
	// Frames says that the pictures are frames of a video: columns for the
	// time, the person's id and whether it was interpolated come first.
	Frames bool
	// World adds columns along its axes at the end unless they are the camera's.
	World World
}

// NewCSV makes the table of photographs; it refuses a path that is an input.
func NewCSV(o FileOptions) (*CSV, error) { return NewCSVOf(CSVOptions{FileOptions: o}) }

// NewCSVOf makes the table of photographs or of a video's frames; it refuses a
// path that is an input.
func NewCSVOf(o CSVOptions) (*CSV, error) {
	r, err := newRows(o.FileOptions)
	if err != nil {
		return nil, err
	}
	return &CSV{rows: r, options: o}, nil
}

// header names the columns.
func (o CSVOptions) header() []string {
	header := csvHeader
	if o.Frames {
		header = framed(header, "frame", "time_s", "id", "interpolated")
	}
	if !o.World.plain() {
		header = append(header[:len(header):len(header)], "world_x_mm", "world_y_mm", "world_z_mm")
	}
	return header
}

// framed puts what concerns a video before a row, whose image_index says the same as frame.
func framed(row []string, first ...string) []string {
	return append(append(first, row[0]), row[2:]...)
}

// row is joint j of person i.
func (o CSVOptions) row(p *pose.Picture, i, j int) []string {
	row := csvRow(p, i, j)
	one := &p.People[i]
	if o.Frames {
		row = framed(row, strconv.Itoa(p.Index), secondsText(p.Time.Seconds()), strconv.Itoa(one.ID), strconv.FormatBool(one.Interpolated))
	}
	if !o.World.plain() {
		w := o.World.of(p, one.Joints[j].Camera)
		row = append(row, mmText(w.X), mmText(w.Y), mmText(w.Z))
	}
	return row
}

var csvHeader = []string{
	"image", "image_index", "person", "joint",
	"image_x_px", "image_y_px",
	"camera_x_mm", "camera_y_mm", "camera_z_mm",
	"root_relative_x_mm", "root_relative_y_mm", "root_relative_z_mm",
	"score", "person_score",
	"root_depth_mm", "root_depth_source",
	"box_x_px", "box_y_px", "box_width_px", "box_height_px", "box_score", "box_source",
	"focal_x_px", "focal_y_px", "camera_source",
	"model", "model_trained",
}

// Write adds the rows of one picture, all or none of them. The frame is not looked at.
func (s *CSV) Write(ctx context.Context, _ *frame.Frame, p *pose.Picture) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := checkFinite(p); err != nil {
		return err
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if !s.headed {
		w.Write(s.options.header())
	}
	for i := range p.People {
		for j := range p.People[i].Joints {
			w.Write(s.options.row(p, i, j))
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return fmt.Errorf("%s: cannot make CSV of the result: %w", p.Name, err)
	}
	if err := s.write(b.Bytes()); err != nil {
		return err
	}
	s.headed = true
	return nil
}

// Close completes the file.
func (s *CSV) Close() error { return s.close() }

// csvRow is joint j of person i; people count from 1 as in the drawings.
func csvRow(p *pose.Picture, i, j int) []string {
	one := &p.People[i]
	k := one.Joints[j]
	return []string{
		p.Name, strconv.Itoa(p.Index), strconv.Itoa(i + 1), one.Set.Joints[j],
		pxText(k.Image.X), pxText(k.Image.Y),
		mmText(k.Camera.X), mmText(k.Camera.Y), mmText(k.Camera.Z),
		mmText(k.RootRelative.X), mmText(k.RootRelative.Y), mmText(k.RootRelative.Z),
		scoreText(k.Score), scoreText(one.Score),
		mmText(one.RootDepthMM), one.RootDepthSource,
		pxText(one.Box.X), pxText(one.Box.Y), pxText(one.Box.W), pxText(one.Box.H), scoreText(one.BoxScore), one.BoxSource,
		pxText(p.Camera.FxPx), pxText(p.Camera.FyPx), p.Camera.Source,
		p.Model.Name, strconv.FormatBool(p.Model.Trained),
	}
}
