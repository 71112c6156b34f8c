package ort

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mhp/internal/model"
)

// NodeTime is what one operator of the graph, as the library runs it, took.
type NodeTime struct {
	Name     string // of the node after the library's own rewriting
	Op       string // "Conv"
	Provider string // that really ran it, as the program names it
	Calls    int
	Median   time.Duration // of a call: a trace on a busy machine has calls that waited
}

// Profile runs a model on n crops of zeros, warm runs first, then runs under
// the library's profiler, and returns what each operator took, in the order
// of execution. Times are longer than without a profiler, by a few µs a node.
// The library writes its own file into dir, which must be there.
func Profile(where LibraryOptions, f *model.File, o Options, n, runs int, dir string) (nodes []NodeTime, err error) {
	o.profile = filepath.Join(dir, "profile")
	s, err := Open(where, f.Bytes, f.Spec, o)
	if err != nil {
		return nil, err
	}
	runner, err := s.NewRunner()
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if _, err = runner.Input(n); err == nil {
		for range runs + profileWarm {
			if _, err = runner.Run(context.Background(), n); err != nil {
				break
			}
		}
	}
	// The library writes the file when its session ends.
	if err = errors.Join(err, runner.Close(), s.Close()); err != nil {
		return nil, err
	}
	files, err := filepath.Glob(o.profile + "*.json")
	if err != nil || len(files) != 1 {
		return nil, fmt.Errorf("ONNX Runtime's profile in %s: %d files found, want one", dir, len(files))
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		return nil, err
	}
	return readProfile(data, profileWarm)
}

// profileWarm runs grow the library's memory and are not counted.
const profileWarm = 3

// event is one line of the library's trace.
type event struct {
	Category string  `json:"cat"`
	Name     string  `json:"name"`
	Micros   float64 `json:"dur"`
	Args     struct {
		Op       string `json:"op_name"`
		Provider string `json:"provider"`
	} `json:"args"`
}

// readProfile sums up the kernels of a trace, without the first skip calls of each.
func readProfile(data []byte, skip int) ([]NodeTime, error) {
	var events []event
	if err := json.Unmarshal(data, &events); err != nil {
		return nil, fmt.Errorf("ONNX Runtime's profile: %w", err)
	}
	var nodes []NodeTime
	var took [][]float64 // of each node, µs
	index, seen := map[string]int{}, map[string]int{}
	for _, e := range events {
		name, kernel := strings.CutSuffix(e.Name, "_kernel_time")
		if e.Category != "Node" || !kernel {
			continue
		}
		if seen[name]++; seen[name] <= skip {
			continue
		}
		i, known := index[name]
		if !known {
			i = len(nodes)
			index[name] = i
			nodes = append(nodes, NodeTime{Name: name, Op: e.Args.Op, Provider: shortName(e.Args.Provider)})
			took = append(took, nil)
		}
		nodes[i].Calls++
		took[i] = append(took[i], e.Micros)
	}
	for i := range nodes {
		slices.Sort(took[i])
		nodes[i].Median = time.Duration(took[i][len(took[i])/2] * float64(time.Microsecond))
	}
	return nodes, nil
}
