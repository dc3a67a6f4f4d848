package replicas

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/dragoman/dragoman/internal/store/postgrestest"
	"github.com/dragoman/dragoman/test/built"
)

// upstream answers with what it was asked: how many messages, and a sum of what they say. So an answer tells whether the prompt was
// the same. asked has these of all that it was asked.
type upstream struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

func newUpstream(t *testing.T) *upstream {
	up := &upstream{}
	up.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var ask struct {
			Stream   bool
			Messages []struct {
				Role    string
				Content json.RawMessage
			}
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || json.Unmarshal(body, &ask) != nil {
			http.Error(w, `{"error": {"message": "no request"}}`, http.StatusBadRequest)
			return
		}
		sum := sha256.New()
		for _, m := range ask.Messages {
			fmt.Fprintf(sum, "%s %s\n", m.Role, m.Content)
		}
		answer := fmt.Sprintf("I was told %d things, %x in all.", len(ask.Messages), sum.Sum(nil)[:3])
		up.mu.Lock()
		up.asked = append(up.asked, answer)
		up.mu.Unlock()
		const usage = `"usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}`
		if ask.Stream {
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprintf(w, "data: {\"id\": \"c\", \"choices\": [{\"index\": 0, \"delta\": {\"content\": %q}, \"finish_reason\": null}]}\n\n", answer)
			fmt.Fprintf(w, "data: {\"id\": \"c\", \"choices\": [{\"index\": 0, \"delta\": {}, \"finish_reason\": \"stop\"}]}\n\ndata: {\"id\": \"c\", \"choices\": [], %s}\n\ndata: [DONE]\n\n", usage)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id": "c", "choices": [{"index": 0, "message": {"role": "assistant", "content": %q}, "finish_reason": "stop"}], %s}`, answer, usage)
	}))
	t.Cleanup(up.Close)
	return up
}

// told returns what it was asked since the last time.
func (up *upstream) told() (all []string) {
	up.mu.Lock()
	defer up.mu.Unlock()
	all, up.asked = up.asked, nil
	return all
}

func config(upstream, store string) string {
	return fmt.Sprintf(`%s
model: big
cache: {when: asked}
assistant_editors: [org]
providers: {rack: {base_url: "%s/v1", privacy: internal, prices: {"*": {input: 1, output: 1}}}}
models: {big: {use: [rack/gpt-4.1]}}
collections: {notes: {push: [org]}}
assistants: {helper: {instructions: "Answer from the notes.", knowledge: [notes], model: big}}
`, store, upstream)
}

// caller makes requests, each of the next server in turn, and keeps what comes back.
type caller struct {
	t    *testing.T
	urls []string
	key  string
	n    int
	seen []string
}

// do makes one request and returns its answer; what differs from run to run is left out of what is kept.
func (c *caller) do(method, path string, body any) (status int, answer []byte, header http.Header) {
	c.t.Helper()
	return c.doBy(method, path, body, nil)
}

// doBy is do with headers.
func (c *caller) doBy(method, path string, body any, headers map[string]string) (status int, answer []byte, header http.Header) {
	c.t.Helper()
	url := c.urls[c.n%len(c.urls)]
	c.n++
	status, answer, header = c.askBy(url, method, path, body, headers)
	c.seen = append(c.seen, fmt.Sprintf("%s %s: %d %s %s", method, steady(path), status, header.Get("X-Dragoman-Cache"), steady(string(answer))))
	return status, answer, header
}

func (c *caller) ask(url, method, path string, body any) (int, []byte, http.Header) {
	c.t.Helper()
	return c.askBy(url, method, path, body, nil)
}

// askBy is ask with headers.
func (c *caller) askBy(url, method, path string, body any, headers map[string]string) (int, []byte, http.Header) {
	c.t.Helper()
	raw, ok := body.(string)
	if !ok && body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		raw = string(b)
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, url+path, bytes.NewReader([]byte(raw)))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	if ok {
		req.Header.Set("Content-Type", "text/markdown")
	}
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp.StatusCode, b, resp.Header
}

var (
	ids   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(resp|msg|chatcmpl|item|rs)[-_][0-9A-Za-z_-]{8,}`)
	waits = regexp.MustCompile(`frees in [0-9a-z]+`)
	times = regexp.MustCompile(`"(at|created|created_at|completed_at|updated|started|ms|took_ms|elapsed_ms|[a-z_]*_ms)": ?("[^"]*"|[0-9.]+)`)
)

func steady(s string) string {
	return waits.ReplaceAllString(times.ReplaceAllString(ids.ReplaceAllString(s, "ID"), `"$1":0`), "frees soon")
}

type object = map[string]any

