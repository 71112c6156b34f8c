package source

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"testing"

	"mhp/internal/testkit"
)

func box(kind string, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	return append(append(binary.BigEndian.AppendUint32(nil, uint32(8+len(body))), kind...), body...)
}

func track(handler string, version byte, a, b int32) []byte {
	header := make([]byte, 4+20+16)
	if version == 1 {
		header = make([]byte, 4+32+16)
	}
	header[0] = version
	header = binary.BigEndian.AppendUint32(header, uint32(a))
	header = binary.BigEndian.AppendUint32(header, uint32(b))
	header = append(header, make([]byte, 28+8)...)
	return box("trak", box("tkhd", header), box("mdia", box("mdhd"), box("hdlr", make([]byte, 8), []byte(handler), make([]byte, 12))))
}

func TestMP4Turn(t *testing.T) {
	const one = 1 << 16
	for _, c := range []struct {
		a, b int32
		want int
	}{{one, 0, 0}, {0, one, 90}, {-one, 0, 180}, {0, -one, 270}} {
		for version := range byte(2) {
			file := append(box("ftyp", []byte("isom")), box("moov", box("mvhd"), track("soun", 0, 0, -one), track("vide", version, c.a, c.b))...)
			m, ok := ReadMP4(bytes.NewReader(file), int64(len(file)))
			if !ok || !m.Index || m.TurnDeg != c.want || m.MissingBytes != 0 {
				t.Errorf("matrix %d %d, version %d: %+v, %v; want %d degrees", c.a, c.b, version, m, ok, c.want)
			}
		}
	}
}

func TestMP4CutOff(t *testing.T) {
	file := append(box("ftyp", []byte("isom")), append(box("moov", track("vide", 0, 1<<16, 0)), box("mdat", make([]byte, 100))...)...)
	m, _ := ReadMP4(bytes.NewReader(file), int64(len(file)))
	if m.Problem("x.mp4") != nil {
		t.Errorf("a whole file: %v", m.Problem("x.mp4"))
	}
	m, _ = ReadMP4(bytes.NewReader(file[:len(file)-40]), int64(len(file)-40))
	if m.MissingBytes != 40 || !errors.Is(m.Problem("x.mp4"), ErrTruncated) {
		t.Errorf("cut by 40 bytes: %+v, %v", m, m.Problem("x.mp4"))
	}
	m, ok := ReadMP4(bytes.NewReader(file[:20]), 20)
	if !ok || m.Index {
		t.Errorf("no index: %+v, %v", m, ok)
	}
	if _, ok := ReadMP4(bytes.NewReader([]byte("RIFFxxxxAVI LIST")), 16); ok {
		t.Error("an AVI is an MP4")
	}
}

func TestMP4OfTheSharedVideos(t *testing.T) {
	for name, want := range map[string]MP4{
		"rotated_90.mp4": {TurnDeg: 90, Index: true}, "one_by_one.mp4": {Index: true}, "truncated.mp4": {Index: true, MissingBytes: 1}, "truncated_no_index.mp4": {MissingBytes: 1},
	} {
		f, err := os.Open(testkit.Shared(t, "media", name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		got, ok := ReadMP4(f, info.Size())
		got.MissingBytes = min(got.MissingBytes, 1)
		if !ok || got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

// No file makes the reader run on or panic.
func FuzzReadMP4(f *testing.F) {
	f.Add(append(box("ftyp"), box("moov", track("vide", 1, 0, 1<<16))...))
	f.Add([]byte("\x00\x00\x00\x01mdat\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Add([]byte("\x00\x00\x00\x00ftyp"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, ok := ReadMP4(bytes.NewReader(data), int64(len(data)))
		if ok && (m.TurnDeg%90 != 0 || m.TurnDeg < 0 || m.TurnDeg >= 360 || m.MissingBytes < 0) {
			t.Errorf("%+v", m)
		}
	})
}
