package provider_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/provider"
)

// fake is an upstream in memory, for what Open does with time.
type fake struct {
	name  string
	errs  []error // of the first requests
	asked int
}

func (f *fake) Name() string { return f.name }

func (f *fake) Send(_ context.Context, r *chat.Request) (*provider.Reply, error) {
	f.asked++
	if f.asked <= len(f.errs) {
		return nil, f.errs[f.asked-1]
	}
	return &provider.Reply{Stream: &once{evs: []chat.Event{{ID: "x"}, {Text: f.name + "/" + r.Model}, {Finish: chat.FinishStop}}}}, nil
}

type once struct{ evs []chat.Event }

func (o *once) Next() (*chat.Event, error) {
	if len(o.evs) == 0 {
		return nil, io.EOF
	}
	ev := o.evs[0]
	o.evs = o.evs[1:]
	return &ev, nil
}

func (o *once) Close() error { return nil }

func fail(code chat.Code, after time.Duration) error {
	return &chat.Error{Code: code, Message: "no", RetryAfter: after}
}

func TestOpen(t *testing.T) {
	for name, c := range map[string]struct {
		first    []error
		text     string
		code     chat.Code
		attempts int
		waited   time.Duration
	}{
		"at once":           {nil, "a/m1", "", 1, 0},
		"a retry":           {[]error{fail(chat.CodeOverloaded, 0)}, "a/m1", "", 2, 250 * time.Millisecond},
		"as asked":          {[]error{fail(chat.CodeRateLimited, 3*time.Second)}, "a/m1", "", 2, 3 * time.Second},
		"retries used up":   {[]error{fail(chat.CodeUpstream, 0), fail(chat.CodeUpstream, 0), fail(chat.CodeUpstream, 0)}, "b/m2", "", 4, 750 * time.Millisecond},
		"too long to wait":  {[]error{fail(chat.CodeRateLimited, time.Minute)}, "b/m2", "", 2, 0},
		"bad key":           {[]error{fail(chat.CodeUpstreamAuth, 0)}, "b/m2", "", 2, 0},
		"context too long":  {[]error{fail(chat.CodeContextTooLong, 0)}, "b/m2", "", 2, 0},
		"a faulty request":  {[]error{fail(chat.CodeInvalidRequest, 0)}, "", chat.CodeInvalidRequest, 1, 0},
		"an internal error": {[]error{errors.New("x")}, "b/m2", "", 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := &fake{name: "a", errs: c.first}, &fake{name: "b"}
				open, settled := 0, 0
				begun := time.Now()
				s, _, attempts, err := provider.Open(t.Context(), []provider.Target{{Upstream: a, Model: "m1"}, {Upstream: b, Model: "m2"}}, request(), provider.Options{
					Retries: 2, Now: time.Now, Jitter: func() float64 { return 1 },
					Dispatch: func(context.Context, provider.Target, int) (func(provider.Outcome), error) {
						open++
						return func(provider.Outcome) { settled++ }, nil
					},
				})
				got := collect(plain(s), err)
				if got.text != c.text || c.code != "" && (got.err == nil || got.err.Code != c.code) || len(attempts) != c.attempts {
					t.Errorf("got %+v after %d attempts %+v", got, len(attempts), attempts)
				}
				if waited := time.Since(begun); waited != c.waited {
					t.Errorf("waited %v, want %v", waited, c.waited)
				}
				if open != c.attempts || settled != open {
					t.Errorf("%d dispatched, %d settled, %d attempts", open, settled, c.attempts)
				}
			})
		})
	}
}

func TestOpenAllFail(t *testing.T) {
	a, b := &fake{name: "a", errs: []error{fail(chat.CodeUpstreamAuth, 0)}}, &fake{name: "b", errs: []error{fail(chat.CodeNotFound, 0)}}
	_, _, _, err := provider.Open(t.Context(), []provider.Target{{Upstream: a, Model: "m1"}, {Upstream: b, Model: "m2"}}, request(), provider.Options{Now: time.Now, Dispatch: settled})
	if e := chat.AsError(err); e.Code != chat.CodeNotFound || !strings.Contains(e.Message, "a/m1, b/m2") {
		t.Errorf("%v", err)
	}
	if _, _, _, err := provider.Open(t.Context(), nil, request(), provider.Options{Now: time.Now, Dispatch: settled}); chat.AsError(err).Code != chat.CodeUnavailable {
		t.Errorf("%v", err)
	}
}

func settled(context.Context, provider.Target, int) (func(provider.Outcome), error) {
	return func(provider.Outcome) {}, nil
}

func TestOpenRefused(t *testing.T) {
	a := &fake{name: "a"}
	no := errors.New("no money")
	_, _, _, err := provider.Open(t.Context(), []provider.Target{{Upstream: a, Model: "m"}}, request(), provider.Options{Now: time.Now,
		Dispatch: func(context.Context, provider.Target, int) (func(provider.Outcome), error) { return nil, no }})
	if !errors.Is(err, no) || a.asked != 0 {
		t.Errorf("%v, asked %d times", err, a.asked)
	}
}

// bomb is an upstream whose answer makes our parser panic, at once or later.
type bomb struct{ later bool }

func (b *bomb) Name() string { return "bomb" }

func (b *bomb) Send(context.Context, *chat.Request) (*provider.Reply, error) {
	if !b.later {
		panic("boom")
	}
	return &provider.Reply{Stream: b}, nil
}

func (b *bomb) Next() (*chat.Event, error) { panic("boom") }

func (b *bomb) Close() error { return nil }

