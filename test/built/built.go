// Package built builds the program for tests that run it from the outside, and keeps what it logs.
package built

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Run builds the program, notes in binary where it is, and calls run, for as long as which it is there. It returns the status for os.Exit.
func Run(binary *string, run func() int) int {
	dir, err := os.MkdirTemp("", "dragoman-built-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	*binary = filepath.Join(dir, "dragoman")
	build := exec.Command("go", "build", "-o", *binary, "github.com/dragoman/dragoman/cmd/dragoman")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	return run()
}

// Log is what a program writes while a test reads it.
type Log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

// String is all that was written.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Contains says whether a text was written.
func (l *Log) Contains(text string) bool { return strings.Contains(l.String(), text) }

// Await waits for what a program does by itself, within a minute.
func Await(t testing.TB, what string, happened func() bool) {
	t.Helper()
	for range 6000 {
		if happened() {
			return
		}
		time.Sleep(10 * time.Millisecond) // programs tell nobody when they have done something
	}
	t.Fatalf("a minute without this: %s", what)
}
