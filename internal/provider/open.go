package provider

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/provider/gate"
)

// Upstream is what answers requests.
type Upstream interface {
	Name() string
	Send(ctx context.Context, req *chat.Request) (*Reply, error)
}

// Gated is an Upstream that is not asked at all times: see package gate.
type Gated interface {
	Gate() *gate.Gate
}

// Awaited is an Upstream that may have to be waited for: see Config.Await.
type Awaited interface {
	Await(context.Context) error
}

// Enter waits until an upstream may be asked. It returns what must be called when the request has ended; an error, an
// *chat.Error, says that the request is not to be sent.
func Enter(ctx context.Context, up Upstream, model string, c gate.Caller) (leave func(Outcome), err error) {
	if a, ok := up.(Awaited); ok {
		if err := a.Await(ctx); err != nil {
			return nil, err
		}
	}
	g, ok := up.(Gated)
	if !ok {
		return func(Outcome) {}, nil
	}
	pass, err := g.Gate().Enter(ctx, model, c)
	if err != nil {
		return nil, err
	}
	return func(o Outcome) { pass.Done(o.Err, o.FirstToken) }, nil
}

// Target is a model at an upstream.
type Target struct {
	Upstream Upstream
	Model    string
}

// Outcome is how one request ended.
type Outcome struct {
	Usage             chat.Usage // as reported; zero where nothing was
	Said              int64      // tokens of the answer, about, for where nothing is reported
	Finish            chat.FinishReason
	Err               *chat.Error   // nil for a complete answer
	FirstToken, Total time.Duration // FirstToken is 0 where none came
}

// Attempt is a record of one request, for the trace.
type Attempt struct {
	Provider, Model string
	Try             int           // 1 for the first request of all
	Err             *chat.Error   // nil for the one that answered
	Wait            time.Duration // before it
	Resumed         bool          // it went on with an answer that had broken off
	KeptBack        bool          // it was not sent: Err says why
	RequestID       string        // the provider's own name for it, where it tells one
}

// Options says how Open tries.
type Options struct {
	Caller  gate.Caller                                // on whose behalf it is
	Retries int                                        // further requests to the same model
	Now     func() time.Time                           // required
	Wait    func(context.Context, time.Duration) error // nil waits for real
	Jitter  func() float64                             // 0..1; nil is random
	// Dispatch is called right before each request is sent; its error keeps the request from being sent and ends Open. The
	// function that it returns is called exactly once, when the request has ended in whatever way. Required.
	Dispatch func(ctx context.Context, t Target, try int) (settle func(Outcome), err error)
	// Resumed is told of requests that are made after Open has returned, to go on with an answer that broke off. It is called
	// by whoever reads the stream.
	Resumed func(a Attempt, t Target)
}

const (
	firstWait = 250 * time.Millisecond // before the first retry; doubles with each
	longWait  = 10 * time.Second       // a provider that asks for more is passed over
)

// Open sends a request to the targets in turn until one gives its first token, and returns its stream from that token on. A
// failure that may pass is retried at the same target; any other but a faulty request goes on to the next. An answer that
// breaks off after its first token is gone on with: see resumable.
func Open(ctx context.Context, targets []Target, req *chat.Request, o Options) (*Reply, Target, []Attempt, error) {
	if o.Wait == nil {
		o.Wait = wait
	}
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	var attempts []Attempt
	var last *chat.Error
	var tried []string
	for i, t := range targets {
		var pause time.Duration
		for retry := 0; retry <= o.Retries; retry++ {
			if retry > 0 {
				if err := o.Wait(ctx, pause); err != nil {
					return nil, t, attempts, &chat.Error{Code: chat.CodeCancelled, Message: "the request was cancelled", Err: err}
				}
			}
			s, how, err := o.try(ctx, t, req, len(attempts)+1)
			if how == refused {
				return nil, t, attempts, err.Err
			}
			attempts = append(attempts, Attempt{Provider: t.Upstream.Name(), Model: t.Model, Try: len(attempts) + 1, Err: err, Wait: pause, KeptBack: how == keptBack, RequestID: namedBy(s, err)})
			if err == nil {
				r := &resumable{ctx: ctx, o: &o, targets: targets[i:], req: req, tries: len(attempts), inner: s}
				return &Reply{r, s.Dropped, s.RequestID}, t, attempts, nil
			}
			last = err
			if err.Code == chat.CodeCancelled || ctx.Err() != nil {
				return nil, t, attempts, err
			}
			if err.Code == chat.CodeInvalidRequest || err.Code == chat.CodeTooLarge {
				return nil, t, attempts, err // no other model would take it either
			}
			if err.OtherKey && retry < o.Retries {
				pause = 0
				continue
			}
			pause = backoff(retry, o.Jitter(), err.RetryAfter)
			if how == keptBack || !err.Retryable() || pause > longWait || retry < o.Retries && !mayRetry(t.Upstream) {
				break
			}
		}
		tried = append(tried, t.Upstream.Name()+"/"+t.Model)
	}
	if last == nil {
		return nil, Target{}, nil, &chat.Error{Code: chat.CodeUnavailable, Message: "there is no model to ask"}
	}
	if len(tried) > 1 {
		e := *last
		e.Message = fmt.Sprintf("%s (tried %s)", last.Message, strings.Join(tried, ", "))
		last = &e
	}
	return nil, Target{}, attempts, last
}

