//go:build localmodel

// Package localmodel tests local models with a real engine and a real model: scripts/local-model fetches them and runs this.
package localmodel

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/test/built"
)

// binary is the built program, data the data folder with the model and the engine, model the model's name.
var (
	binary string
	data   = os.Getenv("DRAGOMAN_LOCAL_DATA")
	model  = os.Getenv("DRAGOMAN_LOCAL_MODEL")
)

func TestMain(m *testing.M) {
	if data == "" || model == "" {
		fmt.Fprintln(os.Stderr, "scripts/local-model runs these tests")
		os.Exit(1)
	}
	os.Exit(built.Run(&binary, m.Run))
}

// place is a folder to work in, whose data folder has the model and the engine.
func place(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, ".data", "models"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{filepath.Join("models", model), "engine"} {
		if err := os.Symlink(filepath.Join(data, name), filepath.Join(dir, ".data", name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func command(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "DRAGOMAN_DATA=" + filepath.Join(dir, ".data")}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	return cmd
}

// run runs a command to its end and returns what it prints.
func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := command(bounded(t), dir, args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", args, err, out, said.String())
	}
	return string(out)
}

// bounded ends what takes longer than anything here should, on two busy cores.
func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// program is a command that runs until the test ends.
type program struct {
	t        *testing.T
	dir      string
	key, url string
	log      chan string // lines of standard error
	cmd      *exec.Cmd
	stop     func()
}

var (
	urlPattern = regexp.MustCompile(`http://\S+?/v1`)
	keyPattern = regexp.MustCompile(`API key: (\S+)`)
	pidPattern = regexp.MustCompile(`pid=(\d+)`)
)

// start starts a command that says on its standard output where it is, and what its key is.
func start(t *testing.T, dir string, args ...string) *program {
	t.Helper()
	p := &program{t: t, dir: dir, log: make(chan string, 10_000)}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := command(ctx, dir, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	logs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.cmd = cmd
	read := make(chan struct{})
	go func() {
		defer close(read)
		lines := bufio.NewScanner(logs)
		for lines.Scan() {
			p.log <- lines.Text()
		}
	}()
	p.stop = sync.OnceFunc(func() {
		cancel()
		<-read
		_ = cmd.Wait() // it was interrupted
	})
	t.Cleanup(p.stop)
	lines := bufio.NewScanner(out)
	for p.url == "" || p.key == "" {
		if !lines.Scan() {
			t.Fatal("it ended before it had said where it is")
		}
		if p.url == "" {
			p.url = urlPattern.FindString(lines.Text())
		}
		if m := keyPattern.FindStringSubmatch(lines.Text()); m != nil {
			p.key = m[1]
		}
	}
	p.url = strings.TrimSuffix(p.url, "/v1")
	return p
}

// await waits for a line of the log.
func (p *program) await(text string) string {
	p.t.Helper()
	ctx := bounded(p.t)
	for {
		select {
		case line := <-p.log:
			if strings.Contains(line, text) {
				return line
			}
		case <-ctx.Done():
			p.t.Fatal("nothing was heard of: " + text)
		}
	}
}

// pid is the process that a line of the log speaks of.
func pid(t *testing.T, line string) int {
	t.Helper()
	m := pidPattern.FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("no process in %s", line)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// gone waits until a process is there no more.
func (p *program) gone(process int) {
	p.t.Helper()
	ctx := bounded(p.t)
	for syscall.Kill(process, 0) == nil {
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			p.t.Fatalf("process %d still runs", process)
		}
	}
}

// reply is what came of a request.
type reply struct {
	status int
	header http.Header
	body   string
	events []string      // data of a stream
	first  time.Duration // to the first event with text
	total  time.Duration
}

// get is the value at a path of the body.
func (r *reply) get(path string) gjson.Result { return gjson.Get(r.body, path) }

// text joins what a stream has at a path.
func (r *reply) text(path string) string {
	var b strings.Builder
	for _, e := range r.events {
		b.WriteString(gjson.Get(e, path).Str)
	}
	return b.String()
}

// ask posts a request. each is called with the number of each event of a stream; it may be nil.
func (p *program) ask(path string, body map[string]any, each func(n int)) *reply {
	p.t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(bounded(p.t), http.MethodPost, p.url+path, bytes.NewReader(data))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.key)
	req.Header.Set("Cache-Control", "no-store, no-cache") // each is answered by the model
	begun := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	r := &reply{status: resp.StatusCode, header: resp.Header}
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			p.t.Fatal(err)
		}
		r.body, r.total = string(b), time.Since(begun)
		return r
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		if r.events = append(r.events, data); r.first == 0 && says(data) {
			r.first = time.Since(begun)
		}
		if each != nil {
			each(len(r.events))
		}
	}
	r.total = time.Since(begun)
	return r
}

// says says whether an event of a stream of any wire has text.
func says(event string) bool {
	for _, path := range []string{"choices.0.delta.content", "delta.text", "candidates.0.content.parts.0.text", "choices.0.text"} {
		if gjson.Get(event, path).Str != "" {
			return true
		}
	}
	return false
}
