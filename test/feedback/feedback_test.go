// Package feedback walks the road from what people say of answers to what is answered later, with the built program.
package feedback

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/dragoman/dragoman/test/built"
)

// binary is the built program.
var binary string

func TestMain(m *testing.M) { os.Exit(built.Run(&binary, m.Run)) }

const (
	right = "Refunds reach the customer within seven working days [1]."
	wrong = "Penguins migrate northward every autumn, carrying three umbrellas each [1]."
)

// model is an upstream that answers what it is asked about refunds from its source, and all else wrongly.
func model(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		text := wrong
		if bytes.Contains(body, []byte("How soon do refunds reach the customer")) {
			text = right
		}
		answer, err := json.Marshal(map[string]any{
			"id": "c", "object": "chat.completion", "model": "m", "usage": map[string]any{"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18},
			"choices": []any{map[string]any{"index": 0, "finish_reason": "stop", "message": map[string]any{"role": "assistant", "content": text}}},
		})
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// program is a server, and the command line beside it on the same data.
type program struct {
	t             *testing.T
	dir, url, key string
}

func start(t *testing.T) *program {
	p := &program{t: t, dir: t.TempDir()}
	for name, text := range map[string]string{
		"dragoman.yaml": `providers: {rack: {base_url: "` + model(t) + `/v1"}}
models: {big: {use: [rack/m]}}
collections: {wiki: {path: wiki}, other: {path: other}}
assistants: {help: {instructions: Be brief., model: big, knowledge: [wiki, other], search: {threshold: 0}}}
`,
		"wiki/refunds.md": "# Refunds\n\nRefunds reach the customer within seven working days.\n",
		"wiki/parcels.md": "# Parcels\n\nA parcel is handed to the carrier on the day of the order.\n",
		"other/cups.md":   "# Cups\n\nCups are washed on Fridays.\n",
	} {
		at := filepath.Join(p.dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := p.command("serve", "--listen", "127.0.0.1:0")
	log := &built.Log{}
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Logf("%v\n%s", err, log)
		}
	})
	for lines := bufio.NewScanner(out); p.url == "" || p.key == ""; {
		if !lines.Scan() {
			t.Fatalf("it ended before it had said where it is\n%s", log)
		}
		if s := regexp.MustCompile(`(http://\S+)/v1`).FindStringSubmatch(lines.Text()); s != nil {
			p.url = s[1]
		}
		if s := regexp.MustCompile(`dgm_\w{36}`).FindString(lines.Text()); s != "" {
			p.key = s
		}
	}
	return p
}

func (p *program) command(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Dir = p.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.dir, "DRAGOMAN_DATA=" + filepath.Join(p.dir, "data"), "OLLAMA_HOST=127.0.0.1:1"}
	return cmd
}

// run runs a command and returns what it says, and whether it succeeded.
func (p *program) run(args ...string) (said string, ok bool) {
	p.t.Helper()
	out, err := p.command(args...).CombinedOutput()
	return string(out), err == nil
}

// call asks the server and returns its answer and the answer's trace.
func (p *program) call(method, path string, body any) (text, trace string) {
	p.t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, bytes.NewReader(data))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		p.t.Fatalf("%s %s: %d %s %v", method, path, resp.StatusCode, answer, err)
	}
	return string(answer), resp.Header.Get("x-dragoman-trace")
}

func (p *program) ask(question string) (answer, trace string) {
	p.t.Helper()
	return p.call("POST", "/v1/chat/completions", map[string]any{"model": "assistant/help", "messages": []any{map[string]any{"role": "user", "content": question}}})
}

// search returns the paths that a search of the wiki finds.
func (p *program) search(question string) string {
	p.t.Helper()
	text, _ := p.call("GET", "/api/collections/wiki/search?q="+url.QueryEscape(question), nil)
	var found struct{ Passages []struct{ Document string } }
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		p.t.Fatal(err)
	}
	var paths []string
	for _, f := range found.Passages {
		paths = append(paths, f.Document)
	}
	return strings.Join(paths, " ")
}

func (p *program) expect(what, text string, patterns ...string) {
	p.t.Helper()
	for _, want := range patterns {
		if !regexp.MustCompile(want).MatchString(text) {
			p.t.Errorf("%s: %q does not occur in\n%s", what, want, text)
		}
	}
}

// weak is a question of which one word occurs.
const weak = "Which parcel mysteriously vanished beneath volcanic quartz ridges yesterday"

