package engine

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Options say what an engine runs.
type Options struct {
	Program string   // llama-server
	Model   string   // its file
	Alias   string   // the name under which it answers; empty: the file's
	Context int      // tokens; 0: 8192
	Slots   int      // requests at a time; 0: 1
	Listen  string   // "" is a free port of 127.0.0.1
	Key     string   // "" is a random one
	Args    []string // more, for the program
	Env     []string // more, for the program
}

// State is how an engine is.
type State string

// The states.
const (
	Loading State = "loading"
	Ready   State = "ready"
	Failed  State = "failed" // it died, and is started again
	Stopped State = "stopped"
)

// Waits between checks and before restarts. They are variables for tests.
var (
	pollEvery  = 100 * time.Millisecond
	firstPause = 500 * time.Millisecond
	lastPause  = 30 * time.Second
	graceful   = 3 * time.Second // how long it has to end by itself
)

// Engine is a llama-server that is kept running. It is safe for concurrent use.
type Engine struct {
	o      Options
	URL    string // of its OpenAI-compatible API, with /v1
	Key    string
	root   string
	cancel context.CancelFunc
	ended  chan struct{}

	mu     sync.Mutex
	state  State
	why    error // of Failed
	change chan struct{}
	starts int
}

// Start starts an engine and returns at once; see Await. Close ends it.
func Start(o Options) (*Engine, error) {
	if o.Listen == "" {
		addr, err := freeAddr()
		if err != nil {
			return nil, err
		}
		o.Listen = addr
	}
	if o.Key == "" {
		o.Key = randomKey()
	}
	ctx, cancel := context.WithCancel(context.Background()) // its own life, ended by Close
	e := &Engine{o: o, URL: "http://" + o.Listen + "/v1", root: "http://" + o.Listen, Key: o.Key, cancel: cancel, ended: make(chan struct{}), state: Loading, change: make(chan struct{})}
	go e.keep(ctx)
	return e, nil
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func randomKey() string {
	b := make([]byte, 24)
	rand.Read(b) // never fails (crypto/rand)
	return hex.EncodeToString(b)
}

// State says how the engine is; err is why it failed, with its last words.
func (e *Engine) State() (s State, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state, e.why
}

func (e *Engine) set(s State, why error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state == Stopped {
		return
	}
	e.state, e.why = s, why
	close(e.change)
	e.change = make(chan struct{})
}

// Await waits until the engine is ready. It returns an error when it fails, or ctx ends, before.
func (e *Engine) Await(ctx context.Context) error {
	for {
		e.mu.Lock()
		state, why, change := e.state, e.why, e.change
		e.mu.Unlock()
		switch state {
		case Ready:
			return nil
		case Failed:
			return why
		case Stopped:
			return errors.New("the engine was stopped")
		}
		select {
		case <-change:
		case <-ctx.Done():
			return fmt.Errorf("the engine still loads its model: %w", ctx.Err())
		}
	}
}

// Close ends the engine and waits until it is gone.
func (e *Engine) Close() {
	e.set(Stopped, nil)
	e.cancel()
	<-e.ended
}

// keep runs the program again and again.
func (e *Engine) keep(ctx context.Context) {
	defer close(e.ended)
	pause := firstPause
	for ctx.Err() == nil {
		begun := time.Now()
		err := e.run(ctx)
		if ctx.Err() != nil {
			return
		}
		e.set(Failed, err)
		if time.Since(begun) > time.Minute { // it did well for a while
			pause = firstPause
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, lastPause)
	}
}

// run runs the program once, to its end.
func (e *Engine) run(ctx context.Context) error {
	e.set(Loading, nil)
	host, port, err := net.SplitHostPort(e.o.Listen)
	if err != nil {
		return fmt.Errorf("the address %s: %w", e.o.Listen, err)
	}
	args := []string{"--model", e.o.Model, "--host", host, "--port", port, "--device", "none", "--ctx-size", strconv.Itoa(max(e.o.Context, 0))}
	if e.o.Context == 0 {
		args[len(args)-1] = "8192"
	}
	args = append(args, "--parallel", strconv.Itoa(max(e.o.Slots, 1)))
	if e.o.Alias != "" {
		args = append(args, "--alias", e.o.Alias)
	}
	cmd := exec.Command(e.o.Program, append(args, e.o.Args...)...)
	// The key goes by the environment: the arguments of a process are for everybody to see. Threads that wait must not spin, or
	// the engine starves on a busy machine.
	cmd.Env = append(os.Environ(), "LLAMA_API_KEY="+e.Key, "OMP_WAIT_POLICY=passive", "GOMP_SPINCOUNT=0", "LD_LIBRARY_PATH="+libraries(e.o.Program))
	cmd.Env = append(cmd.Env, e.o.Env...)
	words := &lastWords{}
	cmd.Stdout, cmd.Stderr = words, words
	cmd.WaitDelay = graceful
	died := make(chan error, 1)
	kill, err := start(cmd, died)
	if err != nil {
		return fmt.Errorf("start %s: %w", e.o.Program, err)
	}
	e.mu.Lock()
	e.starts++
	e.mu.Unlock()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 2 * time.Second}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case err := <-died:
			if err == nil {
				err = errors.New("it ended by itself")
			}
			return fmt.Errorf("%s: %w; its last words:\n%s", filepath.Base(e.o.Program), err, words)
		case <-ctx.Done():
			kill(false)
			select {
			case <-died:
			case <-time.After(graceful):
				kill(true)
				<-died
			}
			return ctx.Err()
		case <-tick.C:
			e.check(ctx, client)
		}
	}
}

// check asks for the engine's health: it answers 503 while it loads.
func (e *Engine) check(ctx context.Context, client *http.Client) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.root+"/health", nil)
	if err != nil {
		return
	}
	resp, err := client.Do(req)
	if err != nil {
		return // not yet, or busy; when it dies we hear of it
	}
	resp.Body.Close()
	now, _ := e.State()
	switch {
	case resp.StatusCode == http.StatusOK && now != Ready:
		e.set(Ready, nil)
	case resp.StatusCode == http.StatusServiceUnavailable && now == Ready:
		e.set(Loading, nil)
	}
}

// libraries is where the program finds those that were unpacked with it.
func libraries(program string) string {
	dir := filepath.Dir(program)
	if before := os.Getenv("LD_LIBRARY_PATH"); before != "" {
		return dir + string(os.PathListSeparator) + before
	}
	return dir
}

// lastWords keeps the end of what a program says.
type lastWords struct {
	mu sync.Mutex
	b  []byte
}

const wordsKept = 4 << 10

func (w *lastWords) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.b = append(w.b, p...)
	if extra := len(w.b) - wordsKept; extra > wordsKept {
		w.b = append(w.b[:0], w.b[extra:]...)
	}
	return len(p), nil
}

// String is the last ten lines.
func (w *lastWords) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := strings.Split(string(bytes.TrimSpace(w.b)), "\n")
	return strings.Join(lines[max(len(lines)-10, 0):], "\n")
}
