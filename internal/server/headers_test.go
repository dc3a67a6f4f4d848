package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/dragoman/dragoman/internal/observe"
	"github.com/dragoman/dragoman/internal/provider/providertest"
)

// asks are a request at each door that answers by a turn, whole and as a stream.
var asks = map[string]struct{ path, whole, stream string }{
	"chat":        {"/v1/chat/completions", `{"model":"big","messages":[{"role":"user","content":"CANARY"}]}`, `{"model":"big","stream":true,"messages":[{"role":"user","content":"CANARY"}]}`},
	"messages":    {"/v1/messages", `{"model":"big","max_tokens":50,"messages":[{"role":"user","content":"CANARY"}]}`, `{"model":"big","max_tokens":50,"stream":true,"messages":[{"role":"user","content":"CANARY"}]}`},
	"responses":   {"/v1/responses", `{"model":"big","input":"CANARY"}`, `{"model":"big","stream":true,"input":"CANARY"}`},
	"completions": {"/v1/completions", `{"model":"big","prompt":"CANARY"}`, `{"model":"big","stream":true,"prompt":"CANARY"}`},
	"gemini":      {"/v1beta/models/big:", `{"contents":[{"role":"user","parts":[{"text":"CANARY"}]}]}`, `{"contents":[{"role":"user","parts":[{"text":"CANARY"}]}]}`},
}

// everyDoor runs a test at each door, whole and streamed.
func everyDoor(t *testing.T, run func(t *testing.T, path, body string, stream bool)) {
	for name, a := range asks {
		t.Run(name, func(t *testing.T) {
			path := a.path
			if name == "gemini" {
				path += "generateContent"
			}
			run(t, path, a.whole, false)
		})
		t.Run(name+", streamed", func(t *testing.T) {
			path := a.path
			if name == "gemini" {
				path += "streamGenerateContent?alt=sse"
			}
			run(t, path, a.stream, true)
		})
	}
}

// TestHeaders: at each door an answer tells who answered, what it cost and how to find it again; a stream tells the cost behind it.
func TestHeaders(t *testing.T) {
	d := open(t, options{})
	everyDoor(t, func(t *testing.T, path, body string, stream bool) {
		d.first.Script(fail(500), providertest.Reply("Yes."))
		d.spare.Script(providertest.Reply("Yes."))
		resp := d.send(path, []byte(body), map[string]string{"x-request-id": "shop-7/ä"[:6]})
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 200 {
			t.Fatalf("%d %v", resp.StatusCode, err)
		}
		h, after := resp.Header, resp.Header
		if stream {
			after = resp.Trailer
		}
		for name, want := range map[string]string{"x-request-id": "shop-7", "x-dragoman-model": "spare/test-70b", "x-dragoman-rung": "2"} {
			if h.Get(name) != want {
				t.Errorf("%s: %q", name, h.Get(name))
			}
		}
		if after.Get("x-dragoman-cost") != "$0.00014" || after.Get("x-dragoman-cached-tokens") != "40" {
			t.Errorf("cost %q, cached tokens %q", after.Get("x-dragoman-cost"), after.Get("x-dragoman-cached-tokens"))
		}
		if strings.HasSuffix(path, "/messages") && h.Get("request-id") != "shop-7" {
			t.Errorf("request-id: %q", h.Get("request-id"))
		}
		tr := d.traceOf(resp)
		if tr["request_id"] != "shop-7" || !strings.HasPrefix(h.Get("x-dragoman-trace"), "tr_") {
			t.Errorf("the trace %s has the request id %v", h.Get("x-dragoman-trace"), tr["request_id"])
		}
	})
}

