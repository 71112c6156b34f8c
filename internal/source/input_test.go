package source

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// folder writes empty files and changes into their folder.
func folder(t *testing.T, names ...string) {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	for _, name := range names {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestExpand(t *testing.T) {
	folder(t, "p10.jpg", "p2.JPG", "p1.png", "notes.txt", ".hidden.jpg", "odd[1].jpg", "raw.dat",
		"sub/b.webp", "sub/a.tiff", "sub/deep/c.jpg", "text/readme.txt", "folder.jpg/x.bmp")
	if err := os.Symlink("p1.png", "link.png"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("empty", 0o755); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args  []string
		list  bool
		stdin string
		want  []string
		errs  []string // what each error says
	}{
		"files in their order":          {args: []string{"p10.jpg", "p1.png"}, want: []string{"p10.jpg", "p1.png"}},
		"a file of any name":            {args: []string{"raw.dat"}, want: []string{"raw.dat"}},
		"a folder, in natural order":    {args: []string{"."}, want: []string{"link.png", "odd[1].jpg", "p2.JPG", "p10.jpg"}},
		"a folder below":                {args: []string{"sub"}, want: []string{"sub/a.tiff", "sub/b.webp"}},
		"a pattern":                     {args: []string{"p*"}, want: []string{"p1.png", "p2.JPG", "p10.jpg"}},
		"a pattern skips folders":       {args: []string{"*.jpg"}, want: []string{"odd[1].jpg", "p10.jpg"}},
		"a pattern over folders":        {args: []string{"s*/*"}, want: []string{"sub/a.tiff", "sub/b.webp"}},
		"a file with brackets":          {args: []string{"odd[1].jpg"}, want: []string{"odd[1].jpg"}},
		"no file twice":                 {args: []string{"p1.png", "./p1.png", "link.png", "p1*"}, want: []string{"p1.png", "p10.jpg"}},
		"standard input":                {args: []string{"-", "p1.png", "-"}, want: []string{"stdin", "p1.png"}},
		"a list":                        {args: []string{"-"}, list: true, stdin: "p2.JPG\r\n\nsub\np2.JPG", want: []string{"p2.JPG", "sub/a.tiff", "sub/b.webp"}},
		"a list after the arguments":    {args: []string{"p1.png"}, list: true, stdin: "p2.JPG\n", want: []string{"p1.png", "p2.JPG"}},
		"a list alone":                  {list: true, stdin: "p2.JPG\n", want: []string{"p2.JPG"}},
		"a list holds no patterns":      {list: true, stdin: "p*\nodd[1].jpg\n", want: []string{"odd[1].jpg"}, errs: []string{"p*: there is no such file"}},
		"missing, and the rest goes on": {args: []string{"gone.jpg", "p1.png"}, want: []string{"p1.png"}, errs: []string{"gone.jpg: there is no such file"}},
		"an empty folder":               {args: []string{"empty"}, errs: []string{"empty: there is no picture in this folder"}},
		"a folder without pictures":     {args: []string{"text"}, errs: []string{"text: there is no picture in this folder"}},
		"a pattern without matches":     {args: []string{"q*.jpg"}, errs: []string{"q*.jpg: no picture matches"}},
		"a pattern that is none":        {args: []string{"[a"}, errs: []string{"[a: is no valid pattern"}},
		"an empty argument":             {args: []string{""}, errs: []string{`"": is an empty path`}},
		"a line without end":            {list: true, stdin: "p1.png\n" + strings.Repeat("x", maxPathBytes+1), want: []string{"p1.png"}, errs: []string{"stdin: the list of paths cannot be read after line 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			inputs, errs := Expand(c.args, c.list, strings.NewReader(c.stdin))
			var got []string
			for _, in := range inputs {
				got = append(got, filepath.ToSlash(in.Name))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("inputs %q, want %q", got, c.want)
			}
			if len(errs) != len(c.errs) {
				t.Fatalf("errors %q, want %q", errs, c.errs)
			}
			for i, want := range c.errs {
				var e *Error
				if !errors.As(errs[i], &e) || !strings.HasPrefix(e.Error(), want) || e.Hint() == "" {
					t.Errorf("error %q (hint %q), want %q and a hint", errs[i], e.Hint(), want)
				}
			}
		})
	}
}

// A list is followed while it is being written: an input is there before the next line is.
func TestListIsStreamed(t *testing.T) {
	folder(t, "a.jpg", "b.jpg")
	r, w := io.Pipe()
	asked := make(chan string)
	go func() {
		for line := range asked {
			if _, err := io.WriteString(w, line+"\n"); err != nil {
				return
			}
		}
		w.Close()
	}()
	asked <- "a.jpg"
	var got []string
	for in, err := range Inputs(nil, true, r) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, in.Name); len(got) == 1 {
			asked <- "b.jpg"
		} else {
			close(asked)
		}
	}
	if !slices.Equal(got, []string{"a.jpg", "b.jpg"}) {
		t.Errorf("inputs %q", got)
	}
}

