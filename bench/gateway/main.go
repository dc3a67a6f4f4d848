// Command gateway measures what a request costs when it goes through Dragoman, beside a bare httputil.ReverseProxy in the same
// run, over a model server on loopback: CPU and allocations per request, added latency, memory of idle streams, events
// per second. Authentication, budgets, durable usage rows, metrics and traces are on, and the books are checked against what was
// sent when all is over. make bench-gateway runs it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

func main() {
	if len(os.Args) > 2 {
		// The other parts of the measurement are this program, too, each as a process of its own.
		switch os.Args[1] {
		case "mock":
			exit(mock(os.Args[2]))
		case "proxy":
			exit(proxy(os.Args[2], os.Args[3]))
		case "profiled":
			exit(profiled(os.Args[2], os.Args[3:]))
		}
	}
	var o options
	flag.StringVar(&o.program, "dragoman", "", "the built `program`")
	flag.DurationVar(&o.lasting, "for", 1500*time.Millisecond, "how long each load lasts")
	flag.IntVar(&o.pairs, "pairs", 7, "how often each case is measured, bare and through Dragoman in turn")
	flag.IntVar(&o.connections, "connections", 32, "connections of each load")
	flag.IntVar(&o.idle, "idle", 5000, "idle streams; 0 leaves them out")
	flag.StringVar(&o.only, "only", "", "measure only the cases whose name has this `word`")
	flag.StringVar(&o.profile, "profile", "", "write profiles of CPU and allocations to this `folder`; figures are then not to be quoted")
	flag.Parse()
	if o.program == "" && o.profile == "" {
		exit(errors.New("--dragoman names the program to measure; make bench-gateway builds it"))
	}
	for _, path := range []*string{&o.program, &o.profile} {
		if *path != "" {
			*path = absolute(*path) // it is started in a folder of its own
		}
	}
	exit(o.run())
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func absolute(path string) string {
	p, err := filepath.Abs(path)
	if err != nil {
		exit(err)
	}
	return p
}

type options struct {
	program     string
	lasting     time.Duration
	pairs       int
	connections int
	idle        int
	only        string
	profile     string
}
