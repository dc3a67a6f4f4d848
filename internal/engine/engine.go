package engine

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Options say what an engine runs.
type Options struct {
	Program string   // llama-server
	Model   string   // its file
	Alias   string   // the name under which it answers; empty: the file's
	Context int      // tokens of each request; 0: 8192
	Slots   int      // requests at a time; 0: 1
	Listen  string   // "" is a free port of 127.0.0.1, another one each time
	Key     string   // "" is a random one
	Args    []string // more, for the program
	Env     []string // more, for the program
	Pace    Pace
	Log     *slog.Logger // is told when it is ready, dies, and is started again; nil: nobody
}

// Pace is how long an engine is waited for. The zero value of each part suits real ones.
type Pace struct {
	Poll        time.Duration // between looks at the health of one that loads; 0: 100 ms
	Watch       time.Duration // between looks at one that is ready; 0: 5 s
	Silence     time.Duration // after which one that does not answer at all is taken for hung, and ended; 0: 2 minutes
	First, Last time.Duration // the pause before a restart, which doubles with each; 0: half a second, and half a minute
	Grace       time.Duration // that it has to end by itself; 0: 3 s
}

func (p Pace) orDefault() Pace {
	return Pace{
		Poll: cmp.Or(p.Poll, 100*time.Millisecond), Watch: cmp.Or(p.Watch, 5*time.Second), Silence: cmp.Or(p.Silence, 2*time.Minute),
		First: cmp.Or(p.First, 500*time.Millisecond), Last: cmp.Or(p.Last, 30*time.Second), Grace: cmp.Or(p.Grace, 3*time.Second),
	}
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

// Status is a state, and what belongs to it.
type Status struct {
	State State
	URL   string        // of its OpenAI-compatible API, with /v1; another one after each start
	Since time.Time     // it loads, or is ready
	Again time.Time     // Failed: when it is started again
	Fails int           // how often it died in a row without being ready
	Death *Death        // the last one; nil where there was none
	Loads time.Duration // how long that took the last time; 0 where it was never ready
}

// Engine is a llama-server that is kept running. It is safe for concurrent use.
type Engine struct {
	Key string // of its API

	o      Options
	cancel context.CancelFunc
	ended  chan struct{}

	mu      sync.Mutex
	status  Status
	changed chan struct{} // closed when status changes
}

// Start starts an engine and returns at once; see Await. It lives until Stop, or the end of ctx.
func Start(ctx context.Context, o Options) *Engine {
	o.Pace = o.Pace.orDefault()
	if o.Key == "" {
		b := make([]byte, 24)
		rand.Read(b) // never fails (crypto/rand)
		o.Key = hex.EncodeToString(b)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Log = o.Log.With("model", o.Alias)
	ctx, cancel := context.WithCancel(ctx)
	e := &Engine{o: o, Key: o.Key, cancel: cancel, ended: make(chan struct{}), changed: make(chan struct{}), status: Status{State: Loading, Since: time.Now()}}
	go e.keep(ctx)
	return e
}

// Stop ends the engine and waits until it is gone.
func (e *Engine) Stop() {
	e.cancel()
	<-e.ended
}

// Status says how the engine is.
func (e *Engine) Status() Status {
	s, _ := e.watch()
	return s
}

// watch returns the status, and what is closed when it changes.
func (e *Engine) watch() (Status, <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.status, e.changed
}

func (e *Engine) set(change func(*Status)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change(&e.status)
	close(e.changed)
	e.changed = make(chan struct{})
}

// Await waits until the engine is ready and returns its URL. One that has died once is waited for, since it is started again.
// The error is a *Death, or a *NotReady where ctx ended before.
func (e *Engine) Await(ctx context.Context) (url string, err error) {
	for {
		s, changed := e.watch()
		switch {
		case s.State == Ready:
			return s.URL, nil
		case s.State == Stopped:
			return "", errStopped
		case s.State == Failed && s.Fails > 1:
			return "", s.Death
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "", e.notReady(s, ctx.Err())
		}
	}
}

// notReady tells how long it takes: as long as the last time, or a few seconds.
func (e *Engine) notReady(s Status, why error) *NotReady {
	loads := time.Since(s.Since)
	const guess = 5 * time.Second
	left := guess
	if s.Loads > 0 {
		left = s.Loads - loads
	}
	return &NotReady{Model: e.o.Alias, For: loads, Left: max(left, time.Second), Err: why}
}

// keep runs the program again and again.
func (e *Engine) keep(ctx context.Context) {
	defer close(e.ended)
	defer e.set(func(s *Status) { s.State = Stopped })
	pause := e.o.Pace.First
	for {
		death := e.run(ctx)
		if ctx.Err() != nil {
			return
		}
		if s := e.Status(); s.State == Ready && time.Since(s.Since) > time.Minute { // it did well for a while
			pause = e.o.Pace.First
		}
		death.Again = pause
		e.o.Log.Warn("the engine of a local model died; it is started again", "in", pause, "err", death)
		e.set(func(s *Status) {
			if s.State == Ready {
				s.Fails = 0
			}
			s.State, s.Death, s.Again, s.Fails = Failed, death, time.Now().Add(pause), s.Fails+1
		})
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, e.o.Pace.Last)
	}
}

// FreeAddr is an address of this machine that nobody listens at just now.
func FreeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}
