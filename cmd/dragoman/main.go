// Dragoman answers questions from a team's own knowledge with any mix of language models.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/dragoman/dragoman/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	code := cli.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(code)
}
