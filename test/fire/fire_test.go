// Package fire tests the books under fire: the built program is killed, its disk fills and its database locks, while callers
// ask; and then every request that reached the provider has its row, once, and the sums are what the provider billed.
package fire

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
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
	"github.com/dragoman/dragoman/internal/store/sqlite"
)

// binary is the built program.
var binary string

func TestMain(m *testing.M) { os.Exit(withBinary(m)) }

func withBinary(m *testing.M) int {
	dir, err := os.MkdirTemp("", "dragoman-fire-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "dragoman")
	build := exec.Command("go", "build", "-o", binary, "../../cmd/dragoman")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// What the provider charges for each answer, in tokens, at a dollar for a million of either kind; vectors have no output.
const (
	inputTokens  = 1000
	outputTokens = 500
	perToken     = ledger.USD / 1_000_000
)

// vendor is a provider that keeps its own books.
type vendor struct {
	server *httptest.Server
	mu     sync.Mutex
	asked  map[string]int // by what the caller calls the request: how often it came
	told   map[string]int // how many answers were told to the end, with their usage
	billed map[string]ledger.Money
}

var named = regexp.MustCompile(`name-\d+-\d+`)

func open(t *testing.T) *vendor {
	v := &vendor{asked: map[string]int{}, told: map[string]int{}, billed: map[string]ledger.Money{}}
	v.server = httptest.NewServer(http.HandlerFunc(v.serve))
	t.Cleanup(v.server.Close)
	return v
}

func (v *vendor) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	name := named.FindString(string(body))
	v.mu.Lock()
	v.asked[name]++
	v.mu.Unlock()
	select {
	case <-time.After(time.Duration(rand.IntN(40)) * time.Millisecond): // it thinks; some are killed meanwhile
	case <-r.Context().Done():
		return
	}
	usage := fmt.Sprintf(`"usage":{"prompt_tokens":%d,"completion_tokens":%d}`, inputTokens, outputTokens)
	bill := perToken * (inputTokens + outputTokens)
	if strings.HasSuffix(r.URL.Path, "/embeddings") {
		bill = perToken * inputTokens
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5]}],"usage":{"prompt_tokens":%[1]d,"total_tokens":%[1]d}}`, inputTokens)
	} else if !bytes.Contains(body, []byte(`"stream":true`)) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"Yes."},"finish_reason":"stop"}],%s}`, usage)
	} else {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, word := range []string{"Y", "e", "s", "."} {
			fmt.Fprintf(w, "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%q},\"finish_reason\":null}]}\n\n", word)
			w.(http.Flusher).Flush()
		}
		fmt.Fprintf(w, "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: {\"id\":\"c\",\"choices\":[],%s}\n\ndata: [DONE]\n\n", usage)
	}
	v.mu.Lock()
	v.told[name]++
	v.billed[name] += bill
	v.mu.Unlock()
}

