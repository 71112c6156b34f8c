package source

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"mhp/internal/frame"
)

// StreamOptions says how frames lie in a stream of bytes.
type StreamOptions struct {
	Options
	// WidthPx and HeightPx are the size of raw frames; 0 for a stream of JPEGs.
	WidthPx, HeightPx int
	Order             frame.Order // of raw frames
	FPS               float64     // frames a second; with Arrival only a guess
	// Arrival takes the time at which a frame comes for its time, and makes the stream live.
	Arrival bool
}

// Validate refuses what cannot be meant.
func (o StreamOptions) Validate() error {
	if (o.WidthPx == 0) != (o.HeightPx == 0) || o.WidthPx < 0 || o.HeightPx < 0 {
		return fmt.Errorf("frames of %d x %d px make no sense", o.WidthPx, o.HeightPx)
	}
	if err := CheckFPS(o.FPS); err != nil {
		return err
	}
	return o.Options.Validate()
}

// Stream reads frames from bytes that arrive one after another, as from ffmpeg
// through a pipe: JPEG after JPEG, or raw frames of 3 bytes a pixel.
func Stream(r io.Reader, name string, o StreamOptions) (Video, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	s := &stream{in: bufio.NewReaderSize(r, 1<<20), name: name, opts: o}
	if s.opts.Pool == nil {
		s.opts.Pool = &Pool{}
	}
	if o.WidthPx > 0 {
		if err := checkSize(name, o.WidthPx, o.HeightPx, o.maxPixels()); err != nil {
			return nil, err
		}
		return s, nil
	}
	head, err := s.in.Peek(2)
	switch {
	case len(head) == 0:
		return nil, &Error{Name: name, Kind: ErrEmpty, Cause: err, Problem: "holds nothing (0 bytes)",
			Remedy: "check the program that writes into the pipe"}
	case string(head) != "\xff\xd8":
		return nil, &Error{Name: name, Kind: ErrNotPicture, Problem: "is not a stream of JPEG pictures",
			Remedy: "write MJPEG (ffmpeg -i FILE -c:v mjpeg -q:v 3 -f image2pipe -), or say the size of raw frames with --size"}
	}
	return s, nil
}

type stream struct {
	in    *bufio.Reader
	name  string
	opts  StreamOptions
	index int
	start time.Time
	clock Clock
	jpeg  bytes.Buffer
}

func (s *stream) Info() VideoInfo {
	return VideoInfo{Name: s.name, WidthPx: s.opts.WidthPx, HeightPx: s.opts.HeightPx, FPS: s.opts.FPS, Frames: -1, Live: s.opts.Arrival}
}

func (s *stream) Next(ctx context.Context) (*frame.Frame, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	read := s.mjpeg
	if s.opts.WidthPx > 0 {
		read = s.raw
	}
	f, err := read()
	if err == io.EOF {
		return nil, io.EOF
	}
	// A frame that cannot be decoded takes its time all the same.
	at := time.Duration(float64(s.index) / s.opts.FPS * float64(time.Second))
	if s.opts.Arrival {
		now := time.Now()
		if s.index == 0 {
			s.start = now
		}
		s.clock.FPS = s.opts.FPS
		at = s.clock.Next(now.Sub(s.start))
	}
	index := s.index
	s.index++
	if err != nil {
		return nil, err
	}
	f.Name, f.Index, f.Time = s.name, index, at
	if s.opts.Arrival {
		f.Captured = time.Now()
	}
	return f, nil
}

// raw reads one frame of a known size. Bytes that are too few for one are an error.
func (s *stream) raw() (*frame.Frame, error) {
	size := 3 * s.opts.WidthPx * s.opts.HeightPx
	pix := s.opts.Pool.pixels.get(size)
	n, err := io.ReadFull(s.in, pix)
	if err != nil {
		s.opts.Pool.pixels.put(pix)
		if n == 0 && ended(err) {
			return nil, io.EOF
		}
		if ended(err) {
			return nil, &Error{Name: s.name, Kind: ErrTruncated, Cause: err,
				Problem: fmt.Sprintf("ends within a frame: %d bytes of %d (%d x %d px, 3 bytes each)", n, size, s.opts.WidthPx, s.opts.HeightPx),
				Remedy:  "check that --size and --pixel-format are what is written into the pipe"}
		}
		return nil, unreadable(s.name, err)
	}
	return &frame.Frame{
		Pix: pix, Stride: 3 * s.opts.WidthPx, WidthPx: s.opts.WidthPx, HeightPx: s.opts.HeightPx, Order: s.opts.Order,
		ReleaseFunc: func() { s.opts.Pool.pixels.put(pix) },
	}, nil
}

