package sink

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"mhp/internal/geom"
	"mhp/internal/pose"
)

func boxesOf(t *testing.T, pictures ...*pose.Picture) string {
	t.Helper()
	var b bytes.Buffer
	s, err := NewBoxes(FileOptions{Path: "-", Stdout: &b})
	if err != nil {
		t.Fatal(err)
	}
	writeAll(t, s, pictures...)
	return b.String()
}

func TestBoxes(t *testing.T) {
	street := picture(t, "holiday/street.jpg", "muco21", 2)
	street.People[0].Box, street.People[0].BoxScore = geom.BoxPx{X: 10.123, Y: -0.001, W: 30, H: 40.5}, 0.87654
	street.People[1].Box, street.People[1].BoxScore = geom.BoxPx{X: 1, Y: 2, W: 3, H: 4}, 1
	numbered := &pose.Picture{Name: "val2017/000000000139.jpg", People: street.People[1:]}
	nobody := &pose.Picture{Name: "wall.jpg"}
	want := `[
{"image_id":"holiday/street.jpg","category_id":1,"bbox":[10.12,0,30,40.5],"score":0.8765},
{"image_id":"holiday/street.jpg","category_id":1,"bbox":[1,2,3,4],"score":1},
{"image_id":139,"category_id":1,"bbox":[1,2,3,4],"score":1}
]
`
	if got := boxesOf(t, street, nobody, numbered); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := boxesOf(t, nobody); got != "[]\n" {
		t.Errorf("nobody gives %q, want an empty list", got)
	}
}

// A run that ended before its first picture leaves no file.
func TestBoxesOfNoPictures(t *testing.T) {
	path := filepath.Join(t.TempDir(), "boxes.json")
	s, err := NewBoxes(FileOptions{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	writeAll(t, s)
	if _, err := os.Stat(path); err == nil {
		t.Error("there is a file")
	}
}
