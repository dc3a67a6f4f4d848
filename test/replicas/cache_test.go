package replicas

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/dragoman/dragoman/internal/store/postgrestest"
	"github.com/dragoman/dragoman/test/built"
)

// alike is a service of embeddings to which everything that speaks of leave means the same.
func alike(t *testing.T) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Input []string }
		raw, err := io.ReadAll(r.Body)
		if err != nil || json.Unmarshal(raw, &body) != nil {
			http.Error(w, "{}", http.StatusBadRequest)
			return
		}
		var data []string
		for i, text := range body.Input {
			v := "[0,1]"
			if strings.Contains(strings.ToLower(text), "leave") {
				v = "[1,0]"
			}
			data = append(data, fmt.Sprintf(`{"index":%d,"embedding":%s}`, i, v))
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"data":[%s],"usage":{"prompt_tokens":5}}`, strings.Join(data, ","))
	}))
	t.Cleanup(s.Close)
	return s
}

// kept counts the answers that servers have in common.
func kept(t *testing.T, address, table string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func cached(upstream, vectors, address string) string {
	c := strings.Replace(config(upstream, fmt.Sprintf("store: {url: %q, index: true}", address)), "cache: {when: asked}\n", "cache: {when: all, semantic: {on: true, threshold: 0.9}}\nembedders: {far: {use: vec/m}}\nembedder: far\n", 1)
	c = strings.ReplaceAll(c, "rack/gpt-4.1", "rack/llama-3-70b") // large enough to answer from sources
	return strings.Replace(c, "providers: {", fmt.Sprintf(`providers: {vec: {base_url: "%s/v1", privacy: internal, prices: {"*": {input: 0, output: 0}}}, `, vectors), 1)
}

// TestAnswersAreShared: what one server was answered is a hit at the other, for the same prompt and for a question that means the same; for
// the same caller alone, and not after an edit.
func TestAnswersAreShared(t *testing.T) {
	up, vec, address := newUpstream(t), alike(t), postgrestest.Database(t)
	conf := cached(up.URL, vec.URL, address)
	one := start(t, conf, true)
	two := start(t, conf, false)
	c := &caller{t: t, key: one.key}
	other := &caller{t: t, key: strings.Fields(one.run("key", "create", "another"))[0]}
	// ask says from which cache the answer is, and the answer.
	ask := func(c *caller, p *program, model, question string, stream bool) (from, answer string) {
		t.Helper()
		status, body, header := c.ask(p.url, "POST", "/v1/chat/completions", object{"model": model, "stream": stream, "messages": says(question)})
		if status != http.StatusOK {
			t.Fatalf("%d %s", status, body)
		}
		return header.Get("X-Dragoman-Cache"), string(body)
	}
	const asked, means = "How much leave does everybody have?", "How much leave does everybody have, please?"
	from, first := ask(c, one, "big", asked, false)
	if from != "miss" {
		t.Fatal(from)
	}
	built.Await(t, "the answer is not kept", func() bool { return kept(t, address, "answers") == 1 && kept(t, address, "meanings") == 1 })
	if from, again := ask(c, two, "big", asked, false); from != "hit" || !strings.Contains(again, "I was told") {
		t.Errorf("the same, at the other server: %s\n%s\n%s", from, first, again)
	}
	if from, again := ask(c, two, "big", asked, true); from != "hit" || !strings.Contains(again, "data: [DONE]") {
		t.Errorf("the same as a stream: %s\n%s", from, again)
	}
	if from, _ := ask(c, two, "big", means, false); from != "semantic" {
		t.Errorf("what means the same, at the other server: %s", from)
	}
	if n := len(up.told()); n != 1 {
		t.Errorf("%d requests went to the provider", n)
	}
	if from, _ := ask(other, two, "big", means, false); from != "miss" {
		t.Errorf("another caller: %s", from)
	}
	if status, body, _ := c.ask(two.url, "PUT", "/api/collections/notes/documents/leave", "# Leave\n\nEverybody has 28 days of leave.\n"); status >= 300 {
		t.Fatalf("%d %s", status, body)
	}
	n := kept(t, address, "meanings")
	if from, _ := ask(c, one, "assistant/helper", asked, false); from != "miss" {
		t.Errorf("the assistant is another one than the model: %s", from)
	}
	built.Await(t, "the assistant's answer is not kept", func() bool { return kept(t, address, "meanings") > n })
	if from, _ := ask(c, two, "assistant/helper", means, false); from != "semantic" {
		t.Errorf("what means the same, of the assistant: %s", from)
	}
	if status, body, _ := c.ask(two.url, "PUT", "/api/collections/notes/documents/leave", "# Leave\n\nEverybody has 30 days of leave.\n"); status >= 300 {
		t.Fatalf("%d %s", status, body)
	}
	if from, answer := ask(c, one, "assistant/helper", asked, false); from != "miss" || strings.Contains(answer, "28 days") {
		t.Errorf("after an edit: %s\n%s", from, answer)
	}
	one.stop()
	two.stop()
}

// TestAnswersWithoutADatabase: without its database a server answers as if there were no common cache.
func TestAnswersWithoutADatabase(t *testing.T) {
	up, vec, server := newUpstream(t), alike(t), postgrestest.Start(t)
	p := start(t, cached(up.URL, vec.URL, server.Database(t)), true)
	c := &caller{t: t, key: p.key}
	ask := func(question string) {
		t.Helper()
		if status, body, _ := c.ask(p.url, "POST", "/v1/chat/completions", object{"model": "big", "messages": says(question)}); status != http.StatusOK {
			t.Errorf("%d %s", status, body)
		}
	}
	ask("How much leave does everybody have?")
	server.Down()
	ask("How much leave do teachers have?")
	ask("Which number has the helpdesk?")
	if err := server.Up(); err != nil {
		t.Fatal(err)
	}
	p.stop()
}
