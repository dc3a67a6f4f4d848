package server_test

import (
	"context"
	"encoding/json"
	"github.com/dragoman/dragoman/internal/identity"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestWhoMayAsk(t *testing.T) {
	d := open(t, options{})
	gone, record, err := d.app.Keys.Create(t.Context(), "gone", identity.Grants{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.app.Keys.Revoke(t.Context(), record.ID); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, header, value string
		status              int
	}{
		{"bearer", "Authorization", "Bearer " + d.key, 200},
		{"as Anthropic's SDKs", "X-Api-Key", d.key, 200},
		{"no key", "Accept", "*/*", 401},
		{"empty", "Authorization", "Bearer ", 401},
		{"another scheme", "Authorization", "Basic " + d.key, 401},
		{"mistyped", "Authorization", "Bearer " + d.key[:39] + "!", 401},
		{"revoked", "Authorization", "Bearer " + gone, 401},
	} {
		for _, to := range []string{"GET /v1/models", "GET /v1/models/big", "POST /v1/chat/completions", "GET /api/traces/x"} {
			method, path, _ := strings.Cut(to, " ")
			req, err := http.NewRequestWithContext(t.Context(), method, d.url+path, strings.NewReader(string(ask("big", "hello", nil))))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set(c.header, c.value)
			resp, err := d.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			a, err := read(resp)
			resp.Body.Close()
			want := c.status
			if want == 200 && strings.HasPrefix(path, "/api") {
				want = 404
			}
			if err != nil || resp.StatusCode != want || want == 401 && (a.failure == nil || a.failure.Code != "unauthorized" || a.failure.Type != "authentication_error") {
				t.Errorf("%s, %s: %d %+v %v", c.name, to, resp.StatusCode, a.failure, err)
			}
		}
	}
	if n := len(d.first.Requests()); n != 2 {
		t.Errorf("the provider was asked %d times by the 2 who may", n)
	}
	resp := d.do(t.Context(), "GET", "/healthz", "", nil)
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 200 || !strings.Contains(string(body), `"ok"`) {
		t.Errorf("health without a key: %d %s", resp.StatusCode, body)
	}
}

func TestBadRequests(t *testing.T) {
	d := open(t, options{maxBody: 4096})
	const hello = `"messages": [{"role": "user", "content": "hello"}]`
	for _, c := range []struct {
		name, body  string
		status      int
		code, param string
	}{
		{"empty", "", 400, "invalid_request", ""},
		{"no JSON", "{", 400, "invalid_request", ""},
		{"more after it", `{"model": "big", ` + hello + `} {}`, 400, "invalid_request", ""},
		{"a list", "[]", 400, "invalid_request", ""},
		{"null", "null", 400, "invalid_request", ""},
		{"no model", "{" + hello + "}", 400, "invalid_request", "model"},
		{"model is no text", `{"model": 1, ` + hello + "}", 400, "invalid_request", "model"},
		{"no messages", `{"model": "big"}`, 400, "invalid_request", "messages"},
		{"messages are no list", `{"model": "big", "messages": "hi"}`, 400, "invalid_request", "messages"},
		{"no content", `{"model": "big", "messages": [{"role": "user"}]}`, 400, "invalid_request", "messages.0.content"},
		{"strange role", `{"model": "big", "messages": [{"role": "boss", "content": "x"}]}`, 400, "invalid_request", "messages.0.role"},
		{"part without type", `{"model": "big", "messages": [{"role": "user", "content": [{"text": "x"}]}]}`, 400, "invalid_request", "messages.0.content.0.type"},
		{"messages in disguise", `{"model": "big", "Messages": [], ` + hello + "}", 400, "invalid_request", "Messages"},
		{"messages twice", `{"model": "big", "messages": [], ` + hello + "}", 400, "invalid_request", "messages"},
		{"two answers", `{"model": "big", "n": 2, ` + hello + "}", 400, "invalid_request", "n"},
		{"too hot", `{"model": "big", "temperature": 3, ` + hello + "}", 400, "invalid_request", "temperature"},
		{"no tokens", `{"model": "big", "max_tokens": 0, ` + hello + "}", 400, "invalid_request", "max_completion_tokens"},
		{"tool without name", `{"model": "big", "tools": [{"type": "function", "function": {}}], ` + hello + "}", 400, "invalid_request", "tools.0"},
		{"too large", `{"model": "` + strings.Repeat("x", 5000) + `", ` + hello + "}", 413, "request_too_large", ""},
		{"unknown assistant", `{"model": "assistant/nobody", ` + hello + "}", 404, "not_found", "model"},
		{"unknown model", `{"model": "nothing", ` + hello + "}", 404, "not_found", "model"},
		{"dragoman is no object", `{"model": "big", "dragoman": 1, ` + hello + "}", 400, "invalid_request", "dragoman"},
		{"dragoman has a strange field", `{"model": "big", "dragoman": {"sesion": "x"}, ` + hello + "}", 400, "invalid_request", "dragoman"},
		{"no user message", `{"model": "assistant/code", "messages": [{"role": "system", "content": "x"}]}`, 400, "invalid_request", "messages"},
	} {
		a := d.chat([]byte(c.body))
		if f := a.failure; a.status != c.status || f == nil || f.Code != c.code || f.Param != c.param || f.Message == "" {
			t.Errorf("%s: %d %+v", c.name, a.status, a.failure)
		}
	}
	for _, to := range []string{"GET /v1/chat/completions", "POST /v1/images", "GET /", "GET /v1/../etc/passwd"} {
		method, path, _ := strings.Cut(to, " ")
		resp := d.do(t.Context(), method, path, d.key, nil)
		a, err := read(resp)
		resp.Body.Close()
		if err != nil || resp.StatusCode != 404 && resp.StatusCode != 405 || a.failure == nil || a.failure.Message == "" {
			t.Errorf("%s: %d %+v %v", to, resp.StatusCode, a.failure, err)
		}
	}
	if sum := d.books(); sum.Requests != 0 {
		t.Errorf("%d requests were dispatched", sum.Requests)
	}
}

func TestModels(t *testing.T) {
	d := open(t, options{extra: "assistants: {clerk: {instructions: Be brief., knowledge: [here]}}\ncollections: {here: {path: .}}"})
	resp := d.do(t.Context(), "GET", "/v1/models", d.key, nil)
	defer resp.Body.Close()
	var list struct {
		Object string
		Data   []struct{ ID, Object string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range list.Data {
		names = append(names, m.ID)
		if m.Object != "model" {
			t.Errorf("%+v", m)
		}
	}
	if got, want := strings.Join(names, " "), "assistant/clerk assistant/code big first/other first/test-70b spare/test-70b"; got != want || list.Object != "list" {
		t.Errorf("%s, not %s", got, want)
	}
	for id, want := range map[string]int{"assistant/code": 200, "first/other": 200, "big": 200, "first/nothing": 404} {
		resp := d.do(t.Context(), "GET", "/v1/models/"+id, d.key, nil)
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != want || want == 200 && !strings.Contains(string(body), `"id":"`+id+`"`) {
			t.Errorf("%s: %d %s", id, resp.StatusCode, body)
		}
	}
}

// A trace is shown to the key that asked, and to no other.
func TestTraces(t *testing.T) {
	d := open(t, options{})
	a := d.chat(ask("assistant/code", "How long is the retry delay?", nil))
	id := a.header.Get("x-dragoman-trace")
	if id == "" || a.dragoman["trace"] != id {
		t.Fatalf("trace %q, %v", id, a.dragoman)
	}
	other, _, err := d.app.Keys.Create(t.Context(), "test", identity.Grants{}, time.Time{}) // of the same name
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		key, id string
		status  int
	}{{d.key, id, 200}, {other, id, 404}, {d.key, id + "0", 404}} {
		resp := d.do(t.Context(), "GET", "/api/traces/"+c.id, c.key, nil)
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != c.status {
			t.Errorf("%d %s", resp.StatusCode, body)
		}
		if mine := strings.Contains(string(body), "How long is the retry delay?") && strings.Contains(string(body), "retry/backoff.go"); mine != (c.status == 200) {
			t.Errorf("%d shows %s", c.status, body)
		}
	}
	// An error names its trace, too.
	d.first.Script(fail(400))
	a = d.chat(ask("big", "hello", nil))
	if a.failure == nil || a.failure.Message != "scripted failure 400" || a.header.Get("x-dragoman-trace") == "" {
		t.Fatalf("%+v", a.failure)
	}
	resp := d.do(t.Context(), "GET", "/api/traces/"+a.header.Get("x-dragoman-trace"), d.key, nil)
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("the trace of a failed turn: %d", resp.StatusCode)
	}
}

// A session remembers, for its key only.
func TestSessions(t *testing.T) {
	d := open(t, options{})
	in := object{"dragoman": object{"session": "s"}}
	d.chat(ask("assistant/code", "How long is the retry delay?", in))
	d.chat(ask("assistant/code", "And who wants orders kept?", in))
	other, _, err := d.app.Keys.Create(t.Context(), "other", identity.Grants{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	resp := d.do(t.Context(), "POST", "/v1/chat/completions", other, ask("assistant/code", "And what about its orders?", in))
	if _, err := read(resp); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	requests := d.first.Requests()
	if len(requests) != 3 {
		t.Fatalf("%d requests", len(requests))
	}
	const first = "How long is the retry delay?"
	if !strings.Contains(requests[1].Field("messages"), first) || strings.Contains(requests[2].Field("messages"), first) {
		t.Errorf("its own key gets the history: %s\nanother does not: %s", requests[1].Field("messages"), requests[2].Field("messages"))
	}
}

// Paths in the request narrow what is searched.
func TestFilters(t *testing.T) {
	d := open(t, options{})
	d.chat(ask("assistant/code", "What does the shop keep, and how long is the retry delay?", object{"dragoman": object{"filters": object{"paths": []string{"*.md"}}}}))
	if sent := d.first.Requests()[0].Field("messages"); !strings.Contains(sent, "README.md") || strings.Contains(sent, "backoff.go") {
		t.Errorf("the prompt has %s", sent)
	}
}

func TestServeStopsAtOnceWhenIdle(t *testing.T) {
	d := open(t, options{})
	if err := d.stop(); err != nil {
		t.Error(err)
	}
	if resp, err := d.try(context.WithoutCancel(t.Context()), "GET", "/healthz", "", nil); err == nil {
		resp.Body.Close()
		t.Error("a stopped server answers")
	}
}
