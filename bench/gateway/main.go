// Command gateway measures what a request costs when it goes through Dragoman, beside a bare httputil.ReverseProxy in the same
// run, over a model server on loopback: CPU and allocations per request, added latency, memory of idle streams, events
// per second. Authentication, budgets, the durable usage row, metrics and traces are on. make bench-gateway runs it.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

func main() {
	if len(os.Args) > 2 {
		switch os.Args[1] {
		case "mock":
			exit(mock(os.Args[2]))
		case "proxy":
			exit(proxy(os.Args[2], os.Args[3]))
		}
	}
	var o options
	flag.StringVar(&o.program, "dragoman", "", "the built `program`")
	flag.DurationVar(&o.lasting, "for", 6*time.Second, "how long each load lasts")
	flag.IntVar(&o.connections, "connections", 32, "connections of each load")
	flag.IntVar(&o.idle, "idle", 5000, "idle streams; 0 leaves them out")
	flag.Parse()
	if o.program == "" {
		exit(errors.New("--dragoman names the program to measure; make bench-gateway builds it"))
	}
	exit(o.run())
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

type options struct {
	program     string
	lasting     time.Duration
	connections int
	idle        int
}

// process is a server that this program started.
type process struct {
	cmd  *exec.Cmd
	addr string
	key  string
	dir  string
}

func (p *process) stop() {
	p.cmd.Process.Signal(os.Interrupt)
	done := make(chan struct{})
	go func() { p.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		p.cmd.Process.Kill()
		<-done
	}
	if p.dir != "" {
		os.RemoveAll(p.dir)
	}
}

func freeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

func (o *options) self(args ...string) (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	me, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(me, append([]string{args[0], addr}, args[1:]...)...), addr: addr}
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	return p, reachable(addr)
}

func reachable(addr string) error {
	for range 200 {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			return c.Close()
		}
		time.Sleep(25 * time.Millisecond)
	}
	return fmt.Errorf("nothing listens at %s", addr)
}

var key = regexp.MustCompile(`dgm_\w{36}`)

// dragoman starts the program over the model server.
func (o *options) dragoman(upstream string) (*process, error) {
	dir, err := os.MkdirTemp("", "bench-gateway")
	if err != nil {
		return nil, err
	}
	config := fmt.Sprintf(`
model: rack/gpt-x
providers:
  rack: {base_url: "http://%[1]s/v1", api_key: k, prices: {"*": {input: 1, output: 3}}}
  claude: {dialect: anthropic, base_url: "http://%[1]s", api_key: k, prices: {"*": {input: 1, output: 3}}}
org: {budget: {month: 1000000 USD}}
`, upstream)
	if err := os.WriteFile(filepath.Join(dir, "dragoman.yaml"), []byte(config), 0o600); err != nil {
		return nil, err
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(o.program, "serve", "--listen", addr, "--data", filepath.Join(dir, "data")), addr: addr, dir: dir}
	p.cmd.Dir = dir
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	p.cmd.Stderr = log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for p.key == "" && lines.Scan() {
		p.key = key.FindString(lines.Text())
	}
	if p.key == "" {
		said, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("the program did not start: %s", said)
	}
	return p, reachable(addr)
}

// cpu is the time that a process has spent, user and system.
func (p *process) cpu() time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond // USER_HZ is 100 on Linux
}

// rss is a process's resident memory in KB.
func (p *process) rss() int {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	_, rest, _ := strings.Cut(string(b), "VmRSS:")
	n, _ := strconv.Atoi(strings.Fields(rest + " 0")[0])
	return n
}

// mallocs reads how many objects the program has allocated; 0 where it does not tell.
func (p *process) mallocs() float64 {
	resp, err := http.Get("http://" + p.addr + "/metrics")
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	page, _ := io.ReadAll(resp.Body)
	for line := range strings.Lines(string(page)) {
		if rest, ok := strings.CutPrefix(line, "go_memstats_mallocs_total "); ok {
			n, _ := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			return n
		}
	}
	return 0
}

