package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/embed"
	"github.com/dragoman/dragoman/internal/encoder"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/knowledge/dense"
	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/limit"
	"github.com/dragoman/dragoman/internal/provider/providertest"
)

// vectorist is a service of embeddings, in the shape of OpenAI's. Its moods are for the next requests, one each; then it is well.
type vectorist struct {
	mu    sync.Mutex
	moods []func(w http.ResponseWriter, r *http.Request, texts []string) (done bool)
	asked [][]string // the texts of each request
	poor  bool       // vectors have three dimensions
}

func (v *vectorist) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Input      []string
		Dimensions int
	}
	if raw, err := io.ReadAll(r.Body); err != nil || json.Unmarshal(raw, &body) != nil || body.Dimensions != 2 || r.URL.Path != "/v1/embeddings" {
		http.Error(w, `{"error":{"message":"what?"}}`, 400)
		return
	}
	v.mu.Lock()
	v.asked = append(v.asked, body.Input)
	var mood func(http.ResponseWriter, *http.Request, []string) bool
	if len(v.moods) > 0 {
		mood, v.moods = v.moods[0], v.moods[1:]
	}
	v.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if mood != nil && mood(w, r, body.Input) {
		return
	}
	var data []string
	for i, t := range body.Input {
		vector := fmt.Sprintf("%d,1", len(t))
		switch {
		case strings.Contains(t, "poison"):
			vector = "1e999,0"
		case v.poor:
			vector = "1,2,3"
		}
		data = append(data, fmt.Sprintf(`{"index":%d,"embedding":[%s]}`, i, vector))
	}
	fmt.Fprintf(w, `{"data":[%s],"usage":{"prompt_tokens":%d}}`, strings.Join(data, ","), 10*len(data))
}

func failing(status int, header ...string) func(http.ResponseWriter, *http.Request, []string) bool {
	return func(w http.ResponseWriter, _ *http.Request, _ []string) bool {
		if len(header) > 1 {
			w.Header().Set(header[0], header[1])
		}
		http.Error(w, `{"error":{"message":"no"}}`, status)
		return true
	}
}

func hanging(_ http.ResponseWriter, r *http.Request, _ []string) bool {
	<-r.Context().Done()
	return true
}

func cutting(w http.ResponseWriter, _ *http.Request, _ []string) bool {
	fmt.Fprint(w, `{"data":[{"index":0,"embedding":[1,`)
	return true
}

