package limit

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

const usd = 1e9

func levels(l Limits) []Level {
	return []Level{{Kind: Org, Name: "acme"}, {Kind: Team, Name: "shop", Limits: &l}, {Kind: Key, Name: "k1", Shown: "ci"}}
}

func exceeded(t *testing.T, err error) *Exceeded {
	t.Helper()
	e, ok := errors.AsType[*Exceeded](err)
	if !ok {
		t.Fatalf("%v", err)
	}
	return e
}

func TestRequestsPerMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBook(time.Now)
		l := levels(Limits{RequestsPerMinute: 3})
		for range 3 {
			if _, err := b.Acquire(l, 0); err != nil {
				t.Fatal(err)
			}
		}
		_, err := b.Acquire(l, 0)
		e := exceeded(t, err)
		if e.RetryAfter != 20*time.Second || e.Level.Kind != Team || e.Used != "3" || e.What != "requests per minute" {
			t.Errorf("%+v", e)
		}
		time.Sleep(e.RetryAfter) // truthful: not earlier, and then it works
		if _, err := b.Acquire(l, 0); err != nil {
			t.Error(err)
		}
		if _, err := b.Acquire(l, 0); err == nil {
			t.Error("two for the time of one")
		}
	})
}

func TestTokensPerMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBook(time.Now)
		l := levels(Limits{TokensPerMinute: 1000})
		h, err := b.Acquire(l, 600)
		if err != nil {
			t.Fatal(err)
		}
		h.Settle(600, 600, 0, 900) // 300 more than thought
		_, err = b.Acquire(l, 600)
		if e := exceeded(t, err); e.RetryAfter != 30*time.Second || e.Wants != "600" {
			t.Errorf("%+v", e)
		}
		if _, err := b.Acquire(l, 100); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if _, err := b.Acquire(l, 5000); err != nil { // more than a minute's: once a minute
			t.Error(err)
		}
	})
}

func TestConcurrent(t *testing.T) {
	b := NewBook(time.Now)
	l := levels(Limits{Concurrent: 2})
	h1, _ := b.Acquire(l, 0)
	h2, err := b.Acquire(l, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Acquire(l, 0); err == nil {
		t.Fatal("three at a time")
	}
	h1.Release()
	h1.Release()
	h3, err := b.Acquire(l, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Acquire(l, 0); err == nil {
		t.Error("a release counted twice")
	}
	h2.Release()
	h3.Release()
}

func TestBudgetsFreeWithTheirWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(30 * time.Minute) // 2000-01-01 00:30 UTC
		b := NewBook(time.Now)
		l := levels(Limits{Budgets: []Budget{{Window: Hour, Money: 10 * usd}, {Window: Month, Tokens: 1000}}})
		h, err := b.Acquire(l, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Reserve(6*usd, 100); err != nil {
			t.Fatal(err)
		}
		e := exceeded(t, h.Reserve(5*usd, 100))
		if e.RetryAfter != 30*time.Minute || e.Limit != "$10.00" || e.Used != "$6.00" || e.Wants != "$5.00" || e.What != "per hour" {
			t.Errorf("%+v", e)
		}
		h.Settle(6*usd, 100, 2*usd, 950)
		if e := exceeded(t, h.Reserve(5*usd, 100)); e.What != "tokens per month" || e.RetryAfter < 29*24*time.Hour {
			t.Errorf("%+v", e)
		}
		if err := h.Reserve(8*usd, 50); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		// What is still reserved counts in the next window, too: it will be spent there.
		if err := h.Reserve(5*usd, 0); err == nil {
			t.Error("a reservation was forgotten with its window")
		}
		h.Settle(8*usd, 50, 8*usd, 0)
		if err := h.Reserve(2*usd, 0); err != nil {
			t.Error(err)
		}
	})
}

func TestMaxCost(t *testing.T) {
	b := NewBook(time.Now)
	h, _ := b.Acquire(levels(Limits{MaxCost: usd}), 0)
	if e := exceeded(t, h.Reserve(2*usd, 0)); e.AsChat().RetryAfter != 0 || e.Error() != `the limit of $1.00 per request for the team "shop" is reached (used: $0.00, this request may need $2.00)` {
		t.Errorf("%v", e)
	}
	if !h.MoneyBounded() {
		t.Error("money is bounded")
	}
}

// However many callers there are at once, and whatever becomes of their requests, no budget is overspent and no reservation
// stays behind.
func TestBudgetsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := NewBook(time.Now)
		budget := rapid.Int64Range(0, 200).Draw(t, "budget")
		all := levels(Limits{Budgets: []Budget{{Window: Month, Money: budget + 1, Tokens: 0}}})
		own := Limits{Budgets: []Budget{{Window: Month, Money: rapid.Int64Range(1, 100).Draw(t, "own")}}}
		type request struct{ reserve, spend int64 }
		callers := rapid.SliceOfN(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) request {
			r := rapid.Int64Range(0, 40).Draw(t, "reserve")
			return request{r, rapid.Int64Range(0, r).Draw(t, "spend")}
		}), 0, 8), 1, 6).Draw(t, "callers")
		var wg sync.WaitGroup
		var mu sync.Mutex
		spent := int64(0)
		for i, requests := range callers {
			l := all
			if i%2 == 0 {
				l = append(l[:len(l):len(l)], Level{Kind: User, Name: "u", Limits: &own})
			}
			wg.Go(func() {
				for _, r := range requests {
					h, err := b.Acquire(l, 0)
					if err != nil {
						t.Error(err)
						return
					}
					if h.Reserve(r.reserve, 1) == nil {
						h.Settle(r.reserve, 1, r.spend, 1)
						mu.Lock()
						spent += r.spend
						mu.Unlock()
					}
					h.Release()
				}
			})
		}
		wg.Wait()
		money, _, held, heldTokens := b.Used(Team, "shop", Month)
		if money != spent || money > budget+1 || held != 0 || heldTokens != 0 {
			t.Fatalf("booked %d, spent %d of %d, held %d", money, spent, budget+1, held)
		}
		if m, _, h, _ := b.Used(User, "u", Month); m > own.Budgets[0].Money || h != 0 {
			t.Fatalf("the user spent %d of %d, held %d", m, own.Budgets[0].Money, h)
		}
	})
}

func BenchmarkHold(b *testing.B) {
	book := NewBook(time.Now)
	l := levels(Limits{RequestsPerMinute: 1e9, Budgets: []Budget{{Window: Month, Money: 1 << 60}}})
	b.ReportAllocs()
	for b.Loop() {
		h, err := book.Acquire(l, 100)
		if err != nil || h.Reserve(10, 100) != nil {
			b.Fatal(err)
		}
		h.Settle(10, 100, 5, 80)
		h.Release()
	}
}
