// Package ort runs pose networks with ONNX Runtime.
//
//	library file --FindLibrary--> Library
//	      \                         (version, providers)
//	       Open(model, spec) --> Session --NewRunner--> Runner, one per goroutine
//	                               |                      |
//	                       weights, threads        input and output memory
//
// The binding github.com/yalue/onnxruntime_go does nearly all of it; what it
// lacks is in image_unix.go (a look at a library before it is used), bound.go
// (runs that allocate nothing) and nnapi_android.go.
package ort

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	binding "github.com/yalue/onnxruntime_go"

	"mhp/internal/infer"
	"mhp/internal/model"
)

// Session is a network that is loaded and ready. Its runners share its weights
// and threads; it may be used from several goroutines.
type Session struct {
	spec     *model.Spec
	ports    model.Ports
	inputs   []string
	outputs  []string
	library  *Library
	provider string
	threads  int
	native   *binding.DynamicAdvancedSession

	mu     sync.Mutex
	users  int // the session itself until it is closed, and its open runners
	closed bool
}

// Open loads a model from memory. Errors wrap ErrLibrary or model.ErrModel.
func Open(where LibraryOptions, data []byte, spec *model.Spec, o Options) (*Session, error) {
	s := &Session{spec: spec}
	if err := s.readPorts(data); err != nil {
		return nil, err
	}
	if err := s.load(where, data, o); err != nil {
		return nil, err
	}
	return s, nil
}

// load opens the library's session for a graph whose ports are known.
func (s *Session) load(where LibraryOptions, data []byte, o Options) (err error) {
	if err := o.Validate(); err != nil {
		return err
	}
	s.users, s.threads = 1, o.Threads
	if s.threads == 0 {
		s.threads = CountCPUs().Threads()
	}
	library, img, err := acquire(where)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, release())
		}
	}()
	s.library = library
	plans, err := o.plans(library)
	if err != nil {
		return err
	}
	var failures []error
	for _, plan := range plans {
		native, err := s.start(img, data, plan, o)
		if err == nil {
			s.native, s.provider = native, plan[0]
			return nil
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// readPorts checks the graph's inputs and outputs against the metadata.
func (s *Session) readPorts(data []byte) error {
	graph, err := model.ReadGraph(data)
	if err != nil {
		return fmt.Errorf("%w %s: %w", model.ErrModel, s.spec.Name, err)
	}
	if s.ports, err = s.spec.Ports(graph); err != nil {
		return fmt.Errorf("%w (model %s)", err, s.spec.Name)
	}
	s.inputs = []string{s.ports.Image}
	for _, name := range []string{s.ports.Coords, s.ports.Score, s.ports.Plane, s.ports.Depth, s.ports.Heatmap} {
		if name != "" {
			s.outputs = append(s.outputs, name)
		}
	}
	return nil
}

// start opens the library's session with one list of providers.
func (s *Session) start(img *image, data []byte, plan []string, o Options) (native *binding.DynamicAdvancedSession, err error) {
	options, err := binding.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, options.Destroy()) }()
	if err := s.configure(options, o); err != nil {
		return nil, fmt.Errorf("ONNX Runtime's options: %w", err)
	}
	for _, name := range plan {
		if providers[name].append == nil {
			continue
		}
		var own map[string]string
		if name == o.optionsFor() {
			own = o.ProviderOptions
		}
		if err := providers[name].append(img, options, own); err != nil {
			return nil, &ProviderError{Provider: name, Library: s.library, Err: err}
		}
	}
	native, err = binding.NewDynamicAdvancedSessionWithONNXData(data, s.inputs, s.outputs, options)
	if err != nil {
		if plan[0] != CPU {
			return nil, &ProviderError{Provider: strings.Join(plan, ","), Library: s.library, Err: err}
		}
		return nil, fmt.Errorf("%w %s: ONNX Runtime %s does not load it: %v", model.ErrModel, s.spec.Name, s.library.Version, err)
	}
	return native, nil
}

func (s *Session) configure(options *binding.SessionOptions, o Options) error {
	spin := "0"
	if o.Spin {
		spin = "1"
	}
	steps := []error{
		options.SetIntraOpNumThreads(s.threads),
		// The network is a chain: there is nothing to run side by side.
		options.SetInterOpNumThreads(1),
		options.SetExecutionMode(binding.ExecutionModeSequential),
		options.SetGraphOptimizationLevel(binding.GraphOptimizationLevelEnableAll),
		options.AddSessionConfigEntry("session.intra_op.allow_spinning", spin),
		options.AddSessionConfigEntry("session.inter_op.allow_spinning", "0"),
		// As for the environment: errors come back, they are not printed.
		options.SetLogSeverityLevel(binding.LoggingLevelFatal),
	}
	if o.OptimisedFile != "" {
		steps = append(steps, options.SetOptimizedModelFilePath(o.OptimisedFile))
	}
	if o.profile != "" {
		steps = append(steps, options.EnableProfiling(o.profile))
	}
	return errors.Join(steps...)
}

// Spec is the network's meaning.
func (s *Session) Spec() *model.Spec { return s.spec }

// Library is the library that runs the session.
func (s *Session) Library() Library { return *s.library }

// Threads is how many threads share one operator's work.
func (s *Session) Threads() int { return s.threads }

// Provider is the first of the execution providers in use.
func (s *Session) Provider() string { return s.provider }

// NewRunner returns a runner with memory of its own, for one goroutine. The
// session stays in memory until it and all its runners are closed.
func (s *Session) NewRunner() (infer.Runner, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errors.New("infer/ort: the session is closed")
	}
	stop, err := binding.NewRunOptions()
	if err != nil {
		return nil, fmt.Errorf("ONNX Runtime's run options: %w", err)
	}
	s.users++
	return newRunner(s, stop), nil
}

// Close frees the session, or leaves that to the last of its runners.
func (s *Session) Close() error {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if closed {
		return nil
	}
	return s.drop()
}

// drop is called once by the session and once by each runner.
func (s *Session) drop() error {
	s.mu.Lock()
	s.users--
	last := s.users == 0
	s.mu.Unlock()
	if !last {
		return nil
	}
	return errors.Join(s.native.Destroy(), release())
}
