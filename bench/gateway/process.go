package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/dragoman/dragoman/internal/cli"
)

// process is a server that this program started.
type process struct {
	name string
	cmd  *exec.Cmd
	addr string
	key  string // that its callers need
	dir  string // its own
}

func (p *process) stop() error {
	p.cmd.Process.Signal(os.Interrupt)
	done := make(chan error, 1)
	go func() { done <- p.cmd.Wait() }()
	select {
	case err := <-done:
		return err
	case <-time.After(20 * time.Second):
		p.cmd.Process.Kill()
		return fmt.Errorf("%s does not stop: %w", p.name, <-done)
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

// self starts this program in another role.
func self(role string, args ...string) (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	me, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{name: role, cmd: exec.Command(me, append([]string{role, addr}, args...)...), addr: addr}
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

// config lets all that a request can cost come in: prices, and a budget that must be reserved from.
const config = `
model: rack/gpt-x
providers:
  rack: {base_url: "http://%[1]s/v1", api_key: k, prices: {"*": {input: 1, output: 3}}}
  claude: {dialect: anthropic, base_url: "http://%[1]s", api_key: k, prices: {"*": {input: 1, output: 3}}}
org: {budget: {month: 1000000 USD}}
`

var key = regexp.MustCompile(`dgm_\w{36}`)

// dragoman starts the program over the model server.
func (o *options) dragoman(upstream string) (*process, error) {
	dir, err := os.MkdirTemp("", "bench-gateway")
	if err != nil {
		return nil, err
	}
	work := filepath.Join(dir, "work") // it indexes and watches where it stands, and is not to find its own log and data there
	if err := os.Mkdir(work, 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(work, "dragoman.yaml"), fmt.Appendf(nil, config, upstream), 0o600); err != nil {
		return nil, err
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	program, args := o.program, []string{"serve", "--listen", addr, "--data", filepath.Join(dir, "data")}
	if o.profile != "" {
		if program, err = os.Executable(); err != nil {
			return nil, err
		}
		args = append([]string{"profiled", o.profile}, args...)
	}
	p := &process{name: "dragoman", cmd: exec.Command(program, args...), addr: addr, dir: dir}
	p.cmd.Dir = work
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

// profiled runs Dragoman's command line in this process and writes profiles of it.
func profiled(folder string, args []string) error {
	cpu, err := os.Create(filepath.Join(folder, "cpu.prof"))
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	now := make(chan os.Signal, 1)
	signal.Notify(now, syscall.SIGUSR1) // while idle streams are open
	go func() {
		for range now {
			if err := memory(filepath.Join(folder, "idle.prof")); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}
	}()
	code := cli.Main(ctx, args, os.Stdin, os.Stdout, os.Stderr, os.Getenv)
	pprof.StopCPUProfile()
	if err := errors.Join(cpu.Close(), memory(filepath.Join(folder, "memory.prof"))); err != nil {
		return err
	}
	if code != 0 {
		return fmt.Errorf("exit code %d", code)
	}
	return nil
}

// memory writes a profile of what was allocated and what is in use.
func memory(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	runtime.GC()
	return errors.Join(pprof.Lookup("heap").WriteTo(f, 0), f.Close())
}

// cpu is the time that a process has spent, user and system.
func (p *process) cpu() time.Duration { return cpuOf(p.cmd.Process.Pid) }

func cpuOf(pid int) time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
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

// metric reads a value of the metrics page.
func (p *process) metric(name string) float64 {
	resp, err := http.Get("http://" + p.addr + "/metrics")
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	page, _ := io.ReadAll(resp.Body)
	for line := range strings.Lines(string(page)) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			n, _ := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			return n
		}
	}
	return 0
}

// mallocs is how many objects a process has allocated.
func (p *process) mallocs() float64 { return p.metric("go_memstats_mallocs_total") }
