package source

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestCameras(t *testing.T) {
	sys, dev := t.TempDir(), t.TempDir()
	for node, files := range map[string]map[string]string{
		"video10": {"name": "Late cam\n", "index": "0\n"},
		"video2":  {"name": "HD Webcam: HD\n", "index": "0\n"},
		"video3":  {"name": "HD Webcam: HD\n", "index": "1\n"}, // the same camera's metadata
		"video4":  {},                                          // a driver that says nothing
		"video5":  {"name": "No device\n", "index": "0\n"},     // not passed on into the container
	} {
		if err := os.Mkdir(filepath.Join(sys, node), 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(sys, node, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if node != "video5" {
			if err := os.WriteFile(filepath.Join(dev, node), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := []Camera{{filepath.Join(dev, "video2"), "HD Webcam: HD"}, {filepath.Join(dev, "video4"), ""}, {filepath.Join(dev, "video10"), "Late cam"}}
	if got := camerasIn(sys, dev); !slices.Equal(got, want) {
		t.Errorf("cameras %+v, want %+v", got, want)
	}
	if got := camerasIn(filepath.Join(sys, "gone"), dev); len(got) != 0 {
		t.Errorf("without Video4Linux there are cameras %+v", got)
	}
}
