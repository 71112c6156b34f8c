// Command mhp finds people in pictures and gives their joints in 3D, in millimetres.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"mhp/internal/cli"
)

func main() {
	// The first Ctrl-C asks for a clean end; from then on the default holds, so a second one kills.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	// A reader of standard output that goes away is an error like any other, so that files still end whole.
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(cli.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
