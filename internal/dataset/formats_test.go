package dataset

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mhp/internal/source"
	"mhp/internal/testkit"
)

// npy writes numpy's version 1 format.
func npy(descr, shape string, data []byte) []byte {
	head := "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }"
	head += strings.Repeat(" ", (64-(10+len(head)+1)%64)%64) + "\n"
	b := append([]byte("\x93NUMPY\x01\x00"), 0, 0)
	binary.LittleEndian.PutUint16(b[8:], uint16(len(head)))
	return append(append(b, head...), data...)
}

func TestReadNPY(t *testing.T) {
	f4 := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, math.Float32bits(1.5)), math.Float32bits(-2))
	a, err := readNPY(bytes.NewReader(npy("<f4", "(2, 1)", f4)))
	if err != nil || len(a.shape) != 2 || a.numbers[0] != 1.5 || a.numbers[1] != -2 {
		t.Errorf("f4: %+v, %v", a, err)
	}
	a, err = readNPY(bytes.NewReader(npy("<i2", "(2,)", []byte{0xff, 0xff, 3, 0})))
	if err != nil || a.numbers[0] != -1 || a.numbers[1] != 3 {
		t.Errorf("i2: %+v, %v", a, err)
	}
	a, err = readNPY(bytes.NewReader(npy("|b1", "()", []byte{1})))
	if err != nil || a.numbers[0] != 1 || a.rows() != 1 {
		t.Errorf("b1: %+v, %v", a, err)
	}
	a, err = readNPY(bytes.NewReader(npy("<U2", "(2,)", []byte{'a', 0, 0, 0, 0, 0, 0, 0, 0xe9, 0, 0, 0, 'b', 0, 0, 0})))
	if err != nil || a.texts[0] != "a" || a.texts[1] != "éb" {
		t.Errorf("U2: %+v, %v", a, err)
	}
	for _, bad := range []string{"", "\x93NUMPY", "text that is no array at all",
		string(npy("<f4", "(3,)", f4)), string(npy("|O", "(1,)", f4)), string(npy("<f4", "(-1,)", nil)),
		string(npy("<f8", "(4000000000, 4000000000)", nil)), string(npy("<c16", "(1,)", make([]byte, 16)))} {
		if a, err := readNPY(strings.NewReader(bad)); err == nil {
			t.Errorf("%q reads as %+v", bad, a)
		}
	}
}

// Whatever the bytes, reading ends with an array or an error.
func FuzzReadNPY(f *testing.F) {
	f.Add(npy("<f4", "(2, 1)", make([]byte, 8)))
	f.Add(npy("<U3", "(2,)", make([]byte, 24)))
	f.Add(npy("|O", "(1,)", nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := readNPY(bytes.NewReader(data))
		if err != nil {
			return
		}
		n := 1
		for _, d := range a.shape {
			n *= d
		}
		if len(a.numbers)+len(a.texts) != n {
			t.Fatalf("shape %v with %d numbers and %d texts", a.shape, len(a.numbers), len(a.texts))
		}
	})
}

func FuzzFindMatrix(f *testing.F) {
	data, err := os.ReadFile("../cli/testdata/evalsets/lspet/joints.mat")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data[128:])
	f.Add([]byte("\x0e\x00\x00\x00\x30\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if a, err := findMatrix(data, "joints"); err == nil && a == nil {
			t.Fatal("neither a matrix nor an error")
		}
	})
}

