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
	ctx, stop := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2) // none is lost, however soon the second follows the first
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		stop()
		code := 1
		if s, ok := (<-signals).(syscall.Signal); ok { // a second one ends it at once
			code = 128 + int(s)
		}
		os.Exit(code)
	}()
	os.Exit(cli.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv))
}
