package limit

import (
	"errors"
	"math"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

const usd = 1e9

func levels(l Limits) []Level {
	return []Level{{Kind: Org, Name: "acme"}, {Kind: Team, Name: "shop", Limits: &l}, {Kind: Key, Name: "k1", Shown: "ci"}}
}

func exceeded(t testing.TB, err error) *Exceeded {
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
		h := acquire(t, b, l, 600)
		h.Settle(reserve(t, h, 0, 700), 0, 400) // the first model failed half-way
		h.Settle(reserve(t, h, 0, 700), 0, 500) // the answers count, too: 900 in all
		h.Release()
		_, err := b.Acquire(l, 600)
		if e := exceeded(t, err); e.RetryAfter != 30*time.Second || e.Wants != "600" {
			t.Errorf("%+v", e)
		}
		unused := acquire(t, b, l, 100)
		unused.Release() // it was answered from a cache
		acquire(t, b, l, 100)
		time.Sleep(time.Minute)
		big := acquire(t, b, l, 5000) // more than a minute's waits for its turn, and is paid for in time
		big.Settle(reserve(t, big, 0, 6000), 0, 6000)
		big.Release()
		_, err = b.Acquire(l, 1)
		if e := exceeded(t, err); e.RetryAfter.Round(time.Second) != 5*time.Minute {
			t.Errorf("%+v", e)
		}
		mistaken := acquire(t, b, levels(Limits{}), 0)
		mistaken.Settle(Reservation{}, 0, 1<<62)
		time.Sleep(5*time.Minute + time.Second)
		acquire(t, b, l, 1)
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
		h := acquire(t, b, levels(Limits{Budgets: []Budget{{Window: Hour, Money: 10 * usd}, {Window: Month, Tokens: 1000}}}), 0)
		first := reserve(t, h, 6*usd, 100)
		e := refused(t, h, 5*usd, 100)
		if e.Frees != WithRequests || e.RetryAfter != time.Second || e.Limit != "$10.00" || e.Used != "$6.00" || e.Held != "$6.00" || e.Wants != "$5.00" || e.What != "per hour" {
			t.Errorf("while the first is under way: %+v", e)
		}
		h.Settle(first, 6*usd, 100)
		if e := refused(t, h, 5*usd, 100); e.Frees != WithTime || e.RetryAfter != 30*time.Minute || e.Held != "" {
			t.Errorf("when it is spent: %+v", e)
		}
		if e := refused(t, h, 5*usd, 950); e.What != "tokens per month" || e.RetryAfter != 31*24*time.Hour-30*time.Minute {
			t.Errorf("of two that are reached the one that frees later: %+v", e)
		}
		if e := refused(t, h, 11*usd, 950); e.Frees != WithLessAsked || e.RetryAfter != 0 || e.What != "per hour" {
			t.Errorf("more than there ever is: %+v", e)
		}
		late := reserve(t, h, 4*usd, 100)
		time.Sleep(30 * time.Minute)
		h.Settle(reserve(t, h, 10*usd, 0), 10*usd, 0) // the new hour's budget is all there
		h.Settle(late, 4*usd, 100)                    // and what began in the last hour is booked there
		if money, tokens, held, _ := b.Used(Team, "shop", Hour); money != 10*usd || tokens != 0 || held != 0 {
			t.Errorf("in the new hour $%d, %d tokens, $%d held", money/usd, tokens, held/usd)
		}
		if money, tokens, held, heldTokens := b.Used(Team, "shop", Month); money != 20*usd || tokens != 200 || held != 0 || heldTokens != 0 {
			t.Errorf("in the month $%d, %d tokens, $%d held", money/usd, tokens, held/usd)
		}
	})
}

// A month ends for everybody at the same moment, however long it is.
func TestMonthsRollOver(t *testing.T) {
	now := time.Date(2028, 2, 29, 23, 59, 59, 999_999_999, time.FixedZone("", -3600)) // 1 March 00:59:59 UTC
	b := NewBook(func() time.Time { return now })
	h := acquire(t, b, levels(Limits{Budgets: []Budget{{Window: Month, Money: usd}, {Window: Day, Tokens: 10}}}), 0)
	for range 24 {
		h.Settle(reserve(t, h, usd, 10), usd, 10)
		if e := refused(t, h, 1, 0); e.RetryAfter <= 0 || e.RetryAfter > 31*24*time.Hour {
			t.Fatalf("%+v", e)
		} else {
			now = now.Add(e.RetryAfter - 1)
			refused(t, h, 1, 0)
			now = now.Add(1)
		}
	}
	if want := time.Date(2030, 3, 1, 0, 0, 0, 0, time.UTC); !now.Equal(want) {
		t.Errorf("after 24 months it is %s", now.UTC())
	}
}

