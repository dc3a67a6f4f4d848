package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/identity"
)

// TestSyncAPI: those who manage a collection start syncs, see their records and what could not be read; others see the documents that they may
// see, and a webhook needs its secret.
func TestSyncAPI(t *testing.T) {
	site := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(site, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("orders.csv", "id,what\n1,otters\n")
	put("empty.html", "<html><body></body></html>")
	d := open(t, options{extra: fmt.Sprintf(`
collections:
  mail: {source: {export: {kind: notion, path: %q}}, webhook: hush, acl: ["group:eng"], every: 1000h}
`, site)})
	stop := d.app.KeepFresh(t.Context(), slog.New(slog.DiscardHandler))
	defer stop()
	ann, _, err := d.app.Keys.Create(t.Context(), "ann", identity.Grants{Team: "eng", User: "ann"}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	bob, _, err := d.app.Keys.Create(t.Context(), "bob", identity.Grants{Team: "sales"}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	call := func(method, path, key, body string, header ...string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, d.url+"/api/collections/"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if key != "" {
			req.Header.Set("Authorization", "Bearer "+key)
		}
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
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
	type run struct {
		Reason, Status                                   string
		Rebuild                                          bool
		Added, Changed, Removed, Failed, Unchanged, Done int
		Errors                                           []struct{ Document, Reason string }
	}
	// after waits for the end of the n-th run.
	after := func(n int) run {
		t.Helper()
		for {
			status, body := call("GET", "mail/runs", d.key, "")
			var out struct{ Runs []run }
			if err := json.Unmarshal([]byte(body), &out); err != nil || status != 200 {
				t.Fatal(status, body, err)
			}
			if len(out.Runs) == n && out.Runs[0].Status != "running" {
				return out.Runs[0]
			}
			if len(out.Runs) > n {
				t.Fatalf("%d runs: %s", len(out.Runs), body)
			}
		}
	}
	if r := after(1); r.Reason != "start" || r.Status != "done" || r.Added != 1 || r.Failed != 1 || len(r.Errors) != 1 || !strings.Contains(r.Errors[0].Document, "empty.html") || r.Errors[0].Reason == "" {
		t.Fatalf("%+v", r)
	}
	put("orders.csv", "id,what\n1,badgers\n")
	if status, body := call("POST", "mail/sync", d.key, ""); status != 202 {
		t.Fatal(status, body)
	}
	if r := after(2); r.Reason != "asked" || r.Changed != 1 || r.Rebuild {
		t.Errorf("%+v", r)
	}
	if status, body := call("POST", "mail/sync", d.key, `{"rebuild":true}`); status != 202 {
		t.Fatal(status, body)
	}
	if r := after(3); r.Changed < 1 || !r.Rebuild {
		t.Errorf("%+v", r)
	}
	if status, _ := call("POST", "mail/webhook", "", `{}`, "X-Gitlab-Token", "guess"); status != 401 {
		t.Error(status)
	}
	if status, body := call("POST", "mail/webhook", "", `{}`, "X-Gitlab-Token", "hush"); status != 202 {
		t.Error(status, body)
	}
	if r := after(4); r.Reason != "webhook" || r.Changed != 0 {
		t.Errorf("%+v", r)
	}

	for _, x := range []struct {
		method, path, key string
		status            int
		holds             string
	}{
		{"GET", "mail", d.key, 200, `"skipped":0`}, {"GET", "mail", d.key, 200, `"last":{`},
		{"GET", "mail", ann, 200, `"documents":1`}, {"GET", "mail", bob, 404, "no collection"}, {"GET", "none", bob, 404, "no collection"},
		{"GET", "mail/runs", ann, 403, "manage"}, {"POST", "mail/sync", ann, 403, "manage"}, {"GET", "mail/documents?skipped=true", ann, 403, "manage"},
		{"GET", "mail/runs", bob, 404, "no collection"}, {"POST", "mail/sync", bob, 404, "no collection"}, {"GET", "mail/documents", bob, 404, "no collection"},
		{"GET", "mail/documents/orders.csv", bob, 404, "no collection"}, {"GET", "mail/documents/orders.csv/chunks", bob, 404, "no collection"},
		{"GET", "mail/documents", ann, 200, `"passages":1`}, {"GET", "mail/documents?limit=0", ann, 400, "limit"}, {"GET", "mail/runs?limit=x", d.key, 400, "limit"},
		{"GET", "mail/documents/orders.csv", ann, 200, `"path":"orders`}, {"GET", "mail/documents/none", ann, 404, "no document"},
		{"GET", "mail/documents/orders.csv/chunks", ann, 200, "badgers"}, {"GET", "mail/documents/none/chunks", ann, 404, "no document"},
		{"POST", "folder/webhook", "", 401, "webhook"}, {"GET", "mail", "", 401, "key"},
	} {
		if status, body := call(x.method, x.path, x.key, ""); status != x.status || !strings.Contains(body, x.holds) {
			t.Errorf("%s %s: %d %s", x.method, x.path, status, body)
		}
	}
	if _, body := call("GET", "mail", ann, ""); strings.Contains(body, "index_bytes") || strings.Contains(body, "skipped") {
		t.Errorf("ann is told more than is hers: %s", body)
	}
	if status, body := call("POST", "mail/sync", d.key, "nonsense"); status != 400 {
		t.Error(status, body)
	}
}
