package cli

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/engine/enginetest"
)

// TestModelServe: what `model serve` runs answers `ask` where nothing else is configured, and no more when it has ended.
func TestModelServe(t *testing.T) {
	t.Setenv(enginetest.Variable, "well")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "README.md"), []byte("# Fruit\n\nBananas are yellow.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	getenv := func(name string) string {
		return map[string]string{"DRAGOMAN_LLAMA_SERVER": os.Args[0], "OLLAMA_HOST": "127.0.0.1:1"}[name]
	}
	data := []string{"--data", filepath.Join(dir, ".data")}
	if err := os.Mkdir(data[1], 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, in := io.Pipe()
	ended := make(chan int, 1)
	var said bytes.Buffer
	go func() {
		ended <- Main(ctx, append(data, "model", "serve", filepath.Join(dir, "tiny-1b.gguf"), "--", "--threads", "1"), strings.NewReader(""), in, &said, getenv)
		in.Close()
	}()
	lines := bufio.NewScanner(out)
	if !lines.Scan() || !strings.Contains(lines.Text(), "tiny-1b answers at http://127.0.0.1:") || !lines.Scan() || !strings.HasPrefix(lines.Text(), "API key: ") {
		t.Fatalf("%q, then %d: %s", lines.Text(), <-ended, said.String())
	}
	ask := func() string {
		t.Helper()
		var answer, failure bytes.Buffer
		if code := Main(t.Context(), append(data, "ask", "--json", "-C", dir, "what colour are bananas?"), strings.NewReader(""), &answer, &failure, getenv); code != exitOK {
			t.Fatalf("%d %s", code, failure.String())
		}
		return answer.String()
	}
	if a := ask(); gjson.Get(a, "provider").Str != "local" || gjson.Get(a, "model").Str != "tiny-1b" || gjson.Get(a, "mode").Str != "draft" || gjson.Get(a, "usage.cached_input").Int() != 3 || gjson.Get(a, "cost").Str != "$0.00" {
		t.Error(a)
	}
	cancel()
	if code := <-ended; code != exitOK {
		t.Errorf("%d %s", code, said.String())
	}
	if a := ask(); gjson.Get(a, "mode").Str != "extractive" {
		t.Error(a)
	}
}
