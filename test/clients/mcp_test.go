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
	"strings"
	"syscall"
	"testing"
	"time"

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

// TestMCPClaudeCode has Claude Code search by the program's tools. Its model is scripted: it calls the tool that it is told of, and
// quotes what came back.
func TestMCPClaudeCode(t *testing.T) {
	program := need(t, ".cache/clients/agents/node_modules/.bin/claude")
	repo, url, key := mcpProgram(t)
	for name, server := range map[string]map[string]any{
		"stdio": {"command": binary, "args": []string{"mcp", "--data", t.TempDir(), "--model", "extractive", "--path", repo}},
		"http":  {"type": "http", "url": url, "headers": map[string]string{"Authorization": "Bearer " + key}},
	} {
		t.Run(name, func(t *testing.T) {
			up := upstream(t, func(c *scripted.Conversation) scripted.Step {
				const tool = "mcp__dragoman__search"
				offered := false
				for _, offer := range c.Tools {
					offered = offered || offer.Name == tool
				}
				results := c.Results()
				switch {
				case !offered:
					return scripted.Step{Text: []string{"The tool is not offered."}, Usage: scripted.Spent}
				case len(results) == 0:
					return scripted.Step{Calls: []scripted.Call{{Name: tool, Arguments: `{"query": "how long are orders kept?"}`}}, Usage: scripted.Spent}
				}
				return scripted.Step{Text: []string{"It says: " + results[0].Text}, Usage: scripted.Spent}
			})
			config, err := json.Marshal(map[string]any{"mcpServers": map[string]any{"dragoman": server}})
			if err != nil {
				t.Fatal(err)
			}
			home, dir := t.TempDir(), t.TempDir()
			write(t, home, map[string]string{"mcp.json": string(config)})
			out, err := command(t, home, dir, []string{
				"ANTHROPIC_BASE_URL=" + up.URL, "ANTHROPIC_API_KEY=" + scripted.Key, "ANTHROPIC_MODEL=claude-test", "ANTHROPIC_SMALL_FAST_MODEL=claude-test",
				"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1", "DISABLE_TELEMETRY=1", "DISABLE_ERROR_REPORTING=1", "DISABLE_AUTOUPDATER=1",
			}, program, "-p", "How long are orders kept?", "--mcp-config", filepath.Join(home, "mcp.json"), "--strict-mcp-config", "--allowedTools", "mcp__dragoman__search")
			if err != nil || !strings.Contains(out, "It says: ") || !strings.Contains(out, "kept for ten years") || !strings.Contains(out, "orders.md:") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
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
	for end := time.Now().Add(time.Minute); ; {
		resp, err := http.Get(url)
		if err == nil {
			resp.Body.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond) // it tells nobody when it is ready
	}
}
