package models

import (
	"strings"
	"testing"

	"mhp/internal/model"
)

func TestBuiltinModelsAreValid(t *testing.T) {
	entries := model.Store{Builtin: FS}.List()
	if len(entries) == 0 {
		t.Fatal("nothing is built in")
	}
	for _, e := range entries {
		if e.Err != nil {
			t.Errorf("%s: %v", e.Name, e.Err)
			continue
		}
		if want := "mhp-" + e.Name; e.File.Spec.Name != want {
			t.Errorf("%s calls itself %q, want %q", e.File.Name, e.File.Spec.Name, want)
		}
		t.Logf("%s: %s, %d joints, trained %t, %v -> %v", e.Name, e.File.Spec.Variant, len(e.File.Spec.Set.Joints), e.File.Spec.Trained, e.File.Graph.Inputs, e.File.Graph.Outputs)
	}
}

func TestBuiltinDetectorsAreValid(t *testing.T) {
	for _, e := range (model.Store{Builtin: FS}).Detectors() {
		if e.Err != nil {
			t.Errorf("%s: %v", e.Name, e.Err)
		} else if want := "mhp-" + e.Name; e.File.Detector.Name != want {
			t.Errorf("%s calls itself %q, want %q", e.File.Name, e.File.Detector.Name, want)
		}
	}
}

// TestHashesAreRecorded keeps SHA256SUMS in step with the files: mhp models verify compares with it.
func TestHashesAreRecorded(t *testing.T) {
	sums, err := FS.ReadFile("SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	store := model.Store{Builtin: FS}
	for _, e := range append(store.List(), store.Detectors()...) {
		if e.Err == nil && !strings.Contains(string(sums), e.File.SHA256+"  "+e.File.Name+"\n") {
			t.Errorf("SHA256SUMS has another hash for %s; run sha256sum mhp-*.onnx > SHA256SUMS in models/", e.File.Name)
		}
	}
}
