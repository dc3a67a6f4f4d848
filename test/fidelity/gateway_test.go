package fidelity

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/cli"
)

// gateway is a running program and the provider behind it.
type gateway struct {
	t        *testing.T
	up       *upstream
	url, key string
	client   *http.Client
	asks     atomic.Int64
}

// config has a provider of each dialect, which are all one server, UP. Their names are those of wires.
const config = `model: openai/m
providers:
  openai: {base_url: "UP/v1", api_key: upstream-key-of-openai, responses: false, prices: {"*": {input: 1, output: 1}}}
  responses: {base_url: "UP/v1", api_key: upstream-key-of-responses, responses: true, prices: {"*": {input: 1, output: 1}}}
  anthropic: {dialect: anthropic, base_url: "UP/v1", api_key: upstream-key-of-anthropic, prices: {"*": {input: 1, output: 1}}}
  gemini: {dialect: gemini, base_url: "UP/v1beta", api_key: upstream-key-of-gemini, prices: {"*": {input: 1, output: 1}}}
`

// open starts the program as "dragoman serve" does, with more providers.
func open(t *testing.T, more string) *gateway {
	t.Helper()
	g := &gateway{t: t, up: newUpstream(t)}
	dir := t.TempDir()
	file := filepath.Join(dir, "dragoman.yaml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(config+more, "UP", g.up.server.URL)), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	out, into := io.Pipe()
	var log bytes.Buffer
	var ended sync.WaitGroup
	ended.Go(func() {
		args := []string{"serve", "--listen", "127.0.0.1:0", "--config", file, "--path", dir, "--data", filepath.Join(dir, "data")}
		code := cli.Main(ctx, args, strings.NewReader(""), into, &log, func(string) string { return "" })
		into.CloseWithError(fmt.Errorf("the program ended with %d", code))
	})
	transport := &http.Transport{DisableCompression: true}
	g.client = &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		stop()
		ended.Wait()
		if t.Failed() {
			t.Logf("%s", log.String())
		}
	})
	url, key := regexp.MustCompile(`http://[0-9.:]+`), regexp.MustCompile(`dgm_\w{36}`)
	lines := bufio.NewScanner(out)
	for g.url == "" || g.key == "" {
		if !lines.Scan() {
			t.Fatalf("the program did not say where it is: %v", lines.Err())
		}
		g.url = max(g.url, url.FindString(lines.Text()))
		g.key = max(g.key, key.FindString(lines.Text()))
	}
	ended.Go(func() { io.Copy(io.Discard, out) })
	return g
}

// request is a request with the caller's key; header is "Name: value", each.
func (g *gateway) request(ctx context.Context, path, body string, header ...string) *http.Request {
	g.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.url+path, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+g.key)
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	return req
}

// reply is an answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   string
	err    error // why it could not be read to its end
}

// post asks and reads the answer to its end.
func (g *gateway) post(path, body string, header ...string) reply {
	g.t.Helper()
	return g.do(g.request(g.t.Context(), path, body, header...))
}

// do sends a request and reads the answer to its end.
func (g *gateway) do(req *http.Request) reply {
	g.t.Helper()
	resp, err := g.client.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(data), err}
}

// ask asks a model of a provider, which is named for the wire that it speaks, in the words of a door. It is another model each
// time: one that fails often is left alone after a while.
func (g *gateway) ask(d wire, provider string, stream bool, header ...string) reply {
	g.t.Helper()
	path, body := d.request(g.model(provider), stream)
	return g.post(path, body, header...)
}

// model is a model that nobody has asked yet.
func (g *gateway) model(provider string) string {
	return fmt.Sprintf("%s/m%d", provider, g.asks.Add(1))
}

// read reads a stream to its end, however that is, and calls heard once, when its text is there.
func read(body io.Reader, heard func()) string {
	var all []byte
	buf := make([]byte, 4<<10)
	for told := false; ; {
		n, err := body.Read(buf)
		all = append(all, buf[:n]...)
		if !told && bytes.Contains(all, []byte("Hello ")) {
			told = true
			heard()
		}
		if err != nil {
			return string(all)
		}
	}
}

// within bounds how long a test waits for something to happen that may never happen.
const within = time.Minute

// await waits for an event.
func await[T any](t *testing.T, what string, c <-chan T) (v T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	select {
	case v = <-c:
	case <-ctx.Done():
		t.Fatalf("%s: %v", what, errors.Join(context.Cause(ctx)))
	}
	return v
}
