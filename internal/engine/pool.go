package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
)

// PoolOptions say how many engines of one model there are.
type PoolOptions struct {
	Model string // its name, for messages
	// Resolve says what is run. It is asked before each start, so that a model may come later than its pool; its error says what
	// to do.
	Resolve func() (Options, error)
	Slots   int           // requests that one takes at a time; 0: 1
	Min     int           // that always run; 0: the first is started when it is needed
	Max     int           // at most; less than 1 means 1
	Idle    time.Duration // after which one beyond Min is stopped; 0: 10 minutes
	Wait    time.Duration // how long a request waits for a model that is being loaded, before its caller is told so; 0: 20 seconds
	Log     *slog.Logger
}

// Pool runs engines of one model, as many as are needed. It is safe for concurrent use.
type Pool struct {
	o    PoolOptions
	wake chan struct{} // something changed that Start's loop has to look at

	mu      sync.Mutex
	life    context.Context // of the engines; nil before Start and after Stop
	stop    context.CancelFunc
	ended   chan struct{}
	members []*member
	retired bool
	closing sync.WaitGroup
}

// member is an engine of a pool.
type member struct {
	*Engine
	busy  int
	since time.Time // idle since
}

// idleSince is since when nobody uses it. One that still loads has not had its chance.
func (m *member) idleSince(now time.Time) time.Time {
	switch s := m.Status(); {
	case s.State == Loading:
		return now
	case s.State == Ready && s.Since.After(m.since):
		return s.Since
	}
	return m.since
}

// NewPool makes a pool; nothing runs before Start.
func NewPool(o PoolOptions) *Pool {
	o.Slots = max(o.Slots, 1)
	o.Max = max(o.Max, o.Min, 1)
	o.Idle = cmp.Or(o.Idle, 10*time.Minute)
	o.Wait = cmp.Or(o.Wait, 20*time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Pool{o: o, wake: make(chan struct{}, 1)}
}

// Start lets engines be started from now on, until Stop: the end of ctx stops none, since answers may be under way.
func (p *Pool) Start(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.life != nil {
		return
	}
	p.life, p.stop = context.WithCancel(context.WithoutCancel(ctx))
	p.ended = make(chan struct{})
	go p.tidy(p.life, p.ended)
}

// Stop ends all engines and waits until they are gone.
func (p *Pool) Stop() {
	p.mu.Lock()
	if p.life == nil {
		p.mu.Unlock()
		return
	}
	p.stop()
	members := p.members
	p.life, p.members = nil, nil
	p.mu.Unlock()
	<-p.ended
	for _, m := range members {
		m.Stop()
	}
	p.closing.Wait()
}

// Warm starts the engines that always run.
func (p *Pool) Warm() error {
	for {
		p.mu.Lock()
		enough := len(p.members) >= p.o.Min || p.retired
		p.mu.Unlock()
		if enough {
			return nil
		}
		o, err := p.o.Resolve()
		if err != nil {
			return err
		}
		p.mu.Lock()
		if len(p.members) < p.o.Min {
			p.add(o)
		}
		closed := p.life == nil
		p.mu.Unlock()
		if closed {
			return errStopped
		}
	}
}

// Retire lets each engine go as soon as nobody uses it. What still comes is answered all the same.
func (p *Pool) Retire() {
	p.mu.Lock()
	p.retired = true
	p.mu.Unlock()
	p.look()
}

// Engines are the states of the engines there are.
func (p *Pool) Engines() []Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]Status, len(p.members))
	for i, m := range p.members {
		out[i] = m.Status()
	}
	return out
}

// add starts an engine. The lock is held.
func (p *Pool) add(o Options) *member {
	if p.life == nil {
		return nil
	}
	o.Slots, o.Log = p.o.Slots, p.o.Log
	m := &member{Engine: Start(p.life, o), since: time.Now()}
	p.members = append(p.members, m)
	p.look()
	return m
}

