package sink

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"mhp/internal/motion"
)

// NewTRC writes NAME_personN.trc for each person, as OpenSim reads it: one row
// for each frame from the person's first to the last, positions in mm. In a
// frame in which the person was not seen they are NaN: empty fields, which the
// format has for that, OpenSim 4.6 does not read at the end of a line.
func NewTRC(o DirOptions, c ClipOptions) Sink {
	s := &perPerson{options: o, how: c, extension: ".trc"}
	s.fill = func(w io.Writer, t *motion.Track, name string) error {
		return writeTRC(w, &s.clip, t, name, 1/s.step().Seconds(), c.World)
	}
	return s
}

func writeTRC(out io.Writer, clip *motion.Clip, t *motion.Track, name string, rateHz float64, world World) error {
	w := bufio.NewWriterSize(out, 1<<16)
	first, last := t.Frames[0], t.Frames[len(t.Frames)-1]
	rate := decimal(rateHz, 4)
	fmt.Fprintf(w, "PathFileType\t4\t(X/Y/Z)\t%s\n", oneWord(name))
	fmt.Fprintln(w, "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames")
	fmt.Fprintf(w, "%s\t%s\t%d\t%d\tmm\t%s\t1\t%d\n", rate, rate, last-first+1, len(t.Set.Joints), rate, last-first+1)
	fmt.Fprint(w, "Frame#\tTime")
	for _, joint := range t.Set.Joints {
		fmt.Fprintf(w, "\t%s\t\t", oneWord(joint))
	}
	fmt.Fprint(w, "\n\t")
	for i := range t.Set.Joints {
		fmt.Fprintf(w, "\tX%d\tY%d\tZ%d", i+1, i+1, i+1)
	}
	fmt.Fprint(w, "\n\n")
	at := 0
	var row []byte
	for f := first; f <= last; f++ {
		// OpenSim wants frames counted from 1; the time says where they are in the source.
		row = append(strconv.AppendInt(row[:0], int64(f-first+1), 10), '\t')
		row = append(row, secondsText(clip.Times[f].Seconds())...)
		if t.Frames[at] == f {
			for _, v := range t.Joints(at) {
				p := world.upright(v)
				row = append(append(row, '\t'), mmText(p.X)...)
				row = append(append(row, '\t'), mmText(p.Y)...)
				row = append(append(row, '\t'), mmText(p.Z)...)
			}
			at++
		} else {
			row = append(row, strings.Repeat("\tNaN", 3*len(t.Set.Joints))...)
		}
		if _, err := w.Write(append(row, '\n')); err != nil {
			return err
		}
	}
	return w.Flush()
}

// oneWord keeps a name within its field.
func oneWord(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '_'
		}
		return r
	}, name)
}
