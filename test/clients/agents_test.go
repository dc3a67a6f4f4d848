//go:build clients

package clients

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/test/clients/scripted"
)

// agent is a coding agent of another vendor.
type agent struct {
	program string
	dialect string                                          // that it speaks
	files   func(e endpoint) (home, work map[string]string) // its configuration
	env     func(e endpoint) []string
	args    func(e endpoint) []string
}

var agents = map[string]agent{
	"claude-code": {
		program: "claude", dialect: "anthropic",
		env: func(e endpoint) []string {
			return []string{"ANTHROPIC_BASE_URL=" + e.url, "ANTHROPIC_API_KEY=" + e.key, "ANTHROPIC_MODEL=" + e.model, "ANTHROPIC_DEFAULT_HAIKU_MODEL=" + e.model,
				"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1", "DISABLE_TELEMETRY=1", "DISABLE_ERROR_REPORTING=1", "DISABLE_AUTOUPDATER=1"}
		},
		args: func(endpoint) []string { return []string{"-p", scripted.Prompt, "--allowedTools", "Read,Edit,Bash"} },
	},
	"codex":             codex(""),
	"codex-apply-patch": codex(knownToCodex), // offers a tool that takes text in place of JSON, and some of OpenAI's own
	"gemini-cli": {
		program: "gemini", dialect: "gemini",
		files: func(endpoint) (home, work map[string]string) {
			return map[string]string{".gemini/settings.json": `{
  "security": {"auth": {"selectedType": "gemini-api-key"}},
  "privacy": {"usageStatisticsEnabled": false},
  "telemetry": {"enabled": false},
  "general": {"disableAutoUpdate": true, "disableUpdateNag": true, "enableAutoUpdate": false}
}`}, nil
		},
		env: func(e endpoint) []string {
			return []string{"GOOGLE_GEMINI_BASE_URL=" + e.url, "GEMINI_API_KEY=" + e.key}
		},
		args: func(e endpoint) []string {
			return []string{"--skip-trust", "--approval-mode", "yolo", "-m", e.model, "-p", scripted.Prompt}
		},
	},
	"opencode":           opencode("openai", "@ai-sdk/openai-compatible", "/v1"),
	"opencode-responses": opencode("responses", "@ai-sdk/openai", "/v1"),
	"opencode-anthropic": opencode("anthropic", "@ai-sdk/anthropic", "/v1"),
	"opencode-gemini":    opencode("gemini", "@ai-sdk/google", "/v1beta"),
}

// codex offers other tools for models that it knows. Without a name it takes the one that it is given.
func codex(model string) agent {
	return agent{
		program: "codex", dialect: "responses",
		files: func(e endpoint) (home, work map[string]string) {
			return map[string]string{".codex/config.toml": fmt.Sprintf(`model = %q
model_provider = "dragoman"
check_for_update_on_startup = false
[analytics]
enabled = false
[model_providers.dragoman]
name = "dragoman"
base_url = %q
env_key = "DRAGOMAN_KEY"
wire_api = "responses"
`, cmp.Or(model, e.model), e.url+"/v1")}, nil
		},
		env: func(e endpoint) []string { return []string{"DRAGOMAN_KEY=" + e.key} },
		args: func(endpoint) []string {
			// Its sandbox needs rights that containers lack; the folder is a test's own.
			return []string{"exec", "--skip-git-repo-check", "--sandbox", "danger-full-access", scripted.Prompt}
		},
	}
}

// opencode speaks every dialect, each by another package.
func opencode(dialect, npm, path string) agent {
	return agent{
		program: "opencode", dialect: dialect,
		files: func(e endpoint) (home, work map[string]string) {
			return nil, map[string]string{"opencode.json": fmt.Sprintf(`{
  "model": "dragoman/%s", "autoupdate": false, "share": "disabled",
  "provider": {"dragoman": {"npm": %q, "name": "Dragoman", "options": {"baseURL": %q, "apiKey": %q}, "models": {%q: {"name": "Big", "tool_call": true}}}}
}`, e.model, npm, e.url+path, e.key, e.model)}
		},
		env: func(endpoint) []string {
			return []string{"OPENCODE_DISABLE_MODELS_FETCH=1", "OPENCODE_DISABLE_AUTOUPDATE=1"}
		},
		args: func(endpoint) []string { return []string{"run", scripted.Prompt} },
	}
}

// TestAgent gives each agent a task of several steps, and looks at what became of the files and at what the agent says.
func TestAgent(t *testing.T) {
	for name, a := range agents {
		t.Run(name, func(t *testing.T) {
			program := need(t, ".cache/clients/agents/node_modules/.bin/"+a.program)
			var work, word string
			script := func(t *testing.T) scripted.Script {
				work, word = t.TempDir(), strings.ToLower(rand.Text()[:8])
				return scripted.Task{Dir: work}.Step
			}
			through(t, a.dialect, script, func(t *testing.T, e endpoint) {
				home := t.TempDir()
				write(t, work, map[string]string{"greeting.txt": "hello " + word + "\n", "notes.txt": "notes: none\n"})
				if a.files != nil {
					inHome, inWork := a.files(e)
					write(t, home, inHome)
					write(t, work, inWork)
				}
				out, err := command(t, home, work, a.env(e), program, a.args(e)...)
				want := "hello world " + word
				if !strings.Contains(out, "It printed: "+want) || err != nil {
					t.Errorf("%v; it was to say %q:\n%s", err, want, out)
				}
				greeting, err := os.ReadFile(filepath.Join(work, "greeting.txt"))
				if string(greeting) != want+"\n" {
					t.Errorf("the file has %q, %v; want %q", greeting, err, want)
				}
			})
		})
	}
}
