package model

import (
	"errors"
	"strings"
	"testing"
)

func TestPorts(t *testing.T) {
	image, heat := floats("image", AnyDim, 3, 16, 16), floats("heatmap", AnyDim, 12, 4, 4)
	coords, score := floats("coords", AnyDim, 3, 3), floats("score", AnyDim, 3)
	plane, depth := floats("plane", AnyDim, 3, 16), floats("depth", AnyDim, 3, 4)
	tests := []struct {
		name    string
		head    Head
		in, out []Port
		want    Ports
		problem string
	}{
		{"heatmap", HeadHeatmap, []Port{image}, []Port{heat}, Ports{Image: "image", Heatmap: "heatmap"}, ""},
		{"coords", HeadCoords, []Port{image}, []Port{score, coords}, Ports{Image: "image", Coords: "coords", Score: "score"}, ""},
		{"coords alone", HeadCoords, []Port{image}, []Port{coords}, Ports{Image: "image", Coords: "coords"}, ""},
		{"coords and marginals", HeadCoords, []Port{image}, []Port{coords, score, plane, depth}, Ports{Image: "image", Coords: "coords", Score: "score", Plane: "plane", Depth: "depth"}, ""},
		{"one marginal of two", HeadCoords, []Port{image}, []Port{coords, score, plane}, Ports{Image: "image", Coords: "coords", Score: "score"}, ""},
		{"other marginal", HeadCoords, []Port{image}, []Port{coords, score, floats("plane", AnyDim, 3, 9), depth}, Ports{}, "plane[?,3,9] should be plane[?,3,16]"},
		{"foreign names", HeadHeatmap, []Port{floats("x", 1, 3, 16, 16)}, []Port{floats("y", 1, 12, 4, 4)}, Ports{Image: "x", Heatmap: "y", Batch: 1}, ""},
		{"open shapes", HeadHeatmap, []Port{floats("image", AnyDim, AnyDim, AnyDim, AnyDim)}, []Port{{Name: "heatmap", ElemType: 1}}, Ports{Image: "image", Heatmap: "heatmap"}, ""},
		{"no input", HeadHeatmap, nil, []Port{heat}, Ports{}, `no input is called "image"; there are none`},
		{"two inputs", HeadHeatmap, []Port{image, floats("k", 1)}, []Port{heat}, Ports{}, "2 inputs (image[?,3,16,16], k[1])"},
		{"half floats", HeadHeatmap, []Port{{Name: "image", ElemType: 10, Shape: image.Shape}}, []Port{heat}, Ports{}, "element type 10"},
		{"channels last", HeadHeatmap, []Port{floats("image", AnyDim, 16, 16, 3)}, []Port{heat}, Ports{}, "image[?,16,16,3] should be image[?,3,16,16]"},
		{"other volume", HeadHeatmap, []Port{image}, []Port{floats("heatmap", AnyDim, 24, 4, 4)}, Ports{}, "heatmap[?,24,4,4] should be heatmap[?,12,4,4]"},
		{"rank", HeadCoords, []Port{image}, []Port{floats("coords", AnyDim, 9), score}, Ports{}, "coords[?,9] should be coords[?,3,3]"},
		{"batches differ", HeadHeatmap, []Port{floats("image", 1, 3, 16, 16)}, []Port{floats("heatmap", 2, 12, 4, 4)}, Ports{}, "another batch size"},
		{"batch 0", HeadHeatmap, []Port{floats("image", 0, 3, 16, 16)}, []Port{heat}, Ports{}, "another batch size"},
		{"no such output", HeadCoords, []Port{image}, []Port{heat, score}, Ports{}, `no output is called "coords"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := mustSpec(t, tinyMeta(test.head)).Ports(&Graph{Inputs: test.in, Outputs: test.out})
			if test.problem == "" {
				if err != nil || got != test.want {
					t.Errorf("got %+v, %v; want %+v", got, err, test.want)
				}
			} else if !errors.Is(err, ErrModel) || !strings.Contains(err.Error(), test.problem) {
				t.Errorf("got %v, want a model error with %q", err, test.problem)
			}
		})
	}
}

// Files of IR version 3 list their weights among the inputs.
func TestWeightsAreNoInputs(t *testing.T) {
	graph := sub(nil, 11, portBytes(floats("weight", 4)))
	graph = sub(graph, 11, portBytes(floats("image", 1, 3, 16, 16)))
	graph = sub(graph, 5, sub(nil, 8, []byte("weight")))
	g, err := ReadGraph(sub(nil, 7, graph))
	if err != nil || len(g.Inputs) != 1 || g.Inputs[0].Name != "image" {
		t.Errorf("inputs %v, %v", g, err)
	}
}
