package fire

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dragoman/dragoman/test/built"
)

// slow is a vendor whose streams wait in their middle until they are let go.
func slow(t *testing.T) (v *vendor, goOn chan struct{}) {
	t.Helper()
	v, goOn = &vendor{}, make(chan struct{})
	v.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Before, \"},\"finish_reason\":null}]}\n\n")
		w.(http.Flusher).Flush()
		select {
		case <-goOn:
		case <-r.Context().Done():
			return
		}
		fmt.Fprint(w, "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"after.\"},\"finish_reason\":\"stop\"}]}\n\n")
		fmt.Fprintf(w, "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":%d,\"completion_tokens\":%d}}\n\ndata: [DONE]\n\n", inputTokens, outputTokens)
	}))
	t.Cleanup(v.server.Close)
	return v, goOn
}

// stream is an answer under way.
type stream struct {
	t     *testing.T
	resp  *http.Response
	lines *bufio.Scanner
}

// open begins an answer and reads its first words.
func (p *program) open(model string) *stream {
	p.t.Helper()
	body := fmt.Sprintf(`{"model": %q, "stream": true, "max_tokens": %d, "messages": [{"role": "user", "content": "name-1-1"}]}`, model, outputTokens)
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.url+"/chat/completions", strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.key)
	req.Header.Set("X-Dragoman-Feature", "name-1-1")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { resp.Body.Close() })
	s := &stream{p.t, resp, bufio.NewScanner(resp.Body)}
	if resp.StatusCode != http.StatusOK {
		p.t.Fatalf("%s\n%s", resp.Status, p.log)
	}
	s.until("Before, ")
	return s
}

// until reads on to some text, and returns all that was read.
func (s *stream) until(text string) string {
	s.t.Helper()
	var all strings.Builder
	for s.lines.Scan() {
		fmt.Fprintln(&all, s.lines.Text())
		if strings.Contains(s.lines.Text(), text) {
			return all.String()
		}
	}
	s.t.Fatalf("the stream ended before %q: %v\n%s", text, s.lines.Err(), all.String())
	return ""
}

// status of a page; 0 where nobody listens.
func (p *program) status(path string) int {
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, strings.TrimSuffix(p.url, "/v1")+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// TestStop: an operator stops the program while an answer is under way. It tells load balancers, takes no more connections, tells
// the answer to its end, and books it.
func TestStop(t *testing.T) {
	v, goOn := slow(t)
	p := install(t, v, "server: {notice: 2s, drain: 1m}\n")
	p.start()
	s := p.open("big")
	if got := p.status("/readyz"); got != 200 {
		t.Fatalf("/readyz before: %d", got)
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	built.Await(t, "/readyz with 503", func() bool { return p.status("/readyz") == 503 })
	built.Await(t, "no more connections", func() bool { return p.status("/readyz") == 0 })
	close(goOn)
	if rest := s.until("[DONE]"); !strings.Contains(rest, "after.") {
		t.Errorf("the rest of the answer: %s", rest)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("it stopped with %v\n%s", err, p.log)
	}
	p.balanced(1, 0)
}

// TestStopTwice: who cannot wait says so again. What was under way is in the books of the next start.
func TestStopTwice(t *testing.T) {
	v, _ := slow(t)
	p := install(t, v, "server: {drain: 1h}\n")
	p.start()
	p.open("big")
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	built.Await(t, "no more connections", func() bool { return p.status("/healthz") == 0 })
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err == nil {
		t.Error("it says that all went well")
	}
	p.start()
	p.stop()
	p.balanced(1, 1)
}

// TestReload: the configuration changes while an answer is under way. The answer goes on as it began, and the next is after the
// new one. A faulty configuration changes nothing.
func TestReload(t *testing.T) {
	v, goOn := slow(t)
	p := install(t, v, "")
	p.start()
	file := filepath.Join(p.dir, "dragoman.yaml")
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	change := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	s := p.open("big")
	change("modle: big\n")
	built.Await(t, "a word on the faulty configuration", func() bool { return strings.Contains(p.log.String(), "is faulty; the old one stays") })
	p.open("big")
	change(strings.ReplaceAll(string(old), "big", "other"))
	built.Await(t, "the new configuration", func() bool { return strings.Contains(p.log.String(), "took the changed configuration over") })
	if got := p.models(); !strings.Contains(got, `"other"`) || strings.Contains(got, `"big"`) {
		t.Errorf("models: %s", got)
	}
	next := p.open("other")
	close(goOn)
	for _, s := range []*stream{s, next} {
		if rest := s.until("[DONE]"); !strings.Contains(rest, "after.") {
			t.Errorf("the rest of the answer: %s", rest)
		}
	}
	p.stop()
	p.balanced(3, 0)
}

func (p *program) models() string {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.url+"/models", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	var list struct {
		Data json.RawMessage `json:"data"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		p.t.Fatal(err)
	}
	return string(list.Data)
}

// balanced says that the books have so many requests, of which some were cut off, and that the others cost what they cost.
func (p *program) balanced(requests, abandoned int64) {
	p.t.Helper()
	r := p.books()["name-1-1"]
	if r.Requests != requests || r.Abandoned != abandoned || r.Open != 0 || r.Failed != 0 {
		p.t.Errorf("the books have %+v", r)
	}
	if want := perToken * (inputTokens + outputTokens); abandoned == 0 && int64(r.Cost) != requests*int64(want) {
		p.t.Errorf("%d answers for %s each cost %s", requests, want, r.Cost)
	}
}
