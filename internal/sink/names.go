package sink

import (
	"fmt"
	"path/filepath"
	"strings"

	"mhp/internal/pose"
)

// namer gives each picture of a run a file name of its own.
//
//	a/1.jpg -> 1, then b/1.jpg -> b_1, then c/b/1.jpg -> b_1-2
//
// The order of the pictures decides, so the same run gives the same names. A
// picture that comes again keeps its name. Names that differ only in case are
// taken as equal, as some file systems do.
type namer struct {
	of    map[string]string // name of the picture as given -> name without extension
	taken map[string]bool   // in lower case
}

func newNamer() *namer { return &namer{of: map[string]string{}, taken: map[string]bool{}} }

// stem is the picture's file name without folder and extension.
func (n *namer) stem(picture string) string {
	if name, ok := n.of[picture]; ok {
		return name
	}
	base := stemOf(picture)
	name := base
	if n.taken[strings.ToLower(name)] {
		if parent := filepath.Base(filepath.Dir(picture)); parent != "." && parent != string(filepath.Separator) && parent != ".." {
			base = safe(parent) + "_" + base
			name = base
		}
	}
	for i := 2; n.taken[strings.ToLower(name)]; i++ {
		name = fmt.Sprintf("%s-%d", base, i)
	}
	n.of[picture] = name
	n.taken[strings.ToLower(name)] = true
	return name
}

// stemOf cuts folder and extension. Streams get a word of their own.
func stemOf(picture string) string {
	if picture == "-" {
		return "stdin"
	}
	base := filepath.Base(picture)
	if stem := strings.TrimSuffix(base, filepath.Ext(base)); stem != "" {
		base = stem
	}
	return safe(base)
}

// safe replaces what cannot stand in a file name.
func safe(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || strings.ContainsRune(`/\:`, r) {
			return '_'
		}
		return r
	}, name)
	if name == "" || name == "." || name == ".." {
		return "picture"
	}
	return name
}

// numbered is the stem with the frame's number where frames of one source
// share a name.
func (n *namer) numbered(p *pose.Picture, frames bool) string {
	if !frames {
		return n.stem(p.Name)
	}
	return fmt.Sprintf("%s_%06d", n.stem(p.Name), p.Index)
}