// look wakes tidy.
func (p *Pool) look() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// tidy stops engines that nobody needs.
func (p *Pool) tidy(ctx context.Context, ended chan<- struct{}) {
	defer close(ended)
	for {
		next := p.stopIdle(time.Now())
		due := time.NewTimer(cmp.Or(next, time.Hour))
		select {
		case <-ctx.Done():
		case <-p.wake:
		case <-due.C:
		}
		due.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// stopIdle stops the engines beyond Min that were idle for long enough, the oldest first, and says when the next one is to be
// looked at; 0 is not before something changes.
func (p *Pool) stopIdle(now time.Time) (next time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	least, idle := p.o.Min, p.o.Idle
	if p.retired {
		least, idle = 0, 0
	}
	kept := p.members[:0:0]
	spare := len(p.members) - least
	for _, m := range p.members {
		left := idle - now.Sub(m.idleSince(now))
		if m.busy == 0 && spare > 0 && left <= 0 {
			spare--
			p.o.Log.Info("a local model that nobody uses is stopped", "model", p.o.Model)
			p.closing.Go(m.Stop)
			continue
		}
		if m.busy == 0 && left > 0 && (next == 0 || left < next) {
			next = left
		}
		kept = append(kept, m)
	}
	p.members = kept
	return next
}

// pick takes the engine with the least to do; nil where another one should be started.
func (p *Pool) pick() *member {
	p.mu.Lock()
	defer p.mu.Unlock()
	best, more := p.best()
	if more {
		return nil
	}
	best.busy++
	return best
}

// best is the engine with the least to do, a ready one where there is one; nil where there is none. more says that another one
// is wanted: all are busy, and none is on its way. The lock is held.
func (p *Pool) best() (best *member, more bool) {
	var least int
	loading := false
	for _, m := range p.members {
		rank := m.busy
		if s := m.Status().State; s != Ready {
			rank += 1 << 20
			loading = true
		}
		if best == nil || rank < least {
			best, least = m, rank
		}
	}
	return best, best == nil || best.busy >= p.o.Slots && len(p.members) < p.o.Max && !loading
}

// take picks an engine, and starts another where all are busy: it serves those that come when it is ready.
func (p *Pool) take() (*member, error) {
	if m := p.pick(); m != nil {
		return m, nil
	}
	o, err := p.o.Resolve()
	p.mu.Lock()
	defer p.mu.Unlock()
	best, more := p.best()
	if err == nil && more {
		if m := p.add(o); best == nil {
			best = m
		}
	}
	switch {
	case best == nil && err != nil:
		return nil, &chat.Error{Code: chat.CodeUnavailable, Message: err.Error(), Err: err}
	case best == nil:
		return nil, &chat.Error{Code: chat.CodeUnavailable, Message: "the local models are being stopped", Err: errStopped}
	}
	best.busy++
	return best, nil
}

func (p *Pool) give(m *member) {
	p.mu.Lock()
	m.busy--
	m.since = time.Now()
	p.mu.Unlock()
	p.look()
}

// Await waits until an engine is ready, and starts one where none runs. The error, an *chat.Error, says that the model is being
// loaded and for how long yet, or why it cannot be.
func (p *Pool) Await(ctx context.Context) error {
	m, err := p.take()
	if err != nil {
		return err
	}
	defer p.give(m)
	_, err = p.await(ctx, m)
	return err
}

func (p *Pool) await(ctx context.Context, m *member) (url string, err error) {
	waiting, cancel := context.WithTimeout(ctx, p.o.Wait)
	defer cancel()
	url, err = m.Await(waiting)
	if err == nil {
		return url, nil
	}
	if ctx.Err() != nil {
		return "", &chat.Error{Code: chat.CodeCancelled, Message: "the request was cancelled while the model was being loaded", Err: ctx.Err()}
	}
	return "", p.explain(err)
}

// explain says to a caller why there is no engine. What stood in its log is for the operator's log only.
func (p *Pool) explain(err error) *chat.Error {
	if n, ok := errors.AsType[*NotReady](err); ok {
		return &chat.Error{Code: chat.CodeLoading, Message: n.Error(), RetryAfter: n.Left, Err: err}
	}
	if d, ok := errors.AsType[*Death](err); ok {
		return &chat.Error{Code: chat.CodeOverloaded, RetryAfter: max(d.Again, time.Second), Err: err, Message: fmt.Sprintf("the engine of the model %s cannot be started (%s); the server's log has its last words", p.o.Model, d.Err)}
	}
	return &chat.Error{Code: chat.CodeUnavailable, Message: err.Error(), Err: err}
}
