package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/guard"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/limit"
	"github.com/dragoman/dragoman/internal/provider"
)

// moody is a provider that fails in every way that there is, and keeps its own books.
type moody struct {
	mu     sync.Mutex
	rand   *rand.Rand
	asked  map[string]int
	billed map[string]int64 // tokens of answers that were told to the end with their usage
	silent map[string]bool  // an answer without usage was told
}

var turnName = regexp.MustCompile(`turn-\d+`)

func (m *moody) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	name := turnName.FindString(string(body))
	m.mu.Lock()
	m.asked[name]++
	mood, in, out := m.rand.IntN(12), 10+m.rand.Int64N(200), 1+m.rand.Int64N(100)
	m.mu.Unlock()
	bill := func(tokens int64) {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.billed[name] += tokens; tokens == 0 {
			m.silent[name] = true
		}
	}
	usage := fmt.Sprintf(`{"prompt_tokens":%d,"completion_tokens":%d}`, in, out)
	stream := strings.Contains(string(body), `"stream":true`)
	event := func(format string, args ...any) {
		fmt.Fprintf(w, "data: "+format+"\n\n", args...)
		w.(http.Flusher).Flush()
	}
	piece := func(s string) {
		event(`{"id":"c","choices":[{"index":0,"delta":{"content":%q},"finish_reason":null}]}`, s)
	}
	switch {
	case mood == 0:
		http.Error(w, `{"error":{"message":"oops"}}`, 500)
	case mood == 1:
		w.Header().Set("Retry-After-Ms", "1")
		http.Error(w, `{"error":{"message":"slow down"}}`, 429)
	case mood == 2:
		panic(http.ErrAbortHandler)
	case mood == 3: // silence, until the caller goes
		<-r.Context().Done()
	case !stream:
		w.Header().Set("Content-Type", "application/json")
		bill(in + out)
		fmt.Fprintf(w, `{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"Yes."},"finish_reason":"stop"}],"usage":%s}`, usage)
	case mood == 4: // breaks off
		w.Header().Set("Content-Type", "text/event-stream")
		piece("Y")
		panic(http.ErrAbortHandler)
	default:
		w.Header().Set("Content-Type", "text/event-stream")
		piece("Yes")
		event(`{"id":"c","choices":[{"index":0,"delta":{"content":"."},"finish_reason":"stop"}]}`)
		if mood == 5 {
			bill(0)
		} else {
			bill(in + out)
			event(`{"id":"c","choices":[],"usage":%s}`, usage)
		}
		event("[DONE]")
	}
}

// leaver reads an answer, and may leave in the middle of it.
type leaver struct {
	after int // events; -1: never
	leave context.CancelFunc
}

func (l *leaver) Begin(*assistant.Turn) error { return nil }
func (l *leaver) Event(chat.Event, bool) error {
	if l.after == 0 {
		l.leave()
		return errors.New("the caller has left")
	}
	l.after--
	return nil
}
func (l *leaver) Flush() error { return nil }

// TestStorm: many callers at once, of several teams, and a provider in all its moods: what is booked is what was billed, every
// request has one row, nobody's budget is overspent by a cent, and nothing stays reserved.
func TestStorm(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3, rand.Uint64()} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { storm(t, seed) })
	}
}

