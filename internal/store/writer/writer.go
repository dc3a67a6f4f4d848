// Package writer takes what a server leaves behind (usage rows, traces) to the store in batches, off the path of requests.
package writer

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/store"
)

const (
	// every is how far the store is behind when it keeps up.
	every = 100 * time.Millisecond
	// most is how many rows and traces one transaction takes.
	most = 512
	// behind is how many may wait before no more requests are let in: at 1 KB each, about 50 MB.
	behind = 50_000
	// Back-off while the store refuses.
	firstPause = 50 * time.Millisecond
	lastPause  = 2 * time.Second
)

// Writer is safe for concurrent use. Start it once, and Stop it last of all.
type Writer struct {
	store store.Batches
	log   *slog.Logger

	mu      sync.Mutex
	rows    queue[rows, *rows]
	traces  queue[traces, *traces]
	written *sync.Cond // on mu: something was written
	wake    chan struct{}
	stop    chan struct{}
	ended   chan struct{}
	failing bool // of the goroutine that writes
}

// New makes a writer to a store.
func New(s store.Batches, log *slog.Logger) *Writer {
	w := &Writer{store: s, log: log, wake: make(chan struct{}, 1), stop: make(chan struct{}), ended: make(chan struct{})}
	w.written = sync.NewCond(&w.mu)
	return w
}

// Start begins to write.
func (w *Writer) Start() { go w.run() }

// AddUsage implements ledger.Queue. Rows are always taken.
func (w *Writer) AddUsage(r *ledger.Row, applied func()) {
	w.mu.Lock()
	b := w.rows.filling()
	b.list = append(b.list, *r)
	b.applied = append(b.applied, applied)
	w.rows.waiting++
	full := b.full()
	w.mu.Unlock()
	if full {
		w.poke()
	}
}

// AddTrace queues a trace, whose body it copies. One that comes while the store is far behind is dropped: it is no money.
func (w *Writer) AddTrace(t store.Trace) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.traces.waiting >= behind {
		return false
	}
	b := w.traces.filling()
	from := len(b.bodies)
	b.bodies = append(b.bodies, t.Body...)
	t.Body = b.bodies[from:len(b.bodies):len(b.bodies)]
	b.list = append(b.list, t)
	w.traces.waiting++
	return true
}

// Behind implements ledger.Queue.
func (w *Writer) Behind() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rows.waiting >= behind
}

// Backlog is how many rows and traces wait.
func (w *Writer) Backlog() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rows.waiting + w.traces.waiting
}

func (w *Writer) poke() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Flush waits until what was added before is in the store, or ctx is done.
func (w *Writer) Flush(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.written.Broadcast()
	})
	defer stop()
	w.poke()
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.rows.waiting+w.traces.waiting > 0 && ctx.Err() == nil {
		w.written.Wait()
	}
	return ctx.Err()
}

// Stop writes what is left, as long as ctx allows, and ends the writer. What is not written then is still in the journal.
func (w *Writer) Stop(ctx context.Context) error {
	err := w.Flush(ctx)
	close(w.stop)
	<-w.ended
	return err
}

func (w *Writer) run() {
	defer close(w.ended)
	ctx, cancel := context.WithCancel(context.Background()) // the writer's own life, ended by Stop
	defer cancel()
	go func() {
		select {
		case <-w.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	tick := time.NewTicker(every)
	defer tick.Stop()
	pause := firstPause
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-w.wake:
		}
		for {
			more, err := w.write(ctx)
			if err != nil {
				if !w.rest(ctx, pause) {
					return
				}
				pause = min(2*pause, lastPause)
				continue
			}
			pause = firstPause
			if !more {
				break
			}
		}
	}
}

func (w *Writer) rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// write takes one transaction's worth to the store, and says whether as much again waits. What cannot be written stays first in line.
func (w *Writer) write(ctx context.Context) (more bool, err error) {
	w.mu.Lock()
	r, t := w.rows.first(), w.traces.first()
	w.mu.Unlock()
	rowsFirst := w.failing && r.size() > 0 // where little room is left
	if rowsFirst {
		t = &traces{}
	}
	if r.size()+t.size() == 0 {
		return false, nil
	}
	if err := w.store.Add(ctx, store.Batch{Usage: r.list, Traces: t.list}); err != nil {
		if !w.failing && ctx.Err() == nil {
			w.failing = true
			w.log.Error("the books cannot be written; requests are refused when too much waits", "err", err)
		}
		return true, err
	}
	if w.failing {
		w.failing = false
		w.log.Info("the books can be written again")
	}
	for _, applied := range r.applied {
		applied()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rows.done()
	if !rowsFirst {
		w.traces.done()
	}
	w.written.Broadcast()
	return w.rows.waiting >= most || w.traces.waiting >= most, nil
}
