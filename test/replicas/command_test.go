package replicas

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/store/postgrestest"
	"github.com/dragoman/dragoman/test/built"
)

// TestCommandsCount: what a command spends beside a server counts there, and what the server has spent counts for the command; with a
// database and with a file.
func TestCommandsCount(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		const usage = `"usage": {"prompt_tokens": 100, "completion_tokens": 500, "total_tokens": 600}`
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "data: {\"id\": \"c\", \"choices\": [{\"index\": 0, \"delta\": {\"content\": \"It is 28 days [1].\"}, \"finish_reason\": \"stop\"}]}\n\ndata: {\"id\": \"c\", \"choices\": [], %s}\n\ndata: [DONE]\n\n", usage)
	}))
	defer up.Close()
	for name, store := range map[string]func() string{
		"PostgreSQL": func() string { return fmt.Sprintf("store: {url: %q}", postgrestest.Database(t)) },
		"a file":     func() string { return "" },
	} {
		t.Run(name, func(t *testing.T) {
			// A request costs 0.0006 dollars; one of the command sets about 0.0016 aside.
			p := start(t, config(up.URL, store())+"org: {budget: {month: 0.0025 USD}}\n", true)
			if err := os.WriteFile(filepath.Join(p.dir, "leave.md"), []byte("# Leave\n\nEverybody has 28 days of leave.\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			c := &caller{t: t, key: p.key}
			request := func(longest int) string {
				t.Helper()
				status, body, _ := c.ask(p.url, "POST", "/v1/chat/completions", object{"model": "big", "stream": true, "max_tokens": longest, "messages": says("Hello?")})
				if status == http.StatusOK {
					return ""
				}
				return string(body)
			}
			if said := request(500); said != "" {
				t.Fatal(said)
			}
			built.Await(t, "the row of the command", func() bool { return strings.Contains(p.run("usage"), "0.0006") })
			ask := func() (string, error) {
				out, err := p.command("ask", "--model", "big", "How many days of leave are there?").CombinedOutput()
				return string(out), err
			}
			if out, err := ask(); err != nil || !strings.Contains(out, "28 days") {
				t.Fatalf("there is enough for one more: %v\n%s", err, out)
			}
			if out, err := ask(); !strings.Contains(out, "per month for the organisation") {
				t.Errorf("a command that the budget does not suffice for: %v\n%s", err, out)
			}
			built.Await(t, "the server counts what the command has spent", func() bool { return strings.Contains(request(2000), "used: $0.001200") })
			if said := request(1500); !strings.Contains(said, "used: $0.001200") {
				t.Errorf("a request that the budget does not suffice for: %q", said)
			}
			p.stop()
		})
	}
}

// TestOneServerOfAFolder: a second server on a data folder is refused, since both would count for themselves; not so where they have a
// database in common.
func TestOneServerOfAFolder(t *testing.T) {
	up := newUpstream(t)
	p := start(t, config(up.URL, ""), true)
	out, err := p.command("serve", "--listen", "127.0.0.1:0").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "another server has this data folder") || !strings.Contains(string(out), "store.url") {
		t.Errorf("%v\n%s", err, out)
	}
	c := &caller{t: t, key: p.key}
	if said := c.hello(p.url); said != "" {
		t.Errorf("the first one: %s", said)
	}
	p.kill()
	p.start(false) // nothing is left of a lock
	p.stop()
	shared := start(t, config(up.URL, fmt.Sprintf("store: {url: %q}", postgrestest.Database(t))), true)
	second := *shared
	second.start(false)
	second.stop()
	shared.stop()
}
