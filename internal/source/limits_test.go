package source

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"runtime"
	"strings"
	"testing"
)

// hugePNG is a PNG that claims a size and holds no pixels.
func hugePNG(w, h uint32) []byte {
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32([]byte("IHDR"), w), h)
	header = append(header, 8, 2, 0, 0, 0)
	out := binary.BigEndian.AppendUint32([]byte("\x89PNG\r\n\x1a\n"), uint32(len(header)-4))
	out = binary.BigEndian.AppendUint32(append(out, header...), crc32.ChecksumIEEE(header))
	return append(out, "\x00\x00\x00\x00IDAT\x35\xaf\x06\x1e"...)
}

// hugeJPEG rewrites the size in a small JPEG's frame header.
func hugeJPEG(t *testing.T, w, h uint16) []byte {
	t.Helper()
	data := encodeJPEG(t, noiseRGBA(16, 16))
	at := bytes.Index(data, []byte("\xff\xc0"))
	if at < 0 {
		t.Fatal("the JPEG has no baseline frame header")
	}
	binary.BigEndian.PutUint16(data[at+5:], h)
	binary.BigEndian.PutUint16(data[at+7:], w)
	return data
}

func TestTooManyPixelsIsRefusedBeforeAllocation(t *testing.T) {
	for name, data := range map[string][]byte{
		"png":          hugePNG(30_000, 30_000),
		"jpeg":         hugeJPEG(t, 30_000, 30_000),
		"png overflow": hugePNG(1<<31-1, 1<<31-1),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Decode(bytes.NewReader(data), name, Options{})
			runtime.ReadMemStats(&after)
			if strings.Contains(name, "overflow") {
				if err == nil {
					t.Fatal("no error")
				}
			} else {
				checkError(t, err, name, ErrTooManyPixels, "30000 x 30000 px")
				if !strings.Contains(err.(*Error).Hint(), "--max-pixels") {
					t.Errorf("hint %q does not name --max-pixels", err.(*Error).Hint())
				}
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 8<<20 {
				t.Errorf("refusing took %d bytes", used)
			}
		})
	}
}

func TestMaxPixelsIsExact(t *testing.T) {
	data := encodePNG(t, noiseRGBA(10, 10))
	mustDecode(t, data, Options{MaxPixels: 100})
	_, err := Decode(bytes.NewReader(data), "ten", Options{MaxPixels: 99})
	checkError(t, err, "ten", ErrTooManyPixels, "10 x 10 px")
	if (Options{MaxPixels: -1}).Validate() == nil || (Options{}).Validate() != nil {
		t.Error("Validate must refuse a negative limit and take none")
	}
}

// endless is a stream that begins like a picture and never ends.
type endless struct{ head []byte }

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.head)
	e.head = e.head[n:]
	clear(p[n:])
	return len(p), nil
}

func TestEndlessStreamIsRefused(t *testing.T) {
	_, err := Decode(&endless{hugePNG(4, 4)}, "stdin", Options{MaxPixels: 1000})
	checkError(t, err, "stdin", ErrTooManyPixels, "is longer than 64 MB")
}

// failing yields a picture's beginning, then breaks.
type failing struct{ head io.Reader }

func (f failing) Read(p []byte) (int, error) {
	if n, err := f.head.Read(p); err == nil {
		return n, nil
	}
	return 0, errBroken
}

var errBroken = errors.New("the disk is broken")

func TestReadErrorIsPassedOn(t *testing.T) {
	for _, n := range []int{0, 100, 3000} {
		data := encodePNG(t, noiseRGBA(64, 64))
		_, err := Decode(failing{bytes.NewReader(data[:n])}, "photo.png", Options{})
		checkError(t, err, "photo.png", ErrUnreadable, "the disk is broken")
		if !errors.Is(err, errBroken) {
			t.Errorf("the cause is lost in %v", err)
		}
	}
}

func TestFilesOfEveryLengthAreReadWhole(t *testing.T) {
	head := []byte("\xff\xd8\xff")
	for _, n := range []int{3, sniffBytes - 1, sniffBytes, sniffBytes + 1, leastBytes, leastBytes + 1, leastBytes + 2, 300_000} {
		want := append(bytes.Clone(head), make([]byte, n-3)...)
		for i := 3; i < n; i++ {
			want[i] = uint8(i * 7)
		}
		for _, hint := range []int64{0, int64(n), int64(n / 2)} {
			got, err := readAll(bytes.NewReader(want), "x", hint, 1<<20, &Pool{})
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes with hint %d: read %d bytes, error %v", n, hint, len(got), err)
			}
		}
	}
}
