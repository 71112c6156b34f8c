package web

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"image"
	"image/jpeg"
	"math"
	"time"

	"mhp/internal/frame"
	"mhp/internal/pose"
	"mhp/internal/skeleton"
)

// A message is one frame for the page: four bytes with the length of the JSON
// that follows (little endian), that JSON, and the picture as JPEG.

// note is the JSON of a message. Lengths are mm before the camera and px of
// the upright picture.
type note struct {
	Name    string       `json:"name"`
	Frame   int          `json:"frame"`
	TimeS   float64      `json:"time_s"`
	Width   int          `json:"width_px"`
	Height  int          `json:"height_px"`
	FPS     float64      `json:"fps"`      // of messages
	DelayMS float64      `json:"delay_ms"` // -1 if it is not measured
	Trained bool         `json:"trained"`
	People  []notePerson `json:"people"`
}

type notePerson struct {
	ID     int          `json:"id"`
	Px     [][2]float64 `json:"px"`
	MM     [][3]float64 `json:"mm"`
	Alpha  []float64    `json:"alpha"` // opacity by score
	Bones  [][2]int     `json:"bones"`
	Sides  []int        `json:"sides"` // of the bones: 0 middle, 1 left, 2 right
	Filled bool         `json:"interpolated"`
}

// message packs a result. A picture that cannot be compressed is left out.
func (p *Page) message(s *shot, fps float64) []byte {
	n := note{
		Name: s.picture.Name, Frame: s.picture.Index, TimeS: s.picture.Time.Seconds(),
		Width: s.picture.WidthPx, Height: s.picture.HeightPx, FPS: fps, DelayMS: -1,
		Trained: s.picture.Model.Trained, People: []notePerson{},
	}
	if p.options.Delay != nil {
		n.DelayMS = float64(p.options.Delay().Microseconds()) / 1000
	}
	for i := range s.picture.People {
		if one, ok := p.person(&s.picture.People[i], i); ok {
			n.People = append(n.People, one)
		}
	}
	text, err := json.Marshal(n)
	if err != nil {
		text = []byte("{}") // only for numbers that are not finite; the page shows the picture alone
	}
	var picture []byte
	if len(s.frame.Pix) > 0 {
		if picture, err = p.jpeg(&s.frame); err != nil {
			picture = nil
		}
	}
	out := make([]byte, 4, 4+len(text)+len(picture))
	binary.LittleEndian.PutUint32(out, uint32(len(text)))
	return append(append(out, text...), picture...)
}

// person leaves out people with a joint that is not finite.
func (p *Page) person(one *pose.Person, place int) (notePerson, bool) {
	n := notePerson{ID: one.ID, Filled: one.Interpolated, Bones: [][2]int{}, Sides: []int{}}
	if n.ID == 0 {
		n.ID = place + 1
	}
	for _, j := range one.Joints {
		for _, v := range []float64{j.Image.X, j.Image.Y, j.Camera.X, j.Camera.Y, j.Camera.Z} {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return n, false
			}
		}
		n.Px = append(n.Px, [2]float64{round(j.Image.X, 10), round(j.Image.Y, 10)})
		n.MM = append(n.MM, [3]float64{round(j.Camera.X, 1), round(j.Camera.Y, 1), round(j.Camera.Z, 1)})
		n.Alpha = append(n.Alpha, round(p.opacity(j.Score), 100))
	}
	if one.Set == nil || len(one.Set.Joints) != len(one.Joints) {
		return n, false
	}
	for _, b := range one.Set.Edges {
		side := one.Set.SideOf(b[1])
		if side == skeleton.Middle {
			side = one.Set.SideOf(b[0])
		}
		n.Bones, n.Sides = append(n.Bones, b), append(n.Sides, int(side))
	}
	return n, true
}

// opacity is as in the drawings: faint at score 0, full from the sure score on.
func (p *Page) opacity(score float64) float64 {
	sure := p.options.SureScore
	if sure <= 0 {
		sure = 0.5
	}
	if !(score > 0) {
		return 0.15
	}
	return 0.15 + 0.85*math.Min(1, score/sure)
}

// round keeps so many parts of one.
func round(v, parts float64) float64 { return math.Round(v*parts) / parts }

// widestPx is the longer side of a picture that Go's encoder keeps up with.
const widestPx = 960

func (p *Page) jpeg(f *frame.Frame) ([]byte, error) {
	if p.options.JPEG != nil {
		return p.options.JPEG(f)
	}
	var b bytes.Buffer
	err := jpeg.Encode(&b, shrunk(f, widestPx), &jpeg.Options{Quality: 75})
	return b.Bytes(), err
}

// shrunk averages squares of pixels, as many as bring the longer side to at
// most widest, into the planes that JPEG is made of (4:2:0).
func shrunk(f *frame.Frame, widest int) *image.YCbCr {
	k := (max(f.WidthPx, f.HeightPx) + widest - 1) / widest
	k = max(1, min(k, f.WidthPx, f.HeightPx))
	w, h := f.WidthPx/k, f.HeightPx/k
	img := image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420)
	red, blue := 0, 2
	if f.Order == frame.BGR {
		red, blue = 2, 0
	}
	cw := (w + 1) / 2
	sums := make([][3]int32, cw) // of red, green, blue over two rows
	counts := make([]int32, cw)
	for y := range h {
		if y%2 == 0 {
			clear(sums)
			clear(counts)
		}
		for x := range w {
			var r, g, b int32
			for dy := range k {
				p := f.Pix[(y*k+dy)*f.Stride+3*x*k:]
				for range k {
					r, g, b = r+int32(p[red]), g+int32(p[1]), b+int32(p[blue])
					p = p[min(3, len(p)-1):]
				}
			}
			n := int32(k * k)
			r, g, b = r/n, g/n, b/n
			img.Y[y*img.YStride+x] = uint8((19595*r + 38470*g + 7471*b + 1<<15) >> 16)
			s := &sums[x/2]
			s[0], s[1], s[2] = s[0]+r, s[1]+g, s[2]+b
			counts[x/2]++
		}
		if y%2 == 1 || y == h-1 {
			for x, s := range sums {
				n := counts[x]
				r, g, b := s[0]/n, s[1]/n, s[2]/n
				img.Cb[y/2*img.CStride+x] = clamp((-11056*r - 21712*g + 32768*b + 257<<15) >> 16)
				img.Cr[y/2*img.CStride+x] = clamp((32768*r - 27440*g - 5328*b + 257<<15) >> 16)
			}
		}
	}
	return img
}

func clamp(v int32) uint8 { return uint8(max(0, min(255, v))) }

// rate is how many messages a second there were of late.
type rate struct {
	last time.Time
	fps  float64
}

func newRate() *rate { return &rate{} }

// tick counts one and gives the rate, smoothed over about ten.
func (r *rate) tick(now time.Time) float64 {
	if !r.last.IsZero() {
		if d := now.Sub(r.last).Seconds(); d > 0 {
			if r.fps == 0 {
				r.fps = 1 / d
			}
			r.fps = 1 / (0.9/r.fps + 0.1*d)
		}
	}
	r.last = now
	return round(r.fps, 10)
}
