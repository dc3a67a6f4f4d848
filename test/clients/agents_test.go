//go:build clients

package clients

import (
	"cmp"
	"context"
	"crypto/rand"
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
	program func(t *testing.T) string
	dialect string                                                        // that it speaks
	files   func(t *testing.T, e endpoint) (home, work map[string]string) // its configuration
	env     func(t *testing.T, e endpoint) []string
	args    func(e endpoint, prompt string) []string
}

// installed is a program that scripts/clients installs with the agents.
func installed(name string) func(t *testing.T) string {
	return func(t *testing.T) string { return need(t, ".cache/clients/agents/node_modules/.bin/"+name) }
}

// agents have the settings that docs/clients.md shows, and beside them what keeps them from calling home.
var agents = map[string]agent{
	"claude-code": {
		program: installed("claude"), dialect: "anthropic",
		env: func(t *testing.T, e endpoint) []string {
			return append(exported(t, "Claude Code", e), "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1", "DISABLE_TELEMETRY=1", "DISABLE_ERROR_REPORTING=1", "DISABLE_AUTOUPDATER=1")
		},
		args: func(_ endpoint, prompt string) []string {
			return []string{"-p", prompt, "--allowedTools", "Read,Edit,Bash,mcp__dragoman__search"}
		},
	},
	"codex":             codex(""),
	"codex-apply-patch": codex(knownToCodex), // offers a tool that takes text in place of JSON, and some of OpenAI's own
	"gemini-cli": {
		program: installed("gemini"), dialect: "gemini",
		files: func(t *testing.T, e endpoint) (home, work map[string]string) {
			return map[string]string{".gemini/settings.json": strings.Replace(documented(t, "Gemini CLI", "json", e), "{", `{
  "privacy": {"usageStatisticsEnabled": false},
  "telemetry": {"enabled": false},
  "general": {"disableAutoUpdate": true, "disableUpdateNag": true, "enableAutoUpdate": false},
`, 1)}, nil
		},
		env: func(t *testing.T, e endpoint) []string { return exported(t, "Gemini CLI", e) },
		args: func(e endpoint, prompt string) []string {
			return []string{"--skip-trust", "--approval-mode", "yolo", "-m", e.model, "-p", prompt}
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
		program: installed("codex"), dialect: "responses",
		files: func(t *testing.T, e endpoint) (home, work map[string]string) {
			e.model = cmp.Or(model, e.model)
			return map[string]string{".codex/config.toml": "check_for_update_on_startup = false\n" + documented(t, "Codex", "toml", e) + "\n[analytics]\nenabled = false\n"}, nil
		},
		env: func(t *testing.T, e endpoint) []string { return exported(t, "Codex", e) },
		args: func(_ endpoint, prompt string) []string {
			// Its sandbox needs rights that containers lack; the folder is a test's own.
			return []string{"exec", "--skip-git-repo-check", "--sandbox", "danger-full-access", prompt}
		},
	}
}

// opencode speaks every dialect, each by another package.
func opencode(dialect, npm, path string) agent {
	return agent{
		program: installed("opencode"), dialect: dialect,
		files: func(t *testing.T, e endpoint) (home, work map[string]string) {
			settings := documented(t, "opencode", "json", e)
			settings = strings.NewReplacer("@ai-sdk/openai-compatible", npm, e.url+"/v1", e.url+path).Replace(settings)
			return nil, map[string]string{"opencode.json": strings.Replace(settings, "{", `{"autoupdate": false, "share": "disabled",`, 1)}
		},
		env: func(*testing.T, endpoint) []string {
			return []string{"OPENCODE_DISABLE_MODELS_FETCH=1", "OPENCODE_DISABLE_AUTOUPDATE=1"}
		},
		args: func(_ endpoint, prompt string) []string { return []string{"run", prompt} },
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
	program := a.program(t)
	var dir, word string
	script := func(t *testing.T) scripted.Script {
		dir, word = t.TempDir(), strings.ToLower(rand.Text()[:8])
		return change(scripted.Task{Dir: dir}.Step)
	}
	through(t, a.dialect, script, func(t *testing.T, e endpoint) {
		home := t.TempDir()
		write(t, dir, map[string]string{"greeting.txt": "hello " + word + "\n", "notes.txt": "notes: none\n"})
		if a.files != nil {
			inHome, inWork := a.files(t, e)
			write(t, home, inHome)
			write(t, dir, inWork)
		}
		out, err := command(t, home, dir, a.env(t, e), program, a.args(e, scripted.Prompt)...)
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