// TestRoad: answers are rated, a report says which threshold would tell the good from the bad, nothing changes until it is put in place, and what
// is asked afterwards goes by it: of a collection, and of an assistant.
func TestRoad(t *testing.T) {
	p := start(t)
	rate := func(n int, question, rating string) {
		t.Helper()
		for i := range n {
			_, trace := p.ask(fmt.Sprintf("%s, case %d?", question, i))
			p.call("POST", "/api/feedback", map[string]any{"trace": trace, "rating": rating})
		}
	}
	if said, ok := p.run("feedback", "tune", "--collection", "wiki", "--apply"); ok || !strings.Contains(said, "too few answers were rated") {
		t.Fatalf("%s", said)
	}
	rate(20, "How soon do refunds reach the customer", "up")
	rate(20, weak, "down")

	text, _ := p.call("GET", "/api/feedback/precision", nil)
	p.expect("precision", text, `"assistant":"help","collection":"wiki","up":20,"down":20,"offered":\{"good":\d+`, `"cited":\{"good":20,"all":40,"value":0.5,"low":0.3\d*,"high":0.6\d*\}`)
	text, _ = p.run("feedback", "precision", "--since", "1d")
	p.expect("precision", text, `wiki +help +20 +20 +\d+\.\d % of \d+ .* 50\.0 % of 40 \[3\d\.\d, 6\d\.\d\]`)
	text, _ = p.call("GET", "/metrics", nil)
	p.expect("metrics", text, `dragoman_feedback_sources_total\{assistant="help",collection="wiki",rating="up",use="cited"\} 20`, `dragoman_retrieval_sources_total\{assistant="help",collection="wiki",use="cited"\} 40`)

	// The report changes nothing.
	report, ok := p.run("feedback", "tune", "--collection", "wiki")
	p.expect("report", report, `20 answers that were found good and 20 that were found bad`, `AUROC of 1\.00`, `100\.0 % +0\.0 %  the best`, `Now 0\.00: 0\.0 % caught, 0\.0 % blamed`)
	if !ok || p.search(weak) != "parcels.md" {
		t.Fatalf("before it is put in place: %q\n%s", p.search(weak), report)
	}

	// In place, it keeps back what matches as little; what matches well is found, and the other collection is as it was.
	said, ok := p.run("feedback", "tune", "--collection", "wiki", "--apply")
	p.expect("in place", said, `wiki is in place with threshold: 0\.\d\d`)
	if !ok || p.search(weak) != "" || p.search("How soon do refunds reach the customer?") == "" {
		t.Errorf("afterwards: %q, %q", p.search(weak), p.search("How soon do refunds reach the customer?"))
	}
	_, trace := p.ask(weak + ", once more?")
	text, _ = p.call("GET", "/api/traces/"+trace, nil)
	p.expect("the trace", text, `"matches":\[\{"collection":"wiki","confidence":0\.\d+\},\{"collection":"other","confidence":0`, `threshold: the best match in wiki has a confidence of`)
	text, _ = p.run("search", "--collection", "wiki", weak)
	p.expect("the command line", text, "nothing found")
	text, _ = p.call("GET", "/api/collections/wiki", nil)
	p.expect("the collection", text, `"threshold":\{"value":0\.\d+,"tuned":"`, `by the feedback on 40 answers`)
	if said, ok := p.run("feedback", "tune", "--collection", "wiki", "--apply"); !ok || !strings.Contains(said, "is the best there is") {
		t.Errorf("%s", said)
	}
	if said, ok := p.run("feedback", "tune", "--collection", "wiki", "--reset"); !ok || p.search(weak) != "parcels.md" {
		t.Errorf("afterwards it is not as before: %s %q", said, p.search(weak))
	}

	// An assistant's threshold on how sure it is: a new version is published, and answers that are less sure are kept back.
	said, ok = p.run("feedback", "tune", "help", "--threshold", "abstain_below", "--apply")
	p.expect("the assistant", said, `help@\w+ is in place with abstain_below: 0\.\d\d`)
	if answer, _ := p.ask(weak + ", again?"); !ok || strings.Contains(answer, "Penguins") {
		t.Errorf("it does not abstain: %s", answer)
	}
	if answer, _ := p.ask("How soon do refunds reach the customer, again?"); !strings.Contains(answer, "seven working days") {
		t.Errorf("it abstains: %s", answer)
	}
	said, ok = p.run("feedback", "tune", "help", "--threshold", "search.threshold", "--apply")
	p.expect("its search", said, `help@\w+ is in place with search.threshold: 0\.\d\d`)
	_, trace = p.ask(weak + ", at last?")
	text, _ = p.call("GET", "/api/traces/"+trace, nil)
	if !ok || strings.Contains(text, `"sources":[`) {
		t.Errorf("what matches so little is offered: %s", text)
	}

	// Who put them in place is in the audit log.
	said, ok = p.run("audit", "list")
	for _, object := range []string{"collections/wiki/threshold", `help@\w+`} {
		p.expect("the audit log", said, `command line.* feedback\.applied +`+object)
	}
	if !ok {
		t.Errorf("%s", said)
	}
}
