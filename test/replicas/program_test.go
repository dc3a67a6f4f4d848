// Package replicas holds servers that share a database to what one server does.
package replicas

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"

	"github.com/dragoman/dragoman/internal/store/postgrestest"
	"github.com/dragoman/dragoman/test/built"
)

// binary is the built program.
var binary string

func TestMain(m *testing.M) { os.Exit(built.Run(&binary, func() int { return postgrestest.Run(m) })) }

// program is a server with a data folder of its own.
type program struct {
	t        *testing.T
	dir, url string
	key      string // where it made the first one
	cmd      *exec.Cmd
	log      *built.Log
}

// start starts a server with a configuration. needsKey says that it makes the first key.
func start(t *testing.T, config string, needsKey bool) *program {
	t.Helper()
	p := &program{t: t, dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(p.dir, "dragoman.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p.start(needsKey)
	return p
}

func (p *program) start(needsKey bool) {
	p.t.Helper()
	p.cmd = p.command("serve", "--listen", "127.0.0.1:0")
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
	for p.url = ""; p.url == "" || needsKey && p.key == ""; {
		if !lines.Scan() {
			err := p.cmd.Wait()
			p.t.Fatalf("it ended before it had said where it is: %v\n%s", err, p.log)
		}
		if s := regexp.MustCompile(`(http://\S+)/v1`).FindStringSubmatch(lines.Text()); s != nil {
			p.url = s[1]
		}
		if s := regexp.MustCompile(`dgm_\w{36}`).FindString(lines.Text()); s != "" {
			p.key = s
		}
	}
	p.t.Cleanup(func() { _ = p.cmd.Process.Kill() }) // where a test failed on the way
}

func (p *program) command(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Dir = p.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.dir, "DRAGOMAN_DATA=" + filepath.Join(p.dir, "data")}
	return cmd
}

// run runs a command beside the server and returns what it says.
func (p *program) run(args ...string) string {
	p.t.Helper()
	cmd := p.command(args...)
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	if e := cmd.Run(); e != nil {
		p.t.Fatalf("%v: %v\n%s", args, e, err.String())
	}
	return out.String()
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