func storm(t *testing.T, seed uint64) {
	m := &moody{rand: rand.New(rand.NewPCG(seed, 1)), asked: map[string]int{}, billed: map[string]int64{}, silent: map[string]bool{}}
	s := httptest.NewServer(m)
	t.Cleanup(s.Close)
	s.Config.ErrorLog = nil
	dir := t.TempDir()
	// A dollar for a thousand tokens, so that budgets are soon spent.
	file := fmt.Sprintf(`
model: big
providers:
  one: {base_url: '%[1]s/v1', timeout: 100ms, prices: {"*": {input: 1000, output: 1000}}}
  two: {base_url: '%[1]s/v1', timeout: 100ms, prices: {"*": {input: 1000, output: 1000}}}
models: {big: {use: [one/a, two/b]}}
org: {budget: {day: 20 USD}}
teams: {red: {budget: {day: 9 USD}}, blue: {budget: {day: 12k tokens}}}
users: {ann: {budget: {month: 3 USD}}}
`, s.URL)
	if err := os.WriteFile(filepath.Join(dir, "dragoman.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := Open(t.Context(), Options{Dir: dir, DataDir: t.TempDir(), Getenv: func(string) string { return "" }, Client: provider.NewClient(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.StartBooks(t.Context(), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	dollar := int64(ledger.Money(1_000_000_000))
	principals := []identity.Principal{
		{KeyID: "k1", Name: "ann at red", Grants: &identity.Grants{Team: "red", User: "ann"}},
		{KeyID: "k2", Name: "red", Grants: &identity.Grants{Team: "red", Limits: limit.Limits{Budgets: []limit.Budget{{Window: limit.Hour, Money: 4 * dollar}}}}},
		{KeyID: "k3", Name: "blue", Grants: &identity.Grants{Team: "blue"}},
		{KeyID: "k4", Name: "ann at blue", Grants: &identity.Grants{Team: "blue", User: "ann"}},
	}
	const callers, turns = 10, 25
	var all sync.WaitGroup
	refused := make(chan error, callers*turns)
	for c := range callers {
		dice := rand.New(rand.NewPCG(seed, uint64(c)+2))
		all.Go(func() {
			for n := range turns {
				ctx, leave := context.WithCancel(t.Context())
				out := &leaver{after: -1, leave: leave}
				if dice.IntN(5) == 0 {
					out.after = dice.IntN(3)
				}
				name := fmt.Sprintf("turn-%d", c*1000+n)
				_, err := a.Engine.Run(ctx, &assistant.Turn{
					Request:   &chat.Request{Model: "big", MaxTokens: 150, Stream: dice.IntN(3) > 0, IncludeUsage: true, Messages: []chat.Message{chat.NewText(chat.User, name+strings.Repeat(" word", 150))}},
					Principal: principals[dice.IntN(len(principals))], Feature: name, Out: out,
					Definition: assistant.Definition{Policy: guard.Policy{Secrets: guard.Off, Injection: guard.Off, Output: guard.Off}},
				})
				if chat.AsError(err) != nil && chat.AsError(err).Code == chat.CodeBudget {
					refused <- err
				}
				leave()
			}
		})
	}
	all.Wait()
	close(refused)
	if err := a.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows, err := a.Ledger.Totals(t.Context(), time.Time{}, ledger.ByFeature)
	if err != nil {
		t.Fatal(err)
	}
	booked := map[string]ledger.Total{}
	for _, r := range rows {
		booked[r.Key] = r
		if r.Open > 0 || r.Abandoned > 0 || r.UnknownCost > 0 {
			t.Errorf("%+v", r)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	exact := 0
	for name, times := range m.asked {
		r := booked[name]
		if r.Requests < int64(times) { // a caller may have left before a request was out
			t.Errorf("%s reached the provider %d times and has %d rows", name, times, r.Requests)
		}
		if !r.Usage.Estimated && !m.silent[name] && r.Failed == r.Requests-1 && m.billed[name] > 0 {
			exact++
			if r.Usage.Total() != m.billed[name] || int64(r.Cost) != m.billed[name]*dollar/1000 {
				t.Errorf("%s was billed %d tokens, and is booked with %+v", name, m.billed[name], r)
			}
		}
	}
	if exact < 20 {
		t.Errorf("only %d turns ended with a bill", exact)
	}
	if len(refused) == 0 {
		t.Error("no budget was ever spent")
	}
	// Each level's book is the sum of its rows, within its budget, and nothing is held.
	for _, c := range []struct {
		kind          limit.Kind
		by            ledger.Grouping
		name          string
		window        limit.Window
		money, tokens int64 // the budget; 0: none
	}{
		{limit.Org, ledger.ByNothing, "organisation", limit.Day, 20 * dollar, 0}, {limit.Team, ledger.ByTeam, "red", limit.Day, 9 * dollar, 0},
		{limit.Team, ledger.ByTeam, "blue", limit.Day, 0, 12_000}, {limit.User, ledger.ByUser, "ann", limit.Month, 3 * dollar, 0}, {limit.Key, ledger.ByKey, "k2", limit.Hour, 4 * dollar, 0},
	} {
		totals, err := a.Ledger.Totals(t.Context(), time.Time{}, c.by)
		if err != nil {
			t.Fatal(err)
		}
		var sum ledger.Total
		for _, total := range totals {
			if total.Key == c.name || c.by == ledger.ByNothing {
				sum = total
			}
		}
		money, tokens, heldMoney, heldTokens := a.limits.Used(c.kind, c.name, c.window)
		if money != int64(sum.Cost) || tokens != sum.Usage.Total() || heldMoney != 0 || heldTokens != 0 {
			t.Errorf("%s %s: the book says %d and %d tokens, the rows %d and %d; %d and %d are held", c.kind, c.name, money, tokens, int64(sum.Cost), sum.Usage.Total(), heldMoney, heldTokens)
		}
		if c.money > 0 && money > c.money || c.tokens > 0 && tokens > c.tokens {
			t.Errorf("%s %s spent %d and %d tokens, more than %d and %d", c.kind, c.name, money, tokens, c.money, c.tokens)
		}
	}
}
