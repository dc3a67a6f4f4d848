// Package gate decides when a provider is asked: not while it fails (breaker), not more often at a time than it bears
// (queue), with the key that is not limited just now (keys), and again only as long as that helps (retry budget).
package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
)

// Config is what a provider bears. The zero value lets everything through.
type Config struct {
	Provider    string
	Concurrency int // requests at a time; 0: any number
	Queue       int // requests that wait at most; 0 means 256. Only where Concurrency is set.
	Keys        []Key
	Now         func() time.Time // nil: time.Now
}

// Gate stands before one provider. It is safe for concurrent use.
type Gate struct {
	cfg      Config
	queue    *queue // nil: any number at a time
	keys     *keys
	retries  retryBudget
	breakers sync.Map // model -> *breaker
	known    atomic.Int32
}

// New makes a gate.
func New(cfg Config) *Gate {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	g := &Gate{cfg: cfg, keys: newKeys(cfg.Keys)}
	if cfg.Concurrency > 0 {
		if cfg.Queue <= 0 {
			cfg.Queue = 256
		}
		g.queue = newQueue(cfg.Concurrency, cfg.Queue)
	}
	return g
}

// Is says whether the gate was made of a configuration, but for its clock.
func (g *Gate) Is(cfg Config) bool {
	return g.cfg.Provider == cfg.Provider && g.cfg.Concurrency == cfg.Concurrency && g.cfg.Queue == cfg.Queue && slices.Equal(g.cfg.Keys, cfg.Keys)
}

// Pass is the leave to send one request. Its Done must be called.
type Pass struct {
	gate    *Gate
	breaker *breaker
	probe   bool
	entered time.Time
}

// Enter waits until a request may be sent. Its error, an *chat.Error, says why it may not, and for how long.
func (g *Gate) Enter(ctx context.Context, model string, c Caller) (*Pass, error) {
	now := g.cfg.Now()
	if wait := g.keys.wait(model, now); wait > 0 {
		return nil, g.refuse(chat.CodeRateLimited, wait, "all of its keys are limited at present")
	}
	if g.queue != nil {
		wait, err := g.queue.enter(ctx, c)
		switch {
		case err != nil:
			return nil, &chat.Error{Code: chat.CodeCancelled, Provider: g.cfg.Provider, Message: "the request was cancelled while it waited for its turn", Err: err}
		case wait > 0:
			return nil, g.refuse(chat.CodeRateLimited, wait, "too many requests wait for it already")
		}
		now = g.cfg.Now()
	}
	b := g.breaker(model)
	probe, wait := b.enter(now)
	if wait > 0 {
		if g.queue != nil {
			g.queue.leave(0)
		}
		return nil, g.refuse(chat.CodeOverloaded, wait, model+" has failed too often of late, and is left alone")
	}
	g.retries.request()
	return &Pass{gate: g, breaker: b, probe: probe, entered: now}, nil
}

func (g *Gate) refuse(code chat.Code, wait time.Duration, why string) *chat.Error {
	wait = max(wait.Round(time.Second), time.Second)
	return &chat.Error{Code: code, Provider: g.cfg.Provider, RetryAfter: wait, Message: fmt.Sprintf("%s; try again in %s", why, wait)}
}

// Done says how the request ended, and how long its first token took, where one came. Whoever waits may go.
func (p *Pass) Done(e *chat.Error, first time.Duration) {
	now := p.gate.cfg.Now()
	p.breaker.done(now, verdictOf(e), first, p.probe)
	if p.gate.queue != nil {
		p.gate.queue.leave(now.Sub(p.entered))
	}
}

// verdictOf sorts outcomes: what the caller did, and what a limit did, says nothing of the provider's health. So it is for an
// answer that the provider broke off with such an error, and for a status of the caller's making that no code stands for.
func verdictOf(e *chat.Error) verdict {
	if e == nil {
		return good
	}
	switch e.Code {
	case chat.CodeStreamBroken:
		if cause, ok := errors.AsType[*chat.Error](e.Err); ok {
			return verdictOf(cause)
		}
		return bad
	case chat.CodeUpstream:
		if e.Status >= 400 && e.Status < 500 {
			return nothing
		}
		return bad
	case chat.CodeOverloaded, chat.CodeTimeout, chat.CodeUnavailable, chat.CodeUpstreamAuth:
		return bad
	}
	return nothing
}

// MayRetry says whether a failed request may be sent once more, and counts that it is: a provider that is down is not to be
// asked three times as often for that.
func (g *Gate) MayRetry() bool { return g.retries.take(g.cfg.Now()) }

// Keys are the provider's keys.
func (g *Gate) Keys() []Key { return g.keys.list }

// Key is the key to send a request with, and its number for Limited.
func (g *Gate) Key(model string) (key string, number int) { return g.keys.pick(model, g.cfg.Now()) }

// Limited lets a key rest, for one model or, where that is "", for all. It says whether another key can go on now.
func (g *Gate) Limited(number int, model string, rest time.Duration) (another bool) {
	return g.keys.rest(number, model, rest, g.cfg.Now())
}

// Health is how a model has done of late.
type Health struct {
	FirstToken time.Duration // median over the last requests; 0 where there were none
	ErrorRate  float64       // 0..1, within the last half minute; 0 where there were too few requests to tell
	Open       bool          // nothing is sent at present
}

// Health says how a model has done of late.
func (g *Gate) Health(model string) Health {
	if b, ok := g.breakers.Load(model); ok {
		return b.(*breaker).health(g.cfg.Now())
	}
	return Health{}
}

// Models is the health of each model that was asked.
func (g *Gate) Models() map[string]Health {
	out := map[string]Health{}
	now := g.cfg.Now()
	g.breakers.Range(func(model, b any) bool {
		out[model.(string)] = b.(*breaker).health(now)
		return true
	})
	return out
}

// Load is how many requests are under way and how many wait. Where nothing limits them they are not counted.
func (g *Gate) Load() (active, waiting int) {
	if g.queue == nil {
		return 0, 0
	}
	return g.queue.load()
}

// Open lists the models that nothing is sent to at present.
func (g *Gate) Open() []string {
	var out []string
	now := g.cfg.Now()
	g.breakers.Range(func(model, b any) bool {
		if b.(*breaker).health(now).Open {
			out = append(out, model.(string))
		}
		return true
	})
	return out
}

// maxModels bounds the breakers of a provider: callers may choose names of models.
const maxModels = 1000

func (g *Gate) breaker(model string) *breaker {
	if b, ok := g.breakers.Load(model); ok {
		return b.(*breaker)
	}
	if g.known.Load() >= maxModels {
		model = "" // one for the rest
	}
	b, loaded := g.breakers.LoadOrStore(model, &breaker{})
	if !loaded {
		g.known.Add(1)
	}
	return b.(*breaker)
}
