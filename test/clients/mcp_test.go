//go:build clients

package clients

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/dragoman/dragoman/test/built"
	"github.com/dragoman/dragoman/test/clients/scripted"
)

const orders = "# Orders\n\nOrders are kept for ten years, because the tax office wants it.\n"

// mcpProgram serves a small repository.
func mcpProgram(t *testing.T) (repo, url, key string) {
	t.Helper()
	repo = t.TempDir()
	write(t, repo, map[string]string{"orders.md": orders})
	url, key = serve(t, t.TempDir(), map[string]string{"orders.md": orders, "dragoman.yaml": "model: extractive\n"})
	return repo, strings.TrimSuffix(url, "/v1") + "/mcp", key
}

// TestMCPPython has the official SDK for Python call the program, in both ways.
func TestMCPPython(t *testing.T) {
	repo, url, key := mcpProgram(t)
	out, err := command(t, t.TempDir(), ".", []string{"PROGRAM=" + binary, "REPO=" + repo, "DATA=" + t.TempDir(), "URL=" + url, "API_KEY=" + key},
		need(t, ".cache/clients/python/bin/python"), mustAbs(t, "sdk_mcp.py"), "-v")
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// mcpSettings adds an MCP server to an agent's configuration, by the block of docs/mcp.md that the number names: 0 on the checkout, 1 on
// a server.
var mcpSettings = map[string]func(t *testing.T, number int, e endpoint, program, home, work string, env []string){
	"claude-code": func(t *testing.T, number int, e endpoint, program, home, work string, env []string) {
		line, _ := strings.CutPrefix(block(t, "mcp.md", "Claude Code", "console", number, e), "$ claude ")
		if out, err := command(t, home, work, env, "sh", "-c", `exec "$0" `+line, program); err != nil {
			t.Fatalf("claude %s: %v\n%s", line, err, out)
		}
	},
	"codex": func(t *testing.T, number int, e endpoint, _, home, _ string, _ []string) {
		appendTo(t, filepath.Join(home, ".codex/config.toml"), block(t, "mcp.md", "Codex", "toml", number, e))
	},
	"gemini-cli": func(t *testing.T, number int, e endpoint, _, home, _ string, _ []string) {
		mergeInto(t, filepath.Join(home, ".gemini/settings.json"), block(t, "mcp.md", "Gemini CLI", "json", number, e))
	},
	"opencode": func(t *testing.T, number int, e endpoint, _, _, work string, _ []string) {
		mergeInto(t, filepath.Join(work, "opencode.json"), block(t, "mcp.md", "opencode", "json", number, e))
	},
}

// TestMCPAgent has coding agents search by the program's tools, while the models that they ask are behind the program, too, at a
// provider of another dialect. The model is scripted: it calls the search, and quotes what came back.
func TestMCPAgent(t *testing.T) {
	search := func(c *scripted.Conversation) scripted.Step {
		tool := slices.IndexFunc(c.Tools, func(o scripted.Tool) bool {
			return strings.Contains(o.Name, "dragoman") && strings.HasSuffix(o.Name, "search")
		})
		results := c.Results()
		switch {
		case tool < 0:
			return scripted.Step{Text: []string{"The tool is not offered."}, Usage: scripted.Spent}
		case len(results) == 0:
			return scripted.Step{Calls: []scripted.Call{{Name: c.Tools[tool].Name, Arguments: `{"query": "how long are orders kept?"}`}}, Usage: scripted.Spent}
		}
		return scripted.Step{Text: []string{"It says: " + results[0].Text}, Usage: scripted.Spent}
	}
	path := t.TempDir() // the program is found by its name, as in the settings
	if err := os.Symlink(binary, filepath.Join(path, "dragoman")); err != nil {
		t.Fatal(err)
	}
	for name, settings := range mcpSettings {
		for number, way := range []string{"stdio", "http"} {
			t.Run(name+"/"+way, func(t *testing.T) {
				if *direct {
					t.Skip("its tools are the program's own")
				}
				a := agents[name]
				program := a.program(t)
				other := 0
				if upstreams[other].dialect == a.dialect {
					other++
				}
				e := behind(t, other, upstream(t, search), map[string]string{"orders.md": orders}, t.TempDir())
				home, work := t.TempDir(), t.TempDir()
				write(t, work, map[string]string{"orders.md": orders})
				if a.files != nil {
					inHome, inWork := a.files(t, e)
					write(t, home, inHome)
					write(t, work, inWork)
				}
				env := append(a.env(t, e), "DRAGOMAN_DATA="+t.TempDir(), "PATH="+path+":"+os.Getenv("PATH"))
				settings(t, number, e, program, home, work, env)
				out, err := command(t, home, work, env, program, a.args(e, "How long are orders kept?")...)
				if err != nil || !strings.Contains(out, "It says: ") || !strings.Contains(out, "kept for ten years") || !strings.Contains(out, "orders.md:") {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Dir(path), map[string]string{filepath.Base(path): string(before) + "\n" + text + "\n"})
}

func mergeInto(t *testing.T, path, text string) {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Dir(path), map[string]string{filepath.Base(path): both(t, string(before), text)})
}

// TestMCPServersOfOthers has an assistant use MCP servers that others wrote, over both ways.
func TestMCPServersOfOthers(t *testing.T) {
	everything := need(t, ".cache/clients/mcp/node_modules/.bin/mcp-server-everything")
	files := need(t, ".cache/clients/mcp/node_modules/.bin/mcp-server-filesystem")
	shelf := t.TempDir()
	write(t, shelf, map[string]string{"orders.md": orders})
	calls := []scripted.Call{
		{Name: "local_echo", Arguments: `{"message": "hello over stdio"}`},
		{Name: "local_get-sum", Arguments: `{"a": 2, "b": 40}`},
		{Name: "remote_echo", Arguments: `{"message": "hello over http"}`},
		{Name: "local_echo", Arguments: `{"massage": "typing error"}`},
		{Name: "local_read_resource", Arguments: `{}`},
		{Name: "local_get_prompt", Arguments: `{}`},
		{Name: "files_read_text_file", Arguments: fmt.Sprintf(`{"path": %q}`, filepath.Join(shelf, "orders.md"))},
		{Name: "files_read_text_file", Arguments: `{"path": "/etc/passwd"}`},
	}
	wants := []string{"hello over stdio", "42", "hello over http", "message", "://", "prompt", "kept for ten years", "denied"}
	up := upstream(t, func(c *scripted.Conversation) scripted.Step {
		n := len(c.Results())
		if n == len(calls) {
			return scripted.Step{Text: []string{"All is done."}, Usage: scripted.Spent}
		}
		return scripted.Step{Calls: calls[n : n+1], Usage: scripted.Spent}
	})
	port := freePort(t)
	remote := exec.Command(everything, "streamableHttp")
	remote.Env = append(os.Environ(), fmt.Sprintf("PORT=%d", port))
	remote.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := remote.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-remote.Process.Pid, syscall.SIGKILL)
		_ = remote.Wait() // killed
	})
	at := fmt.Sprintf("http://127.0.0.1:%d/mcp", port)
	answers(t, at)
	data := t.TempDir()
	url, key := serve(t, data, map[string]string{"dragoman.yaml": fmt.Sprintf(`model: rack/test-70b
providers: {rack: {base_url: "${UPSTREAM}/v1", api_key: "${UPSTREAM_KEY}", prices: {"*": {context: 128k, can: [tools]}}}}
tools:
  mcp:
    local:  {command: [%q, stdio]}
    remote: {url: %q}
    files:  {command: [%q, %q]}
assistants: {helper: {tools: {use: [local, remote, files], steps: 20, time: 10m}}}
`, everything, at, files, shelf)}, "UPSTREAM="+up.URL, "UPSTREAM_KEY="+scripted.Key)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/chat/completions", strings.NewReader(`{"model": "assistant/helper", "messages": [{"role": "user", "content": "go on"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Choices []struct{ Message struct{ Content string } }
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || len(answer.Choices) != 1 || answer.Choices[0].Message.Content != "All is done." {
		t.Errorf("%+v, %v", answer, err)
	}
	last := up.Requests()[len(up.Requests())-1]
	var sent struct {
		Messages []struct {
			Role    string
			Content any
		}
	}
	if err := json.Unmarshal(last.Body, &sent); err != nil {
		t.Fatal(err)
	}
	var results []string
	for _, m := range sent.Messages {
		if m.Role == "tool" {
			results = append(results, fmt.Sprint(m.Content))
		}
	}
	if len(results) != len(wants) {
		t.Fatalf("%d results: %q", len(results), results)
	}
	for i, want := range wants {
		if !strings.Contains(results[i], want) {
			t.Errorf("%s %s gave %s; want %q", calls[i].Name, calls[i].Arguments, results[i], want)
		}
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

// answers waits until a server does.
func answers(t *testing.T, url string) {
	t.Helper()
	built.Await(t, "an answer of "+url, func() bool {
		resp, err := http.Get(url)
		if err != nil {
			return false
		}
		return resp.Body.Close() == nil
	})
}