// namedBy is a provider's own name for a request.
func namedBy(r *Reply, err *chat.Error) string {
	switch {
	case err != nil:
		return err.RequestID
	case r != nil:
		return r.RequestID
	}
	return ""
}

// progress is how far a request came.
type progress int

const (
	sent     progress = iota
	keptBack          // by the upstream's gate; another may be asked
	refused           // by Dispatch, for good
)

// backoff is the wait before a retry: what the provider asks for, or else anything up to a bound that doubles with each
// ("full jitter": https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), so that many callers don't come
// back at once.
func backoff(retry int, jitter float64, asked time.Duration) time.Duration {
	if asked > 0 {
		return asked
	}
	return time.Duration(float64(firstWait<<retry) * jitter)
}

func mayRetry(up Upstream) bool {
	g, ok := up.(Gated)
	return !ok || g.Gate().MayRetry()
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// try sends one request and reads up to its first token.
func (o *Options) try(ctx context.Context, t Target, req *chat.Request, number int) (*Reply, progress, *chat.Error) {
	r := *req
	r.Model = t.Model
	leave, err := Enter(ctx, t.Upstream, t.Model, o.Caller)
	if err != nil {
		return nil, keptBack, chat.AsError(err)
	}
	settle, err := o.Dispatch(ctx, t, number)
	if err != nil {
		leave(Outcome{Err: &chat.Error{Code: chat.CodeCancelled}})
		return nil, refused, &chat.Error{Code: chat.CodeInternal, Err: err}
	}
	s := &openStream{begun: o.Now(), now: o.Now, settle: settle, leave: leave}
	answered := false
	defer func() {
		if !answered { // also where a parser of foreign bytes panics: else what is set aside stays so
			s.settled(&chat.Error{Code: chat.CodeInternal, Provider: t.Upstream.Name(), Message: "the answer could not be read"})
		}
	}()
	if s.inner, err = t.Upstream.Send(ctx, &r); err != nil {
		e := chat.AsError(err)
		s.settled(e)
		return nil, sent, e
	}
	if err := s.begin(t.Upstream.Name()); err != nil {
		s.inner.Close()
		s.settled(err)
		return nil, sent, err
	}
	answered = true
	return &Reply{s, s.inner.Dropped, s.inner.RequestID}, sent, nil
}

// openStream is a stream whose first events were read, and which settles its request when it ends.
type openStream struct {
	inner  *Reply
	held   []*chat.Event
	begun  time.Time
	now    func() time.Time
	settle func(Outcome)
	leave  func(Outcome)

	mu      sync.Mutex // Close may come while Next waits
	outcome Outcome
	pieces  int64     // of what was said
	bytes   int       // of it
	once    sync.Once // settles
}

// begin reads up to the first token.
func (s *openStream) begin(provider string) *chat.Error {
	for {
		ev, err := s.inner.Next()
		if errors.Is(err, io.EOF) {
			return &chat.Error{Code: chat.CodeUpstream, Provider: provider, Message: "the provider sent an empty answer"}
		}
		if err != nil {
			return chat.AsError(err)
		}
		s.note(ev)
		if ev.Says() || ev.Finish != "" {
			s.held = append(s.held, ev)
			s.outcome.FirstToken = s.now().Sub(s.begun)
			return nil
		}
		s.held = append(s.held, kept(ev)) // the next event takes its place
	}
}

func kept(ev *chat.Event) *chat.Event {
	out := *ev
	out.Raw = bytes.Clone(ev.Raw)
	return &out
}

func (s *openStream) note(ev *chat.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := ev.Length(); n > 0 {
		s.pieces++
		s.bytes += n
	}
	if ev.Usage != nil {
		s.outcome.Usage = *ev.Usage
	}
	if ev.Finish != "" {
		s.outcome.Finish = ev.Finish
	}
}

func (s *openStream) Next() (*chat.Event, error) {
	if len(s.held) > 0 {
		ev := s.held[0]
		if s.held = s.held[1:]; len(s.held) == 0 {
			s.held = nil
		}
		return ev, nil
	}
	ev, err := s.inner.Next()
	switch {
	case err == nil:
		s.note(ev)
	case errors.Is(err, io.EOF):
		s.settled(nil)
	default:
		s.settled(chat.AsError(err))
	}
	return ev, err
}

// More says whether the next event is at hand.
func (s *openStream) More() bool { return len(s.held) > 0 || s.inner.More() }

// Close ends the request; one that was not read to its end counts as cancelled.
func (s *openStream) Close() error {
	err := s.inner.Close()
	s.settled(&chat.Error{Code: chat.CodeCancelled, Message: "the answer was not read to its end"})
	return err
}

func (s *openStream) settled(e *chat.Error) {
	s.once.Do(func() {
		s.mu.Lock()
		s.outcome.Err, s.outcome.Total = e, s.now().Sub(s.begun)
		s.outcome.Said = max(s.pieces, int64(s.bytes+3)/4) // most models send a piece for each token
		outcome := s.outcome
		s.mu.Unlock()
		s.leave(outcome)
		s.settle(outcome)
	})
}
