package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/guard"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/limit"
	"github.com/dragoman/dragoman/internal/provider/providertest"
)

// leaver reads an answer, and may leave in the middle of it.
type leaver struct {
	after int // events; -1: never
	leave context.CancelFunc
}

func (l *leaver) Begin(*assistant.Turn) error { return nil }
func (l *leaver) Event(*chat.Event, bool) error {
	if l.after == 0 {
		l.leave()
		return errors.New("the caller has left")
	}
	l.after--
	return nil
}
func (l *leaver) Flush() error { return nil }

// TestStorm: many callers at once, of several teams, a provider in all its moods, and crashes: what is booked is what was
// billed, every request has one row, nobody's budget is overspent by a cent, and nothing stays reserved. It happens in a bubble,
// where time goes on when everybody waits: how fast the machine is changes nothing.
func TestStorm(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3, rand.Uint64()} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { (&storm{t: t, seed: seed, vendor: newMoody(seed)}).run() })
		})
	}
}

type storm struct {
	t      *testing.T
	seed   uint64
	vendor *moody
	app    *App
	file   string // the configuration's folder
}

// dollar is what a thousand tokens cost, so that budgets are soon spent.
const dollar = int64(ledger.USD)

const stormConfig = `
model: big
providers:
  one: {base_url: 'http://one.test/v1', timeout: 100ms, prices: {"*": {input: 1000, output: 1000}}}
  two: {base_url: 'http://two.test/v1', timeout: 100ms, prices: {"*": {input: 1000, output: 1000}}}
models: {big: {use: [one/a, two/b]}}
org: {budget: {day: 20 USD}}
teams: {red: {budget: {day: 9 USD}}, blue: {budget: {day: 12k tokens}}}
users: {ann: {budget: {month: 3 USD}}}
`

var stormPrincipals = []identity.Principal{
	{KeyID: "k1", Name: "ann at red", Grants: &identity.Grants{Team: "red", User: "ann"}},
	{KeyID: "k2", Name: "red", Grants: &identity.Grants{Team: "red", Limits: limit.Limits{Budgets: []limit.Budget{{Window: limit.Hour, Money: 4 * dollar}}}}},
	{KeyID: "k3", Name: "blue", Grants: &identity.Grants{Team: "blue"}},
	{KeyID: "k4", Name: "ann at blue", Grants: &identity.Grants{Team: "blue", User: "ann"}},
}

