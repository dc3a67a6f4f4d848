package gate_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/provider/gate"
)

func enter(t *testing.T, g *gate.Gate, c gate.Caller) *gate.Pass {
	t.Helper()
	p, err := g.Enter(t.Context(), "m", c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func failed(code chat.Code) *chat.Error { return &chat.Error{Code: code} }

func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate.New(gate.Config{Provider: "p"})
		request := func(e *chat.Error) error {
			p, err := g.Enter(t.Context(), "m", gate.Caller{})
			if err == nil {
				p.Done(e, time.Millisecond)
			}
			return err
		}
		// What is not the provider's fault never opens it.
		for range 100 {
			for _, code := range []chat.Code{chat.CodeCancelled, chat.CodeInvalidRequest, chat.CodeTooLarge, chat.CodeContextTooLong, chat.CodeContentFiltered, chat.CodeRateLimited, chat.CodeUnsupported} {
				if err := request(failed(code)); err != nil {
					t.Fatalf("after %s: %v", code, err)
				}
			}
		}
		for range 100 {
			for _, e := range []*chat.Error{
				{Code: chat.CodeUpstream, Status: 409},
				{Code: chat.CodeStreamBroken, Err: failed(chat.CodeRateLimited)},
				{Code: chat.CodeStreamBroken, Err: failed(chat.CodeContentFiltered)},
			} {
				if err := request(e); err != nil {
					t.Fatalf("after %+v: %v", e, err)
				}
			}
		}
		// Nor do failures that are few among many.
		for i := range 100 {
			var e *chat.Error
			if i%3 == 0 {
				e = failed(chat.CodeUpstream)
			}
			if err := request(e); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		for range 5 {
			for _, e := range []*chat.Error{failed(chat.CodeOverloaded), {Code: chat.CodeStreamBroken, Err: failed(chat.CodeUpstream)}} {
				if err := request(e); err != nil {
					t.Fatal(err)
				}
			}
		}
		if h := g.Health("m"); !h.Open || h.ErrorRate != 1 || !slices.Equal(g.Open(), []string{"m"}) {
			t.Errorf("after ten failures: %+v, open are %v", h, g.Open())
		}
		e := chat.AsError(request(nil))
		if e == nil || e.Code != chat.CodeOverloaded || e.RetryAfter != 5*time.Second || !strings.Contains(e.Message, "5s") {
			t.Fatalf("an open breaker says %+v", e)
		}
		if p, err := g.Enter(t.Context(), "other", gate.Caller{}); err != nil {
			t.Errorf("another model: %v", err)
		} else {
			p.Done(nil, 0)
		}
		// One probe at a time; a failure doubles the rest, a probe that was left says nothing, a success closes the breaker.
		time.Sleep(5 * time.Second)
		probe := enter(t, g, gate.Caller{})
		if request(nil) == nil {
			t.Error("two probes at a time")
		}
		probe.Done(failed(chat.CodeTimeout), 0)
		if e := chat.AsError(request(nil)); e == nil || e.RetryAfter != 10*time.Second {
			t.Errorf("after a probe that failed: %+v", e)
		}
		time.Sleep(10 * time.Second)
		enter(t, g, gate.Caller{}).Done(failed(chat.CodeCancelled), 0)
		enter(t, g, gate.Caller{}).Done(nil, 30*time.Millisecond)
		for range 9 {
			if err := request(failed(chat.CodeUpstream)); err != nil {
				t.Fatalf("closed again: %v", err)
			}
		}
	})
}

func TestMedian(t *testing.T) {
	g := gate.New(gate.Config{})
	for i := range 100 {
		enter(t, g, gate.Caller{}).Done(nil, time.Duration(i+1)*time.Millisecond)
	}
	if got := g.Health("m").FirstToken; got != 85*time.Millisecond { // of the last 31
		t.Errorf("median %v", got)
	}
}

func TestQueueOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate.New(gate.Config{Provider: "p", Concurrency: 1})
		first := enter(t, g, gate.Caller{})
		var mu sync.Mutex
		var order []string
		wait := func(name, tenant string, tier gate.Tier) {
			go func() {
				p, err := g.Enter(t.Context(), "m", gate.Caller{Tenant: tenant, Tier: tier})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				order = append(order, name)
				mu.Unlock()
				p.Done(nil, 0)
			}()
			synctest.Wait() // it stands in line
		}
		wait("batch", "a", gate.Batch)
		for i := range 3 {
			wait(fmt.Sprint("a", i), "a", gate.Default)
		}
		for i := range 2 {
			wait(fmt.Sprint("b", i), "b", gate.Default)
		}
		wait("urgent", "a", gate.Interactive)
		if active, waiting := g.Load(); active != 1 || waiting != 7 {
			t.Errorf("%d active, %d waiting", active, waiting)
		}
		first.Done(nil, 0)
		synctest.Wait()
		if got := strings.Join(order, " "); got != "urgent a0 b0 a1 b1 a2 batch" {
			t.Errorf("they went in the order %s", got)
		}
		if active, waiting := g.Load(); active != 0 || waiting != 0 {
			t.Errorf("%d active, %d waiting", active, waiting)
		}
	})
}

func TestQueueFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate.New(gate.Config{Provider: "p", Concurrency: 2, Queue: 2})
		for range 20 { // each takes four seconds
			p := enter(t, g, gate.Caller{})
			time.Sleep(4 * time.Second)
			p.Done(nil, 0)
		}
		held := []*gate.Pass{enter(t, g, gate.Caller{}), enter(t, g, gate.Caller{})}
		results := make(chan string, 10)
		wait := func(name string, c gate.Caller) {
			go func() {
				p, err := g.Enter(t.Context(), "m", c)
				if err != nil {
					results <- name + " refused"
					return
				}
				results <- name
				p.Done(nil, 0)
			}()
			synctest.Wait()
		}
		wait("a0", gate.Caller{Tenant: "a", Tier: gate.Default})
		wait("a1", gate.Caller{Tenant: "a", Tier: gate.Default})
		_, err := g.Enter(t.Context(), "m", gate.Caller{Tenant: "a", Tier: gate.Default})
		e := chat.AsError(err)
		if e == nil || e.Code != chat.CodeRateLimited || e.RetryAfter != 6*time.Second { // three are ahead, two at a time, four seconds each
			t.Fatalf("a full queue says %+v", e)
		}
		wait("b0", gate.Caller{Tenant: "b", Tier: gate.Default}) // takes the place of a1
		if got := <-results; got != "a1 refused" {
			t.Error(got)
		}
		if _, err := g.Enter(t.Context(), "m", gate.Caller{Tenant: "c", Tier: gate.Batch}); err == nil {
			t.Error("a batch request displaced another")
		}
		wait("urgent", gate.Caller{Tenant: "a", Tier: gate.Interactive})
		if got := <-results; got != "a0 refused" && got != "b0 refused" {
			t.Error(got)
		}
		held[0].Done(nil, 0)
		if got := <-results; got != "urgent" {
			t.Error(got)
		}
		held[1].Done(nil, 0)
	})
}

// TestQueueProperties: however callers come, give up and finish, no more are under way than may be, nobody is forgotten, and
// in the end all places are free.
func TestQueueProperties(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		limit, bound, n := rapid.IntRange(1, 4).Draw(rt, "limit"), rapid.IntRange(1, 6).Draw(rt, "bound"), rapid.IntRange(1, 30).Draw(rt, "callers")
		type caller struct {
			gate.Caller
			at, hold, patience time.Duration
		}
		callers := make([]caller, n)
		ms := func(most int, what string) time.Duration {
			return time.Duration(rapid.IntRange(0, most).Draw(rt, what)) * time.Millisecond
		}
		for i := range callers {
			callers[i] = caller{gate.Caller{Tenant: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "tenant"), Tier: gate.Tier(rapid.IntRange(0, 2).Draw(rt, "tier"))},
				ms(50, "at"), ms(20, "hold"), ms(60, "patience") + time.Nanosecond}
		}
		synctest.Test(t, func(t *testing.T) {
			g := gate.New(gate.Config{Concurrency: limit, Queue: bound})
			var mu sync.Mutex
			active, answered := 0, 0
			var wg sync.WaitGroup
			for _, c := range callers {
				wg.Go(func() {
					time.Sleep(c.at)
					ctx, cancel := context.WithTimeout(t.Context(), c.patience)
					defer cancel()
					p, err := g.Enter(ctx, "m", c.Caller)
					mu.Lock()
					answered++
					if err != nil {
						mu.Unlock()
						if code := chat.AsError(err).Code; code != chat.CodeRateLimited && !(code == chat.CodeCancelled && errors.Is(err, context.DeadlineExceeded)) {
							t.Errorf("%v", err)
						}
						return
					}
					if active++; active > limit {
						t.Errorf("%d at a time, %d may be", active, limit)
					}
					mu.Unlock()
					if _, waiting := g.Load(); waiting > bound {
						t.Errorf("%d wait, %d may", waiting, bound)
					}
					time.Sleep(c.hold)
					mu.Lock()
					active--
					mu.Unlock()
					p.Done(nil, 0)
				})
			}
			wg.Wait()
			if a, w := g.Load(); a != 0 || w != 0 || answered != n {
				t.Errorf("%d active and %d waiting in the end; %d of %d answered", a, w, answered, n)
			}
		})
	})
}

func TestKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate.New(gate.Config{Provider: "p", Keys: []gate.Key{{"one", 1}, {"three", 3}, {"none", 0}}})
		count := func(model string) map[string]int {
			out := map[string]int{}
			for range 100 {
				key, _ := g.Key(model)
				out[key]++
			}
			return out
		}
		if got := count("m"); got["one"] != 20 || got["three"] != 60 || got["none"] != 20 {
			t.Errorf("shares %v", got)
		}
		if !g.Limited(1, "m", time.Minute) || !g.Limited(2, "", time.Hour) {
			t.Error("a key is left")
		}
		if got := count("m"); got["one"] != 100 {
			t.Errorf("two rest, yet %v", got)
		}
		if got := count("other"); got["three"] != 75 || got["none"] != 0 {
			t.Errorf("of another model: %v", got)
		}
		if g.Limited(0, "m", 30*time.Second) {
			t.Error("no key is left")
		}
		_, err := g.Enter(t.Context(), "m", gate.Caller{})
		if e := chat.AsError(err); e == nil || e.Code != chat.CodeRateLimited || e.RetryAfter != 30*time.Second {
			t.Errorf("%+v", e)
		}
		time.Sleep(30 * time.Second)
		enter(t, g, gate.Caller{}).Done(nil, 0)
		if got := count("m"); got["one"] != 100 {
			t.Errorf("%v", got)
		}

		alone := gate.New(gate.Config{Keys: []gate.Key{{"k", 1}}})
		if alone.Limited(0, "m", time.Hour) {
			t.Error("there is no other")
		}
		enter(t, alone, gate.Caller{}).Done(nil, 0)
	})
}

func TestRetryBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate.New(gate.Config{})
		allowed := func(tries int) (n int) {
			for range tries {
				if g.MayRetry() {
					n++
				}
			}
			return n
		}
		if n := allowed(50); n != 10 {
			t.Errorf("%d at once", n)
		}
		for range 100 {
			enter(t, g, gate.Caller{}).Done(nil, 0)
		}
		if n := allowed(50); n < 9 || n > 10 { // sums of tenths
			t.Errorf("%d after a hundred requests", n)
		}
		time.Sleep(4 * time.Second)
		if n := allowed(50); n < 4 || n > 5 {
			t.Errorf("%d after four seconds", n)
		}
	})
}

func TestQuarantine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := gate.NewQuarantine(time.Now)
		bad, other := gate.Fingerprint{1}, gate.Fingerprint{2}
		q.Strike(bad)
		q.Strike(bad)
		q.Strike(other)
		if q.Empty() || q.Check(bad) != 0 {
			t.Error("twice is no habit")
		}
		q.Clear(other)
		q.Strike(bad)
		if d := q.Check(bad); d != 15*time.Minute || q.Check(other) != 0 {
			t.Errorf("kept back for %v", d)
		}
		time.Sleep(15 * time.Minute)
		if q.Check(bad) != 0 || !q.Empty() {
			t.Error("forgotten after its time")
		}
		for range 2 { // two within the time, and one long after
			q.Strike(bad)
		}
		time.Sleep(11 * time.Minute)
		if q.Strike(bad); q.Check(bad) != 0 {
			t.Error("old strikes count")
		}
		for i := range 3000 {
			q.Strike(gate.Fingerprint{3, byte(i), byte(i >> 8)})
		}
	})
}
