package modelimport

import (
	"math"
	"math/rand/v2"

	"mhp/internal/tensor"
)

// crops are the inputs of the proof, each [1,3,256,256] normalised as the
// convention says: the picture, even noise, and noise in coarse blocks, which
// reaches deeper into a network than noise that every convolution averages out.
func (j *job) crops() []tensor.Tensor {
	picture := j.options.Picture
	if picture.Data == nil {
		picture = drawnPicture()
	}
	rng := rand.New(rand.NewPCG(1, 2)) // the same noise in every import
	greys := []tensor.Tensor{picture, noise(rng, 1), noise(rng, 16)}
	for i, g := range greys {
		greys[i] = normalised(g, j.options.Convention)
	}
	return greys
}

// normalised turns grey levels [1,3,H,W] into what a file of that convention expects.
func normalised(grey tensor.Tensor, c Convention) tensor.Tensor {
	scale, mean, std := c.normalisation()
	out := tensor.New(1, 3, inputPx, inputPx)
	for i, v := range grey.Data {
		channel := i / (inputPx * inputPx)
		out.Data[i] = float32((float64(v)*scale - mean[channel]) / std[channel])
	}
	return out
}

// noise draws grey levels 0..255 for square blocks of the given side, in px.
func noise(rng *rand.Rand, blockPx int) tensor.Tensor {
	out := tensor.New(1, 3, inputPx, inputPx)
	side := inputPx / blockPx
	for c := range 3 {
		levels := make([]float32, side*side)
		for i := range levels {
			levels[i] = float32(rng.IntN(256))
		}
		for y := range inputPx {
			for x := range inputPx {
				out.Data[(c*inputPx+y)*inputPx+x] = levels[y/blockPx*side+x/blockPx]
			}
		}
	}
	return out
}

// drawnPicture is a figure of ellipses before a wall with a shade: smooth, with
// edges, as photographs are.
func drawnPicture() tensor.Tensor {
	type ellipse struct{ x, y, rx, ry, red, green, blue float64 }
	body := []ellipse{
		{128, 56, 20, 26, 205, 160, 135}, {128, 122, 34, 46, 60, 80, 160},
		{88, 130, 11, 48, 198, 150, 128}, {168, 130, 11, 48, 198, 150, 128},
		{112, 206, 15, 50, 50, 50, 60}, {144, 206, 15, 50, 50, 50, 60},
	}
	out := tensor.New(1, 3, inputPx, inputPx)
	for y := range inputPx {
		for x := range inputPx {
			shade := 150 + 60*math.Sin(float64(x+2*y)/90)
			colour := [3]float64{shade, shade * 0.95, shade * 0.85}
			for _, e := range body {
				dx, dy := (float64(x)-e.x)/e.rx, (float64(y)-e.y)/e.ry
				if r := dx*dx + dy*dy; r < 1 {
					light := 1 - 0.4*r
					colour = [3]float64{e.red * light, e.green * light, e.blue * light}
				}
			}
			for c, v := range colour {
				out.Data[(c*inputPx+y)*inputPx+x] = float32(math.Round(v))
			}
		}
	}
	return out
}

// repeated is a batch of n times the same crop.
func repeated(crop tensor.Tensor, n int64) tensor.Tensor {
	crops := make([]tensor.Tensor, n)
	for i := range crops {
		crops[i] = crop
	}
	return joined(crops)
}

// joined makes one batch of several crops.
func joined(crops []tensor.Tensor) tensor.Tensor {
	out := tensor.Tensor{Shape: []int64{int64(len(crops)), 3, inputPx, inputPx}}
	for _, c := range crops {
		out.Data = append(out.Data, c.Data...)
	}
	return out
}