// TestRequestID: a name that is no good for headers and logs is not taken over, and every answer has one, errors too.
func TestRequestID(t *testing.T) {
	d := open(t, options{})
	for _, c := range []struct{ sent, want string }{
		{"a-B_9.:/+=@", "a-B_9.:/+=@"}, {"", ""}, {"with space", ""}, {"<script>", ""}, {strings.Repeat("x", 128), strings.Repeat("x", 128)}, {strings.Repeat("x", 129), ""}, {`"quoted"`, ""}, {"\u00e4", ""},
	} {
		for _, body := range []string{`{"model":"big","messages":[{"role":"user","content":"hi"}]}`, `{"broken`, `{"model":"nothing/x","messages":[{"role":"user","content":"hi"}]}`} {
			headers := map[string]string{}
			if c.sent != "" {
				headers["x-request-id"] = c.sent
			}
			resp := d.send("/v1/chat/completions", []byte(body), headers)
			got := resp.Header.Get("x-request-id")
			if c.want != "" && got != c.want || c.want == "" && (got == c.sent || len(got) < 10) {
				t.Errorf("%q, %s: %q", c.sent, body, got)
			}
		}
	}
	resp := d.do(t.Context(), "POST", "/v1/messages", "wrong", nil)
	resp.Body.Close()
	if resp.StatusCode != 401 || resp.Header.Get("x-request-id") == "" || resp.Header.Get("request-id") != resp.Header.Get("x-request-id") {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
}

// TestFieldDragoman: whoever sets the field in a request gets it in the answer, also of a plain model; others get what their
// provider said.
func TestFieldDragoman(t *testing.T) {
	d := open(t, options{})
	everyDoor(t, func(t *testing.T, path, body string, stream bool) {
		d.first.Script(providertest.Reply("Yes."))
		with := strings.Replace(body, "{", `{"dragoman":{"feature":"mail"},`, 1)
		for _, c := range []struct {
			body string
			want bool
		}{{with, true}, {body, false}} {
			resp := d.send(path, []byte(c.body), nil)
			data, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != 200 {
				t.Fatalf("%d %v %s", resp.StatusCode, err, data)
			}
			said := bytes.Contains(data, []byte(`"dragoman":{`)) && bytes.Contains(data, []byte(`"cost":"$0.00014"`)) && bytes.Contains(data, []byte(`"rung":1`))
			if said != c.want {
				t.Errorf("the field is there: %v, in\n%s", said, data)
			}
		}
	})
	for _, r := range d.first.Requests() {
		if r.Field("dragoman") != "" {
			t.Fatalf("the provider got %s", r.Body)
		}
	}
}

// TestLabelsAreBounded: callers who invent names of models and features make no series of their own.
func TestLabelsAreBounded(t *testing.T) {
	d := open(t, options{metrics: observe.New()})
	d.first.Handle(func(r *providertest.Request) providertest.Answer {
		if strings.Contains(r.Field("model"), "invented") {
			return fail(404)
		}
		return providertest.Reply("Yes.")
	})
	for i := range 40 {
		for _, model := range []string{fmt.Sprintf("first/invented-%d", i), fmt.Sprintf("invented-%d", i), "big"} {
			resp := d.send("/v1/chat/completions", ask(model, fmt.Sprint(i), nil), map[string]string{"x-dragoman-feature": fmt.Sprintf("feature-%d", i), "x-dragoman-class": fmt.Sprintf("class-%d", i), "x-request-id": fmt.Sprintf("id-%d", i)})
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				t.Fatal(err)
			}
		}
	}
	resp := d.do(t.Context(), "GET", "/metrics", "", nil)
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, no := range []string{"invented-", "feature-", "class-", "id-"} {
		if bytes.Contains(page, []byte(no)) {
			t.Errorf("%q is in the metrics", no)
		}
	}
	if !bytes.Contains(page, []byte(`dragoman_upstream_requests_total{model="test-70b",provider="first",status="ok"} 40`)) || !bytes.Contains(page, []byte(`dragoman_upstream_requests_total{model="other",provider="first",status="not_found"} 40`)) {
		t.Errorf("what was asked is not counted:\n%s", page)
	}
}

// lines keeps a log.
type lines struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

