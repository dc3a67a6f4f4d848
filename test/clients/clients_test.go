//go:build clients

// Package clients runs the official SDKs of other vendors against the built program. scripts/test installs them and runs
// it: go test -tags clients ./test/clients
package clients

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
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

// need returns a path of the repository, absolute, and fails without it.
func need(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(filepath.Join("../..", path))
	if err == nil {
		_, err = os.Stat(abs)
	}
	if err != nil {
		t.Fatalf("%v; scripts/test installs it", err)
	}
	return abs
}

// run starts the server, runs a client against it, and stops the server.
func run(t *testing.T, name string, args ...string) {
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
	url, key := serve(t, u.URL())

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

func mustAbs(t *testing.T, path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

// serve builds the program and runs it over a small repository.
func serve(t *testing.T, upstream string) (url, key string) {
	t.Helper()
	dir := t.TempDir()
	bin := filepath.Join(dir, "bin", "dragoman")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "../../cmd/dragoman")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	repo := filepath.Join(dir, "repo")
	for name, text := range files {
		path := filepath.Join(repo, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(bin, "serve", "--listen", "127.0.0.1:0")
	cmd.Dir = repo
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "DRAGOMAN_DATA=" + filepath.Join(dir, "data"), "UPSTREAM=" + upstream}
	var log bytes.Buffer
	cmd.Stderr = &log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server stopped with %v", err)
		}
		if t.Failed() {
			t.Logf("%s", log.String())
		}
	})
	url, key, err = announced(stdout)
	if err != nil {
		cmd.Process.Kill()
		t.Fatal(err)
	}
	return url, key
}

var (
	announcedURL = regexp.MustCompile(`http://\S+/v1`)
	announcedKey = regexp.MustCompile(`dgm_\w{36}`)
)

// announced reads the address and the first key from what the server prints, and leaves the rest unread: it prints no more.
func announced(stdout io.Reader) (url, key string, err error) {
	for lines := bufio.NewScanner(stdout); url == "" || key == ""; {
		if !lines.Scan() {
			return "", "", fmt.Errorf("the server ended before it had said where it is: %w", lines.Err())
		}
		if s := announcedURL.FindString(lines.Text()); s != "" {
			url = s
		}
		if s := announcedKey.FindString(lines.Text()); s != "" {
			key = s
		}
	}
	return url, key, nil
}
