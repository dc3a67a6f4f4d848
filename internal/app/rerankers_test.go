package app

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/encoder"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/provider/providertest"
)

// copyModel copies one of the small made models of package encoder, beside which a file is written when it is opened.
func copyModel(t *testing.T, name, to string) {
	t.Helper()
	if err := os.MkdirAll(to, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"config.json", "tokenizer.json", "model.safetensors"} {
		data, err := os.ReadFile(filepath.Join("..", "encoder", "testdata", name, file))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, file), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestCrossEncoder: a cross-encoder in a folder scores as the reference does, up to what int8 costs.
func TestCrossEncoder(t *testing.T) {
	dir := t.TempDir()
	copyModel(t, "ranker", filepath.Join(dir, "models", "cross"))
	copyModel(t, "embedder", filepath.Join(dir, "models", "no-head"))
	file := `
rerankers:
  cross: {local: models/cross}
  wrong: {local: models/no-head}
  gone: {local: models/gone}
assistants:
  a: {knowledge: [], search: {rerank: cross}}
`
	if err := os.WriteFile(filepath.Join(dir, "dragoman.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := Open(t.Context(), Options{Dir: dir, DataDir: t.TempDir(), Getenv: func(string) string { return "" }, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	definition := a.Assistants["a"]
	r, err := a.Engine.Reranker(&definition)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join("..", "encoder", "testdata", "ranker", "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []struct {
		Text, Passage string
		Logits        []float64
	}
	if err := json.Unmarshal(raw, &list); err != nil || len(list) == 0 {
		t.Fatal(err)
	}
	full, err := encoder.Open(filepath.Join("..", "encoder", "testdata", "ranker"), encoder.Options{Precision: encoder.Float32})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range list {
		got, err := r.Local.Score(t.Context(), x.Text, []string{x.Passage})
		if err != nil {
			t.Fatal(err)
		}
		want, err := full.Score(t.Context(), x.Text, []string{x.Passage})
		if err != nil {
			t.Fatal(err)
		}
		if d := math.Abs(float64(want[0]) - x.Logits[0]); d > 1e-4 {
			t.Errorf("%q, %q: %g in float32, the reference has %g", x.Text, x.Passage, want[0], x.Logits[0])
		}
		if d := math.Abs(float64(got[0]) - x.Logits[0]); d > 0.05 {
			t.Errorf("%q, %q: %g, the reference has %g", x.Text, x.Passage, got[0], x.Logits[0])
		}
	}
	for name, why := range map[string]string{"wrong": "is no cross-encoder", "gone": "gone"} {
		definition.Search.Rerank = name
		if _, err := a.Engine.Reranker(&definition); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRerankedByAService: a service orders the passages of a turn, is booked to who asks, and is passed over when it hangs.
func TestRerankedByAService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := false
		client := providertest.InMemory(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			raw, err := io.ReadAll(r.Body)
			var body struct{ Documents []string }
			if err != nil || json.Unmarshal(raw, &body) != nil || r.URL.Path != "/v1/rerank" {
				http.Error(w, `{}`, 400)
				return
			}
			if hang {
				<-r.Context().Done()
				return
			}
			var results []string
			for i, d := range body.Documents {
				results = append(results, fmt.Sprintf(`{"index":%d,"relevance_score":%d}`, i, strings.Count(d, "zinc")))
			}
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"results":[%s],"usage":{"total_tokens":50}}`, strings.Join(results, ","))
		}))
		dir := t.TempDir()
		files := map[string]string{
			"dragoman.yaml": `
providers:
  ranks: {base_url: 'http://ranks.test/v1', prices: {m: {input: 1, output: 0}}}
rerankers:
  far: {use: ranks/m, api: jina}
collections:
  shop: {path: files, rerank: far}
`,
			"files/pool.md":  "# The pool\n\nThe pool, the pool: the pool keeps connections open. The pool is large.\n",
			"files/metal.md": "# Metals\n\nA pool of zinc and zinc and zinc.\n",
		}
		for name, text := range files {
			if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		a, err := Open(t.Context(), Options{Dir: dir, DataDir: t.TempDir(), Getenv: func(string) string { return "" }, Client: client, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		ask := func() *assistant.Trace {
			t.Helper()
			ans, err := a.Engine.Run(t.Context(), &assistant.Turn{
				Request:   &chat.Request{Messages: []chat.Message{chat.NewText(chat.User, "what is the pool?")}},
				Principal: identity.Principal{KeyID: "k", Name: "k"}, Definition: &assistant.Definition{Name: "a", Knowledge: []string{"shop"}, Route: "extractive"}, Out: &leaver{after: -1},
			})
			if err != nil {
				t.Fatal(err)
			}
			return ans.Trace
		}
		if tr := ask(); len(tr.Sources) != 2 || tr.Sources[0].Path != "metal.md" || tr.Cost != "$0.00005" {
			t.Errorf("cost %s, sources %+v", tr.Cost, tr.Sources)
		}
		search := func() *knowledge.Result {
			t.Helper()
			res, err := a.Library().Search(t.Context(), identity.Principal{KeyID: "k", Name: "k"}, "shop", knowledge.Query{Text: "what is the pool?", Limit: 1})
			if err != nil || len(res.Passages) != 1 || len(res.Notes) != 1 {
				t.Fatalf("%+v, %v", res, err)
			}
			return res
		}
		if res := search(); res.Passages[0].Path != "metal.md" || !strings.Contains(res.Notes[0], "re-ranked 2 passages") || !slices.ContainsFunc(res.LeftOut, func(l knowledge.LeftOut) bool { return l.Path == "pool.md" && l.Reason == "limit" }) {
			t.Errorf("a search finds %s, %q, left out %+v", res.Passages[0].Path, res.Notes, res.LeftOut)
		}
		hang = true
		if res := search(); res.Passages[0].Path != "pool.md" || !strings.Contains(res.Notes[0], "did not re-rank") {
			t.Errorf("a search finds %s, %q", res.Passages[0].Path, res.Notes)
		}
		before := time.Now()
		tr := ask()
		if len(tr.Sources) != 2 || tr.Sources[0].Path != "pool.md" || time.Since(before) > 3*time.Second {
			t.Errorf("after %s: sources %+v", time.Since(before), tr.Sources)
		}
		if !slices.ContainsFunc(tr.Steps, func(s assistant.StepTrace) bool {
			return slices.ContainsFunc(s.Notes, func(n string) bool { return strings.Contains(n, "far did not re-rank") })
		}) {
			t.Errorf("the trace does not say it: %+v", tr.Steps)
		}
		totals, err := a.Ledger.Totals(t.Context(), time.Time{}, ledger.ByKey)
		if err != nil || len(totals) != 1 || totals[0].Key != "k" || totals[0].Open != 0 || totals[0].Requests < 2 {
			t.Errorf("%+v, %v", totals, err)
		}
	})
}