// program is the server, in a folder that outlives it.
type program struct {
	t        *testing.T
	dir      string
	v        *vendor
	key, url string
	class    string // of the requests
	feature  string // what follows a request's name
	cmd      *exec.Cmd
	log      *shared
	refused  atomic.Int64 // requests
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
	p.log = &shared{}
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
	s, err := sqlite.Open(context.Background(), p.data())
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

// TestKilled: the program is killed again and again while callers ask.
func TestKilled(t *testing.T) {
	v := open(t)
	p := install(t, v, "")
	const rounds = 4
	for round := range rounds {
		p.start()
		ctx, cancel := context.WithCancel(t.Context())
		all := p.load(ctx, round, 8)
		time.Sleep(time.Duration(300+rand.IntN(300)) * time.Millisecond) // how long it lives
		p.kill()
		cancel()
		all.Wait()
	}
	p.start() // takes over what those before left
	p.stop()
	complete, abandoned := p.balance()
	t.Logf("%d requests complete, %d cut off by a kill", complete, abandoned)
	if complete == 0 || abandoned == 0 {
		t.Error("nothing was tested")
	}
}

// TestBudgetOutlivesKills: a budget counts what those that were killed have spent and had under way, so that together they spend
// no more.
func TestBudgetOutlivesKills(t *testing.T) {
	const budget = ledger.USD / 2
	v := open(t)
	p := install(t, v, "org: {budget: {month: 0.50 USD}}\n")
	for round := range 4 {
		p.start()
		ctx, cancel := context.WithCancel(t.Context())
		all := p.load(ctx, round, 8)
		if round < 3 {
			v.await(t, v.count()+60) // some of the budget
			p.kill()
		} else {
			p.await(200) // all of it
		}
		cancel()
		all.Wait()
	}
	p.stop()
	if _, abandoned := p.balance(); abandoned == 0 {
		t.Error("nothing was cut off")
	}
	var booked, billed ledger.Money
	for _, r := range p.books() {
		booked += r.Cost
	}
	for _, m := range v.billed {
		billed += m
	}
	t.Logf("of %s, %s are booked, and %s billed", budget, booked, billed)
	if billed > booked || booked > budget || booked < budget*9/10 {
		t.Errorf("of %s, %s are booked, and %s billed", budget, booked, billed)
	}
}

// await waits until so many requests were refused.
func (p *program) await(n int64) {
	p.t.Helper()
	for range 6000 {
		if p.refused.Load() >= n {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.t.Fatalf("%d requests were refused, and not %d, within a minute", p.refused.Load(), n)
}

// TestDatabaseLost: the database is deleted while the program runs. What comes after is in the books of the next start, which makes
// a new one.
func TestDatabaseLost(t *testing.T) {
	v := open(t)
	p := install(t, v, "")
	p.start()
	ctx, cancel := context.WithCancel(t.Context())
	all := p.load(ctx, 0, 4)
	v.await(t, 50)
	cancel()
	all.Wait()
	for _, name := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(filepath.Join(p.data(), sqlite.File+name)); err != nil {
			t.Fatal(err)
		}
	}
	v.forget() // those are lost with it
	ctx, cancel = context.WithCancel(t.Context())
	all = p.load(ctx, 1, 4)
	v.await(t, 200)
	if !strings.Contains(p.log.String(), "it was moved, replaced or deleted") {
		t.Errorf("nothing is said of it:\n%s", p.log.String())
	}
	p.kill()
	cancel()
	all.Wait()
	p.start()
	p.stop()
	if complete, _ := p.balance(); complete < 100 {
		t.Errorf("%d requests complete", complete)
	}
}

// forget begins the vendor's books anew.
func (v *vendor) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.asked)
	clear(v.told)
	clear(v.billed)
}

// TestDatabaseLocked: another program holds the database for a while. Requests go on, and none is lost.
func TestDatabaseLocked(t *testing.T) {
	v := open(t)
	p := install(t, v, "")
	p.start()
	ctx, cancel := context.WithCancel(t.Context())
	all := p.load(ctx, 0, 4)
	v.await(t, 50)
	unlock := lock(t, filepath.Join(p.data(), sqlite.File))
	before := v.count()
	v.await(t, before+200)
	unlock()
	v.await(t, v.count()+50)
	cancel()
	all.Wait()
	p.stop()
	if complete, abandoned := p.balance(); complete < 200 || abandoned > 0 {
		t.Errorf("%d requests complete, %d abandoned\n%s", complete, abandoned, p.log)
	}
}

// TestDatabaseFull: the database cannot grow any more, and then the machine loses power, as it were. The journal has it all.
func TestDatabaseFull(t *testing.T) {
	v := open(t)
	p := install(t, v, "retention: {traces: 1h}\n")
	p.start("ulimit -f 20480") // 10 MB, in blocks of 512 bytes; a segment of the journal takes 8
	ctx, cancel := context.WithCancel(t.Context())
	all := p.load(ctx, 0, 8)
	deadline := time.After(60 * time.Second)
	for full := false; !full; {
		select {
		case <-deadline:
			t.Fatalf("the database is not full yet, after %d requests", v.count())
		case <-time.After(50 * time.Millisecond):
			st, err := os.Stat(filepath.Join(p.data(), sqlite.File+"-wal"))
			full = err == nil && st.Size() > 9<<20 || strings.Contains(p.log.String(), "cannot be written")
		}
	}
	v.await(t, v.count()+300)
	if !strings.Contains(p.log.String(), "cannot be written") {
		t.Errorf("nothing is said of it:\n%s", p.log.String())
	}
	p.kill()
	cancel()
	all.Wait()
	p.start()
	p.stop()
	if complete, _ := p.balance(); complete < 300 {
		t.Errorf("%d requests complete", complete)
	}
}

func (v *vendor) count() (n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, times := range v.told {
		n += times
	}
	return n
}

// await waits until so many answers were told.
func (v *vendor) await(t *testing.T, n int) {
	t.Helper()
	for range 6000 {
		if v.count() >= n {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%d answers, and not %d, within a minute", v.count(), n)
}

// lock holds the database as its only writer until unlock is called.
func lock(t *testing.T, path string) (unlock func()) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_txlock=exclusive")
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.BeginTx(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(tx.Rollback(), db.Close()); err != nil {
			t.Error(err)
		}
	}
}

// shared is a buffer that one writes and another reads.
type shared struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *shared) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