// mjpeg reads and decodes the next JPEG. One that is damaged is a *BadFrame.
func (s *stream) mjpeg() (*frame.Frame, error) {
	s.jpeg.Reset()
	if err := nextJPEG(s.in, &s.jpeg, s.opts.maxBytes()); err != nil {
		if ended(err) && s.jpeg.Len() == 0 {
			return nil, io.EOF
		}
		if ended(err) {
			return nil, &Error{Name: s.name, Kind: ErrTruncated, Cause: err,
				Problem: fmt.Sprintf("ends within frame %d", s.index), Remedy: "check the program that writes into the pipe"}
		}
		return nil, unreadable(s.name, err)
	}
	f, err := decodeBytes(s.jpeg.Bytes(), fmt.Sprintf("%s frame %d", s.name, s.index), s.opts.Options, s.opts.Pool)
	if err != nil {
		return nil, &BadFrame{err}
	}
	return f, nil
}

func (s *stream) Close() error { return nil }

// nextJPEG copies the next JPEG of a stream into out. It walks the segments
// (ITU T.81, annex B), because a thumbnail within one has an end marker of its own.
// What lies between two pictures is skipped.
func nextJPEG(in *bufio.Reader, out *bytes.Buffer, maxBytes int64) error {
	if err := findSOI(in); err != nil {
		return err
	}
	out.WriteString("\xff\xd8")
	inMarker := false // its 0xff is copied already
	marker, err := nextMarker(in, out, inMarker)
	for ; err == nil; marker, err = nextMarker(in, out, inMarker) {
		inMarker = false
		switch {
		case marker == 0xd9: // end of image
			return nil
		case marker == 0xda: // start of scan: a segment, then coded data
			if err = copySegment(in, out); err == nil {
				err, inMarker = copyScan(in, out, maxBytes), true
			}
		case marker == 0x01 || marker >= 0xd0 && marker <= 0xd7: // stand alone
		default:
			err = copySegment(in, out)
		}
		if err != nil {
			break
		}
		if int64(out.Len()) > maxBytes {
			return fmt.Errorf("a picture is longer than %d MB", maxBytes>>20)
		}
	}
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// findSOI skips to behind the next start of a picture.
func findSOI(in *bufio.Reader) error {
	for last := byte(0); ; {
		b, err := in.ReadByte()
		if err != nil {
			return io.EOF
		}
		if last == 0xff && b == 0xd8 {
			return nil
		}
		last = b
	}
}

// nextMarker copies a marker with the fill bytes before it; begun says that its first byte is copied.
func nextMarker(in *bufio.Reader, out *bytes.Buffer, begun bool) (byte, error) {
	for filled := begun; ; {
		b, err := in.ReadByte()
		if err != nil {
			return 0, err
		}
		out.WriteByte(b)
		if b == 0xff {
			filled = true
		} else if filled {
			return b, nil
		}
	}
}

// copySegment copies a length and as many bytes.
func copySegment(in *bufio.Reader, out *bytes.Buffer) error {
	var size [2]byte
	if _, err := io.ReadFull(in, size[:]); err != nil {
		return err
	}
	out.Write(size[:])
	n := int64(size[0])<<8 + int64(size[1]) - 2
	if n < 0 {
		return fmt.Errorf("a JPEG has a segment of %d bytes", n+2)
	}
	_, err := io.CopyN(out, in, n)
	return err
}

// copyScan copies coded data up to the 0xff of the marker that ends it.
func copyScan(in *bufio.Reader, out *bytes.Buffer, maxBytes int64) error {
	for {
		chunk, err := in.ReadSlice(0xff)
		out.Write(chunk)
		if err == bufio.ErrBufferFull && int64(out.Len()) <= maxBytes {
			continue
		}
		if err != nil {
			return err
		}
		next, err := in.Peek(1)
		if err != nil {
			return err
		}
		if next[0] != 0 && !(next[0] >= 0xd0 && next[0] <= 0xd7) && next[0] != 0xff {
			return nil
		}
	}
}
