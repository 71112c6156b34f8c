package ort

import (
	"fmt"
	"reflect"
	"unsafe"

	binding "github.com/yalue/onnxruntime_go"
)

// A run must share its session with other goroutines, must be stoppable, and
// must not allocate. The binding offers any two of these: DynamicAdvancedSession
// builds its lists of values anew each time, AdvancedSession opens a session of
// its own, and RunWithBinding takes no RunOptions. So an AdvancedSession is put
// together here from a shared session and fixed lists. That needs the
// binding's private fields; their layout is checked before they are touched,
// and go.mod pins the version.

// advancedSession has the layout of binding.AdvancedSession.
type advancedSession struct {
	ortSession  unsafe.Pointer
	inputNames  []unsafe.Pointer
	outputNames []unsafe.Pointer
	inputs      []unsafe.Pointer
	outputs     []unsafe.Pointer
}

// bind returns a run of shared with fixed inputs and outputs, in the order of
// the session's names. The result must not be destroyed: it owns nothing, and
// lives no longer than shared and the values.
func bind(shared *binding.DynamicAdvancedSession, inputs, outputs []binding.Value) (*binding.AdvancedSession, error) {
	if err := sameLayout(reflect.TypeFor[binding.AdvancedSession](), reflect.TypeFor[advancedSession]()); err != nil {
		return nil, err
	}
	inner, err := privatePointer(shared, "s")
	if err != nil {
		return nil, err
	}
	view := *(*advancedSession)(inner)
	if view.inputs, err = valuePointers(inputs); err != nil {
		return nil, err
	}
	if view.outputs, err = valuePointers(outputs); err != nil {
		return nil, err
	}
	bound := new(binding.AdvancedSession)
	*(*advancedSession)(unsafe.Pointer(bound)) = view
	return bound, nil
}

func valuePointers(values []binding.Value) ([]unsafe.Pointer, error) {
	pointers := make([]unsafe.Pointer, len(values))
	for i, v := range values {
		p, err := privatePointer(v.GetInternals(), "ortValue")
		if err != nil {
			return nil, err
		}
		pointers[i] = p
	}
	return pointers, nil
}

// privatePointer reads a pointer field of the struct that owner points to.
func privatePointer(owner any, field string) (unsafe.Pointer, error) {
	f := reflect.ValueOf(owner).Elem().FieldByName(field)
	if !f.IsValid() || f.Kind() != reflect.Pointer {
		return nil, fmt.Errorf("infer/ort: %T of the ONNX Runtime binding has no pointer %q: the binding's version is not the one in go.mod", owner, field)
	}
	return f.UnsafePointer(), nil
}

// sameLayout compares names, offsets and kinds of the fields.
func sameLayout(theirs, ours reflect.Type) error {
	same := theirs.NumField() == ours.NumField() && theirs.Size() == ours.Size()
	for i := 0; same && i < ours.NumField(); i++ {
		a, b := theirs.Field(i), ours.Field(i)
		same = a.Name == b.Name && a.Offset == b.Offset && pointerKind(a.Type) == pointerKind(b.Type)
	}
	if !same {
		return fmt.Errorf("infer/ort: %v of the ONNX Runtime binding has another layout: the binding's version is not the one in go.mod", theirs)
	}
	return nil
}

// pointerKind is 1 for a pointer, 2 for a slice of pointers, 0 for anything else.
func pointerKind(t reflect.Type) int {
	switch {
	case t.Kind() == reflect.Pointer || t.Kind() == reflect.UnsafePointer:
		return 1
	case t.Kind() == reflect.Slice && pointerKind(t.Elem()) == 1:
		return 2
	}
	return 0
}
