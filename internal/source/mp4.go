package source

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// MP4 is what the boxes of an MP4 or QuickTime file (ISO/IEC 14496-12) say,
// without its pictures.
type MP4 struct {
	// TurnDeg is by how much the first video track is to be turned clockwise
	// for showing: 0, 90, 180 or 270.
	TurnDeg int
	// Index tells whether the file has its index (moov); without it nothing can be read.
	Index bool
	// MissingBytes is how many bytes its boxes lack at the end of the file.
	MissingBytes int64
}

// ReadMP4 reads the boxes of a file of that size; false where it is no MP4.
func ReadMP4(r io.ReaderAt, size int64) (MP4, bool) {
	var m MP4
	first := true
	is := false
	for at := int64(0); at < size; {
		b, ok := boxAt(r, at, size)
		if !ok {
			break
		}
		if first {
			switch b.kind {
			case "ftyp", "moov", "mdat", "wide", "free", "skip":
				is = true
			}
			first = false
		}
		if !is {
			return MP4{}, false
		}
		if b.kind == "moov" {
			m.Index = b.end <= size
			m.TurnDeg = turnOf(r, b.body, min(b.end, size))
		}
		if b.end > size {
			m.MissingBytes = b.end - size
		}
		at = b.end
	}
	return m, is
}

type mp4Box struct {
	kind      string
	body, end int64
}

// boxAt reads the header of the box at a place; a size of 0 reaches to limit.
func boxAt(r io.ReaderAt, at, limit int64) (mp4Box, bool) {
	var head [16]byte
	if at < 0 || limit-at < 8 {
		return mp4Box{}, false
	}
	if n, _ := r.ReadAt(head[:], at); n < 8 {
		return mp4Box{}, false
	}
	size, header := int64(binary.BigEndian.Uint32(head[:])), int64(8)
	switch size {
	case 0:
		size = limit - at
	case 1:
		size, header = int64(binary.BigEndian.Uint64(head[8:])), 16
	}
	if size < header || at > math.MaxInt64-size {
		return mp4Box{}, false
	}
	return mp4Box{string(head[4:8]), at + header, at + size}, true
}

// child finds the first box of a kind between two places for which accept is true.
func child(r io.ReaderAt, at, end int64, kind string, accept func(mp4Box) bool) (mp4Box, bool) {
	for at < end {
		b, ok := boxAt(r, at, end)
		if !ok {
			break
		}
		if b.kind == kind && (accept == nil || accept(b)) {
			return b, true
		}
		at = b.end
	}
	return mp4Box{}, false
}

// turnOf reads the first video track's matrix.
func turnOf(r io.ReaderAt, at, end int64) int {
	track, ok := child(r, at, end, "trak", func(b mp4Box) bool { return isVideoTrack(r, b) })
	if !ok {
		return 0
	}
	header, ok := child(r, track.body, track.end, "tkhd", nil)
	if !ok {
		return 0
	}
	// Version 1 has times of 64 bits; the matrix follows 16 bytes of layer, group and volume.
	var version [1]byte
	if _, err := r.ReadAt(version[:], header.body); err != nil {
		return 0
	}
	offset := int64(4 + 20 + 16)
	if version[0] == 1 {
		offset = 4 + 32 + 16
	}
	var matrix [8]byte // a, b of 16.16: x' = a x + c y, y' = b x + d y
	if _, err := r.ReadAt(matrix[:], header.body+offset); err != nil {
		return 0
	}
	a, b := int32(binary.BigEndian.Uint32(matrix[:])), int32(binary.BigEndian.Uint32(matrix[4:]))
	return Quarter(math.Atan2(float64(b), float64(a)) * 180 / math.Pi)
}

func isVideoTrack(r io.ReaderAt, track mp4Box) bool {
	media, ok := child(r, track.body, track.end, "mdia", nil)
	if !ok {
		return false
	}
	handler, ok := child(r, media.body, media.end, "hdlr", nil)
	if !ok {
		return false
	}
	var kind [4]byte
	_, err := r.ReadAt(kind[:], handler.body+8)
	return err == nil && string(kind[:]) == "vide"
}

// Quarter is the multiple of 90 degrees, from 0 to 270, that is nearest to an angle.
func Quarter(deg float64) int {
	return ((int(math.Round(deg/90))*90)%360 + 360) % 360
}

// Problem says what is wrong with a file that cannot be read to its end; nil for nothing.
func (m MP4) Problem(name string) error {
	switch {
	case !m.Index:
		return &Error{Name: name, Kind: ErrTruncated, Problem: "is cut off: its index (moov), which comes last, is missing",
			Remedy: "copy or download the video again; recordings that broke off can sometimes be mended by untrunc"}
	case m.MissingBytes > 0:
		return &Error{Name: name, Kind: ErrTruncated, Problem: fmt.Sprintf("is cut off: %d bytes are missing at its end", m.MissingBytes),
			Remedy: "copy or download the video again; what could be read of it is written"}
	}
	return nil
}
