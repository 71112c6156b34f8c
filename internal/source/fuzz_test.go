package source

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// FuzzDecode: whatever the bytes, there is a whole frame of believable size or
// an *Error that names the input, never a panic or a giant. Its seeds are the
// pictures in testdata and those in testdata/fuzz/FuzzDecode.
func FuzzDecode(f *testing.F) {
	seeds := 0
	for _, pattern := range []string{"*.jpg", "*.webp", "*.bmp", "*.tiff", "*.png"} {
		paths, err := filepath.Glob(filepath.Join("testdata", pattern))
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
			seeds++
		}
	}
	if committed, err := filepath.Glob(filepath.Join("testdata", "fuzz", "FuzzDecode", "*")); err != nil || len(committed) == 0 || seeds < 10 {
		f.Fatalf("%d seed pictures and %d committed seeds: the set is not whole", seeds, len(committed))
	}
	o := Options{MaxPixels: 1 << 16, Pool: &Pool{}}
	f.Fuzz(func(t *testing.T, data []byte) {
		frame, err := Decode(bytes.NewReader(data), "fuzz", o)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Name != "fuzz" || e.Problem == "" || e.Kind == nil {
				t.Fatalf("error %#v", err)
			}
			return
		}
		defer frame.Release()
		n := frame.WidthPx * frame.HeightPx
		if n <= 0 || n > 1<<16 || frame.Stride != 3*frame.WidthPx || len(frame.Pix) != 3*n {
			t.Fatalf("frame of %d x %d px, stride %d, %d bytes", frame.WidthPx, frame.HeightPx, frame.Stride, len(frame.Pix))
		}
		for _, mm := range []float64{frame.Lens.FocalMM, frame.Lens.Focal35MM, frame.Lens.SensorWidthMM, frame.Lens.SensorHeightMM} {
			if !(mm >= 0 && mm <= maxLengthMM) {
				t.Fatalf("lens %+v", frame.Lens)
			}
		}
	})
}
