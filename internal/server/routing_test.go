package server_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/provider/providertest"
)

// send makes a request with headers.
func (d *door) send(path string, body []byte, headers map[string]string) *http.Response {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), "POST", d.url+path, strings.NewReader(string(body)))
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+d.key)
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	resp, err := d.client.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func (d *door) traceOf(resp *http.Response) map[string]any {
	d.t.Helper()
	stored, err := d.app.Trace(context.WithoutCancel(d.t.Context()), resp.Header.Get("x-dragoman-trace"))
	if err != nil {
		d.t.Fatal(err)
	}
	var tr map[string]any
	if err := json.Unmarshal(stored.Body, &tr); err != nil {
		d.t.Fatal(err)
	}
	return tr
}

// TestPrivacyLabels: a label comes by header or by field, and the stricter one counts. One that is not known is refused at every door,
// and not taken for none.
func TestPrivacyLabels(t *testing.T) {
	d := open(t, options{})
	for path, body := range map[string]string{
		"/v1/chat/completions":               `{"model":"big","messages":[{"role":"user","content":"hi"}]}`,
		"/v1/messages":                       `{"model":"big","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}`,
		"/v1/messages/count_tokens":          `{"model":"big","messages":[{"role":"user","content":"hi"}]}`,
		"/v1/responses":                      `{"model":"big","input":"hi"}`,
		"/v1/completions":                    `{"model":"big","prompt":"hi"}`,
		"/v1/embeddings":                     `{"model":"big","input":"hi"}`,
		"/v1/rerank":                         `{"model":"big","query":"a","documents":["b"]}`,
		"/v1/moderations":                    `{"model":"big","input":"hi"}`,
		"/v1beta/models/big:generateContent": `{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}`,
		"/v1beta/models/big:countTokens":     `{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}`,
		"/v1beta/models/big:embedContent":    `{"content":{"parts":[{"text":"hi"}]}}`,
	} {
		if resp := d.send(path, []byte(body), map[string]string{"x-dragoman-privacy": "Internal"}); resp.StatusCode != 400 {
			t.Errorf("%s: a label that is not known is answered with %d", path, resp.StatusCode)
		}
	}
	if n := len(d.first.Requests()); n != 0 {
		t.Errorf("%d requests went out", n)
	}
	for _, c := range []struct {
		header, field, want string
	}{{"internal", "", "internal"}, {"", "internal", "internal"}, {"internal", "public", "internal"}, {"public", "internal", "internal"}, {"public", "", "public"}, {"", "", ""}} {
		more := object{}
		if c.field != "" {
			more["dragoman"] = object{"privacy": c.field}
		}
		headers := map[string]string{}
		if c.header != "" {
			headers["x-dragoman-privacy"] = c.header
		}
		resp := d.send("/v1/chat/completions", ask("big", "hi", more), headers)
		if got, _ := d.traceOf(resp)["privacy"].(string); resp.StatusCode != 200 || got != c.want {
			t.Errorf("header %q, field %q: %d, label %q", c.header, c.field, resp.StatusCode, got)
		}
	}
}

// TestLabelsGoOn: what goes on with an internal response or session is internal, too.
func TestLabelsGoOn(t *testing.T) {
	d := open(t, options{})
	d.first.Handle(func(*providertest.Request) providertest.Answer { return providertest.Reply("Yes.") })
	internal := map[string]string{"x-dragoman-privacy": "internal"}
	id := func(resp *http.Response) string {
		var r struct{ ID string }
		if err := json.NewDecoder(resp.Body).Decode(&r); err != nil || r.ID == "" {
			t.Fatal(err)
		}
		return r.ID
	}
	first := id(d.send("/v1/responses", []byte(`{"model":"big","input":"a"}`), internal))
	second := d.send("/v1/responses", []byte(`{"model":"big","input":"b","previous_response_id":"`+first+`"}`), nil)
	third := d.send("/v1/responses", []byte(`{"model":"big","input":"c","previous_response_id":"`+id(second)+`"}`), nil)
	fresh := d.send("/v1/responses", []byte(`{"model":"big","input":"d"}`), nil)
	d.send("/v1/chat/completions", ask("assistant/code", "How long is the retry delay?", object{"dragoman": object{"session": "s"}}), internal)
	later := d.send("/v1/chat/completions", ask("assistant/code", "And at most?", object{"dragoman": object{"session": "s"}}), nil)
	for name, c := range map[string]struct {
		resp *http.Response
		want any
	}{"the next response": {second, "internal"}, "the one after": {third, "internal"}, "another": {fresh, nil}, "the session's next turn": {later, "internal"}} {
		if got := d.traceOf(c.resp)["privacy"]; got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestRouteInTheTrace: the trace tells the decision: rules, facts and candidates.
func TestRouteInTheTrace(t *testing.T) {
	d := open(t, options{extra: "routes: {auto: {rules: [{when: 'feature == \"mail\"', use: big}, {when: tools, use: first/other}], use: spare/test-70b}}"})
	resp := d.send("/v1/chat/completions", ask("auto", "hi", nil), map[string]string{"x-dragoman-feature": "mail"})
	tr := d.traceOf(resp)
	got, err := json.Marshal(map[string]any{"routes": tr["routes"], "candidates": len(tr["candidates"].([]any))})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"candidates":2,"routes":[{"facts":{"feature":"mail","tools":false},"route":"auto","rules":[{"held":true,"use":"big","when":"feature == \"mail\""},{"use":"first/other","when":"tools"}],"use":"big","why":"rule 1 holds (feature == \"mail\"), use big"}]}`
	if string(got) != want {
		t.Errorf("\n%s, not\n%s", got, want)
	}
}
