package app

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/provider"
)

// judge is a server on which the model "judge" rates questions, and others answer.
type judge struct {
	mu    sync.Mutex
	says  string        // of the judge
	stall chan struct{} // where it is not nil, the judge says nothing until it is closed
	asked map[string]int
	last  string // body of the last request to the judge
}

func (j *judge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var req struct{ Model string }
	if err := json.Unmarshal(body, &req); err != nil {
		http.Error(w, err.Error(), 400)
		return
	}
	j.mu.Lock()
	j.asked[req.Model]++
	text, stall := "done", j.stall
	if req.Model == "judge" {
		text, j.last = j.says, string(body)
	}
	j.mu.Unlock()
	if req.Model == "judge" && stall != nil {
		select {
		case <-stall:
		case <-r.Context().Done():
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":%q},"finish_reason":"stop"}],"usage":{"prompt_tokens":40,"completion_tokens":2}}`, text)
}

func openWith(t *testing.T, file string) *App {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "dragoman.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := Open(t.Context(), Options{Dir: dir, DataDir: t.TempDir(), Getenv: func(string) string { return "" }, Client: provider.NewClient(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	a.Engine.Retries = 0
	return a
}

func run(t *testing.T, a *App, model, question string, change func(*assistant.Turn)) (*assistant.Trace, error) {
	t.Helper()
	turn := &assistant.Turn{
		Request:   &chat.Request{Model: model, Messages: []chat.Message{chat.NewText(chat.User, question)}},
		Principal: identity.Principal{KeyID: "k", Name: "k"}, Definition: unguarded(), Out: &leaver{after: -1}, Class: "chat",
	}
	if change != nil {
		change(turn)
	}
	_, err := a.Engine.Run(t.Context(), turn)
	return turn.Trace, err
}

// TestJudge: a model says how complex a question is. What it costs is in the books; it is asked once for the same text; and where
// it says nothing useful, or nothing in time, the heuristic counts.
func TestJudge(t *testing.T) {
	j := &judge{says: "8", asked: map[string]int{}}
	s := httptest.NewServer(j)
	defer s.Close()
	a := openWith(t, fmt.Sprintf(`
providers: {rack: {base_url: '%s/v1', prices: {judge: {input: 1, output: 1}, "*": {input: 10, output: 10}}}}
models: {deep: {use: [rack/big]}, fast: {use: [rack/small]}}
routes:
  auto: {rules: [{when: complexity > 0.5, use: deep}], use: fast, complexity: {model: rack/judge, within: 1m}}
  late: {rules: [{when: complexity > 0.5, use: deep}], use: fast, complexity: {model: rack/judge, within: 500ms}}
  plain: {rules: [{when: tools, use: deep}], use: fast, complexity: {model: rack/judge}}
`, s.URL))
	a.Engine.Scope = nil
	want := func(tr *assistant.Trace, err error, model string, value any) {
		t.Helper()
		if err != nil || tr.Model != model || len(tr.Routes) != 1 || tr.Routes[0].Facts["complexity"] != value {
			t.Errorf("%v: answered by %s, %+v", err, tr.Model, tr.Routes)
		}
	}
	tr, err := run(t, a, "auto", "hello", nil)
	want(tr, err, "big", 0.89) // the heuristic says 0
	if len(tr.Attempts) != 2 || tr.Attempts[0].For != "complexity" || tr.Attempts[1].For != "" || tr.Cost != "$0.000462" {
		t.Errorf("attempts %+v, cost %s", tr.Attempts, tr.Cost)
	}
	if !strings.Contains(j.last, `"max_tokens":8`) || !strings.Contains(j.last, "hello") || strings.Contains(j.last, `"stream":true`) {
		t.Errorf("the judge was asked %s", j.last)
	}
	tr, err = run(t, a, "auto", "hello", nil)
	want(tr, err, "big", 0.89)
	if j.asked["judge"] != 1 {
		t.Errorf("the judge was asked %d times", j.asked["judge"])
	}
	j.says = "I'd say 2/10."
	tr, err = run(t, a, "auto", "hello there", nil)
	want(tr, err, "small", 0.22)
	j.says = "very hard indeed"
	tr, err = run(t, a, "auto", "why is this hard? design and compare", nil)
	want(tr, err, "big", 0.61)
	if !strings.Contains(fmt.Sprint(tr.Steps), "which is no rating") {
		t.Errorf("the trace does not tell: %+v", tr.Steps)
	}
	j.stall = make(chan struct{})
	tr, err = run(t, a, "late", "hello again", nil)
	want(tr, err, "small", 0.0)
	close(j.stall)
	// A route whose rules don't ask for it asks no judge.
	before := j.asked["judge"]
	if tr, err = run(t, a, "plain", "hello, you", nil); err != nil || tr.Model != "small" || j.asked["judge"] != before {
		t.Errorf("%v: %s, the judge was asked %d times more", err, tr.Model, j.asked["judge"]-before)
	}
	rows, err := a.Ledger.Totals(t.Context(), time.Time{}, ledger.ByModel)
	if err != nil {
		t.Fatal(err)
	}
	booked := map[string]int64{}
	for _, r := range rows {
		booked[r.Key] = r.Requests
		if r.Open > 0 {
			t.Errorf("%+v", r)
		}
	}
	if booked["rack/judge"] != int64(j.asked["judge"]) || booked["rack/big"] != int64(j.asked["big"]) {
		t.Errorf("booked %v, asked %v", booked, j.asked)
	}
}

// TestAbilitiesChoose: what the catalogue, or the file, says of models decides who gets a request with images, and what it says of
// prices who is cheapest.
func TestAbilitiesChoose(t *testing.T) {
	j := &judge{asked: map[string]int{}}
	s := httptest.NewServer(j)
	defer s.Close()
	a := openWith(t, fmt.Sprintf(`
providers:
  rack:
    base_url: '%s/v1'
    prices:
      blind: {input: 1, output: 1, can: [tools]}
      eyes: {as: openai/gpt-4.1-mini}
      dear: {as: openai/gpt-4.1}
models:
  see: {use: [rack/blind, rack/dear, rack/eyes], prefer: price}
`, s.URL))
	image := func(t *assistant.Turn) {
		t.Request.Messages[0].Parts = append(t.Request.Messages[0].Parts, chat.Part{Kind: chat.ImagePart, Media: &chat.Media{Type: "image/png", Data: "AA=="}})
	}
	tr, err := run(t, a, "see", "look", image)
	if err != nil || tr.Model != "eyes" || len(tr.Candidates) != 3 || tr.Candidates[0].Why != "it takes no images" || tr.Candidates[2].Chosen != 1 || tr.Candidates[1].Chosen != 2 {
		t.Errorf("%v: %s of %+v", err, tr.Model, tr.Candidates)
	}
	if tr, err = run(t, a, "rack/blind", "look", image); chat.AsError(err).Code != chat.CodeUnsupported || !strings.Contains(err.Error(), "takes no images") {
		t.Errorf("%v, answered by %s", err, tr.Model)
	}
	if tr, err = run(t, a, "see", "read", func(t *assistant.Turn) { t.Request.MaxTokens = 1 }); err != nil || tr.Model != "eyes" {
		t.Errorf("%v: %s of %+v", err, tr.Model, tr.Candidates)
	}
	if j.asked["blind"] != 0 {
		t.Error("the blind one was shown a picture")
	}
}
