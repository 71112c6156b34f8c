package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"mhp/internal/infer"
	"mhp/internal/infer/ort"
	"mhp/internal/model"
	"mhp/internal/pose"
)

// networkFlags choose the network and what runs it.
type networkFlags struct {
	model           string
	threads         int
	spin            bool
	provider        string
	providerOptions []string
	library         string
}

func (r *networkFlags) bind(f *pflag.FlagSet) {
	f.StringVar(&r.model, "model", "xs", "the network: xs, s, or an ONNX file with mhp metadata")
	f.IntVar(&r.threads, "threads", 0, "threads of the network, 0 = physical cores within the CPU quota")
	f.BoolVar(&r.spin, "spin", false, "let waiting threads spin: a little faster on an idle machine, burns a core")
	f.StringVar(&r.provider, "provider", "auto", "what runs the network: auto, or a list of cpu, coreml, nnapi, xnnpack, cuda; what one cannot run goes to the next")
	f.StringArrayVar(&r.providerOptions, "provider-option", nil, "key=value for the provider (repeatable)")
	bindLibrary(f, &r.library)
}

func bindLibrary(f *pflag.FlagSet, library *string) {
	f.StringVar(library, "ort-library", "", "ONNX Runtime's library file (else MHP_ORT_LIBRARY, beside the program, third_party/, the system's)")
}

// network is an open network with what runs it.
type network struct {
	info    pose.ModelInfo
	session *ort.Session
	runner  infer.Runner
}

// open loads the model file and makes a runner; a network that was never
// trained is announced, since its joints mean nothing.
func (r *networkFlags) open(e env) (*network, error) {
	opts, err := r.options()
	if err != nil {
		return nil, err
	}
	file, err := store().Resolve(r.model)
	if err != nil {
		return nil, err
	}
	if !file.Spec.Trained {
		fmt.Fprintf(e.err, "mhp: WARNING: the model %s is NOT TRAINED: its joints are meaningless numbers\n", file.Name)
	}
	session, err := ort.Open(libraryOptions(r.library), file.Bytes, file.Spec, opts)
	if err != nil {
		return nil, err
	}
	runner, err := session.NewRunner()
	if err != nil {
		return nil, errors.Join(err, session.Close())
	}
	return &network{info: modelInfo(file), session: session, runner: runner}, nil
}

func (r *networkFlags) options() (ort.Options, error) {
	opts := ort.Options{Threads: r.threads, Spin: r.spin, Providers: strings.Split(r.provider, ",")}
	if r.threads < 0 {
		return opts, usagef("--threads must be 0 or more, not %d", r.threads)
	}
	for _, text := range r.providerOptions {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return opts, usagef("--provider-option %q is not key=value", text)
		}
		if opts.ProviderOptions == nil {
			opts.ProviderOptions = map[string]string{}
		}
		opts.ProviderOptions[key] = value
	}
	if err := opts.Validate(); err != nil {
		return opts, usagef("%w", err)
	}
	return opts, nil
}

// Close frees the runner before the session that it runs on.
func (r *network) Close() error { return errors.Join(r.runner.Close(), r.session.Close()) }

func modelInfo(f *model.File) pose.ModelInfo {
	return pose.ModelInfo{Name: f.Spec.Name, SHA256: f.SHA256, Variant: f.Spec.Variant, Set: f.Spec.Set, Trained: f.Spec.Trained}
}

// libraryOptions is where the ONNX Runtime library is looked for.
func libraryOptions(flag string) ort.LibraryOptions {
	return ort.LibraryOptions{Flag: flag, Env: os.Getenv("MHP_ORT_LIBRARY")}
}
