package ort

import (
	"errors"
	"strings"
	"testing"
	"time"

	"mhp/internal/model"
	"mhp/internal/tensor"
)

func TestKernelRunsOnItsInputs(t *testing.T) {
	where := library(t)
	f := tiny(t, "coords.onnx")
	in := tensor.New(2, 3, 16, 16)
	k, err := OpenKernel(where, f.Bytes, []tensor.Tensor{in}, Options{Threads: 1, Providers: []string{CPU}})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := k.Run(); err != nil {
			t.Error(err)
		}
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
}

func TestKernelRefuses(t *testing.T) {
	where := library(t)
	f := tiny(t, "coords.onnx")
	for name, c := range map[string]struct {
		data   []byte
		inputs []tensor.Tensor
		says   string
	}{
		"no model":        {[]byte("no model"), nil, "does not load"},
		"too many inputs": {f.Bytes, []tensor.Tensor{tensor.New(1, 3, 16, 16), tensor.New(1)}, "1 inputs, not 2"},
	} {
		_, err := OpenKernel(where, c.data, c.inputs, Options{Threads: 1})
		if !errors.Is(err, model.ErrModel) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want model.ErrModel that says %q", name, err, c.says)
		}
	}
}

func TestProfileNamesEveryOperator(t *testing.T) {
	where := library(t)
	f := tiny(t, "coords.onnx")
	const runs = 4
	nodes, err := Profile(where, f, Options{Threads: 1, Providers: []string{CPU}}, 1, runs, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if len(nodes) == 0 {
		t.Fatal("no operator was seen")
	}
	for _, n := range nodes {
		if n.Calls != runs || n.Op == "" || n.Provider != CPU {
			t.Errorf("%+v, want %d calls on the CPU", n, runs)
		}
	}
}

func TestReadProfileSkipsWarmRuns(t *testing.T) {
	const trace = `[
		{"cat":"Session","name":"model_run","dur":999},
		{"cat":"Node","name":"a_fence_before","dur":7,"args":{"op_name":"Conv"}},
		{"cat":"Node","name":"a_kernel_time","dur":100,"args":{"op_name":"Conv","provider":"CPUExecutionProvider"}},
		{"cat":"Node","name":"a_kernel_time","dur":20,"args":{"op_name":"Conv","provider":"CPUExecutionProvider"}},
		{"cat":"Node","name":"a_kernel_time","dur":3000,"args":{"op_name":"Conv","provider":"CPUExecutionProvider"}},
		{"cat":"Node","name":"a_kernel_time","dur":30,"args":{"op_name":"Conv","provider":"CPUExecutionProvider"}}
	]`
	nodes, err := readProfile([]byte(trace), 1)
	want := NodeTime{Name: "a", Op: "Conv", Provider: CPU, Calls: 3, Median: 30 * time.Microsecond}
	if err != nil || len(nodes) != 1 || nodes[0] != want {
		t.Errorf("got %+v, error %v, want %+v", nodes, err, want)
	}
	if _, err := readProfile([]byte("["), 0); err == nil {
		t.Error("half a trace is no error")
	}
}