// TestLogsHaveNoContent: at the chattiest level, no word of a prompt, an answer or a key is logged, whatever goes wrong; who asked
// for what is.
func TestLogsHaveNoContent(t *testing.T) {
	log := &lines{}
	handler := slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug - 100, AddSource: true})
	d := open(t, options{log: handler, doorLog: handler})
	echo := func(r *providertest.Request) string { return "You said " + string(r.Body) }
	for name, answer := range map[string]func(r *providertest.Request) providertest.Answer{
		"answered": func(*providertest.Request) providertest.Answer { return providertest.Reply("The ", "ANSWER", ".") },
		"refused":  func(r *providertest.Request) providertest.Answer { return providertest.FailWith(400, echo(r)) },
		"failed":   func(r *providertest.Request) providertest.Answer { return providertest.FailWith(500, echo(r)) },
		"key": func(r *providertest.Request) providertest.Answer {
			return providertest.FailWith(401, echo(r)+" upstream-key")
		},
		"broken":    func(*providertest.Request) providertest.Answer { return providertest.Break("The ", "ANSWER") },
		"no answer": func(*providertest.Request) providertest.Answer { return providertest.Break() },
		"no wire":   func(*providertest.Request) providertest.Answer { return providertest.Garbage() },
	} {
		t.Run(name, func(t *testing.T) {
			d.first.Handle(answer)
			d.spare.Handle(answer)
			everyDoor(t, func(t *testing.T, path, body string, stream bool) {
				resp := d.send(path, []byte(body), map[string]string{"x-request-id": "find-me", "x-dragoman-session": "s-CANARY"})
				if _, err := io.Copy(io.Discard, resp.Body); err != nil {
					t.Error(err)
				}
			})
		})
	}
	for _, bad := range []string{`{"model":"big","CANARY":`, `{"model":"CANARY","messages":[]}`, `{"model":"big","messages":[{"role":"CANARY","content":"x"}]}`} {
		d.send("/v1/chat/completions", []byte(bad), nil)
	}
	d.send("/v1beta/models/big:generateContent?key="+d.key, []byte(`{}`), nil)
	d.send("/v1/embeddings", []byte(`{"model":"big","input":"CANARY"}`), nil)
	d.books()
	log.mu.Lock()
	defer log.mu.Unlock()
	for _, secret := range []string{"CANARY", "ANSWER", d.key, "upstream-key"} {
		if i := strings.Index(log.String(), secret); i >= 0 {
			t.Errorf("%q is logged: ...%s...", secret, log.String()[max(0, i-300):min(log.Len(), i+100)])
		}
	}
	requests := 0
	for _, line := range strings.Split(strings.TrimSpace(log.String()), "\n") {
		var entry struct {
			Msg, Request, Trace, Path, Key string
			Status                         int
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if entry.Msg == "request" && entry.Request == "find-me" && strings.HasPrefix(entry.Trace, "tr_") && entry.Key == "test" && entry.Status > 0 {
			requests++
		}
	}
	if requests < 7*10 {
		t.Errorf("only %d requests are logged:\n%s", requests, log.String()[:min(log.Len(), 2000)])
	}
}

// TestReloadUnderAStream: an answer under way ends as it began, whatever becomes of its provider in the configuration; the next
// request meets the new one.
func TestReloadUnderAStream(t *testing.T) {
	d := open(t, options{})
	gate := make(chan struct{})
	d.first.Script(providertest.Gate(gate, []string{"Before, "}, "after."))
	resp := d.do(t.Context(), "POST", "/v1/chat/completions", d.key, ask("big", "hello", object{"stream": true}))
	defer resp.Body.Close()
	if err := d.reload(fmt.Sprintf("providers: {third: {base_url: %q}}\nmodels: {big: {use: [third/new]}}\n", d.spare.URL())); err != nil {
		t.Fatal(err)
	}
	d.spare.Handle(func(r *providertest.Request) providertest.Answer {
		return providertest.Reply("New: ", r.Field("model"))
	})
	if a := d.chat(ask("big", "hello", nil)); a.text != `New: "new"` || a.header.Get("x-dragoman-model") != "third/new" {
		t.Errorf("after the change: %d %q %+v", a.status, a.text, a.failure)
	}
	close(gate)
	a, err := read(resp)
	if err != nil || a.text != "Before, after." || !a.done || a.failure != nil {
		t.Errorf("the answer under way: %v %+v", err, a)
	}
	// A faulty one changes nothing.
	if err := d.reload("providers: {third: {base_url: nowhere}}\n"); err == nil {
		t.Error("a faulty configuration is taken over")
	}
	if a := d.chat(ask("big", "hello again", nil)); a.text != `New: "new"` {
		t.Errorf("after a faulty change: %d %q", a.status, a.text)
	}
	if sum := d.books(); sum.Failed != 0 || sum.Requests != 3 {
		t.Errorf("books %+v", sum)
	}
}
