//go:build clients

package clients

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dragoman/dragoman/test/built"
	"github.com/dragoman/dragoman/test/clients/scripted"
)

var (
	direct  = flag.Bool("direct", false, "let each client talk to the scripted upstream itself, which shows that the script satisfies the client")
	capture = flag.String("capture", "", "folder that every request the upstream got is written to; they hold vendors' prompts, so keep them out of the repository")
)

// binary is the built program.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(built.Run(&binary, m.Run))
}

// upstreams are the dialects of providers, with the model that answers there and what follows the address in base_url.
var upstreams = []struct{ dialect, model, path string }{
	{"openai", "test-70b", "/v1"},
	{"anthropic", "claude-test", "/v1"},
	{"gemini", "gemini-3-test", "/v1beta"},
}

// knownToCodex is a model that Codex has a description of.
const knownToCodex = "gpt-5.5"

// failing are the ways in which a provider fails in tests. Each has a model of its own, named for it after a dash, since a
// model that fails is left alone for a while, which would be the end of all other tests of the same server.
var failing = []string{"overload", "break", "cut"}

// endpoint is what a client talks to.
type endpoint struct {
	url     string // without a path
	key     string
	model   string
	dialect string // of the upstream
	up      *scripted.Upstream
	data    string // the program's folder; empty where there is no program in between
}

// through runs a test against every dialect of upstream with the program in between, or, where tests are to go direct, once
// in the client's own dialect. The check, which may be nil, comes when the program has stopped.
func through(t *testing.T, own string, script func(t *testing.T) scripted.Script, test, check func(t *testing.T, e endpoint)) {
	if *direct {
		t.Run("direct", func(t *testing.T) {
			e := endpoint{key: scripted.Key, model: "test-70b", dialect: own, up: upstream(t, script(t))}
			for _, u := range upstreams {
				if u.dialect == own {
					e.model = u.model
				}
			}
			e.url = e.up.URL
			test(t, e)
		})
		return
	}
	for i, u := range upstreams {
		t.Run(u.dialect, func(t *testing.T) {
			up := upstream(t, script(t))
			data := t.TempDir()
			if check != nil {
				t.Cleanup(func() { check(t, endpoint{dialect: u.dialect, up: up, data: data}) })
			}
			test(t, behind(t, i, up, nil, data))
		})
	}
}

// behind runs the program over some files, before the scripted upstream in one of its dialects.
func behind(t *testing.T, dialect int, up *scripted.Upstream, files map[string]string, data string) endpoint {
	t.Helper()
	u := upstreams[dialect]
	config := fmt.Sprintf(`model: big
providers:
  rack: {dialect: %s, base_url: "${UPSTREAM}%s", api_key: "${UPSTREAM_KEY}", prices: {"*": {input: 1, cached_input: 0.1, output: 3}}}
models:
  big: {use: [rack/%s]}
  %s: {use: [rack/%s]}
`, u.dialect, u.path, u.model, knownToCodex, u.model)
	for _, fails := range failing {
		config += fmt.Sprintf("  big-%s: {use: [rack/%s-%s]}\n", fails, u.model, fails)
	}
	all := map[string]string{"dragoman.yaml": config}
	maps.Copy(all, files)
	url, key := serve(t, data, all, "UPSTREAM="+up.URL, "UPSTREAM_KEY="+scripted.Key)
	return endpoint{url: strings.TrimSuffix(url, "/v1"), key: key, model: "big", dialect: u.dialect, up: up, data: data}
}

// upstream starts the scripted upstream; what it would have refused fails the test.
func upstream(t *testing.T, script scripted.Script) *scripted.Upstream {
	u := scripted.Start(script)
	t.Cleanup(func() {
		u.Close()
		for _, v := range u.Violations() {
			t.Error(v)
		}
		for i, r := range u.Requests() {
			t.Logf("%d: %s %s, %d bytes: %d", i+1, r.Method, r.URL, len(r.Body), r.Status)
			if *capture != "" {
				keep(t, i+1, r)
			}
		}
	})
	return u
}

func keep(t *testing.T, number int, r scripted.Request) {
	var body any
	if json.Unmarshal(r.Body, &body) != nil {
		body = string(r.Body)
	}
	data, err := json.MarshalIndent(map[string]any{"method": r.Method, "url": r.URL, "headers": r.Header, "status": r.Status, "body": body}, "", " ")
	if err != nil {
		t.Error(err)
		return
	}
	name := strings.NewReplacer("TestAgent/", "", "/direct", "", "/", "-").Replace(t.Name())
	if err := os.WriteFile(filepath.Join(*capture, fmt.Sprintf("%s-%d.json", name, number)), data, 0o600); err != nil {
		t.Error(err)
	}
}

// command runs a client and returns what it printed. It has nothing of our environment but the search path, a fresh HOME, and
// two minutes; then its whole process group ends.
func command(t *testing.T, home, dir string, env []string, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "LANG=C.UTF-8", "TERM=dumb", "NO_COLOR=1", "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1"}, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what it left running; none is the rule
	}
	return out.String(), err
}

// need returns a path of the repository, absolute, and fails without it.
func need(t *testing.T, path string) string {
	t.Helper()
	abs := mustAbs(t, filepath.Join("../..", path))
	if _, err := os.Stat(abs); err != nil {
		t.Fatalf("%v; scripts/clients installs it", err)
	}
	return abs
}

func mustAbs(t *testing.T, path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

// write puts files into a folder.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// serve runs the program over a small repository.
func serve(t *testing.T, data string, files map[string]string, env ...string) (url, key string) {
	t.Helper()
	dir := t.TempDir()
	repo := filepath.Join(dir, "repo")
	write(t, repo, files)
	cmd := exec.Command(binary, "serve", "--listen", "127.0.0.1:0")
	cmd.Dir = repo
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "DRAGOMAN_DATA=" + data}, env...)
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