func openVectorist(t *testing.T, v http.Handler) *App {
	t.Helper()
	dir := t.TempDir()
	file := `
providers:
  vec: {base_url: 'http://vec.test/v1', timeout: 1s, prices: {m: {input: 100, output: 0, context: 20}}}
embedders:
  far: {use: vec/m, dimensions: 2, batch: 4, budget: {day: 0.02 USD}}
  free: {use: vec/m, dimensions: 2, batch: 4}
embedder: none
collections:
  wiki: {path: files, embedder: far}
  open: {path: files, embedder: free}
  hr: {path: files, embedder: far, privacy: internal}
  plain: {path: files}
`
	for name, text := range map[string]string{"dragoman.yaml": file, "files/a.md": "# Pools\n\nThe pool keeps connections open.\n"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a, err := Open(t.Context(), Options{Dir: dir, DataDir: t.TempDir(), Getenv: func(string) string { return "" }, Client: providertest.InMemory(t, v), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// TestEmbedderOfAFolder: a model that no catalogue knows makes vectors, with its prefixes; what is no embedder is refused by what to do.
func TestEmbedderOfAFolder(t *testing.T) {
	dir := t.TempDir()
	copyModel(t, "embedder", filepath.Join(dir, "models", "house"))
	copyModel(t, "ranker", filepath.Join(dir, "models", "cross"))
	file := `
embedders:
  house: {local: models/house, query_prefix: "the ", passage_prefix: "error "}
  cross: {local: ./models/cross}
  gone: {local: models/gone}
embedder: house
collections:
  a: {path: .}
  b: {path: ., embedder: cross}
  c: {path: ., embedder: gone}
`
	if err := os.WriteFile(filepath.Join(dir, "dragoman.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := Open(t.Context(), Options{Dir: dir, DataDir: t.TempDir(), Getenv: func(string) string { return "" }, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if by := a.EmbeddedBy("a"); by.Err != nil || by.Name != "house" || !strings.HasPrefix(by.Model, "house@") {
		t.Errorf("the embedder of a is %+v", by)
	}
	got, _, err := a.QuestionVector(t.Context(), identity.Principal{}, "a", "file")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := encoder.Open(filepath.Join(dir, "models", "house"), encoder.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float32, plain.Dimensions())
	if err := plain.EncodeQuery(t.Context(), "the file", want); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Error("a question's vector is not that of the model, with the prefix before the question")
	}
	for collection, say := range map[string]string{"b": "has a classification head", "c": "fetch it again"} {
		if by := a.EmbeddedBy(collection); by.Err == nil || !strings.Contains(by.Err.Error(), say) {
			t.Errorf("the embedder of %s: %v, which does not say %q", collection, by.Err, say)
		}
	}
}

// shelf is an index, and a store of vectors, in memory.
type shelf struct {
	texts   []string
	vectors map[int64]dense.Row
	used    bool
}

func newShelf(texts ...string) *shelf { return &shelf{texts: texts, vectors: map[int64]dense.Row{}} }

func (s *shelf) Pending(_ context.Context, _ string, limit int) (out []embed.Passage, missing, all int, _ error) {
	for i, text := range s.texts {
		if _, ok := s.vectors[int64(i)]; ok {
			continue
		}
		if missing++; len(out) < limit {
			out = append(out, embed.Passage{ID: int64(i), Text: text})
		}
	}
	return out, missing, len(s.texts), nil
}

func (s *shelf) Save(_ context.Context, _ string, list []dense.Vector) error {
	for _, v := range list {
		s.vectors[v.ID] = v.Row
	}
	return nil
}

func (s *shelf) Use(context.Context, string) error { s.used = true; return nil }

func (s *shelf) Rows(context.Context, string, []embed.Hash) (map[embed.Hash]dense.Row, error) {
	return nil, nil
}

func (s *shelf) SaveRows(context.Context, string, map[embed.Hash]dense.Row) error { return nil }

func texts(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("passage %d", i))
	}
	return out
}

// TestEmbedderInTrouble: whatever a service does, nothing that is no vector is kept, what can be embedded is in the end, and the books
// have each request.
func TestEmbedderInTrouble(t *testing.T) {
	type moods = []func(http.ResponseWriter, *http.Request, []string) bool
	for _, c := range []struct {
		name  string
		moods moods
		texts []string
		poor  bool
		want  int // vectors
		fails string
	}{
		{name: "well", texts: texts(10), want: 10},
		{name: "longer than the window", texts: []string{strings.Repeat("long ", 100), "short"}, want: 2},
		{name: "down for a while", moods: moods{failing(500), failing(502), failing(503)}, texts: texts(10), want: 10},
		{name: "rate limited", moods: moods{nil, failing(429, "Retry-After", "7"), failing(429, "Retry-After", "40")}, texts: texts(10), want: 10},
		{name: "slow", moods: moods{hanging, nil, hanging}, texts: texts(10), want: 10},
		{name: "cut off", moods: moods{cutting}, texts: texts(10), want: 10},
		{name: "no number in one text", texts: []string{"a", "bb", "poison", "cccc", "ddddd"}, want: 4},
		{name: "always other dimensions", texts: texts(60), poor: true, fails: "dimensions"},
		{name: "down for good", moods: slices.Repeat(moods{failing(500)}, 1000), texts: texts(10), fails: "left alone"},
		{name: "our key is refused", moods: slices.Repeat(moods{failing(401)}, 1000), texts: texts(10), fails: "refused the API key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &vectorist{moods: c.moods, poor: c.poor}
				a := openVectorist(t, v)
				e, err := a.embedders.passages(a.Engine, "open")
				if err != nil {
					t.Fatal(err)
				}
				s := newShelf(c.texts...)
				report, err := embed.Run(t.Context(), s, e, s, embed.Options{Now: time.Now})
				switch {
				case c.fails == "" && err != nil:
					t.Fatal(err)
				case c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)):
					t.Fatalf("%v: %+v", err, report)
				case len(s.vectors) != c.want, s.used != (c.fails == ""):
					t.Fatalf("%d vectors, used: %v; %+v", len(s.vectors), s.used, report)
				}
				if c.fails != "" && !c.poor && report.Failed > 0 {
					t.Errorf("%d texts were given up, and it is not their fault", report.Failed)
				}
				if len(v.asked) > 90 {
					t.Errorf("it was asked %d times", len(v.asked))
				}
				totals, err := a.Ledger.Totals(t.Context(), time.Time{}, ledger.ByFeature)
				if err != nil || len(totals) != 1 || totals[0].Key != "collection:open" || int(totals[0].Requests) != len(v.asked) || totals[0].Open != 0 {
					t.Errorf("%d requests, and in the books %+v, %v", len(v.asked), totals, err)
				}
			})
		})
	}
}

func TestEmbeddingWithinABudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vectorist{}
		a := openVectorist(t, v)
		e, err := a.embedders.passages(a.Engine, "wiki")
		if err != nil {
			t.Fatal(err)
		}
		s := newShelf(texts(400)...) // 10 tokens each, of which 20 cost 0.002 dollars
		report, err := embed.Run(t.Context(), s, e, s, embed.Options{Now: time.Now})
		ce, ok := errors.AsType[*chat.Error](err)
		if !ok || ce.Code != chat.CodeBudget || !strings.Contains(ce.Message, `collection "wiki"`) {
			t.Fatalf("%v", err)
		}
		if n := len(s.vectors); n < 10 || n > 20 || report.Failed > 0 || s.used {
			t.Errorf("%d vectors for 2 cents, at a tenth of a cent each; %+v", n, report)
		}
		// It holds after a restart, and frees with the next day.
		book := limit.NewBook(time.Now)
		if err := recount(t.Context(), book, a.Ledger, a.levels.org, time.Now()); err != nil {
			t.Fatal(err)
		}
		if spent, _, _, _ := book.Used(limit.Collection, "wiki", limit.Day); spent < 10_000_000 {
			t.Errorf("%d nano-dollars are known to be spent", spent)
		}
		before := len(s.vectors)
		time.Sleep(24 * time.Hour)
		if _, err := embed.Run(t.Context(), s, e, s, embed.Options{Now: time.Now}); err == nil || len(s.vectors) <= before {
			t.Errorf("%v, %d vectors", err, len(s.vectors))
		}
	})
}

// TestEmbeddersKeepThingsInTheHouse: neither the passages of an internal collection nor questions to it go to a provider outside.
func TestEmbeddersKeepThingsInTheHouse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vectorist{}
		a := openVectorist(t, v)
		e, err := a.embedders.passages(a.Engine, "hr")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Embed(t.Context(), embed.Document, []string{"salaries"}); err == nil {
			t.Error("a passage went out")
		}
		if _, _, err := a.QuestionVector(t.Context(), identity.Principal{Name: "me"}, "hr", "salaries?"); err == nil {
			t.Error("a question went out")
		}
		turn := &assistant.Turn{
			Request:   &chat.Request{Messages: []chat.Message{chat.NewText(chat.User, "what does the pool keep?")}},
			Principal: identity.Principal{Name: "me"}, Definition: &assistant.Definition{Name: "a", Knowledge: []string{"hr"}, Route: "extractive"}, Out: &leaver{after: -1},
		}
		if ans, err := a.Engine.Run(t.Context(), turn); err != nil || !strings.Contains(ans.Message.Text(), "keeps connections open") {
			t.Errorf("%v, %v", ans, err)
		}
		if len(v.asked) > 0 {
			t.Errorf("outside are %q", v.asked)
		}
		if e, err := a.embedders.passages(a.Engine, "plain"); e != nil || err != nil {
			t.Errorf("none is configured, and there is %v, %v", e, err)
		}
	})
}

// TestQuestionIsBookedToWhoAsks, and a turn goes on without its vector where the service is slow.
func TestQuestionIsBookedToWhoAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vectorist{}
		a := openVectorist(t, v)
		who := identity.Principal{KeyID: "k1", Name: "anna"}
		got, model, err := a.QuestionVector(t.Context(), who, "open", "what is a pool?")
		if err != nil || len(got) != 2 || !strings.HasPrefix(model, "vec/m") {
			t.Fatalf("%v %s %v", got, model, err)
		}
		totals, err := a.Ledger.Totals(t.Context(), time.Time{}, ledger.ByKey)
		if err != nil || len(totals) != 1 || totals[0].Key != "k1" || totals[0].Cost == 0 {
			t.Errorf("%+v, %v", totals, err)
		}
		for range 10 {
			v.moods = append(v.moods, hanging)
		}
		before := time.Now()
		if _, _, err := a.QuestionVector(t.Context(), who, "open", "what is a pool?"); err == nil {
			t.Error("it hangs, and there is a vector")
		}
		if took := time.Since(before); took > 4*time.Second {
			t.Errorf("the question waited %s", took)
		}
		out := &leaver{after: -1}
		turn := &assistant.Turn{
			Request:   &chat.Request{Messages: []chat.Message{chat.NewText(chat.User, "what does the pool keep?")}},
			Principal: who, Definition: &assistant.Definition{Name: "a", Knowledge: []string{"open"}, Route: "extractive"}, Out: out,
		}
		ans, err := a.Engine.Run(t.Context(), turn)
		if err != nil || !strings.Contains(ans.Message.Text(), "keeps connections open") {
			t.Errorf("%v, %v", ans, err)
		}
	})
}

// TestDefinitionsCanBeHashed: the cache by meaning tells definitions apart by their JSON.
func TestDefinitionsCanBeHashed(t *testing.T) {
	a := openVectorist(t, &vectorist{})
	for name, d := range a.Assistants {
		if b, err := json.Marshal(d); err != nil || !strings.Contains(string(b), name) {
			t.Errorf("%s: %s, %v", name, b, err)
		}
	}
}
