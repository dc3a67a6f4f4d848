package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
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
	"github.com/dragoman/dragoman/internal/provider/providertest"
	"github.com/dragoman/dragoman/internal/route"
	"github.com/dragoman/dragoman/internal/store"
)

// cloud answers whatever it is asked, and keeps it.
type cloud struct {
	mu   sync.Mutex
	seen []string
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	c.mu.Lock()
	c.seen = append(c.seen, r.URL.Path+" "+string(body))
	c.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasSuffix(r.URL.Path, "/embeddings"):
		fmt.Fprint(w, `{"data":[{"index":0,"embedding":[1,2]}],"usage":{"prompt_tokens":3}}`)
	case strings.Contains(r.URL.Path, "countTokens"):
		fmt.Fprint(w, `{"totalTokens":7}`)
	default:
		fmt.Fprint(w, `{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"5"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":1}}`)
	}
}

// openHouse opens an application with a provider of the house and several outside.
func openHouse(t *testing.T, house http.Handler, out *cloud) *App {
	t.Helper()
	dir := t.TempDir()
	file := `
model: auto
providers:
  house: {base_url: 'http://house.test/v1', privacy: internal, timeout: 30ms}
  cloud: {base_url: 'http://cloud.test/v1', timeout: 1s}
  goog: {dialect: gemini, base_url: 'http://goog.test', timeout: 1s}
models:
  mixed: {use: [cloud/a, house/b, cloud/c]}
  fast: {use: [house/b, cloud/a], prefer: latency}
  out: {use: [cloud/a, goog/g]}
routes:
  auto: {rules: [{when: complexity > 0.3, use: mixed}, {when: 'turns > 0', use: fast}], split: {mixed: 1, fast: 1}, complexity: {model: cloud/judge}}
assistants:
  hr: {instructions: answer, model: mixed, privacy: internal}
  wiki: {instructions: answer, model: mixed, knowledge: [files]}
collections:
  files: {path: files, privacy: internal}
teams:
  legal: {privacy: internal}
`
	for name, text := range map[string]string{"dragoman.yaml": file, "files/salaries.md": "# Salaries\n\nThe salary of the director is 12345 zorkmids each month.\n"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	client := providertest.InMemory(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host == "house.test" {
			house.ServeHTTP(w, r)
			return
		}
		out.ServeHTTP(w, r)
	}))
	a, err := Open(t.Context(), Options{Dir: dir, DataDir: t.TempDir(), Getenv: func(string) string { return "" }, Client: client, Now: time.Now})
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

func unguarded() *assistant.Definition {
	return &assistant.Definition{Policy: guard.Policy{Secrets: guard.Off, Injection: guard.Off, Output: guard.Off}}
}

// TestInternalStaysInTheStorm: whatever the provider of the house does, what is labelled internal, in whichever way, reaches
// nobody outside: not as a fallback, not as the rest of a broken answer, not to be judged or counted.
func TestInternalStaysInTheStorm(t *testing.T) {
	for _, seed := range []uint64{1, 2, rand.Uint64()} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { stormOfTheHouse(t, seed) }) })
	}
}

func stormOfTheHouse(t *testing.T, seed uint64) {
	out := &cloud{}
	a := openHouse(t, newMoody(seed), out)
	dice := rand.New(rand.NewPCG(seed, 2))
	refused, answered := 0, 0
	for n := range 150 {
		name := fmt.Sprintf("turn-%d is a SECRET of the house", n)
		turn := &assistant.Turn{
			Request:   &chat.Request{Model: []string{"auto", "mixed", "fast", "out", "cloud/x", "house/x", ""}[dice.IntN(7)], Stream: dice.IntN(3) > 0, Messages: []chat.Message{chat.NewText(chat.User, name+strings.Repeat(" why", dice.IntN(3)))}},
			Principal: identity.Principal{KeyID: "k", Name: "k"}, Definition: unguarded(), Out: &leaver{after: -1},
		}
		internal := true
		switch dice.IntN(5) {
		case 0:
			turn.Privacy = route.Internal
		case 1:
			turn.Principal.Grants = &identity.Grants{Team: "legal"}
		case 2:
			turn.Definition = definitionOf(a, "hr")
		case 3: // what the session holds
			turn.Session = fmt.Sprint("s", n)
			if _, err := a.Store.AppendMessages(t.Context(), store.Session{Principal: turn.Principal.Owner(), ID: turn.Session}, store.AtHead, sessionMessage(t, name)...); err != nil {
				t.Fatal(err)
			}
			turn.Request.Messages[0] = chat.NewText(chat.User, "and then?")
		case 4:
			turn.Request.Messages[0] = chat.NewText(chat.User, fmt.Sprintf("turn-%d is public", n))
			internal = false
		}
		_, err := a.Engine.Run(t.Context(), turn)
		switch {
		case err == nil && internal:
			answered++
			if turn.Trace.Provider != "house" && turn.Trace.Provider != "" {
				t.Errorf("%s answered: %+v", turn.Trace.Provider, turn.Trace)
			}
		case err != nil && chat.AsError(err).Code == chat.CodeForbidden:
			refused++
			if !strings.Contains(err.Error(), "must stay in the house") {
				t.Errorf("the error does not tell: %v", err)
			}
		}
		if internal && turn.Trace.Privacy != route.Internal {
			t.Errorf("the trace does not tell the label: %+v", turn.Trace)
		}
	}
	out.mu.Lock()
	defer out.mu.Unlock()
	public := 0
	for _, body := range out.seen {
		if strings.Contains(body, "SECRET") {
			t.Errorf("outside was seen: %s", body)
		}
		if strings.Contains(body, "is public") {
			public++
		}
	}
	if refused == 0 || answered == 0 || public == 0 {
		t.Errorf("%d refused, %d answered, %d public ones outside: the test shows nothing", refused, answered, public)
	}
}

