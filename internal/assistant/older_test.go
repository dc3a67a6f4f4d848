package assistant

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/provider"
	"github.com/dragoman/dragoman/internal/route"
)

// once is an assistant whose model answered a question, and then cannot be asked any more, while its knowledge has changed.
func once(t *testing.T) (*bundle, *versioned, func(question string) *Turn) {
	t.Helper()
	b, v := alike(t)
	m := &moody{says: good}
	b.engine.Upstream = func(string) (provider.Upstream, bool) { return m, true }
	b.engine.Older = NewOlder(1<<20, 0.9, b.engine.Now)
	b.engine.Sees = func(context.Context, identity.Principal, string, string) bool { return true }
	turn := func(question string) *Turn {
		b.page = &page{}
		turn := b.turn(question, "test/m")
		turn.Definition.Degrade = DegradePolicy{Ladder: []string{RungCached, RungExtractive}, Stale: time.Hour}
		return turn
	}
	if a := b.run(t, turn(asked)); a.Message.Text() != good {
		t.Fatalf("%q", a.Message.Text())
	}
	v.state = "2"
	v.result.Passages[0].Text = "// Backoff triples the delay with each retry, up to 40 seconds.\nfunc Backoff(n int) time.Duration {\n}"
	m.fails, m.err = -1, down()
	return b, v, turn
}

func TestOlderAnswerStandsIn(t *testing.T) {
	for _, question := range []string{asked, paraphrase} {
		b, _, turn := once(t)
		a := b.run(t, turn(question))
		text := a.Message.Text()
		if a.Trace.Rung != RungCached || a.Trace.Cache != "stale" || !strings.HasPrefix(text, "(No model could be asked. This answer is from 2026-01-02 03:04 UTC") || !strings.HasSuffix(text, "\n\n"+good) {
			t.Errorf("%s: rung %q, cache %q: %q", question, a.Trace.Rung, a.Trace.Cache, text)
		}
		if len(a.Citations) != 1 || a.Citations[0].Path != "retry.go" || string([]rune(text)[a.Citations[0].Start:a.Citations[0].End]) != "[1]" {
			t.Errorf("%s: %+v", question, a.Citations)
		}
		if !strings.Contains(notes(a.Trace), "ago stands in") {
			t.Errorf("%s", notes(a.Trace))
		}
	}
}

// TestOlderAnswerDoesNotStandIn: where something may not be seen any more, where the caller or the policy takes none so old, and where another
// than the knowledge has changed.
func TestOlderAnswerDoesNotStandIn(t *testing.T) {
	for name, change := range map[string]func(b *bundle, turn *Turn){
		"revoked": func(b *bundle, _ *Turn) {
			b.engine.Sees = func(_ context.Context, _ identity.Principal, collection, path string) bool {
				return collection != "c" || path != "retry.go"
			}
		},
		"nobody knows":     func(b *bundle, _ *Turn) { b.engine.Sees = nil },
		"too old":          func(_ *bundle, turn *Turn) { turn.Definition.Degrade.Stale = time.Millisecond },
		"too old for":      func(_ *bundle, turn *Turn) { turn.Cache.MaxAge = time.Millisecond },
		"no-cache":         func(_ *bundle, turn *Turn) { turn.Cache.NoCache = true },
		"not allowed":      func(_ *bundle, turn *Turn) { turn.Definition.Degrade.Stale = 0 },
		"another version":  func(_ *bundle, turn *Turn) { turn.Definition.Version = "2" },
		"another question": func(_ *bundle, turn *Turn) { ask(turn, "how long is there no delay of a retry?") },
		"another tenant":   func(b *bundle, _ *Turn) { b.engine.Scope = func(identity.Principal) string { return "other" } },
		"other documents":  func(_ *bundle, turn *Turn) { turn.Paths = []string{"*.go"} },
		"in a conversation": func(_ *bundle, turn *Turn) {
			turn.Request.Messages = append([]chat.Message{chat.NewText(chat.User, "hi"), chat.NewText(chat.Assistant, "hello")}, turn.Request.Messages...)
		},
	} {
		b, _, turn := once(t)
		tr := turn(asked)
		change(b, tr)
		if a := b.run(t, tr); a.Trace.Rung != RungExtractive || strings.Contains(a.Message.Text(), "doubles") {
			t.Errorf("%s: rung %q: %q", name, a.Trace.Rung, a.Message.Text())
		} else if name == "revoked" && !strings.Contains(notes(a.Trace), "may not be seen any more") {
			t.Errorf("%s", notes(a.Trace))
		}
	}
}

// TestCachedAfterAnotherRung: a rung before numbers the sources anew, which the answer of before does not go by.
func TestCachedAfterAnotherRung(t *testing.T) {
	b, models := ladder(t, down())
	models["test"].fails = 0
	models["test"].says = "Pool keeps idle connections open [2]."
	first, hot := b.degraded(t, "cheap/m", "cached"), 0.9
	first.Request.Temperature = &hot
	b.run(t, first)
	models["test"].fails, models["cheap"].fails, models["cheap"].err = -1, -1, down()
	b.page = &page{}
	b.engine.Window = func(m route.Model) int {
		return map[string]int{"cheap": 1400}[m.Provider] + map[string]int{"test": 8000}[m.Provider]
	}
	turn := b.degraded(t, "cheap/m", "cached")
	turn.Request.Temperature = &hot
	if a := b.run(t, turn); a.Trace.Rung != RungCached || len(a.Citations) != 1 || a.Citations[0].Path != "pool.go" {
		t.Errorf("rung %q: %+v", a.Trace.Rung, a.Citations)
	}
}