// A panic, which costs one request only, leaves nothing open behind.
func TestPanicSettles(t *testing.T) {
	for _, later := range []bool{false, true} {
		settled := 0
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_, _, _, err := provider.Open(t.Context(), []provider.Target{{Upstream: &bomb{later}, Model: "m"}}, request(), provider.Options{
				Now: time.Now,
				Dispatch: func(context.Context, provider.Target, int) (func(provider.Outcome), error) {
					return func(provider.Outcome) { settled++ }, nil
				},
			})
			t.Error(err)
		}()
		if settled != 1 {
			t.Errorf("settled %d times", settled)
		}
	}
}

func TestClosingEarlySettlesOnce(t *testing.T) {
	n := 0
	s, _, _, err := provider.Open(t.Context(), []provider.Target{{Upstream: &fake{name: "a"}, Model: "m"}}, request(), provider.Options{Now: time.Now,
		Dispatch: func(context.Context, provider.Target, int) (func(provider.Outcome), error) {
			return func(o provider.Outcome) {
				n++
				if o.Err == nil || o.Err.Code != chat.CodeCancelled {
					t.Errorf("%+v", o)
				}
			}, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	s.Close()
	if n != 1 {
		t.Errorf("settled %d times", n)
	}
}

// TestClosingWhileReading is for the race detector: Close may come from anywhere.
func TestClosingWhileReading(t *testing.T) {
	many := make([]chat.Event, 1000)
	for i := range many {
		many[i] = chat.Event{Text: "x", Usage: &chat.Usage{Output: int64(i)}}
	}
	var outcome provider.Outcome
	s, _, _, err := provider.Open(t.Context(), []provider.Target{{Upstream: &fixed{many}, Model: "m"}}, request(), provider.Options{Now: time.Now,
		Dispatch: func(context.Context, provider.Target, int) (func(provider.Outcome), error) {
			return func(o provider.Outcome) { outcome = o }, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for err := error(nil); err == nil; _, err = s.Next() {
		}
	})
	s.Close()
	wg.Wait()
	if outcome.Total == 0 {
		t.Error("never settled")
	}
}

// fixed is an upstream that answers with the same events each time.
type fixed struct{ evs []chat.Event }

func (f *fixed) Name() string { return "fixed" }

func (f *fixed) Send(context.Context, *chat.Request) (*provider.Reply, error) {
	return &provider.Reply{Stream: &once{evs: f.evs}}, nil
}

// TestOpenProperties: whatever the upstreams do, each request has one row in the books, no target is asked more often than it
// may be, and an answer comes if and only if one of the targets gives one before the end of the road.
func TestOpenProperties(t *testing.T) {
	codes := []chat.Code{"", chat.CodeRateLimited, chat.CodeOverloaded, chat.CodeTimeout, chat.CodeUpstream, chat.CodeUpstreamAuth, chat.CodeNotFound, chat.CodeContextTooLong, chat.CodeInvalidRequest}
	rapid.Check(t, func(t *rapid.T) {
		retries := rapid.IntRange(0, 3).Draw(t, "retries")
		var fakes []*fake
		var targets []provider.Target
		for i := range rapid.IntRange(1, 4).Draw(t, "targets") {
			f := &fake{name: string(rune('a' + i))}
			for _, code := range rapid.SliceOfN(rapid.SampledFrom(codes[1:]), 0, 6).Draw(t, "failures") {
				f.errs = append(f.errs, fail(code, rapid.SampledFrom([]time.Duration{0, time.Second, time.Minute}).Draw(t, "asks to wait")))
			}
			fakes, targets = append(fakes, f), append(targets, provider.Target{Upstream: f, Model: "m"})
		}
		sent, settled, waited := 0, 0, time.Duration(0)
		s, used, attempts, err := provider.Open(t.Context(), targets, request(), provider.Options{
			Retries: retries, Now: time.Now, Jitter: func() float64 { return rapid.Float64Range(0, 1).Draw(t, "jitter") },
			Wait: func(_ context.Context, d time.Duration) error { waited += d; return nil },
			Dispatch: func(context.Context, provider.Target, int) (func(provider.Outcome), error) {
				sent++
				return func(provider.Outcome) { settled++ }, nil
			},
		})
		got := collect(plain(s), err)
		asked := 0
		for _, f := range fakes {
			if f.asked > retries+1 {
				t.Fatalf("%s was asked %d times", f.name, f.asked)
			}
			asked += f.asked
		}
		if sent != asked || settled != sent || len(attempts) != sent {
			t.Fatalf("asked %d times, %d dispatched, %d settled, %d attempts", asked, sent, settled, len(attempts))
		}
		last := attempts[len(attempts)-1]
		switch {
		case err == nil && (last.Err != nil || got.text != used.Upstream.Name()+"/m"):
			t.Fatalf("%s answered %q, and the last attempt says %v", used.Upstream.Name(), got.text, last.Err)
		case err != nil && last.Err == nil:
			t.Fatalf("an attempt went well, and yet %v", err)
		case err != nil && chat.AsError(err).Code != chat.CodeInvalidRequest && fakes[len(fakes)-1].asked == 0:
			t.Fatal("the last target was never asked")
		}
		var sum time.Duration
		for i, a := range attempts {
			sum += a.Wait
			if a.Try != i+1 || a.Wait > 10*time.Second {
				t.Fatalf("attempt %d: %+v", i, a)
			}
		}
		if sum != waited {
			t.Fatalf("waited %v, told %v", waited, sum)
		}
	})
}