// sessionMessage is a message of a session whose turn was internal, as the archive keeps it.
func sessionMessage(t *testing.T, text string) []store.Message {
	t.Helper()
	return []store.Message{{Role: chat.User, Content: fmt.Appendf(nil, `{"text":%q,"privacy":"internal"}`, text), TraceID: "tr_x", Created: time.Now()}}
}

// TestInternalIsNotCounted: doors that count or embed obey the label, too.
func TestInternalIsNotCounted(t *testing.T) {
	out := &cloud{}
	a := openHouse(t, http.NotFoundHandler(), out)
	req := func(model string) *chat.Request {
		return &chat.Request{Model: model, Messages: []chat.Message{chat.NewText(chat.User, "a SECRET of the house")}}
	}
	if _, err := a.Counter().Count(t.Context(), req("goog/g"), identity.Principal{}, route.Internal); err == nil {
		t.Error("counted outside")
	}
	if _, err := a.Counter().Count(t.Context(), req("goog/g"), identity.Principal{Grants: &identity.Grants{Team: "legal"}}, ""); err == nil {
		t.Error("counted outside")
	}
	if n, err := a.Counter().Count(t.Context(), req("house/b"), identity.Principal{}, route.Internal); err != nil || n == 0 {
		t.Errorf("in the house: %d, %v", n, err)
	}
	_, err := a.Engine.Exchange(t.Context(), &assistant.Exchange{Model: "cloud/embed", Privacy: route.Internal, Door: "embeddings", Call: func(context.Context, assistant.Exchanger, string) (chat.Usage, error) {
		t.Error("called")
		return chat.Usage{}, nil
	}})
	if err == nil || chat.AsError(err).Code != chat.CodeForbidden {
		t.Errorf("embedded outside: %v", err)
	}
	if len(out.seen) > 0 {
		t.Errorf("outside was seen: %q", out.seen)
	}
	if n, err := a.Counter().Count(t.Context(), req("goog/g"), identity.Principal{}, ""); err != nil || n != 7 || len(out.seen) != 1 {
		t.Errorf("what may go out is counted there: %d, %v, %q", n, err, out.seen)
	}
}

// TestFoundInternal: what was found in an internal collection makes the turn internal.
func TestFoundInternal(t *testing.T) {
	out := &cloud{}
	a := openHouse(t, http.NotFoundHandler(), out)
	run := func(question string) (*assistant.Trace, error) {
		turn := &assistant.Turn{
			Request:    &chat.Request{Messages: []chat.Message{chat.NewText(chat.User, question)}},
			Definition: definitionOf(a, "wiki"), Out: &leaver{after: -1}, Principal: identity.Principal{Name: "ann"},
		}
		_, err := a.Engine.Run(t.Context(), turn)
		return turn.Trace, err
	}
	tr, err := run("What is the salary of the director in zorkmids?")
	if tr.Privacy != route.Internal || len(tr.Sources)+len(tr.LeftOut) == 0 {
		t.Errorf("%v: %+v", err, tr)
	}
	if len(out.seen) > 0 {
		t.Errorf("outside was seen: %q", out.seen)
	}
	if tr, err = run("qwertz uiop"); err != nil || tr.Privacy != "" || tr.Provider != "cloud" {
		t.Errorf("nothing found, and yet: %v %+v", err, tr)
	}
}

func definitionOf(a *App, name string) *assistant.Definition {
	d := a.Assistants[name]
	return &d
}
