package source

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// extensions are those by which pictures are picked out of folders and
// patterns. A file that is named itself may be called anything.
var extensions = []string{".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".tif", ".tiff"}

// maxPathBytes is the longest line of a list of paths.
const maxPathBytes = 64 << 10

// Inputs lists the pictures that the arguments name, in their order:
//
//   - a file, whatever it is called;
//   - a folder: the files in it (not in folders below) that have a picture's
//     extension and no leading dot, in natural order (p2 before p10);
//   - a pattern (*, ?, [a-z]), for shells that leave it alone: the files that
//     match and have a picture's extension, in natural order;
//   - "-": one picture on standard input or, with list, the paths of files and
//     folders there, one a line, each yielded as its line arrives. With list
//     and no "-" among the arguments standard input comes after them.
//
// A file that comes up again, under whatever name, is left out. An argument
// that leads nowhere yields an *Error and the rest goes on.
func Inputs(args []string, list bool, stdin io.Reader) iter.Seq2[Input, error] {
	return func(yield func(Input, error) bool) {
		l := lister{yield: yield, seen: map[string]bool{}}
		for _, arg := range args {
			if arg == "-" && list {
				l.lines(stdin)
			} else if arg == "-" {
				l.once("-", Input{Path: "-", Name: StdinName, stdin: stdin})
			} else {
				l.argument(arg)
			}
		}
		if list && !slices.Contains(args, "-") {
			l.lines(stdin)
		}
	}
}

// Expand is Inputs, collected: the pictures and, apart, what led nowhere.
func Expand(args []string, list bool, stdin io.Reader) ([]Input, []error) {
	var inputs []Input
	var errs []error
	for in, err := range Inputs(args, list, stdin) {
		if err != nil {
			errs = append(errs, err)
		} else {
			inputs = append(inputs, in)
		}
	}
	return inputs, errs
}

// lister yields inputs until the receiver has enough.
type lister struct {
	yield func(Input, error) bool
	seen  map[string]bool // by real path
	done  bool
}

func (l *lister) fail(e *Error) {
	if !l.done {
		l.done = !l.yield(Input{}, e)
	}
}

// once yields an input unless its key came up before.
func (l *lister) once(key string, in Input) {
	if l.done || l.seen[key] {
		return
	}
	l.seen[key] = true
	l.done = !l.yield(in, nil)
}

func (l *lister) file(path string) { l.once(realPath(path), Input{Path: path, Name: path}) }

// argument lists a file, a folder or, where neither is there, a pattern.
func (l *lister) argument(arg string) {
	_, err := os.Stat(arg)
	if err != nil && strings.ContainsAny(arg, "*?[") {
		l.pattern(arg)
		return
	}
	l.path(arg)
}

func (l *lister) path(path string) {
	if l.done {
		return
	}
	info, err := os.Stat(path)
	switch {
	case path == "":
		l.fail(&Error{Name: `""`, Kind: ErrNoPicture, Problem: "is an empty path", Remedy: "name a picture, a folder or a pattern; - is standard input"})
	case err != nil:
		l.fail(openError(path, err).(*Error))
	case info.IsDir():
		l.folder(path)
	default:
		l.file(path)
	}
}

func (l *lister) folder(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		l.fail(openError(dir, err).(*Error))
		return
	}
	var paths []string
	for _, entry := range entries {
		if path := filepath.Join(dir, entry.Name()); isPicture(path) {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		l.fail(&Error{Name: dir, Kind: ErrNoPicture, Problem: "there is no picture in this folder (folders below are not searched)",
			Remedy: "give a folder with files named " + strings.Join(extensions, ", ")})
	}
	l.files(paths)
}

func (l *lister) pattern(pattern string) {
	matches, err := filepath.Glob(pattern)
	if err != nil {
		l.fail(&Error{Name: pattern, Kind: ErrNoPicture, Cause: err, Problem: "is no valid pattern", Remedy: "close its brackets"})
		return
	}
	paths := slices.DeleteFunc(matches, func(path string) bool { return !isPicture(path) })
	if len(paths) == 0 {
		l.fail(&Error{Name: pattern, Kind: ErrNoPicture, Problem: "no picture matches this pattern",
			Remedy: "check the folder; only files named " + strings.Join(extensions, ", ") + " count"})
	}
	l.files(paths)
}

func (l *lister) files(paths []string) {
	slices.SortFunc(paths, compareNatural)
	for _, path := range paths {
		l.file(path)
	}
}

// lines lists the paths on r as they arrive.
func (l *lister) lines(r io.Reader) {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, maxPathBytes)
	line := 0
	for !l.done && scanner.Scan() {
		line++
		if path := strings.TrimSuffix(scanner.Text(), "\r"); path != "" {
			l.path(path)
		}
	}
	if err := scanner.Err(); err != nil {
		l.fail(&Error{Name: StdinName, Kind: ErrUnreadable, Cause: err, Problem: fmt.Sprintf("the list of paths cannot be read after line %d: %v", line, err),
			Remedy: "give one path a line"})
	}
}

// isPicture tells whether the path is a file, or a link to one, with a
// picture's extension and no leading dot.
func isPicture(path string) bool {
	if strings.HasPrefix(filepath.Base(path), ".") || !slices.Contains(extensions, strings.ToLower(filepath.Ext(path))) {
		return false
	}
	info, err := os.Stat(path)
	return err == nil && info.Mode()&fs.ModeDir == 0
}

// realPath is the same for all names of a file but hard links.
func realPath(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return path
}
