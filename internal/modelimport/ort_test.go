package modelimport

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	ort "github.com/yalue/onnxruntime_go"

	"mhp/internal/tensor"
)

// libraryFile is ONNX Runtime's library: MHP_ORT_LIBRARY or the project's own folder.
func libraryFile() string {
	if name := os.Getenv("MHP_ORT_LIBRARY"); name != "" {
		return name
	}
	found, err := filepath.Glob(filepath.Join("..", "..", "third_party", "onnxruntime", runtime.GOOS+"-"+runtime.GOARCH, "*onnxruntime*.*"))
	if err != nil || len(found) == 0 {
		return ""
	}
	return found[0]
}

var startLibrary = sync.OnceValue(func() error {
	name := libraryFile()
	if name == "" {
		return fmt.Errorf("no ONNX Runtime library; scripts/fetch_onnxruntime.sh fetches it")
	}
	ort.SetSharedLibraryPath(name)
	return ort.InitializeEnvironment(ort.WithLogLevelError())
})

// needLibrary skips where ONNX Runtime is not installed.
func needLibrary(t testing.TB) {
	t.Helper()
	if err := startLibrary(); err != nil {
		t.Skip("needs ONNX Runtime: ", err)
	}
}

// newSession opens a model with n threads and no spinning.
func newSession(data []byte, threads int) (s *ort.DynamicAdvancedSession, outputs []string, err error) {
	in, out, err := ort.GetInputOutputInfoWithONNXData(data)
	if err != nil {
		return nil, nil, err
	}
	for _, o := range out {
		outputs = append(outputs, o.Name)
	}
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, nil, err
	}
	defer options.Destroy()
	if err := options.SetIntraOpNumThreads(threads); err != nil {
		return nil, nil, err
	}
	if err := options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0"); err != nil {
		return nil, nil, err
	}
	s, err = ort.NewDynamicAdvancedSessionWithONNXData(data, []string{in[0].Name}, outputs, options)
	return s, outputs, err
}

// runORT is a RunFunc.
func runORT(data []byte, input tensor.Tensor) (map[string]tensor.Tensor, error) {
	s, names, err := newSession(data, 1)
	if err != nil {
		return nil, err
	}
	defer s.Destroy()
	x, err := ort.NewTensor(ort.NewShape(input.Shape...), input.Data)
	if err != nil {
		return nil, err
	}
	defer x.Destroy()
	values := make([]ort.Value, len(names))
	if err := s.Run([]ort.Value{x}, values); err != nil {
		return nil, err
	}
	out := map[string]tensor.Tensor{}
	for i, v := range values {
		if f, ok := v.(*ort.Tensor[float32]); ok {
			out[names[i]] = tensor.Tensor{Shape: f.GetShape(), Data: append([]float32(nil), f.GetData()...)}
		}
		if err := v.Destroy(); err != nil {
			return nil, err
		}
	}
	return out, nil
}
