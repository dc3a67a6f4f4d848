package server_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/engine/enginetest"
	"github.com/dragoman/dragoman/internal/ledger"
)

// withEngine is a server one of whose providers, here, runs a local model.
func withEngine(t *testing.T, mood, more string) (*door, enginetest.Events) {
	t.Helper()
	t.Setenv(enginetest.Variable, mood)
	heard := enginetest.NewEvents()
	d := open(t, options{log: heard, third: fmt.Sprintf("here: {engine: {model: m.gguf, program: %q, %s}}", os.Args[0], more)})
	return d, heard
}

// wires are the same question on each wire.
var wires = map[string]struct{ path, body, text string }{
	"chat completions": {"/v1/chat/completions", `{"model":"here/m","messages":[{"role":"user","content":"hi"}]}`, "choices.0.message.content"},
	"responses":        {"/v1/responses", `{"model":"here/m","input":"hi"}`, "output.0.content.0.text"},
	"messages":         {"/v1/messages", `{"model":"here/m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`, "content.0.text"},
	"gemini":           {"/v1beta/models/here%2Fm:generateContent", `{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}`, "candidates.0.content.parts.0.text"},
}

func (d *door) post(t *testing.T, path, body string) (*http.Response, []byte) {
	t.Helper()
	resp := d.do(t.Context(), http.MethodPost, path, d.key, []byte(body))
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, b
}

// rows are the books as they are now.
func (d *door) rows(t *testing.T) []ledger.Total {
	t.Helper()
	if err := d.app.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows, err := d.app.Ledger.Totals(t.Context(), time.Time{}, ledger.ByNothing)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestModelIsLoaded: while a model is loaded its callers learn so, on each wire in its own shape, and when to come again. Nothing
// is booked for that. When it is there, it answers.
func TestModelIsLoaded(t *testing.T) {
	gate := filepath.Join(t.TempDir(), "loaded")
	t.Setenv(enginetest.Gate, gate)
	d, heard := withEngine(t, "gate", "wait: 10ms")
	for name, w := range wires {
		resp, b := d.post(t, w.path, w.body)
		status, code := 503, gjson.GetBytes(b, "error.code").String()
		switch name {
		case "messages":
			status, code = 529, "model_loading"
			if gjson.GetBytes(b, "error.type").Str != "overloaded_error" {
				code = string(b)
			}
		case "gemini":
			code = "model_loading"
			if gjson.GetBytes(b, "error.status").Str != "UNAVAILABLE" || !bytes.Contains(b, []byte("retryDelay")) {
				code = string(b)
			}
		}
		after, err := strconv.Atoi(resp.Header.Get("Retry-After"))
		if resp.StatusCode != status || code != "model_loading" || err != nil || after < 1 || after > 5 || !bytes.Contains(b, []byte("here: loading model m")) {
			t.Errorf("%s: %s, Retry-After %q, %s", name, resp.Status, resp.Header.Get("Retry-After"), b)
		}
	}
	if resp, b := d.post(t, "/v1/chat/completions", `{"model":"here/m","stream":true,"messages":[{"role":"user","content":"hi"}]}`); resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("a stream: %s %s", resp.Status, b)
	}
	if rows := d.rows(t); len(rows) != 0 {
		t.Errorf("booked %+v", rows)
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	heard.Await(t, "is ready")
	for name, w := range wires {
		resp, b := d.post(t, w.path, w.body)
		if got := gjson.GetBytes(b, w.text).Str; resp.StatusCode != 200 || got != "one two" {
			t.Errorf("%s: %s %s", name, resp.Status, b)
		}
	}
	resp, b := d.post(t, "/v1/chat/completions", `{"model":"here/m","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}`)
	if resp.StatusCode != 200 || !bytes.Contains(b, []byte("[DONE]")) || !bytes.Contains(b, []byte(`"cached_tokens":3`)) {
		t.Errorf("%s %s", resp.Status, b)
	}
}

// TestEngineDiesInAnswer: the engine is started again, and goes on with the answer that it had begun.
func TestEngineDiesInAnswer(t *testing.T) {
	d, heard := withEngine(t, "well", "")
	resp, b := d.post(t, "/v1/chat/completions", `{"model":"here/m","stream":true,"messages":[{"role":"user","content":"crash"}]}`)
	text := ""
	for line := range strings.Lines(string(b)) {
		text += gjson.Get(strings.TrimPrefix(line, "data: "), "choices.0.delta.content").Str
	}
	if resp.StatusCode != 200 || text != "one two" || !bytes.Contains(b, []byte("[DONE]")) {
		t.Errorf("%s %s", resp.Status, b)
	}
	if said := heard.Await(t, "died"); !strings.Contains(said, "segmentation fault") {
		t.Error(said)
	}
	d.client.CloseIdleConnections()
	if err := d.stop(); err != nil {
		t.Error(err)
	}
	if rows := d.rows(t); len(rows) != 1 || rows[0].Requests != 2 || rows[0].Failed != 1 || rows[0].Usage.CachedInput != 3 {
		t.Errorf("booked %+v", rows)
	}
}

// TestEngineCannotRun: callers learn that it cannot, the log why.
func TestEngineCannotRun(t *testing.T) {
	d, heard := withEngine(t, "dies", "")
	resp, b := d.post(t, "/v1/chat/completions", wires["chat completions"].body)
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || !bytes.Contains(b, []byte("cannot be started (exit status 3)")) || bytes.Contains(b, []byte("too large")) {
		t.Errorf("%s %s", resp.Status, b)
	}
	heard.Await(t, "too large")
}

// TestEngineIdles: an engine that nobody uses is stopped, and started again for the next caller. One that the configuration has
// no more is stopped at once.
func TestEngineIdles(t *testing.T) {
	d, heard := withEngine(t, "well", "idle: 20ms, min: 0")
	for range 2 {
		if resp, b := d.post(t, "/v1/chat/completions", wires["chat completions"].body); resp.StatusCode != 200 {
			t.Fatalf("%s %s", resp.Status, b)
		}
		heard.Await(t, "nobody uses")
	}
	config := func(engine string) {
		t.Helper()
		file := fmt.Sprintf("providers: {here: {engine: {model: m.gguf, program: %q, %s}}}\n", os.Args[0], engine)
		if err := os.WriteFile(d.app.ConfigPath, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := d.app.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	config("min: 1")
	d.app.StartEngines()
	heard.Await(t, "is ready")
	config("min: 2")
	heard.Await(t, "nobody uses")
}

// TestEngineIsNotAskedForItsModels: a list of models starts no engine.
func TestEngineIsNotAskedForItsModels(t *testing.T) {
	d, heard := withEngine(t, "dies", "")
	resp := d.do(t.Context(), http.MethodGet, "/v1/models", d.key, nil)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(b), `"here/m"`) || len(heard) > 0 {
		t.Errorf("%s, %d events, %v", b, len(heard), err)
	}
}
