package engine

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Death says why an engine ended.
type Death struct {
	Err   error         // "exit status 1", "signal: killed"
	Words string        // the last lines of its log
	Again time.Duration // when it is started again
}

func (d *Death) Error() string {
	s := Program + ": " + d.Err.Error()
	if hint := d.hint(); hint != "" {
		s += " (" + hint + ")"
	}
	if d.Words != "" {
		s += "; its last words:\n" + d.Words
	}
	return s
}

func (d *Death) Unwrap() error { return d.Err }

// hint says what to do about the usual reasons.
func (d *Death) hint() string {
	switch {
	case strings.Contains(d.Words, "libgomp.so.1"):
		return "it needs the package libgomp1: apt-get install libgomp1"
	case strings.Contains(d.Words, "error while loading shared libraries"):
		return "it needs a library that is not here"
	case strings.Contains(d.Words, "failed to allocate"), strings.Contains(d.Words, "std::bad_alloc"):
		return "there is not enough memory; a smaller context needs less"
	case strings.Contains(d.Err.Error(), "signal: killed"):
		return "somebody ended it, or the system for want of memory"
	}
	return ""
}

// NotReady says that a model is not in memory yet.
type NotReady struct {
	Model string
	For   time.Duration // how long it loads already
	Left  time.Duration // about how long it takes yet
	Err   error         // why nobody waited longer
}

func (n *NotReady) Error() string {
	return fmt.Sprintf("loading model %s, for %s so far; try again in %s", n.Model, n.For.Round(time.Second), n.Left.Round(time.Second))
}

func (n *NotReady) Unwrap() error { return n.Err }

var errStopped = errors.New("the engine was stopped")

// lastWords keeps the end of what a program says.
type lastWords struct {
	mu sync.Mutex
	b  []byte
}

const (
	wordsKept = 4 << 10 // bytes
	linesTold = 10
)

func (w *lastWords) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.b = append(w.b, p...)
	if extra := len(w.b) - wordsKept; extra > wordsKept {
		w.b = append(w.b[:0], w.b[extra:]...)
	}
	return len(p), nil
}

// String is the last lines.
func (w *lastWords) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := strings.Split(string(bytes.TrimSpace(w.b)), "\n")
	return strings.Join(lines[max(len(lines)-linesTold, 0):], "\n")
}
