package models

import (
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
