package sink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"mhp/internal/frame"
	"mhp/internal/motion"
	"mhp/internal/pose"
)

// ClipOptions say how a whole video becomes files that are written at its end.
type ClipOptions struct {
	// FPS is the source's rate as it states it; 0 if it states none.
	FPS   float64
	World World
}

// gathered is a sink that keeps every frame's joints until Close.
type gathered struct{ clip motion.Clip }

// Write remembers the frame's people. The frame itself is not looked at.
func (g *gathered) Write(ctx context.Context, _ *frame.Frame, p *pose.Picture) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := checkFinite(p); err != nil {
		return err
	}
	g.clip.Add(p)
	return nil
}

// perPerson writes a file for each person of a clip into a folder.
type perPerson struct {
	gathered
	options   DirOptions
	how       ClipOptions
	extension string
	fill      func(w io.Writer, t *motion.Track, name string) error
}

// Close writes the files, all that can be written. A video with nobody gives none.
func (s *perPerson) Close() error {
	var problems []error
	stem := newNamer().stem(s.clip.Name)
	for _, t := range s.clip.Tracks() {
		name := fmt.Sprintf("%s_person%d%s", stem, t.ID, s.extension)
		problems = append(problems, s.options.file(name, &pose.Picture{Name: s.clip.Name}, func(w io.Writer) error {
			return s.fill(w, t, name)
		}))
	}
	s.clip = motion.Clip{}
	return errors.Join(problems...)
}

func (s *perPerson) step() time.Duration { return s.clip.Step(s.how.FPS) }

// checkTarget refuses at once a file that is an input.
func checkTarget(o FileOptions) error {
	if o.Path == "-" {
		return &WriteError{Path: o.Path, Err: errors.New("this format does not go to standard output"), hint: "give it a file name"}
	}
	return o.Inputs.check(filepath.Clean(o.Path))
}
