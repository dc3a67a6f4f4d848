package fire

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/store"
	"github.com/dragoman/dragoman/internal/store/postgres"
	"github.com/dragoman/dragoman/internal/store/sqlite"
	"github.com/dragoman/dragoman/test/built"
)

// binary is the built program.
var binary string

func TestMain(m *testing.M) { os.Exit(built.Run(&binary, m.Run)) }

// program is the server, in a folder that outlives it.
type program struct {
	t        *testing.T
	dir      string
	v        *vendor
	key, url string
	class    string // of the requests
	feature  string // what follows a request's name
	cmd      *exec.Cmd
	log      *built.Log
	refused  atomic.Int64 // requests
	database string       // where its books are, if not in its folder
}

func install(t *testing.T, v *vendor, more string) *program {
	t.Helper()
	p := &program{t: t, dir: t.TempDir(), v: v, class: "chat"}
	config := fmt.Sprintf(`model: big
providers: {rack: {base_url: "%s/v1", privacy: internal, prices: {"*": {input: 1, output: 1}}}}
models: {big: {use: [rack/test]}}
%s`, v.server.URL, more)
	if err := os.WriteFile(filepath.Join(p.dir, "dragoman.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *program) data() string { return filepath.Join(p.dir, "data") }

// start starts it; its standard output tells where it is.
func (p *program) start(limits ...string) {
	p.t.Helper()
	args := append([]string{binary, "serve", "--listen", "127.0.0.1:0"}, []string{}...)
	if len(limits) > 0 { // ulimit, by way of a shell
		args = []string{"sh", "-c", strings.Join(limits, "; ") + `; exec "$0" "$@"`, binary, "serve", "--listen", "127.0.0.1:0"}
	}
	p.cmd = exec.Command(args[0], args[1:]...)
	p.cmd.Dir = p.dir
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.dir, "DRAGOMAN_DATA=" + p.data()}
	p.log = &built.Log{}
	p.cmd.Stderr = p.log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for p.url = ""; p.url == "" || p.key == ""; {
		if !lines.Scan() {
			err := p.cmd.Wait()
			p.t.Fatalf("it ended before it had said where it is: %v\n%s", err, p.log)
		}
		if s := regexp.MustCompile(`http://\S+/v1`).FindString(lines.Text()); s != "" {
			p.url = s
		}
		if s := regexp.MustCompile(`dgm_\w{36}`).FindString(lines.Text()); s != "" {
			p.key = s
		}
	}
	p.t.Cleanup(func() { _ = p.cmd.Process.Kill() }) // where a test failed on the way
}

// kill ends it as a crash does.
func (p *program) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	_ = p.cmd.Wait() // it was killed
}

// stop ends it as an operator does.
func (p *program) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		p.t.Fatalf("it stopped with %v\n%s", err, p.log)
	}
}

// kinds of requests: an answer as a stream, by two doors, one in one piece, and vectors.
const kinds = 4

// ask makes one request, which is called name, and returns the status of the answer; 0 where none came.
func (p *program) ask(ctx context.Context, url, name string, kind int) int {
	text := name + strings.Repeat(" word", inputTokens)
	path, ask := "/chat/completions", map[string]any{"model": "big", "stream": kind == 0, "max_tokens": outputTokens, "messages": []map[string]string{{"role": "user", "content": text}}}
	switch kind {
	case 1:
		path, ask["stream"] = "/messages", true
	case 2:
		path, ask = "/embeddings", map[string]any{"model": "big", "input": text}
	}
	body, err := json.Marshal(ask)
	if err != nil {
		panic(err) // strings and numbers
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+path, bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.key)
	req.Header.Set("X-Dragoman-Feature", name+p.feature)
	req.Header.Set("X-Dragoman-Class", p.class)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return 0
	}
	return resp.StatusCode
}

// books reads the rows of the stopped program, by the requests' names.
func (p *program) books() map[string]ledger.Total {
	p.t.Helper()
	var s store.Store
	var err error
	if p.database != "" {
		s, err = postgres.Open(context.Background(), p.database)
	} else {
		s, err = sqlite.Open(context.Background(), p.data())
	}
	if err != nil {
		p.t.Fatal(err)
	}
	defer s.Close()
	totals, err := s.UsageTotals(context.Background(), time.Time{}, ledger.ByFeature)
	if err != nil {
		p.t.Fatal(err)
	}
	out := map[string]ledger.Total{}
	for _, total := range totals {
		out[named.FindString(total.Key)] = total
	}
	return out
}

// balance compares both books.
func (p *program) balance() (complete, abandoned int) {
	p.t.Helper()
	rows := p.books()
	p.v.mu.Lock()
	defer p.v.mu.Unlock()
	for name, times := range p.v.asked {
		if r := rows[name]; r.Requests != int64(times) || r.Open != 0 {
			p.t.Errorf("%s reached the provider %d times and has %d rows, %d of them open", name, times, r.Requests, r.Open)
		}
	}
	for name, r := range rows {
		abandoned += int(r.Abandoned)
		if r.UnknownCost > 0 {
			p.t.Errorf("%s has no cost", name)
		}
		switch {
		case r.Abandoned > 0 && r.Cost < p.v.billed[name]:
			p.t.Errorf("%s was abandoned at %s, less than what it cost", name, r.Cost)
		case r.Abandoned == 0 && p.v.told[name] == int(r.Requests) && r.Failed == 0:
			complete++
			if want := p.v.billed[name]; r.Cost != want {
				p.t.Errorf("%s cost %s, and is booked with %s", name, want, r.Cost)
			}
		}
	}
	return complete, abandoned
}

// load lets callers ask until ctx ends.
func (p *program) load(ctx context.Context, round, callers int) *sync.WaitGroup {
	var all sync.WaitGroup
	url := p.url
	for c := range callers {
		all.Go(func() {
			for n := 0; ctx.Err() == nil && n < 10_000; n++ {
				patience, cancel := context.WithTimeout(ctx, 2*time.Second)
				if rand.IntN(8) == 0 { // leaves early
					cancel()
					patience, cancel = context.WithTimeout(ctx, time.Duration(rand.IntN(30))*time.Millisecond)
				}
				switch status := p.ask(patience, url, fmt.Sprintf("name-%d-%d", round*100+c, n), n%kinds); {
				case status >= 400:
					p.refused.Add(1)
					time.Sleep(5 * time.Millisecond)
				case status == 0 && ctx.Err() == nil && patience.Err() == nil:
					time.Sleep(time.Millisecond) // it is down
				}
				cancel()
			}
		})
	}
	return &all
}

// await waits until so many requests were refused.
func (p *program) await(n int64) {
	p.t.Helper()
	built.Await(p.t, fmt.Sprintf("%d refused requests", n), func() bool { return p.refused.Load() >= n })
}