func says(text string) []object { return []object{{"role": "user", "content": text}} }

// live is what somebody does in a while: pushes notes, finds them, holds conversations in sessions and by stored responses, looks
// at what was kept, and deletes.
func (c *caller) live() {
	c.t.Helper()
	const notes = "/api/collections/notes/documents/"
	c.do("PUT", notes+"leave", "# Leave\n\nEverybody has 28 days of leave.\n")
	c.do("PUT", notes+"phones", "# Phones\n\nThe helpdesk has the number 4711.\n")
	c.do("GET", "/api/collections/notes/search?q=days+of+leave", nil)
	c.do("GET", "/api/collections/notes/search?q=helpdesk", nil)
	var traces []string
	for i, text := range []string{"How many days of leave are there?", "And the helpdesk's number?", "Is the leave longer for me?", "Which number did I ask for, of the helpdesk?"} {
		for _, model := range []string{"assistant/helper", "big"} {
			_, _, h := c.do("POST", "/v1/chat/completions", object{"model": model, "stream": i%2 == 1, "messages": says(text), "dragoman": object{"session": "talk with " + model}})
			traces = append(traces, h.Get("X-Dragoman-Trace"))
		}
	}
	c.do("PUT", notes+"leave", "# Leave\n\nEverybody has 30 days of leave.\n")
	c.do("GET", "/api/collections/notes/search?q=days+of+leave", nil)
	c.do("DELETE", notes+"phones", nil)
	c.do("GET", "/api/collections/notes/search?q=helpdesk", nil)
	c.do("POST", "/v1/chat/completions", object{"model": "assistant/helper", "messages": says("And now, how many days of leave?"), "dragoman": object{"session": "talk with assistant/helper"}})

	previous := ""
	for _, text := range []string{"Remember 42.", "What is it?", "And twice that?"} {
		ask := object{"model": "big", "input": text}
		if previous != "" {
			ask["previous_response_id"] = previous
		}
		_, body, _ := c.do("POST", "/v1/responses", ask)
		var r struct{ ID string }
		if err := json.Unmarshal(body, &r); err != nil || r.ID == "" {
			c.t.Fatalf("%v: %s", err, body)
		}
		previous = r.ID
	}
	c.do("GET", "/v1/responses/"+previous, nil)
	c.do("GET", "/v1/responses/"+previous+"/input_items", nil)
	c.do("DELETE", "/v1/responses/"+previous, nil)
	c.do("GET", "/v1/responses/"+previous, nil)
	c.do("POST", "/v1/responses", object{"model": "big", "input": "Go on.", "previous_response_id": previous})

	// Sessions as such: made, asked in, shown, forked, listed, deleted.
	c.do("POST", "/api/sessions", object{"id": "own", "title": "My own"})
	c.do("POST", "/v1/chat/completions", object{"model": "big", "messages": says("One."), "dragoman": object{"session": "own"}})
	c.do("POST", "/v1/chat/completions", object{"model": "big", "messages": says("Two."), "dragoman": object{"session": "own"}})
	c.do("GET", "/api/sessions/own", nil)
	c.do("POST", "/api/sessions/own/fork", object{"id": "fork", "message": 2})
	c.do("POST", "/v1/chat/completions", object{"model": "big", "messages": says("Three, in the fork."), "dragoman": object{"session": "fork"}})
	c.do("DELETE", "/api/sessions/own", nil)
	c.do("GET", "/api/sessions/own", nil)
	c.do("GET", "/api/sessions/fork", nil)
	c.do("GET", "/api/sessions", nil)

	// What is remembered, and a version of an assistant, which holds for other servers at once.
	c.do("POST", "/api/memory", object{"text": "I work in the shop in Leipzig."})
	c.do("GET", "/api/memory", nil)
	_, body, _ := c.do("PUT", "/api/assistants/helper", object{"instructions": "Answer briefly.", "knowledge": []string{"notes"}, "model": "big"})
	var draft struct{ Version string }
	if err := json.Unmarshal(body, &draft); err != nil || draft.Version == "" {
		c.t.Fatalf("%v: %s", err, body)
	}
	c.do("GET", "/api/assistants/helper/versions", nil)
	c.do("POST", "/api/assistants/helper/publish?version="+draft.Version, nil)
	c.do("POST", "/v1/chat/completions", object{"model": "assistant/helper", "messages": says("How many days of leave?")})
	c.do("POST", "/v1/chat/completions", object{"model": "assistant/helper", "messages": says("How many days of leave, again?")})

	// Traces are in the database within a tenth of a second. What was deleted is not in them any more.
	for _, id := range traces {
		c.everywhere("/api/traces/"+id, func(status int, body []byte) bool {
			return status == http.StatusOK && !strings.Contains(string(body), "phones")
		})
	}
	_, body, _ = c.do("GET", "/api/traces/"+traces[0]+"/explanation", nil)
	if !strings.Contains(string(body), "leave") {
		c.t.Errorf("what is still there is not in the explanation: %s", body)
	}

	// What is said of answers.
	for i, id := range traces {
		c.do("POST", "/api/feedback", object{"trace": id, "rating": []string{"up", "down"}[i%2], "reason": fmt.Sprintf("reason %d", i)})
	}
	c.do("POST", "/api/feedback", object{"trace": traces[0], "rating": "down", "reason": "on second thought"})
	c.do("GET", "/api/feedback?limit=20", nil)
	c.do("GET", "/api/feedback?rating=up", nil)

	// A history that is edited, and gone on with from there and from before.
	c.do("POST", "/api/sessions", object{"id": "edited"})
	for _, text := range []string{"One.", "Two.", "Three."} {
		c.do("POST", "/v1/chat/completions", object{"model": "big", "messages": says(text), "dragoman": object{"session": "edited"}})
	}
	c.do("PUT", "/api/sessions/edited/messages/3", object{"text": "Two, rather."})
	c.do("GET", "/api/sessions/edited?branches=all", nil)
	c.do("POST", "/v1/chat/completions", object{"model": "big", "messages": says("And now?"), "dragoman": object{"session": "edited"}})
	c.do("PATCH", "/api/sessions/edited", object{"title": "Edited", "head": 6})
	c.do("POST", "/v1/chat/completions", object{"model": "big", "messages": says("As it was?"), "dragoman": object{"session": "edited"}})
	c.do("GET", "/api/sessions/edited?branches=all", nil)

	// An answer that is kept is found by all, as soon as it is written.
	same := object{"model": "big", "temperature": 0, "messages": says("The very same?")}
	wanted := map[string]string{"Cache-Control": "max-age=600"}
	c.doBy("POST", "/v1/chat/completions", same, wanted)
	for _, url := range c.urls {
		built.Await(c.t, "the answer is not found everywhere", func() bool {
			status, _, _ := c.askBy(url, "POST", "/v1/chat/completions", same, map[string]string{"Cache-Control": "max-age=600, only-if-cached"})
			return status == http.StatusOK
		})
	}
	for range 3 {
		c.doBy("POST", "/v1/chat/completions", same, wanted)
	}
}

