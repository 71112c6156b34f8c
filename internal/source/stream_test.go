package source

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"mhp/internal/frame"
)

// take reads a video to its end and gives its frames, which are not released.
func take(t *testing.T, v Video) (frames []*frame.Frame, bad int, end error) {
	t.Helper()
	for {
		f, err := v.Next(context.Background())
		var lost *BadFrame
		switch {
		case errors.As(err, &lost):
			bad++
		case err != nil:
			return frames, bad, err
		default:
			frames = append(frames, f)
		}
	}
}

// trickle gives one byte at a time, as a slow pipe may.
type trickle struct{ r io.Reader }

func (s trickle) Read(p []byte) (int, error) { return s.r.Read(p[:min(1, len(p))]) }

func TestStreamOfJPEGs(t *testing.T) {
	one, two := encodeJPEG(t, noiseRGBA(24, 16)), encodeJPEG(t, noiseRGBA(32, 8))
	// A thumbnail within a segment has start and end markers of its own.
	thumb := append([]byte("\xff\xd8\xff\xe1"), byte((len(one)+2)>>8), byte(len(one)+2))
	thumb = append(append(thumb, one...), two[2:]...)
	broken := bytes.Clone(one)
	copy(broken[len(broken)/2:], "\xff\xd0\xff\xd1\xff\xd2\xff\xd3")
	var all []byte
	for _, part := range [][]byte{one, []byte("boundary\r\n\xff\x00"), two, thumb, broken, one} {
		all = append(all, part...)
	}
	for name, r := range map[string]io.Reader{"at once": bytes.NewReader(all), "byte by byte": trickle{bytes.NewReader(all)}} {
		t.Run(name, func(t *testing.T) {
			v, err := Stream(r, StdinName, StreamOptions{FPS: 10})
			if err != nil {
				t.Fatal(err)
			}
			frames, bad, end := take(t, v)
			if end != io.EOF || len(frames)+bad != 5 || bad > 1 {
				t.Fatalf("%d frames, %d bad, end %v; want 5 in all", len(frames), bad, end)
			}
			for i, width := range []int{24, 32, 32} {
				f := frames[i]
				if f.WidthPx != width || f.Index != i || f.Time != time.Duration(i)*100*time.Millisecond {
					t.Errorf("frame %d: %d px wide, index %d, time %v", i, f.WidthPx, f.Index, f.Time)
				}
			}
			last := frames[len(frames)-1]
			if last.Index != 4 || last.Time != 400*time.Millisecond || !bytes.Equal(last.Pix, frames[0].Pix) {
				t.Errorf("the last frame has index %d and time %v, or other pixels than the same JPEG before", last.Index, last.Time)
			}
		})
	}
}

func TestStreamCutOff(t *testing.T) {
	one := encodeJPEG(t, noiseRGBA(24, 16))
	for _, cut := range []int{3, 30, len(one) / 2, len(one) - 1} {
		v, err := Stream(bytes.NewReader(append(bytes.Clone(one), one[:cut]...)), StdinName, StreamOptions{FPS: 10})
		if err != nil {
			t.Fatal(err)
		}
		frames, _, end := take(t, v)
		if len(frames) != 1 {
			t.Errorf("cut after %d bytes: %d frames", cut, len(frames))
		}
		checkError(t, end, StdinName, ErrTruncated, "ends within frame 1")
	}
	_, err := Stream(bytes.NewReader(nil), StdinName, StreamOptions{FPS: 10})
	checkError(t, err, StdinName, ErrEmpty, "0 bytes")
	_, err = Stream(bytes.NewReader([]byte("hello")), StdinName, StreamOptions{FPS: 10})
	checkError(t, err, StdinName, ErrNotPicture, "JPEG")
}

func TestRawStream(t *testing.T) {
	pix := make([]byte, 3*4*2*3+5)
	for i := range pix {
		pix[i] = byte(i)
	}
	v, err := Stream(bytes.NewReader(pix[:3*24]), StdinName, StreamOptions{WidthPx: 4, HeightPx: 2, Order: frame.BGR, FPS: 25})
	if err != nil {
		t.Fatal(err)
	}
	frames, _, end := take(t, v)
	if len(frames) != 3 || end != io.EOF {
		t.Fatalf("%d frames, end %v", len(frames), end)
	}
	if r, g, b := frames[1].RGBAt(1, 1); r != pix[24+12+3+2] || g != pix[24+12+3+1] || b != pix[24+12+3] {
		t.Errorf("pixel (1, 1) of frame 1 is %d %d %d", r, g, b)
	}
	if frames[2].Time != 80*time.Millisecond {
		t.Errorf("frame 2 is at %v", frames[2].Time)
	}
	v, err = Stream(bytes.NewReader(pix), StdinName, StreamOptions{WidthPx: 4, HeightPx: 2, FPS: 25})
	if err != nil {
		t.Fatal(err)
	}
	_, _, end = take(t, v)
	checkError(t, end, StdinName, ErrTruncated, "5 bytes of 24")
}

func TestStreamOptions(t *testing.T) {
	for _, o := range []StreamOptions{{FPS: 0}, {FPS: -1}, {FPS: 2000}, {WidthPx: 3, FPS: 1}, {WidthPx: -3, HeightPx: -3, FPS: 1}} {
		if o.Validate() == nil {
			t.Errorf("%+v passes", o)
		}
	}
}

// The end of each JPEG is found, whatever lies in the stream; no input hangs or panics.
func FuzzStream(f *testing.F) {
	one := encodeJPEG(f, noiseRGBA(8, 8))
	f.Add(append(bytes.Clone(one), one...))
	f.Add([]byte("\xff\xd8\xff\xda\x00\x02\xff\x00\xff\xff\xd9"))
	f.Add([]byte("\xff\xd8\xff\xe1\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := Stream(bytes.NewReader(data), "x", StreamOptions{FPS: 1, Options: Options{MaxPixels: 1 << 16}})
		if err != nil {
			return
		}
		for range len(data) {
			var bad *BadFrame
			if _, err := v.Next(context.Background()); err != nil && !errors.As(err, &bad) {
				return
			}
		}
		t.Error("more frames than bytes")
	})
}