// A clock that is set back gives nobody a budget twice, and nothing stays reserved.
func TestClockGoesBackwards(t *testing.T) {
	now := time.Date(2026, 11, 1, 0, 10, 0, 0, time.UTC)
	b := NewBook(func() time.Time { return now })
	h := acquire(t, b, levels(Limits{RequestsPerMinute: 60, TokensPerMinute: 1000, Budgets: []Budget{{Window: Hour, Money: 10 * usd}}}), 0)
	under := reserve(t, h, 3*usd, 1)
	h.Settle(reserve(t, h, 7*usd, 1), 7*usd, 1)
	now = now.Add(-20 * time.Minute) // October, again
	if e := refused(t, h, 4*usd, 1); e.RetryAfter != 70*time.Minute {
		t.Errorf("%+v", e)
	}
	h.Settle(under, 2*usd, 1)
	h.Settle(reserve(t, h, usd, 1), usd, 1)
	if money, _, held, heldTokens := b.Used(Team, "shop", Hour); money != 10*usd || held != 0 || heldTokens != 0 {
		t.Errorf("$%d, $%d held", money/usd, held/usd)
	}
	now = now.Add(70 * time.Minute)
	h.Settle(reserve(t, h, 10*usd, 1), 10*usd, 1)
}

// Amounts that no int64 holds together are refused or stay at the largest; they never turn into small ones.
func TestNothingWrapsAround(t *testing.T) {
	b := NewBook(time.Now)
	h := acquire(t, b, levels(Limits{TokensPerMinute: math.MaxInt64, Budgets: []Budget{{Window: Month, Money: 10 * usd, Tokens: 1e6}}}), math.MaxInt64)
	held := reserve(t, h, usd, 10)
	if e := refused(t, h, math.MaxInt64, 10); e.Frees != WithLessAsked {
		t.Errorf("%+v", e)
	}
	if e := refused(t, h, usd, math.MaxInt64); e.Frees != WithLessAsked {
		t.Errorf("%+v", e)
	}
	h.Settle(held, math.MaxInt64, math.MaxInt64)
	h.Settle(reserve(t, acquire(t, b, levels(Limits{}), 0), 0, 0), math.MaxInt64, math.MaxInt64)
	if money, tokens, heldMoney, heldTokens := b.Used(Team, "shop", Month); money != math.MaxInt64 || tokens != math.MaxInt64 || heldMoney != 0 || heldTokens != 0 {
		t.Errorf("%d, %d tokens, %d and %d held", money, tokens, heldMoney, heldTokens)
	}
	refused(t, h, 1, 0)
	b.Spent(Team, "shop", Month, math.MaxInt64, math.MaxInt64)
	refused(t, h, 1, 0)

	free := acquire(t, NewBook(time.Now), levels(Limits{}), 0) // nobody bounds it
	var all []Reservation
	for range 1000 {
		all = append(all, reserve(t, free, math.MaxInt64, math.MaxInt64))
	}
	for _, r := range all {
		free.Settle(r, -5, -5) // a provider that pays gives no budget
	}
	if money, tokens, heldMoney, heldTokens := free.book.Used(Key, "k1", Month); money != 0 || tokens != 0 || heldMoney != 0 || heldTokens != 0 {
		t.Errorf("%d, %d tokens, %d and %d held", money, tokens, heldMoney, heldTokens)
	}
}

func TestMaxCost(t *testing.T) {
	b := NewBook(time.Now)
	h := acquire(t, b, levels(Limits{MaxCost: usd}), 0)
	if e := refused(t, h, 2*usd, 0); e.AsChat().RetryAfter != 0 || e.Error() != `this request may need $2.00, which is more than the limit of $1.00 per request for the team "shop"; ask for a shorter answer (max_tokens) or send less` {
		t.Errorf("%v", e)
	}
	if !h.MoneyBounded() {
		t.Error("money is bounded")
	}
}

func TestTighter(t *testing.T) {
	key := Limits{RequestsPerMinute: 60, MaxCost: 5, Budgets: []Budget{{Window: Day, Money: 3}}}
	tier := Limits{RequestsPerMinute: 10, TokensPerMinute: 1000, MaxCost: 9, Budgets: []Budget{{Window: Day, Money: 2}}}
	want := Limits{RequestsPerMinute: 10, TokensPerMinute: 1000, MaxCost: 5, Budgets: []Budget{{Window: Day, Money: 3}, {Window: Day, Money: 2}}}
	if got := key.Tighter(tier); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if len(key.Budgets) != 1 || len(tier.Budgets) != 1 {
		t.Error("it changed what it was made of")
	}
}

