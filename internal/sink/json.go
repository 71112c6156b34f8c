package sink

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"mhp/internal/frame"
	"mhp/internal/pose"
)

// SchemaVersion is the version of the JSON documents, described in
// docs/result.schema.json. It grows when a field changes its meaning or goes.
const SchemaVersion = 1

// JSONOptions say how results become JSON.
type JSONOptions struct {
	FileOptions
	Program Program
	// Lines writes one document a line, for any number of pictures. Without
	// it there is one indented document, and a second picture is an error.
	Lines bool
	// Frames says that the pictures are frames of a video: each carries its time.
	Frames bool
	// World adds positions along its axes unless they are the camera's.
	World World
}

// JSON writes documents that say everything about a picture's people.
type JSON struct {
	rows
	options JSONOptions
}

// NewJSON refuses a path that is an input.
func NewJSON(o JSONOptions) (*JSON, error) {
	r, err := newRows(o.FileOptions)
	if err != nil {
		return nil, err
	}
	return &JSON{r, o}, nil
}

// Write adds the picture's document. The frame is not looked at.
func (s *JSON) Write(ctx context.Context, _ *frame.Frame, p *pose.Picture) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !s.options.Lines && !s.empty() {
		return fmt.Errorf("%s: a second picture does not fit into one JSON document; this output needs JSON Lines", p.Name)
	}
	if err := checkFinite(p); err != nil {
		return err
	}
	b, err := compact(documentOf(p, s.options))
	if err != nil {
		return fmt.Errorf("%s: cannot make JSON of the result: %w", p.Name, err)
	}
	if !s.options.Lines {
		b = indent(b)
	}
	return s.write(append(b, '\n'))
}

// Close completes the file.
func (s *JSON) Close() error { return s.close() }

// compact is JSON without white space. File names keep their <, > and &.
func compact(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// onOneLine is how long an object or list may be before its parts get lines of their own.
const onOneLine = 160

// indent lays compact JSON out for people: short objects and lists, such as a
// joint, stay on one line.
func indent(compact []byte) []byte {
	var out bytes.Buffer
	layOut(&out, compact, 0)
	return out.Bytes()
}

func layOut(out *bytes.Buffer, v []byte, depth int) {
	if len(v) <= onOneLine || (v[0] != '{' && v[0] != '[') {
		spaced(out, v)
		return
	}
	out.WriteByte(v[0])
	newLine := func(depth int) {
		out.WriteByte('\n')
		for range depth {
			out.WriteString("  ")
		}
	}
	for i, part := range parts(v) {
		if i > 0 {
			out.WriteByte(',')
		}
		newLine(depth + 1)
		if v[0] == '{' {
			key := stringEnd(part)
			out.Write(part[:key])
			out.WriteString(": ")
			part = part[key+1:]
		}
		layOut(out, part, depth+1)
	}
	newLine(depth)
	out.WriteByte(v[len(v)-1])
}

// parts cuts an object or list at the commas of its own level.
func parts(v []byte) [][]byte {
	var list [][]byte
	depth, start := 0, 1
	for i := 1; i < len(v)-1; i++ {
		switch v[i] {
		case '"':
			i += stringEnd(v[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ',':
			if depth == 0 {
				list = append(list, v[start:i])
				start = i + 1
			}
		}
	}
	return append(list, v[start:len(v)-1])
}

// stringEnd is the length of the JSON string that v begins with, quotes included.
func stringEnd(v []byte) int {
	for i := 1; i < len(v); i++ {
		switch v[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(v)
}

// spaced copies JSON with a space after each comma and colon outside strings.
func spaced(out *bytes.Buffer, v []byte) {
	for i := 0; i < len(v); i++ {
		if v[i] == '"' {
			n := stringEnd(v[i:])
			out.Write(v[i : i+n])
			i += n - 1
			continue
		}
		out.WriteByte(v[i])
		if v[i] == ',' || v[i] == ':' {
			out.WriteByte(' ')
		}
	}
}
