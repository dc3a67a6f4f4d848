package app

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/observe"
	"github.com/dragoman/dragoman/internal/provider/providertest"
)

// meaningful is a service of embeddings that knows two topics: absence, and all else. One of its models can be out of order.
type meaningful struct {
	mu    sync.Mutex
	out   string         // the model that is out of order
	asked map[string]int // texts, by model
}

func (m *meaningful) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Model string
		Input []string
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if m.out == body.Model {
		http.Error(w, `{"error":{"message":"out of order"}}`, http.StatusUnauthorized) // what waiting does not heal
		return
	}
	m.asked[body.Model] += len(body.Input)
	var data []string
	for i, t := range body.Input {
		vector := "0.1,1"
		if strings.Contains(strings.ToLower(t), "leave") || strings.Contains(t, "vacation") {
			vector = "1,0.1"
		}
		data = append(data, fmt.Sprintf(`{"index":%d,"embedding":[%s]}`, i, vector))
	}
	fmt.Fprintf(w, `{"data":[%s],"usage":{"prompt_tokens":%d}}`, strings.Join(data, ","), len(data))
}

func (m *meaningful) count(model string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked[model]
}

func (m *meaningful) breaks(model string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.out = model
}

const twoModels = `
providers: {vec: {base_url: 'http://vec.test/v1', timeout: 1s}}
embedders:
  one: {use: vec/one, dimensions: 2}
  two: {use: vec/two, dimensions: 2}
embedder: none
collections:
  wiki: {path: wiki, embedder: %s}
`

// first is the first passage that a search of the wiki gives.
func first(t *testing.T, a *App, question string) string {
	t.Helper()
	res, err := a.Library().Search(t.Context(), identity.Principal{}, "wiki", knowledge.Query{Text: question})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Passages) == 0 {
		return ""
	}
	return res.Passages[0].Path
}

