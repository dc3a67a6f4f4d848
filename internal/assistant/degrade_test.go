package assistant

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/provider"
	"github.com/dragoman/dragoman/internal/route"
)

// moody is a model that fails as often as it is told to.
type moody struct {
	mu    sync.Mutex
	fails int // -1: always
	err   *chat.Error
	asked int
	says  string
}

func (m *moody) Name() string { return "test" }

func (m *moody) Send(context.Context, *chat.Request) (*provider.Reply, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	if m.fails != 0 {
		m.fails--
		return nil, m.err
	}
	return &provider.Reply{Stream: &replayed{[]chat.Event{{Text: m.says}, {Finish: chat.FinishStop, Usage: &chat.Usage{Input: 1, Output: 1}}}}}, nil
}

// ladder is an engine whose models are: test/m of the route, cheap/m, and local/m, a small one.
func ladder(t *testing.T, err *chat.Error) (*bundle, map[string]*moody) {
	t.Helper()
	b := setup(t, false)
	models := map[string]*moody{"test": {fails: -1, err: err, says: good}, "cheap": {says: good}, "local": {says: good}}
	for name, m := range map[string]route.Model{"cheap": {Provider: "cheap", Name: "m", Host: "cheap.test"}, "local": {Provider: "local", Name: "m", Local: true, Small: true}} {
		b.engine.Router.Providers[name] = m
		b.engine.Router.Known = append(b.engine.Router.Known, m)
	}
	b.engine.Upstream = func(name string) (provider.Upstream, bool) { return named{models[name], name}, true }
	return b, models
}

// named is a provider under another name.
type named struct {
	*moody
	name string
}

func (n named) Name() string { return n.name }

func (b *bundle) degraded(t *testing.T, rungs ...string) *Turn {
	t.Helper()
	turn := b.turn("how long does Backoff delay a retry?", "test/m")
	turn.Definition.Degrade = DegradePolicy{Ladder: rungs, Wait: 50 * time.Millisecond}
	return turn
}

func down() *chat.Error {
	return &chat.Error{Code: chat.CodeOverloaded, Message: "too busy", RetryAfter: time.Minute}
}

func TestLadder(t *testing.T) {
	for name, c := range map[string]struct {
		ladder []string
		broken []string
		rung   string
		says   string
		mode   Mode
	}{
		"cheaper":         {[]string{"cheap/m", "local/m", "extractive"}, nil, "cheap/m", "Backoff doubles", Grounded},
		"then local":      {[]string{"cheap/m", "local/m", "extractive"}, []string{"cheap"}, "local/m", "Draft by m", Draft},
		"then quotes":     {[]string{"cheap/m", "extractive"}, []string{"cheap"}, "extractive", "**[1] retry.go:10-12**", Extractive},
		"nothing is held": {[]string{"cached", "extractive"}, nil, "extractive", "No model could be asked", Extractive},
	} {
		t.Run(name, func(t *testing.T) {
			b, models := ladder(t, down())
			for _, n := range c.broken {
				models[n].fails, models[n].err = -1, down()
			}
			a := b.run(t, b.degraded(t, c.ladder...))
			if a.Trace.Rung != c.rung || a.Trace.Mode != c.mode || !strings.Contains(a.Message.Text(), c.says) || b.page.begun != 1 {
				t.Errorf("rung %q, mode %q, begun %d times: %q", a.Trace.Rung, a.Trace.Mode, b.page.begun, a.Message.Text())
			}
			if len(a.Trace.Sources) != 2 || len(a.Trace.LeftOut) != 1 {
				t.Errorf("%d sources, %d left out: they are numbered once", len(a.Trace.Sources), len(a.Trace.LeftOut))
			}
		})
	}
}

// TestLadderEnds: where no rung answers, the caller gets the first error with its time; and what the request is at fault for goes down no
// ladder.
func TestLadderEnds(t *testing.T) {
	b, models := ladder(t, down())
	models["cheap"].fails, models["cheap"].err = -1, &chat.Error{Code: chat.CodeUpstream, Message: "broken"}
	_, err := b.engine.Run(t.Context(), b.degraded(t, "cheap/m", "wait"))
	var ce *chat.Error
	if !errors.As(err, &ce) || ce.Code != chat.CodeOverloaded || ce.RetryAfter != time.Minute || b.page.begun != 0 {
		t.Errorf("%v, begun %d times", err, b.page.begun)
	}
	if models["test"].asked != 1 {
		t.Errorf("asked %d times, though it takes a minute, which is beyond the bound", models["test"].asked)
	}
	b, models = ladder(t, &chat.Error{Code: chat.CodeInvalidRequest, Message: "no"})
	if _, err := b.engine.Run(t.Context(), b.degraded(t, "cheap/m")); err == nil || models["cheap"].asked != 0 {
		t.Errorf("%v after %d requests to the other", err, models["cheap"].asked)
	}
	if b.books.open != 0 {
		t.Errorf("%d rows are open", b.books.open)
	}
}

func TestLadderWaits(t *testing.T) {
	b, models := ladder(t, &chat.Error{Code: chat.CodeRateLimited, Message: "slow down", RetryAfter: time.Millisecond})
	models["test"].fails = 3
	a := b.run(t, b.degraded(t, "wait", "extractive"))
	if a.Trace.Rung != RungWait || a.Message.Text() != good || models["test"].asked != 4 {
		t.Errorf("rung %q after %d requests: %q", a.Trace.Rung, models["test"].asked, a.Message.Text())
	}
	if len(a.Trace.Sources) != 2 {
		t.Errorf("%d sources", len(a.Trace.Sources))
	}
}

// TestLadderRemembers: an answer to a request that leaves room for variety is kept for when no model can be asked, and not given before.
func TestLadderRemembers(t *testing.T) {
	b, models := ladder(t, down())
	models["test"].fails = 0
	warm := func() *Turn {
		turn := b.degraded(t, "cached", "extractive")
		hot := 0.9
		turn.Request.Temperature = &hot
		b.page = &page{}
		turn.Out = b.page
		return turn
	}
	b.run(t, warm())
	models["test"].says = "Pool keeps idle connections open [2]."
	if a := b.run(t, warm()); a.Message.Text() == good || a.Trace.Rung != "" {
		t.Errorf("while models answer, it is asked anew: %q", a.Message.Text())
	}
	models["test"].fails = -1
	a := b.run(t, warm())
	if a.Trace.Rung != RungCached || a.Message.Text() != models["test"].says || len(a.Citations) != 1 {
		t.Errorf("rung %q: %q", a.Trace.Rung, a.Message.Text())
	}
	turn := warm()
	turn.Cache.NoCache = true
	if a := b.run(t, turn); a.Trace.Rung != RungExtractive {
		t.Errorf("no-cache is not heeded: rung %q", a.Trace.Rung)
	}
}
