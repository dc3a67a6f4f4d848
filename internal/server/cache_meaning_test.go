package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/provider/providertest"
)

// alike is a service of embeddings to which everything that speaks of a retry means the same.
func alike(t *testing.T) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Input []string }
		raw, err := io.ReadAll(r.Body)
		if err != nil || json.Unmarshal(raw, &body) != nil {
			http.Error(w, "{}", 400)
			return
		}
		var data []string
		for i, text := range body.Input {
			v := "[0,1]"
			if strings.Contains(strings.ToLower(text), "retr") {
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

// TestCacheByMeaning: at each door, a question gets the answer to one that means the same, says so, and can refuse it.
func TestCacheByMeaning(t *testing.T) {
	for _, door := range []struct{ name, path, body, system string }{
		{"chat completions", "/v1/chat/completions", `{"model":"big","messages":[%s{"role":"user","content":%q}]}`, `{"role":"system","content":"Be brief."},`},
		{"responses", "/v1/responses", `{"model":"big",%s"input":%q}`, `"instructions":"Be brief.",`},
		{"messages", "/v1/messages", `{"model":"big","max_tokens":100,%s"messages":[{"role":"user","content":%q}]}`, `"system":"Be brief.",`},
		{"gemini", "/v1beta/models/big:generateContent", `{%s"contents":[{"role":"user","parts":[{"text":%q}]}]}`, `"systemInstruction":{"parts":[{"text":"Be brief."}]},`},
	} {
		t.Run(door.name, func(t *testing.T) {
			vec := alike(t)
			d := open(t, options{third: fmt.Sprintf("vec: {base_url: %q}", vec.URL), extra: `
embedders: {far: {use: vec/m}}
embedder: far
cache: {when: all, scope: org, semantic: {on: true, threshold: 0.9}}
`})
			d.first.Script(providertest.Reply("It doubles."), providertest.Reply("Something else."))
			ask := func(question, system string, headers map[string]string) (cache, text string) {
				resp := d.send(door.path, fmt.Appendf(nil, door.body, system, question), headers)
				return resp.Header.Get("x-dragoman-cache"), said(t, resp)
			}
			if cache, text := ask("How does the delay of a retry grow?", "", nil); cache != "miss" || !strings.Contains(text, "It doubles.") {
				t.Fatalf("%s: %s", cache, text)
			}
			if cache, text := ask("What is the growth of the delay in a retry?", "", nil); cache != "semantic" || !strings.Contains(text, "It doubles.") {
				t.Errorf("%s: %s", cache, text)
			}
			other := d.as(identity.Grants{User: "bob"})
			resp := other.send(door.path, fmt.Appendf(nil, door.body, "", "What is the growth of the delay of a retry?"), nil)
			if cache := resp.Header.Get("x-dragoman-cache"); cache != "semantic" {
				t.Errorf("for another: %s", cache)
			}
			if trace := fmt.Sprint(other.traceOf(resp)); strings.Contains(trace, "How does the delay") || !strings.Contains(trace, "similarity") {
				t.Errorf("another learns what was asked, or not that it was: %s", trace)
			}
			said(t, resp)
			if n := len(d.first.Requests()); n != 1 {
				t.Errorf("%d requests", n)
			}
			for name, c := range map[string]struct {
				question, system string
				headers          map[string]string
			}{
				"refused":         {"What is the growth of the delay in a retry, then?", "", map[string]string{"Cache-Control": "no-semantic"}},
				"another number":  {"How does the delay of the 2nd retry grow?", "", nil},
				"another prompt":  {"What is the growth of the delay in any retry?", door.system, nil},
				"another meaning": {"What is the capital of the country?", "", nil},
				"no cache":        {"What is the growth of the delay in one more retry?", "", map[string]string{"Cache-Control": "no-store"}},
			} {
				before := len(d.first.Requests())
				d.first.Script(providertest.Reply("Something else."))
				if cache, _ := ask(c.question, c.system, c.headers); cache == "semantic" || len(d.first.Requests()) != before+1 {
					t.Errorf("%s: %q, %d requests", name, cache, len(d.first.Requests())-before)
				}
			}
		})
	}
}
