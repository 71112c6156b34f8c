// Package cli is the command tree: it turns flags into the options of the
// stages, joins them, and turns errors into messages and exit codes. Nothing
// below it reads flags or the environment.
package cli

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"mhp/internal/sink"
)

// Version is the program's version; the build sets it.
var Version = "dev"

// env is what a command may touch of the world outside.
type env struct {
	in       io.Reader
	out, err io.Writer
}

// Run runs one command line and returns its exit code.
func Run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	root := newRoot(env{in: in, out: out, err: errOut})
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	// Whoever read standard output has seen enough: no failure, and nobody to tell.
	if errors.Is(err, sink.ErrReaderGone) {
		return exitDone
	}
	if err != nil {
		printError(errOut, err)
	}
	return exitCode(err)
}

func newRoot(e env) *cobra.Command {
	root := &cobra.Command{
		Use:   "mhp",
		Short: "3D human pose from photographs, on ordinary computers",
		Long: `mhp finds people in photographs and gives their joints in 3D, in millimetres.
It works offline, on the CPU, from one file.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 model or library missing or
wrong, 4 slower than allowed (bench), 130 interrupted.`,
		Version:       Version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("unknown command %q", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("mhp {{.Version}}\n")
	root.SetIn(e.in)
	root.SetOut(e.out)
	root.SetErr(e.err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usagef("%w", err) })
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(newPredict(e), newVideo(e), newEval(e), newBench(e), newModels(e), newDoctor(e), newVersion(e))
	return root
}

func newVersion(e env) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the program's version",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.Printf("mhp %s\n", Version)
			return nil
		},
	}
}

// noArgs refuses arguments with exit code 2.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no arguments, got %q", cmd.CommandPath(), args[0])
	}
	return nil
}
