package docs

import (
	"bufio"
	"bytes"
	"context"
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

// binary is the built program.
var binary string

func TestMain(m *testing.M) { os.Exit(built.Run(&binary, m.Run)) }

// address is where the program listens in the pages; examples are run with the true one in its place.
const address = "http://127.0.0.1:8017"

// program is the server that the examples talk to.
type program struct {
	url, key string
}

// serve runs the program with the configuration that docs/doors/README.md shows, over a scripted upstream that stands for all
// providers there. What a vendor would have refused of its requests fails the test.
func serve(t *testing.T) program {
	t.Helper()
	up := scripted.Start(answers)
	t.Cleanup(func() {
		up.Close()
		for _, v := range up.Violations() {
			t.Error(v)
		}
	})
	dir := t.TempDir()
	for name, text := range map[string]string{"dragoman.yaml": configuration(t), "shop/price.go": priceGo} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(binary, "serve", "--listen", "127.0.0.1:0")
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "DRAGOMAN_DATA=" + t.TempDir(),
		"OPENAI_API_KEY=" + scripted.Key, "ANTHROPIC_API_KEY=" + scripted.Key, "GEMINI_API_KEY=" + scripted.Key, "JINA_API_KEY=" + scripted.Key, "RACK_API_KEY=" + scripted.Key,
		"OPENAI_BASE_URL=" + up.URL + "/v1", "ANTHROPIC_BASE_URL=" + up.URL, "GEMINI_BASE_URL=" + up.URL, "JINA_BASE_URL=" + up.URL + "/v1", "RACK_BASE_URL=" + up.URL + "/v1",
	}
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
	var p program
	for lines := bufio.NewScanner(stdout); p.url == "" || p.key == ""; {
		if !lines.Scan() {
			t.Fatal("the server ended before it had said where it is")
		}
		if s := regexp.MustCompile(`(http://\S+)/v1`).FindStringSubmatch(lines.Text()); s != nil {
			p.url = s[1]
		}
		if s := regexp.MustCompile(`dgm_\w{36}`).FindString(lines.Text()); s != "" {
			p.key = s
		}
	}
	return p
}

// configuration is the file that the page of all doors shows.
func configuration(t *testing.T) string {
	t.Helper()
	p := readPage(t, "docs/doors/README.md")
	for _, b := range p.blocks {
		if b.language == "yaml" {
			return b.text
		}
	}
	t.Fatalf("%s shows no configuration", p.name)
	return ""
}

// mark stands between the outputs of two examples.
const mark = "\x1e"

// try runs all examples of a page in a language by a command, and compares what each prints. say is the statement of the
// language that prints the mark; path is where the code is written to.
func (p program) try(t *testing.T, pg page, list []example, say, path string, command ...string) {
	t.Helper()
	var text strings.Builder
	for i, e := range list {
		if i > 0 {
			text.WriteString(say + "\n")
		}
		text.WriteString(e.text)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(text.String(), address, p.url)), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], append(command[1:], path)...)
	cmd.Dir = filepath.Dir(path)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + cmd.Dir, "LANG=C.UTF-8", "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1", "DRAGOMAN_API_KEY=" + p.key}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%s: %v\n%s%s", pg.name, err, out, stderr.String())
	}
	printed := strings.Split(strings.ReplaceAll(string(out), p.url, address), mark)
	if len(printed) != len(list) {
		t.Fatalf("%s: %d of %d examples came to their end", pg.name, len(printed), len(list))
	}
	for i, e := range list {
		if err := e.check(pg.name, printed[i]); err != nil {
			t.Error(err)
		}
	}
}

const priceGo = `// Package shop sells things.
package shop

import "math"

// Round rounds a price to whole cents, half a cent away from zero.
func Round(price float64) float64 {
	return math.Round(price*100) / 100
}
`