func (s *storm) run() {
	t := s.t
	s.file = t.TempDir()
	if err := os.WriteFile(filepath.Join(s.file, "dragoman.yaml"), []byte(stormConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	s.app = s.open(t.TempDir())
	const callers, turns = 10, 20
	var all sync.WaitGroup
	for c := range callers {
		dice := rand.New(rand.NewPCG(s.seed, uint64(c)+2))
		all.Go(func() {
			for n := range turns {
				out := &leaver{after: -1}
				if dice.IntN(5) == 0 {
					out.after = dice.IntN(3)
				}
				_ = s.turn(c*1000+n, stormPrincipals[dice.IntN(len(stormPrincipals))], dice.IntN(4), out) // the books say what became of it
				time.Sleep(time.Duration(dice.IntN(4000)) * time.Millisecond)
			}
		})
	}
	dice := rand.New(rand.NewPCG(s.seed, 1))
	for range 4 {
		time.Sleep(time.Duration(dice.IntN(3000)) * time.Millisecond)
		<-s.vendor.arrived
		if s.crash() == 0 {
			t.Error("no request was under way at a crash")
		}
	}
	all.Wait()
	// Everybody goes on until a budget says no.
	for i, p := range stormPrincipals {
		for n := 0; ; n++ {
			err := chat.AsError(s.turn(100_000*(i+1)+n, p, n%4, &leaver{after: -1}))
			if err != nil && err.Code == chat.CodeBudget {
				break
			}
			if n == 1000 {
				t.Fatalf("no budget of %s was ever spent", p.Name)
			}
			time.Sleep(time.Second)
		}
	}
	if err := s.app.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if exact, _ := s.balance(s.app, false); exact < 20 {
		t.Errorf("only %d turns ended with a bill", exact)
	}
	s.budgets(s.app)
}

func (s *storm) open(dataDir string) *App {
	t := s.t
	a, err := Open(t.Context(), Options{
		Dir: s.file, DataDir: dataDir, Getenv: func(string) string { return "" }, Client: providertest.InMemory(t, s.vendor), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := a.StartBooks(t.Context(), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	return a
}

// turn asks once: for an answer in one piece (kind 0), for vectors (1), or for a stream.
func (s *storm) turn(number int, p identity.Principal, kind int, out *leaver) error {
	ctx, leave := context.WithCancel(s.t.Context())
	defer leave()
	out.leave = leave
	name := fmt.Sprintf("turn-%d", number)
	if kind == 1 {
		if out.after >= 0 { // leaves after a while, with or without an answer
			defer time.AfterFunc(time.Duration(1+out.after)*30*time.Millisecond, leave).Stop()
		}
		_, err := s.app.Engine.Exchange(ctx, &assistant.Exchange{Principal: p, Model: "big", Feature: name, Tokens: mostInput, Call: vectors(name)})
		return err
	}
	_, err := s.app.Engine.Run(ctx, &assistant.Turn{
		Request: &chat.Request{
			Model: "big", MaxTokens: mostOutput, Stream: kind > 1, IncludeUsage: true,
			Messages: []chat.Message{chat.NewText(chat.User, name+strings.Repeat(" word", mostInput))},
		},
		Principal: p, Feature: name, Out: out,
		Definition: &assistant.Definition{Policy: guard.Policy{Secrets: guard.Off, Injection: guard.Off, Output: guard.Off}},
	})
	return err
}

// vectors is a call for the vectors of a text.
func vectors(text string) assistant.Call {
	return func(ctx context.Context, up assistant.Exchanger, model string) (chat.Usage, error) {
		answer, err := up.Exchange(ctx, "/embeddings", model, []byte(text))
		var out struct{ Usage struct{ Prompt_tokens int64 } }
		if err == nil {
			err = json.Unmarshal(answer, &out)
		}
		return chat.Usage{Input: out.Usage.Prompt_tokens}, err
	}
}

// crash opens what is on the disk when everybody waits for something, as after a kill, and looks whether it balances. It says
// how many requests were cut off.
func (s *storm) crash() (abandoned int64) {
	t := s.t
	synctest.Wait() // nobody writes
	image := t.TempDir()
	if err := os.CopyFS(image, os.DirFS(s.app.DataDir)); err != nil {
		t.Fatal(err)
	}
	v := s.vendor
	v.mu.Lock()
	defer v.mu.Unlock() // nobody is asked meanwhile
	a := s.open(image)
	_, abandoned = s.balance(a, true)
	s.budgets(a)
	return abandoned
}

// balance compares the rows with what the provider says, and counts the turns that have an exact bill, and the requests that
// were cut off by a crash. The caller holds the vendor's lock after a crash.
func (s *storm) balance(a *App, crashed bool) (exact int, abandoned int64) {
	t, v := s.t, s.vendor
	if !crashed {
		v.mu.Lock()
		defer v.mu.Unlock()
	}
	booked := map[string]ledger.Total{}
	for _, r := range s.totals(a, ledger.ByFeature) {
		booked[r.Key] = r
		abandoned += r.Abandoned
		if r.Open > 0 || !crashed && r.Abandoned > 0 || r.UnknownCost > 0 {
			t.Errorf("%+v", r)
		}
	}
	for name, times := range v.asked {
		r, billed := booked[name], v.billed[name]
		if r.Requests < int64(times) { // a caller may have left before a request was out
			t.Errorf("%s reached the provider %d times and has %d rows", name, times, r.Requests)
		}
		switch {
		case r.Abandoned > 0:
			if least := billed + r.Abandoned*mostInput; !r.Usage.Estimated || int64(r.Cost) < least*dollar/1000 { // what was set aside
				t.Errorf("%s was cut off, may be billed %d tokens, and is booked with less: %+v", name, least, r)
			}
		case !r.Usage.Estimated && !v.silent[name] && r.Failed == r.Requests-1 && billed > 0:
			exact++
			if r.Usage.Total() != billed || int64(r.Cost) != billed*dollar/1000 {
				t.Errorf("%s was billed %d tokens, and is booked with %+v", name, billed, r)
			}
		}
	}
	return exact, abandoned
}

func (s *storm) totals(a *App, by ledger.Grouping) []ledger.Total {
	s.t.Helper()
	totals, err := a.Ledger.Totals(s.t.Context(), time.Time{}, by)
	if err != nil {
		s.t.Fatal(err)
	}
	return totals
}

// budgets looks whether each level's book is the sum of its rows, within its budget, and nothing is held.
func (s *storm) budgets(a *App) {
	t := s.t
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
		var sum ledger.Total
		for _, total := range s.totals(a, c.by) {
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
