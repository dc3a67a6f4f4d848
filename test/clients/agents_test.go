//go:build clients

package clients

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/store/sqlite"
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

// TestAgent gives each agent a task of several steps, and looks at what became of the files, at what the agent says, and at
// whether the books have what it cost.
func TestAgent(t *testing.T) {
	for name, a := range agents {
		t.Run(name, func(t *testing.T) { a.work(t, func(s scripted.Script) scripted.Script { return s }, balanced) })
	}
}

// TestAgentInTrouble has the provider fail in the middle of the task: no agent may notice more than a delay.
func TestAgentInTrouble(t *testing.T) {
	for name, a := range agents {
		t.Run(name, func(t *testing.T) {
			breaks := !*direct || name != "gemini-cli" // which, by itself, gives up when a stream breaks
			a.work(t, func(s scripted.Script) scripted.Script { return scripted.Troubled(s, breaks) }, nil)
		})
	}
}

// work lets the agent do the task.
func (a agent) work(t *testing.T, change func(scripted.Script) scripted.Script, check func(t *testing.T, e endpoint)) {
	program := need(t, ".cache/clients/agents/node_modules/.bin/"+a.program)
	var dir, word string
	script := func(t *testing.T) scripted.Script {
		dir, word = t.TempDir(), strings.ToLower(rand.Text()[:8])
		return change(scripted.Task{Dir: dir}.Step)
	}
	through(t, a.dialect, script, func(t *testing.T, e endpoint) {
		home := t.TempDir()
		write(t, dir, map[string]string{"greeting.txt": "hello " + word + "\n", "notes.txt": "notes: none\n"})
		if a.files != nil {
			inHome, inWork := a.files(e)
			write(t, home, inHome)
			write(t, dir, inWork)
		}
		out, err := command(t, home, dir, a.env(e), program, a.args(e)...)
		want := "hello world " + word
		if !strings.Contains(out, "It printed: "+want) || err != nil {
			t.Errorf("%v; it was to say %q:\n%s", err, want, out)
		}
		greeting, err := os.ReadFile(filepath.Join(dir, "greeting.txt"))
		if string(greeting) != want+"\n" {
			t.Errorf("the file has %q, %v; want %q", greeting, err, want)
		}
	}, check)
}

// costOfStep is what scripted.Spent costs by the prices of the configuration, in nano-dollars: 200 tokens of input at one
// millionth of a dollar, 1000 from the cache at a tenth of that, 60 of output at three.
const costOfStep = 200*1000 + 1000*100 + 60*3000

// balanced checks that the books have every request that the upstream got, with its usage and cost, and nothing else.
func balanced(t *testing.T, e endpoint) {
	ctx := context.WithoutCancel(t.Context()) // which has ended when tests clean up
	db, err := sqlite.Open(ctx, e.data)
	if err != nil {
		t.Error(err)
		return
	}
	defer db.Close()
	totals, err := db.UsageTotals(ctx, time.Time{}, ledger.ByNothing)
	if err != nil || len(totals) != 1 {
		t.Errorf("the books have %d totals, %v", len(totals), err)
		return
	}
	var n int64
	for _, r := range e.up.Requests() {
		if r.Model {
			n++
		}
	}
	got, u := totals[0], totals[0].Usage
	if got.Requests != n || got.Open+got.Failed+got.Abandoned+got.UnknownCost != 0 || u.Estimated {
		t.Errorf("%d requests of the upstream are in the books as %+v", n, got)
	}
	spent := scripted.Spent
	if u.Input != n*int64(spent.Input) || u.CachedInput != n*int64(spent.Cached) || u.Output != n*int64(spent.Output) || int64(got.Cost) != n*costOfStep {
		t.Errorf("%d times %+v is in the books as %+v, and costs %d nano-dollars", n, spent, u, got.Cost)
	}
}