func TestReadMATNamesWhatThereIs(t *testing.T) {
	path := "../cli/testdata/evalsets/lspet/joints.mat"
	a, err := readMAT(path, "joints")
	if err != nil || len(a.shape) != 3 || a.shape[0] != 14 || a.shape[1] != 3 || a.shape[2] != 3 {
		t.Fatalf("%+v, %v", a, err)
	}
	if _, err := readMAT(path, "labels"); err == nil || !strings.Contains(err.Error(), "other, joints") {
		t.Errorf("a matrix that is not there: %v", err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut.mat")
	for _, n := range []int{0, 100, 130, 200, len(data) - 20} {
		if err := os.WriteFile(cut, data[:n], 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := readMAT(cut, "joints"); err == nil {
			t.Errorf("the first %d bytes of %d read as a whole file", n, len(data))
		}
	}
}

// The data set as it is handed to us: counts of its README, a picture that opens.
func TestReadLSPOfSharedData(t *testing.T) {
	dir := testkit.Shared(t, "data", "lspet")
	for split, people := range map[string]int{"dev": 309, "train": 5368, "all": 5677} {
		s, err := ReadLSP(dir, split)
		if err != nil {
			t.Fatal(err)
		}
		if s.People() != people || len(s.Missing) > 0 {
			t.Errorf("%s: %d people, want %d; missing %v", split, s.People(), people, s.Missing)
		}
		f, err := s.Pictures[0].Open(source.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if f.WidthPx > 184 || f.HeightPx > 184 {
			t.Errorf("%s: %d x %d px", s.Pictures[0].Name, f.WidthPx, f.HeightPx)
		}
		f.Release()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestReadCOCOOfSharedData(t *testing.T) {
	dir := testkit.Shared(t, "data", "coco_people")
	s, err := ReadCOCO(COCOOptions{Annotations: filepath.Join(dir, "people.json"), Images: filepath.Join(dir, "images")})
	if err != nil {
		t.Fatal(err)
	}
	crowds := 0
	for _, p := range s.Pictures {
		for _, person := range p.People {
			if person.Crowd {
				crowds++
			}
		}
	}
	if len(s.Pictures) != 16 || s.People() != 101 || crowds != 4 || len(s.Missing) > 0 {
		t.Errorf("%d pictures, %d people, %d crowds, missing %v", len(s.Pictures), s.People(), crowds, s.Missing)
	}
}

// An archive without some of the pictures is read as far as it goes.
func TestReadLSPWithMissingPictures(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, members map[string][]byte) {
		t.Helper()
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		z := zip.NewWriter(f)
		for member, data := range members {
			w, err := z.Create(member)
			if err == nil {
				_, err = w.Write(data)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	texts := func(width int, list ...string) []byte {
		out := make([]byte, len(list)*width)
		for i, s := range list {
			copy(out[i*width:], s)
		}
		return out
	}
	names := []string{"R_Ankle", "R_Knee", "R_Hip", "L_Hip", "L_Knee", "L_Ankle", "R_Wrist", "R_Elbow", "R_Shoulder", "L_Shoulder", "L_Elbow", "L_Wrist", "Neck", "Head_top"}
	arrays := map[string][]byte{
		"name.npy":        npy("|S5", "(2,)", texts(5, "a.jpg", "b.jpg")),
		"split.npy":       npy("|S3", "(2,)", texts(3, "dev", "dev")),
		"joint_names.npy": npy("|S10", "(14,)", texts(10, names...)),
		"joints.npy":      npy("<f4", "(2, 14, 3)", make([]byte, 2*14*3*4)),
	}
	write("labels.npz", arrays)
	write("photos.zip", map[string][]byte{"b.jpg": []byte("x")})
	s, err := ReadLSP(dir, "dev")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if len(s.Pictures) != 1 || len(s.Missing) != 1 || s.Missing[0] != "1 of 2 pictures are not in photos.zip" {
		t.Errorf("%d pictures, missing %v", len(s.Pictures), s.Missing)
	}
	arrays["joint_names.npy"] = npy("|S10", "(14,)", texts(10, append([]string{"Nose"}, names[1:]...)...))
	write("labels.npz", arrays)
	if _, err := ReadLSP(dir, "dev"); err == nil || !strings.Contains(err.Error(), "do not go together") {
		t.Errorf("other joints: %v", err)
	}
	delete(arrays, "joints.npy")
	write("labels.npz", arrays)
	if _, err := ReadLSP(dir, "dev"); err == nil || !strings.Contains(err.Error(), "has no array joints") {
		t.Errorf("no joints: %v", err)
	}
}