// TestEmbedFewWaitsNoLonger: who asks on the command line does not wait for an embedder that is down longer than the question itself would.
func TestEmbedFewWaitsNoLonger(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "dragoman.yaml"), `
providers: {vec: {base_url: 'http://vec.test/v1'}}
embedders: {one: {use: vec/one, dimensions: 2, timeout: 50ms}}
embedder: one
collections: {wiki: {path: wiki}}
assistants: {helper: {knowledge: [wiki]}}
`)
	write(t, filepath.Join(dir, "wiki/leave.md"), "# Leave\n\nEverybody has 28 days.\n")
	down := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600") // which a run in the background would keep to
		http.Error(w, `{"error":{"message":"slow down"}}`, http.StatusTooManyRequests)
	})
	a, err := Open(t.Context(), Options{Dir: dir, DataDir: t.TempDir(), Getenv: func(string) string { return "" }, Client: providertest.InMemory(t, down), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, err := a.Sync(t.Context(), "helper"); err != nil {
		t.Fatal(err)
	}
	if left := a.EmbedFew(t.Context(), "helper"); left != 1 {
		t.Errorf("%d passages are left", left)
	}
	if got := first(t, a, "days of leave"); got != "leave.md" {
		t.Errorf("found %q", got)
	}
}

// TestKeepEmbedded: passages get their vectors in the background. Another model takes over when all of its vectors are there; until then, and
// while it is out of order, questions are asked of the one before.
func TestKeepEmbedded(t *testing.T) {
	dir, m := t.TempDir(), &meaningful{asked: map[string]int{}}
	write(t, filepath.Join(dir, "dragoman.yaml"), fmt.Sprintf(twoModels, "one"))
	write(t, filepath.Join(dir, "wiki/leave.md"), "# Leave\n\nEverybody has 28 days.\n")
	write(t, filepath.Join(dir, "wiki/phones.md"), "# Phones\n\nCall the helpdesk.\n")
	metrics := observe.New()
	a, err := Open(t.Context(), Options{Dir: dir, DataDir: t.TempDir(), Getenv: func(string) string { return "" }, Client: providertest.InMemory(t, m), Now: time.Now, Metrics: metrics})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	// status is what the API and the metrics say of the vectors.
	status := func() (*VectorStatus, string) {
		t.Helper()
		c, err := a.Library().Manage(t.Context(), identity.Principal{}, "wiki")
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		metrics.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		return c.Vectors, strings.Join(regexp.MustCompile(`collection_(?:embed|vector)\w+\{collection="wiki"\} \S+`).FindAllString(w.Body.String(), -1), ", ")
	}
	lines := make(said, 100)
	stop := a.KeepEmbedded(t.Context(), slog.New(lines))
	if got := first(t, a, "vacation"); got != "" && got != "leave.md" { // it may have been quick
		t.Errorf("%s", got)
	}
	lines.awaits(t, "passages have vectors")
	if got := first(t, a, "vacation"); got != "leave.md" {
		t.Errorf("found %q", got)
	}
	write(t, filepath.Join(dir, "wiki/absence.md"), "# Absence\n\nAsk before you leave.\n")
	if _, err := a.collections.refresh(t.Context(), "wiki", occasion{reason: "asked"}); err != nil {
		t.Fatal(err)
	}
	lines.awaits(t, "passages have vectors")
	if n := m.count("one"); n < 5 || n > 6 { // three passages, two or three questions
		t.Errorf("%d texts were sent", n)
	}

	m.breaks("two")
	write(t, filepath.Join(dir, "dragoman.yaml"), fmt.Sprintf(twoModels, "two"))
	if err := a.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop()
	stop = a.KeepEmbedded(t.Context(), slog.New(lines))
	defer func() { stop() }()
	lines.awaits(t, "passages could not be given vectors")
	before := m.count("one")
	if got := first(t, a, "vacation"); got != "leave.md" && got != "absence.md" || m.count("one") != before+1 {
		t.Errorf("found %q; the model before was asked %d times", got, m.count("one")-before)
	}
	if state, err := a.VectorState(t.Context(), "wiki"); err != nil || state.Model == state.Next || state.Next == "" || state.Missing != 3 {
		t.Errorf("%+v %v", state, err)
	}

	if s, told := status(); !strings.Contains(s.Model, "one") || s.Generation != 1 || !strings.Contains(s.Next, "two") || s.Embedded != 0 || s.Queue != 3 || s.Share != 0 || s.Tried == nil || s.Error == "" ||
		told != `collection_embedded_ratio{collection="wiki"} 0, collection_embedding_queue{collection="wiki"} 3, collection_vector_generation{collection="wiki"} 1` {
		t.Errorf("while the second model's vectors cannot be made: %+v; %s", s, told)
	}
	m.breaks("")
	a.collections.embedding("wiki").changed()
	lines.awaits(t, "passages have vectors")
	before = m.count("one")
	if got := first(t, a, "vacation"); got != "leave.md" && got != "absence.md" || m.count("one") != before || m.count("two") != 4 {
		t.Errorf("found %q; %v", got, m.asked)
	}
	if state, err := a.VectorState(t.Context(), "wiki"); err != nil || state != (knowledge.Vectors{Model: state.Model, Generation: state.Generation, Passages: 3}) || !strings.Contains(state.Model, "two") {
		t.Errorf("%+v %v", state, err)
	}
	if s, told := status(); !strings.Contains(s.Model, "two") || s.Generation < 2 || s.Next != "" || s.Embedded != 3 || s.Queue != 0 || s.Share != 1 || s.Error != "" ||
		told != fmt.Sprintf(`collection_embedded_ratio{collection="wiki"} 1, collection_embedding_queue{collection="wiki"} 0, collection_vector_generation{collection="wiki"} %d`, s.Generation) {
		t.Errorf("afterwards: %+v; %s", s, told)
	}
	// Without any embedder that answers words are searched.
	m.breaks("two")
	if got := first(t, a, "helpdesk"); got != "phones.md" {
		t.Errorf("found %q", got)
	}
}