// limits is what somebody does whose key has a limit of 3 requests a minute.
func (c *caller) limits() {
	c.t.Helper()
	for range 5 {
		c.do("POST", "/v1/chat/completions", object{"model": "big", "messages": says("Hello?")})
	}
}

// everywhere waits until all servers answer as they should.
func (c *caller) everywhere(path string, good func(status int, body []byte) bool) {
	c.t.Helper()
	for _, url := range c.urls {
		built.Await(c.t, path, func() bool {
			status, body, _ := c.ask(url, "GET", path, nil)
			return good(status, body)
		})
	}
}

// TestRequestsOfOneSessionAlternate: two servers on one database, of which each gets every second request, do what one server does,
// with a database or with a file.
func TestRequestsOfOneSessionAlternate(t *testing.T) {
	up := newUpstream(t)
	pg := func() string { return fmt.Sprintf("store: {url: %q, index: true}", postgrestest.Database(t)) }
	shared := pg() // skips where there is no server
	run := func(stores ...string) []string {
		t.Helper()
		c := &caller{t: t}
		var all []*program
		for i, store := range stores {
			p := start(t, config(up.URL, store), i == 0)
			c.urls, c.key = append(c.urls, p.url), cmp.Or(c.key, p.key)
			all = append(all, p)
		}
		c.live()
		c.key = strings.Fields(all[0].run("key", "create", "limited", "--rpm", "3"))[0]
		c.limits()
		for _, p := range all {
			p.stop()
		}
		c.seen = append(append(c.seen, up.told()...), all[0].run("usage", "--by", "model"))
		return c.seen
	}
	file := run("")
	for what, got := range map[string][]string{"one server on PostgreSQL": run(pg()), "two servers on one database": run(shared, shared)} {
		if diff := gocmp.Diff(file, got); diff != "" {
			t.Errorf("%s differ from one server with a file (-file +%[1]s):\n%s", what, diff)
		}
	}
	if all := strings.Join(file, "\n"); strings.Count(all, "I was told") < 15 || !strings.Contains(all, "30 days") || strings.Count(all, ": 200 hit ") != 3 || strings.Count(all, "requests per minute") != 2 || !strings.Contains(all, "on second thought") {
		t.Errorf("the scenario tells nothing:\n%s", all)
	}
}