// body of about 1 KB.
func chatBody(wire string, stream bool) []byte {
	m := map[string]any{"model": "rack/gpt-x", "messages": []any{
		map[string]any{"role": "system", "content": strings.Repeat("You are helpful. ", 20)},
		map[string]any{"role": "user", "content": strings.Repeat("explain this code please ", 25)},
	}}
	if stream {
		m["stream"] = true
	}
	if wire == "claude" {
		m["model"] = "claude/claude-x"
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return b
}

func (o *options) run() error {
	upstream, err := o.self("mock")
	if err != nil {
		return err
	}
	defer upstream.stop()
	bare, err := o.self("proxy", upstream.addr)
	if err != nil {
		return err
	}
	defer bare.stop()
	d, err := o.dragoman(upstream.addr)
	if err != nil {
		return err
	}
	defer d.stop()

	fmt.Printf("%-34s %10s %10s %9s %9s %9s %8s\n", "", "requests/s", "CPU us/req", "x bare", "p50 ms", "p99 ms", "allocs")
	for _, c := range []struct {
		name string
		body []byte
	}{
		{"1 KB chat call", chatBody("", false)}, {"23-event stream", chatBody("", true)}, {"anthropic -> openai stream", chatBody("claude", true)},
	} {
		base := o.measure("bare proxy", c.name, bare, c.body, 0)
		if base.failed > 0 {
			return fmt.Errorf("the bare proxy failed %d times", base.failed)
		}
		if r := o.measure("dragoman", c.name, d, c.body, base.cpuEach); r.failed > 0 {
			return fmt.Errorf("dragoman failed %d times: %s", r.failed, r.sample)
		}
	}
	fmt.Printf("\nRSS after %d connections: bare %d MB, dragoman %d MB\n", o.connections, bare.rss()>>10, d.rss()>>10)

	o.connections = 1
	for range 2 { // the first warms up
		base := load(bare.addr, "", chatBody("", false), 1, o.lasting/2)
		own := load(d.addr, d.key, chatBody("", false), 1, o.lasting/2)
		fmt.Printf("one connection: bare p50 %.3f ms, dragoman p50 %.3f ms, added %.3f ms\n", ms(base.p50), ms(own.p50), ms(own.p50-base.p50))
	}
	flood := chatBody("", true)
	flood = bytes.Replace(flood, []byte(`"rack/gpt-x"`), []byte(`"rack/flood"`), 1)
	before := d.cpu()
	r := load(d.addr, d.key, flood, 8, o.lasting)
	fmt.Printf("events through 8 streams: %.0f events/s, CPU %.1f us each\n", float64(r.events)/r.took.Seconds(), float64((d.cpu()-before).Microseconds())/float64(max(r.events, 1)))
	if o.idle > 0 {
		return o.idleStreams(d, bare)
	}
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (o *options) measure(who, what string, p *process, body []byte, base float64) result {
	load(p.addr, p.key, body, o.connections, o.lasting/4) // connections and pools warm up
	cpu, allocs := p.cpu(), p.mallocs()
	r := load(p.addr, p.key, body, o.connections, o.lasting)
	r.cpuEach = float64((p.cpu() - cpu).Microseconds()) / float64(max(r.requests, 1))
	factor, each := "", ""
	if base > 0 {
		factor = fmt.Sprintf("%.2f", r.cpuEach/base)
		each = fmt.Sprintf("%.0f", (p.mallocs()-allocs)/float64(max(r.requests, 1)))
	}
	fmt.Printf("%-34s %10.0f %10.0f %9s %9.2f %9.2f %8s\n", what+", "+who, float64(r.requests)/r.took.Seconds(), r.cpuEach, factor, ms(r.p50), ms(r.p99), each)
	return r
}

// idleStreams opens many streams of which each has had one event, and weighs them.
func (o *options) idleStreams(d, bare *process) error {
	body := bytes.Replace(chatBody("", true), []byte(`"rack/gpt-x"`), []byte(`"rack/idle"`), 1)
	for _, p := range []*process{bare, d} {
		before := p.rss()
		var open []net.Conn
		for range o.idle {
			c, err := begin(p.addr, p.key, body)
			if err != nil {
				for _, c := range open {
					c.Close()
				}
				return fmt.Errorf("stream %d: %w", len(open), err)
			}
			open = append(open, c)
		}
		fmt.Printf("%d idle streams: %s %.1f KB each\n", len(open), map[bool]string{true: "dragoman", false: "bare proxy"}[p == d], float64(p.rss()-before)/float64(len(open)))
		for _, c := range open {
			c.Close()
		}
	}
	return nil
}