// However many callers there are at once on several levels, whatever becomes of their requests and wherever the clock goes, no
// budget is overspent, no reservation stays behind, and nobody is refused who fits.
func TestBudgetsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var clock atomic.Int64 // nanoseconds
		clock.Store(time.Date(2026, 10, 31, 23, 0, 0, 0, time.UTC).UnixNano())
		b := NewBook(func() time.Time { return time.Unix(0, clock.Load()) })
		window := rapid.SampledFrom(windows[:])
		budget := func(name string) *Limits {
			return &Limits{Budgets: []Budget{{Window: window.Draw(t, name+" window"), Money: rapid.Int64Range(1, 200).Draw(t, name), Tokens: rapid.Int64Range(0, 50).Draw(t, name+" tokens")}}}
		}
		org, team, user := budget("org"), budget("team"), budget("user")
		type request struct {
			reserve, spend, tokens int64
			passes                 time.Duration
		}
		callers := rapid.SliceOfN(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) request {
			r := rapid.Int64Range(0, 40).Draw(t, "reserve")
			return request{r, rapid.Int64Range(0, r).Draw(t, "spend"), rapid.Int64Range(0, 9).Draw(t, "tokens"), time.Duration(rapid.Int64Range(-30, 40).Draw(t, "passes")) * time.Minute}
		}), 0, 8), 1, 6).Draw(t, "callers")
		type book struct {
			kind    Kind
			name    string
			l       *Limits
			mu      sync.Mutex
			spent   map[time.Time]int64 // by the windows' beginnings
			spentIn map[time.Time]int64 // tokens
		}
		books := []*book{{kind: Org, name: "acme", l: org}, {kind: Team, name: "shop", l: team}, {kind: User, name: "u", l: user}}
		for _, k := range books {
			k.spent, k.spentIn = map[time.Time]int64{}, map[time.Time]int64{}
		}
		var wg sync.WaitGroup
		for i, requests := range callers {
			mine := books[:2+i%2]
			var l []Level
			for _, k := range mine {
				l = append(l, Level{Kind: k.kind, Name: k.name, Limits: k.l})
			}
			wg.Go(func() {
				for _, r := range requests {
					h, err := b.Acquire(l, 0)
					if err != nil {
						t.Error(err)
						return
					}
					if set, err := h.Reserve(r.reserve, r.tokens); err == nil {
						clock.Add(int64(r.passes))
						h.Settle(set, r.spend, r.tokens)
						for _, k := range mine {
							from, _ := k.l.Budgets[0].Window.Bounds(set.at)
							k.mu.Lock()
							k.spent[from] += r.spend
							k.spentIn[from] += r.tokens
							k.mu.Unlock()
						}
					}
					h.Release()
				}
			})
		}
		wg.Wait()
		for _, k := range books {
			g := k.l.Budgets[0]
			for from, spent := range k.spent {
				if spent > g.Money || g.Tokens > 0 && k.spentIn[from] > g.Tokens {
					t.Fatalf("%s spent %d and %d tokens of %+v in the %s of %s", k.kind, spent, k.spentIn[from], g, g.Window, from)
				}
			}
			money, tokens, held, heldTokens := b.Used(k.kind, k.name, g.Window)
			from, _ := g.Window.Bounds(b.latest)
			if money != k.spent[from] || tokens != k.spentIn[from] || held != 0 || heldTokens != 0 {
				t.Fatalf("%s: booked %d and %d tokens, spent %d and %d; held %d and %d", k.kind, money, tokens, k.spent[from], k.spentIn[from], held, heldTokens)
			}
			h, err := b.Acquire([]Level{{Kind: k.kind, Name: k.name, Limits: k.l}}, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := h.Reserve(g.Money-money, 0); err != nil {
				t.Fatalf("%s: what is left is refused: %v", k.kind, err)
			}
		}
	})
}

func acquire(t testing.TB, b *Book, l []Level, tokens int64) *Hold {
	t.Helper()
	h, err := b.Acquire(l, tokens)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func reserve(t testing.TB, h *Hold, money, tokens int64) Reservation {
	t.Helper()
	r, err := h.Reserve(money, tokens)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func refused(t testing.TB, h *Hold, money, tokens int64) *Exceeded {
	t.Helper()
	_, err := h.Reserve(money, tokens)
	return exceeded(t, err)
}

func BenchmarkHold(b *testing.B) {
	book := NewBook(time.Now)
	l := levels(Limits{RequestsPerMinute: 1e9, Budgets: []Budget{{Window: Month, Money: 1 << 60}}})
	b.ReportAllocs()
	for b.Loop() {
		h, err := book.Acquire(l, 100)
		if err != nil {
			b.Fatal(err)
		}
		h.Settle(reserve(b, h, 10, 100), 5, 80)
		h.Release()
	}
}
