//go:build clients

// Package clients runs clients that others made, unchanged, against the built program: the vendors' SDKs and coding agents.
// scripts/clients installs and runs them.
package clients

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/provider/providertest"
)

var files = map[string]string{
	"retry/backoff.go": `// Package retry sends requests again.
package retry

import "time"

// Delay doubles with each attempt, from 100 milliseconds to at most 30 seconds.
func Delay(attempt int) time.Duration {
	d := 100 * time.Millisecond << attempt
	if d > 30*time.Second || d <= 0 {
		return 30 * time.Second
	}
	return d
}
`,
	"README.md": "# Shop\n\nSells things.\n",
	"dragoman.yaml": `model: big
providers:
  rack: {base_url: "${UPSTREAM}", prices: {test-70b: {input: 1, output: 3}}}
models:
  big: {use: [rack/test-70b]}
`,
}

func TestOpenAIPython(t *testing.T) {
	python := need(t, ".cache/clients/python/bin/python")
	run(t, python, "openai_test.py", "-v")
}

func TestOpenAINode(t *testing.T) {
	need(t, ".cache/clients/node/node_modules/openai/package.json")
	run(t, "node", "--test", "--test-reporter=spec", "openai.test.mjs")
}

// run starts the server, runs a client against it, and stops the server.
func run(t *testing.T, name string, args ...string) {
	if *direct {
		t.Skip("assistants are the program's own")
	}
	u := providertest.New(t, "test-70b")
	var mu sync.Mutex
	var left []*providertest.Request // whose callers leave
	u.Handle(func(r *providertest.Request) providertest.Answer {
		switch said := r.Field("messages"); {
		case strings.Contains(said, "RAIN"):
			return providertest.Reply("It is RAIN.")
		case strings.Contains(said, "CALL A TOOL"):
			return providertest.Call("weather", `{"city": `, `"Köln"}`)
		case strings.Contains(said, "STALL"):
			mu.Lock()
			defer mu.Unlock()
			left = append(left, r)
			return providertest.Stall("And then ")
		case strings.Contains(said, "BREAK"):
			return providertest.Break("And then ")
		case strings.Contains(said, "REFUSE"):
			return providertest.Fail(429, "Retry-After: 60")
		}
		return providertest.Reply("It doubles, na", "ïvely, up to", " 30 seconds [", "1].")
	})
	url, key := serve(t, t.TempDir(), files, "UPSTREAM="+u.URL())

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "BASE_URL="+url, "API_KEY="+key, "MODULES="+filepath.Dir(mustAbs(t, "../../.cache/clients/node/node_modules")), "PYTHONDONTWRITEBYTECODE=1", "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(left) != 1 {
		t.Fatalf("%d requests were to be left", len(left))
	}
	<-left[0].Done // or the test's time runs out: the provider still works for nobody
}
