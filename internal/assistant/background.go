package assistant

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Background does what turns leave to be done: summaries, what is to be remembered, vectors. No turn waits for it. It does one thing
// at a time, so that it never takes more than its share, and what comes while too much waits is left out: the next turn of the same
// conversation brings it again. It is safe for concurrent use.
type Background struct {
	log *slog.Logger

	mu      sync.Mutex
	waiting map[string]bool // keys of what is in the queue
	queue   chan task
	stopped bool
	cancel  context.CancelFunc
	ended   chan struct{}
}

type task struct {
	key string
	do  func(context.Context) error
}

const (
	// mostWaiting bounds the queue.
	mostWaiting = 256
	// taskWithin is how long one task may take.
	taskWithin = time.Minute
)

// NewBackground makes one. Start begins.
func NewBackground(log *slog.Logger) *Background {
	return &Background{log: log, waiting: map[string]bool{}, queue: make(chan task, mostWaiting), ended: make(chan struct{})}
}

// Start begins to do what is left to it. Stop must be called.
func (b *Background) Start(ctx context.Context) {
	ctx, b.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go b.run(ctx)
}

// Later leaves something to be done, unless the same (by its key) waits already, and says whether it was taken. A nil Background
// takes nothing.
func (b *Background) Later(key string, do func(context.Context) error) bool {
	if b == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped || b.waiting[key] {
		return b.waiting[key]
	}
	select {
	case b.queue <- task{key, do}:
		b.waiting[key] = true
		return true
	default:
		return false
	}
}

// Stop does what waits, as long as ctx allows, and ends.
func (b *Background) Stop(ctx context.Context) error {
	b.mu.Lock()
	if !b.stopped {
		b.stopped = true
		close(b.queue)
	}
	b.mu.Unlock()
	var err error
	select {
	case <-b.ended:
	case <-ctx.Done():
		err = ctx.Err()
	}
	b.cancel()
	<-b.ended
	return err
}

func (b *Background) run(ctx context.Context) {
	defer close(b.ended)
	for t := range b.queue {
		if ctx.Err() != nil {
			continue
		}
		b.mu.Lock()
		delete(b.waiting, t.key) // what comes from now on is new
		b.mu.Unlock()
		within, cancel := context.WithTimeout(ctx, taskWithin)
		if err := t.do(within); err != nil && ctx.Err() == nil {
			b.log.Warn("a task beside the turns failed; it is tried again with the next turn", "err", err)
		}
		cancel()
	}
}
