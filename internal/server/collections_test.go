package server_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/identity"
)

// TestCollections: documents are pushed, found by those who may see them, and by nobody else, through the search and through an
// assistant; they are gone at once when they are deleted or become somebody else's.
func TestCollections(t *testing.T) {
	d := open(t, options{extra: `
collections:
  wiki: {push: ["group:docs"], acl: ["group:eng"]}
assistants:
  helper: {knowledge: [wiki], model: extractive}
`})
	key := func(name string, g identity.Grants) string {
		k, _, err := d.app.Keys.Create(t.Context(), name, g, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	writer, ann, bob := key("writer", identity.Grants{Team: "docs"}), key("ann", identity.Grants{Team: "eng", User: "ann"}), key("bob", identity.Grants{Team: "sales", User: "bob"})
	ask := func(method, path, key, media, body string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, d.url+path, bytes.NewReader([]byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+key)
		req.Header.Set("Content-Type", media)
		resp, err := d.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		out, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(out)
	}
	const at = "/api/collections/wiki/documents/"
	if status, body := ask("PUT", at+"ops/backups", writer, "application/json", `{"path":"ops/Backups","title":"Backups","url":"https://wiki.example.com/backups","text":"# Backups\n\nThe database is copied nightly at 02:00.\n","author":"Ann"}`); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	if status, body := ask("PUT", at+"salaries?path=board/Salaries.html&acl=user:bob", writer, "text/html", "<h1>Salaries</h1><p>The director earns a castle.</p>"); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	for body, want := range map[string]string{
		`{"text":"x","acls":["user:bob"]}`: `unknown field \"acls\"`, `{"text":5}`: "text may not be number", `{"text":"x","updated":"yesterday"}`: "is no time: write it as", `[]`: "an object of JSON",
		`{"text":" \n"}`: "text is missing", `{"text":"x"} {}`: "something stands after it", `{"text":`: "no JSON",
	} {
		if status, got := ask("PUT", at+"x", writer, "application/json", body); status != 400 || !strings.Contains(got, want) {
			t.Errorf("%s: %d %s, want %q", body, status, got, want)
		}
	}
	for path, want := range map[string]string{at + "x": "may not put", "/api/collections/none/documents/x": "no collection"} {
		if status, body := ask("PUT", path, ann, "application/json", `{"text":"x"}`); status != 403 && status != 404 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	for _, bad := range []string{`{`, `{}`, `{"text":"x","acl":["everyone"]}`} {
		if status, body := ask("PUT", at+"x", writer, "application/json", bad); status != 400 {
			t.Errorf("%s: %d %s", bad, status, body)
		}
	}
	if status, body := ask("PUT", at+"broken", writer, "application/pdf", "%PDF-nonsense"); status != 400 || !strings.Contains(body, "broken") {
		t.Errorf("%d %s", status, body)
	}
	find := func(key, question string) (texts string, searched int) {
		t.Helper()
		status, body := ask("GET", "/api/collections/wiki/search?q="+strings.ReplaceAll(question, " ", "+"), key, "", "")
		var out struct {
			Passages []struct{ Document, Text, URL string }
			Searched int
		}
		if err := json.Unmarshal([]byte(body), &out); err != nil || status != 200 {
			t.Fatalf("%d %s %v", status, body, err)
		}
		for _, p := range out.Passages {
			texts += p.Document + " " + p.URL + " "
		}
		return strings.TrimSpace(texts), out.Searched
	}
	for name, c := range map[string]struct{ key, question, want string }{
		"ann finds what is for eng": {ann, "when is the database copied", "ops/Backups https://wiki.example.com/backups"}, "bob does not": {bob, "when is the database copied", ""},
		"bob finds what is his": {bob, "director castle", "board/Salaries.html"}, "ann does not": {ann, "director castle", ""}, "nor does who wrote it": {writer, "director castle", ""},
	} {
		if got, searched := find(c.key, c.question); got != c.want || searched > 1 {
			t.Errorf("%s: %q of %d", name, got, searched)
		}
	}
	trace := func(key, answer string) string { // of an answer, as its asker may read it now
		t.Helper()
		var a struct{ Dragoman struct{ Trace string } }
		if err := json.Unmarshal([]byte(answer), &a); err != nil || a.Dragoman.Trace == "" {
			t.Fatalf("%v: %s", err, answer)
		}
		status, body := ask("GET", "/api/traces/"+a.Dragoman.Trace, key, "", "")
		_, why := ask("GET", "/api/traces/"+a.Dragoman.Trace+"/explanation", key, "", "")
		if status != 200 {
			t.Errorf("%d %s", status, body)
		}
		return body + why
	}
	chat := func(key string) string {
		t.Helper()
		_, body := ask("POST", "/v1/chat/completions", key, "application/json", `{"model":"assistant/helper","messages":[{"role":"user","content":"What does the director earn, a castle?"}]}`)
		return body
	}
	answered := chat(bob)
	if !strings.Contains(answered, "castle") || !strings.Contains(answered, "Salaries") {
		t.Errorf("bob is not answered: %s", answered)
	}
	if got := trace(bob, answered); strings.Count(got, "board/Salaries.html") < 2 {
		t.Errorf("bob is not told of what he was answered from: %s", got)
	}
	if body := chat(ann); strings.Contains(body, "earns a castle") || strings.Contains(body, "Salaries") {
		t.Errorf("ann is told: %s", body)
	}
	if _, body := ask("GET", "/api/collections", ann, "", ""); !strings.Contains(body, `"name":"wiki","documents":1`) {
		t.Errorf("%s", body)
	}
	if _, body := ask("GET", "/api/collections", key("operator", identity.Grants{}), "", ""); !strings.Contains(body, `"name":"wiki","documents":0,"passages":0`) {
		t.Errorf("%s", body)
	}
	// Others may see it now, and at once.
	ask("PUT", at+"salaries?path=board/Salaries.html&acl=user:ann", writer, "text/html", "<h1>Salaries</h1><p>The director earns a castle.</p>")
	if got, _ := find(bob, "director castle"); got != "" {
		t.Errorf("bob still finds %s", got)
	}
	if body := chat(bob); strings.Contains(body, "earns a castle") {
		t.Errorf("bob is still told: %s", body)
	}
	if got := trace(bob, answered); strings.Contains(got, "Salaries") || strings.Contains(got, "earns") || !strings.Contains(got, `"hidden":1`) {
		t.Errorf("bob's trace still shows it: %s", got)
	}
	if status, _ := ask("DELETE", at+"salaries", writer, "", ""); status != 200 {
		t.Error(status)
	}
	if status, _ := ask("DELETE", at+"salaries", writer, "", ""); status != 404 {
		t.Error(status)
	}
	if got, _ := find(ann, "director castle"); got != "" {
		t.Errorf("it is still there: %s", got)
	}
}
