package server_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/identity"
)

// call sends a request and returns its status and body.
func (d *door) call(method, path, key, body string) (int, string) {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), method, d.url+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := d.client.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// TestAssistantVersions: an editor saves, publishes and goes back over HTTP; callers name a version, and the header, the trace and the
// row of the books say which it was.
func TestAssistantVersions(t *testing.T) {
	d := open(t, options{extra: "assistant_editors: ['user:ada']\nassistants: {help: {instructions: Be brief., model: big, feature: desk}}\n"})
	ada := d.as(identity.Grants{User: "ada"})
	bob := d.as(identity.Grants{User: "bob"})

	status, body := ada.call("PUT", "/api/assistants/help?note=longer", ada.key, `{"instructions": "Be thorough.", "model": "big"}`)
	var draft struct {
		Version string
		Holds   bool
	}
	if err := json.Unmarshal([]byte(body), &draft); err != nil || status != 201 || draft.Holds || len(draft.Version) != 64 {
		t.Fatalf("%d %s %v", status, body, err)
	}
	header := func(model string) string {
		t.Helper()
		resp := d.do(t.Context(), "POST", "/v1/chat/completions", d.key, ask(model, "How long is the retry delay?", nil))
		defer resp.Body.Close()
		if resp.StatusCode != 200 {
			data, _ := io.ReadAll(resp.Body)
			t.Fatalf("%s: %d %s", model, resp.StatusCode, data)
		}
		return resp.Header.Get("X-Dragoman-Assistant") + " " + resp.Header.Get("X-Dragoman-Trace")
	}
	held, trace, _ := strings.Cut(header("assistant/help"), " ")
	pinned, _, _ := strings.Cut(header("assistant/help@"+draft.Version[:8]), " ")
	if pinned != "help@"+draft.Version[:12] || held == pinned || !strings.HasPrefix(held, "help@") {
		t.Errorf("the header says %q and %q; the draft is %s", held, pinned, draft.Version)
	}
	if system := d.first.Requests()[1].Body; !strings.Contains(string(system), "Be thorough.") {
		t.Errorf("the draft was not used: %s", system)
	}
	status, body = d.call("GET", "/api/traces/"+trace, d.key, "")
	version := strings.TrimPrefix(held, "help@")
	if status != 200 || !strings.Contains(body, `"assistant":"help","assistant_version":"`+version+`"`) {
		t.Errorf("the trace: %d %s", status, body)
	}

	for _, c := range []struct {
		what, method, path, key, body string
		status                        int
		says                          string
	}{
		{"anybody sees the list", "GET", "/api/assistants", bob.key, "", 200, `"name":"help","version":"` + version},
		{"instructions are for editors", "GET", "/api/assistants/help", bob.key, "", 403, "may not change assistants"},
		{"nor may others save", "PUT", "/api/assistants/help", bob.key, "{}", 403, "may not change assistants"},
		{"or publish", "POST", "/api/assistants/help/publish?version=" + draft.Version, bob.key, "", 403, "may not change assistants"},
		{"an editor reads", "GET", "/api/assistants/help@" + draft.Version[:8], ada.key, "", 200, `"instructions":"Be thorough."`},
		{"a faulty definition", "PUT", "/api/assistants/help", ada.key, "knowledge: [nope]", 400, "no collection is called"},
		{"differences", "GET", "/api/assistants/help/diff?from=" + version + "&to=" + draft.Version, ada.key, "", 200, `+   \"instructions\": \"Be thorough.\"`},
		{"what to compare", "GET", "/api/assistants/help/diff", ada.key, "", 400, "?from=VERSION"},
		{"an unknown version", "POST", "/api/assistants/help/publish?version=123", ada.key, "", 404, "there is no version"},
		{"publish", "POST", "/api/assistants/help/publish?version=" + draft.Version[:10], ada.key, "", 200, `"holds":true`},
		{"the history", "GET", "/api/assistants/help/versions", ada.key, "", 200, `"origin":"request","author":"`},
	} {
		if status, body := d.call(c.method, c.path, c.key, c.body); status != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%s: %d %s", c.what, status, body)
		}
	}
	if now, _, _ := strings.Cut(header("assistant/help"), " "); now != pinned {
		t.Errorf("after publishing %s holds", now)
	}
	if status, body := d.call("POST", "/api/assistants/help/publish", ada.key, ""); status != 200 || !strings.Contains(body, version) {
		t.Errorf("going back: %d %s", status, body)
	}
	if now, _, _ := strings.Cut(header("assistant/help"), " "); now != held {
		t.Errorf("after going back %s holds", now)
	}
	for _, model := range []string{"assistant/nope", "assistant/help@0000", "assistant/help@"} {
		if a := d.chat(ask(model, "x", nil)); a.status != 404 {
			t.Errorf("%s: %d", model, a.status)
		}
	}
}