// Whoever breaks off is not called again, from any kind of argument.
func TestInputsStopWhenAsked(t *testing.T) {
	folder(t, "a.jpg", "b.jpg", "sub/c.jpg")
	for n := 1; n <= 4; n++ {
		seen := 0
		for range Inputs([]string{"*.jpg", "gone", "sub", "-", "also gone"}, true, strings.NewReader("x\ny\n")) {
			if seen++; seen == n {
				break
			}
		}
		if seen != n {
			t.Errorf("stopped after %d, asked for %d", seen, n)
		}
	}
}

func TestInputDecode(t *testing.T) {
	folder(t, "empty.jpg", "folder/x.jpg")
	data := encodePNG(t, noiseRGBA(9, 7))
	if err := os.WriteFile("photo.jpg", data, 0o644); err != nil { // a wrong extension does not matter
		t.Fatal(err)
	}
	inputs, errs := Expand([]string{"photo.jpg", "-"}, false, bytes.NewReader(data))
	if len(errs) > 0 || len(inputs) != 2 {
		t.Fatal(inputs, errs)
	}
	for i, name := range []string{"photo.jpg", StdinName} {
		f, err := inputs[i].Decode(Options{})
		if err != nil {
			t.Fatal(err)
		}
		sameAsPicture(t, f, noiseRGBA(9, 7))
		if f.Name != name {
			t.Errorf("frame is named %q, want %q", f.Name, name)
		}
	}
	for path, want := range map[string]struct {
		kind    error
		problem string
	}{
		"empty.jpg": {ErrEmpty, "0 bytes"},
		"folder":    {ErrNotPicture, "is a folder"},
		"gone.jpg":  {ErrNoPicture, "no such file"},
	} {
		_, err := Input{Path: path, Name: path}.Decode(Options{})
		checkError(t, err, path, want.kind, want.problem)
	}
}

func TestNaturalOrder(t *testing.T) {
	want := []string{"", "01", "1", "2", "9", "10", "100000000000000000000000000000", "a", "a1", "a1b", "a01c", "a2", "a10", "a10b2", "a10b10", "b"}
	for seed := range 5 {
		got := slices.Clone(want)
		for i := range got { // a fixed shuffle
			j := (i*7 + seed*3) % len(got)
			got[i], got[j] = got[j], got[i]
		}
		slices.SortFunc(got, compareNatural)
		if !slices.Equal(got, want) {
			t.Fatalf("sorted %q, want %q", got, want)
		}
	}
	for _, a := range want {
		for _, b := range want {
			if ab, ba := compareNatural(a, b), compareNatural(b, a); (ab < 0) != (ba > 0) || (ab == 0) != (a == b) {
				t.Errorf("%q and %q compare as %d and %d", a, b, ab, ba)
			}
		}
	}
}
