// Package fidelity holds the program, from the outside, to what it promises of all that passes through it: what it keeps, what
// it never passes on, how it fails, and that half an answer never looks like a whole one. The server is the one that "dragoman
// serve" starts, with callers on one side and a provider's bytes on the other.
package fidelity

import (
	"flag"
	"slices"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil { // they wait, most of the time
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// check is one promise.
type check struct {
	name string // the promise
	run  func(t *testing.T)
}

// TestFidelity keeps the promises. Each has a program and a provider of its own.
func TestFidelity(t *testing.T) {
	all := slices.Concat(requestChecks, answerChecks, headerChecks, errorChecks, cutChecks, leavingChecks, wayChecks, chatOnlyChecks, visibleChecks)
	if len(all) < 34 {
		t.Errorf("%d promises", len(all))
	}
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t)
		})
	}
}

// everyDoor runs a part of a check for each door, with a program of its own: what the program tries again takes a while.
func everyDoor(t *testing.T, run func(t *testing.T, g *gateway, d wire)) {
	for _, d := range doors {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			run(t, open(t, ""), d)
		})
	}
}
