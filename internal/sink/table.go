package sink

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode"

	"github.com/rivo/uniseg"

	"mhp/internal/frame"
	"mhp/internal/pose"
)

// TableOptions say how the table for people looks.
type TableOptions struct {
	// Columns is the width of the terminal in characters; 0 means 80.
	Columns int
	// Joints adds every joint's offset from the root and its score.
	Joints bool
}

// Table writes what was found as text for people; for programs there is JSON.
type Table struct {
	out     *output
	options TableOptions
}

// NewTable writes to w, which is not closed.
func NewTable(w io.Writer, o TableOptions) *Table {
	if o.Columns <= 0 {
		o.Columns = 80
	}
	return &Table{stream("standard output", w), o}
}

// Write prints one picture's people. The frame is not looked at. Numbers that
// are not finite are printed as they are.
func (s *Table) Write(ctx context.Context, _ *frame.Frame, p *pose.Picture) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var b bytes.Buffer
	s.head(&b, p)
	if len(p.People) > 0 {
		fmt.Fprintf(&b, "  %6s  %-22s %12s  %-7s %5s\n", "person", "box, px", "distance, m", "from", "score")
	}
	for i := range p.People {
		one := &p.People[i]
		fmt.Fprintf(&b, "  %6d  %-22s %12.2f  %-7s %5.2f\n", i+1, boxText(one), one.RootDepthMM/1000, one.RootDepthSource, one.Score)
	}
	if s.options.Joints {
		for i := range p.People {
			s.joints(&b, &p.People[i], i+1)
		}
	}
	return s.out.row(b.Bytes())
}

// Close has nothing left to do.
func (s *Table) Close() error { return nil }

// head names the picture and what the figures rest on, one line if the width allows.
func (s *Table) head(b *bytes.Buffer, p *pose.Picture) {
	facts := []string{fmt.Sprintf("%d x %d px", p.WidthPx, p.HeightPx), countText(len(p.People))}
	if p.Dropped > 0 {
		facts = append(facts, fmt.Sprintf("%d left out (scored too low)", p.Dropped))
	}
	facts = append(facts, fmt.Sprintf("focal length %.0f px (%s)", p.Camera.FxPx, p.Camera.Source))
	name, rest := shorten(printable(p.Name), s.options.Columns), strings.Join(facts, ", ")
	if uniseg.StringWidth(name)+2+uniseg.StringWidth(rest) <= s.options.Columns {
		fmt.Fprintf(b, "%s  %s\n", name, rest)
	} else {
		fmt.Fprintf(b, "%s\n  %s\n", name, rest)
	}
	for _, w := range warnings(p) {
		fmt.Fprintf(b, "  warning: %s\n", w)
	}
}

// joints prints one person's joints in as many columns as fit, top to bottom.
func (s *Table) joints(b *bytes.Buffer, p *pose.Person, number int) {
	fmt.Fprintf(b, "  person %d: joint, mm from the root (x right, y down, z away from the camera), score\n", number)
	cells := make([]string, len(p.Joints))
	for i, j := range p.Joints {
		cells[i] = fmt.Sprintf("%-10s %5.0f %5.0f %5.0f %4.2f", p.Set.Joints[i],
			math.Round(j.RootRelative.X)+0, math.Round(j.RootRelative.Y)+0, math.Round(j.RootRelative.Z)+0, j.Score)
	}
	const indent, gap, cell = 4, 3, 33
	columns := max(1, (s.options.Columns-indent+gap)/(cell+gap))
	lines := (len(cells) + columns - 1) / columns
	for line := range lines {
		var row []string
		for i := line; i < len(cells); i += lines {
			row = append(row, cells[i])
		}
		fmt.Fprintf(b, "    %s\n", strings.Join(row, strings.Repeat(" ", gap)))
	}
}

func countText(people int) string {
	switch people {
	case 0:
		return "nobody"
	case 1:
		return "1 person"
	}
	return strconv.Itoa(people) + " people"
}

// boxText is left,top width x height.
func boxText(p *pose.Person) string {
	return fmt.Sprintf("%.0f,%.0f %.0fx%.0f", p.Box.X, p.Box.Y, p.Box.W, p.Box.H)
}

// printable keeps a file name from steering the terminal.
func printable(name string) string {
	for _, r := range name {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return strconv.Quote(name)
		}
	}
	return name
}

// shorten cuts the middle out of a text wider than so many columns.
func shorten(text string, columns int) string {
	if uniseg.StringWidth(text) <= columns {
		return text
	}
	runes := []rune(text)
	for keep := len(runes) - 1; keep > 0; keep-- {
		head := keep / 3
		short := string(runes[:head]) + "…" + string(runes[len(runes)-(keep-head):])
		if uniseg.StringWidth(short) <= columns {
			return short
		}
	}
	return ""
}
