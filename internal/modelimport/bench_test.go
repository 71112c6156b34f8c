package modelimport

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	ort "github.com/yalue/onnxruntime_go"
	"mhp/internal/onnx"
)

// perChannelXS is the per-channel file to measure with: the file that
// MHP_PERCHANNEL_ONNX names, else XS as it is built in, turned back into what
// the authors' export is: each LeakyRelu a PRelu of random slopes, the last
// enlargement before the last convolution, cut at the heat volume.
func perChannelXS(tb testing.TB) []byte {
	tb.Helper()
	if name := os.Getenv("MHP_PERCHANNEL_ONNX"); name != "" {
		data, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		return data
	}
	data, err := os.ReadFile(filepath.Join("..", "..", "models", "mhp-xs.onnx"))
	if err != nil {
		tb.Skip("needs models/mhp-xs.onnx or MHP_PERCHANNEL_ONNX: ", err)
	}
	m, err := onnx.Parse(data)
	if err != nil {
		tb.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	if _, err := perChannel(m, func(float32) float32 { return 0.9 * rng.Float32() }); err != nil {
		tb.Fatal(err)
	}
	resizeBeforeConv(m)
	heat := heatValue(m)
	batch := onnx.Dim{Size: -1, Name: "N"}
	g := onnx.NewGraph(m)
	g.SetOutputs(onnx.FloatValue(heat, batch, onnx.Dim{Size: 21 * 32}, onnx.Dim{Size: 32}, onnx.Dim{Size: 32}))
	g.Clean()
	onnx.SetMetadata(m, "mhp.", nil)
	data, err = onnx.Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// timed is a session with its input, ready to be run again and again.
type timed struct {
	session *ort.DynamicAdvancedSession
	input   ort.Value
	outputs []ort.Value
	took    []time.Duration
}

func newTimed(tb testing.TB, data []byte, threads int) *timed {
	tb.Helper()
	s, names, err := newSession(data, threads)
	if err != nil {
		tb.Fatal(err)
	}
	picture := normalised(drawnPicture(), Official)
	x, err := ort.NewTensor(ort.NewShape(picture.Shape...), picture.Data)
	if err != nil {
		tb.Fatal(err)
	}
	r := &timed{session: s, input: x, outputs: make([]ort.Value, len(names))}
	tb.Cleanup(func() {
		for _, v := range append(r.outputs, x) {
			if v != nil {
				v.Destroy()
			}
		}
		s.Destroy()
	})
	return r
}

// run runs once; the library makes the outputs in the first run, later ones reuse them.
func (r *timed) run(tb testing.TB, after func([]float32)) {
	tb.Helper()
	start := time.Now()
	if err := r.session.Run([]ort.Value{r.input}, r.outputs); err != nil {
		tb.Fatal(err)
	}
	if after != nil {
		after(r.outputs[0].(*ort.Tensor[float32]).GetData())
	}
	r.took = append(r.took, time.Since(start))
}

func median(d []time.Duration) float64 {
	d = slices.Clone(d)
	slices.Sort(d)
	return d[len(d)/2].Seconds() * 1e3
}

// BenchmarkImportedXS compares a per-channel XS as it comes with what import
// makes of it. All kinds are run in turn, so that whatever else the machine
// does hits all of them. untouched/decoded adds the plain decoding outside,
// which the imported file has in its graph; volume is the imported graph
// without it. Medians in ms; the ratios are medians of the untouched file over
// those of the imported one, best-ratio is that of the shortest runs, which
// other processes disturb least.
func BenchmarkImportedXS(b *testing.B) {
	needLibrary(b)
	untouched := perChannelXS(b)
	imported, result, err := Convert(untouched, "xs.onnx", DefaultOptions(Official), runORT)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("library %s (%s); %d PReLUs rewritten; proof %+v", ort.GetVersion(), libraryFile(), result.PReLU.Channel, result.Proof)
	volume := cutAtVolume(b, imported)
	joints, side := len(result.Spec.Set.Joints), result.Spec.HeatW
	decode := func(v []float32) { softArgmax(v, joints, side) }
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			old, oldDecoded := newTimed(b, untouched, threads), newTimed(b, untouched, threads)
			fresh, freshVolume := newTimed(b, imported, threads), newTimed(b, volume, threads)
			all := func() {
				old.run(b, nil)
				fresh.run(b, nil)
				oldDecoded.run(b, decode)
				freshVolume.run(b, nil)
			}
			for range 5 { // warm
				all()
			}
			for _, r := range []*timed{old, oldDecoded, fresh, freshVolume} {
				r.took = nil
			}
			for b.Loop() {
				all()
			}
			b.ReportMetric(median(old.took), "untouched-ms")
			b.ReportMetric(median(oldDecoded.took), "untouched-decoded-ms")
			b.ReportMetric(median(fresh.took), "imported-ms")
			b.ReportMetric(median(freshVolume.took), "imported-volume-ms")
			b.ReportMetric(median(old.took)/median(fresh.took), "ratio")
			b.ReportMetric(slices.Min(old.took).Seconds()/slices.Min(fresh.took).Seconds(), "best-ratio")
			b.ReportMetric(median(oldDecoded.took)/median(fresh.took), "decoded-ratio")
			b.ReportMetric(median(old.took)/median(freshVolume.took), "volume-ratio")
		})
	}
}

// cutAtVolume takes the soft-argmax off an imported file again.
func cutAtVolume(tb testing.TB, data []byte) []byte {
	tb.Helper()
	m, err := onnx.Parse(data)
	if err != nil {
		tb.Fatal(err)
	}
	g := onnx.NewGraph(m)
	g.SetOutputs(onnx.FloatValue(heatName))
	g.Clean()
	out, err := onnx.Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// The built-in XS made per-channel imports, and is told from the other variants.
func TestConvertWholeXS(t *testing.T) {
	needLibrary(t)
	_, r, err := Convert(perChannelXS(t), "xs.onnx", DefaultOptions(Official), runORT)
	if err != nil {
		t.Fatal(err)
	}
	if r.PReLU.Channel != 41 || r.PReLU.Kept != 0 || r.Swapped != 1 || !r.Fused || r.Spec.Variant != "xs" {
		t.Errorf("%+v, fused %v, variant %s, %d parameters", r.PReLU, r.Fused, r.Spec.Variant, r.Spec.Parameters)
	}
	t.Logf("proof %+v", r.Proof)
}
