//go:build clients

package clients

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/dragoman/dragoman/test/clients/scripted"
)

// sdks are the scripts that use them, by the dialect that the client speaks.
var sdks = map[string]struct{ dialect, script string }{
	"openai-python":    {"openai", "sdk_openai.py"},
	"anthropic-python": {"anthropic", "sdk_anthropic.py"},
	"google-python":    {"gemini", "sdk_google.py"},
	"langchain-python": {"openai", "sdk_langchain.py"},
	"openai-node":      {"openai", "sdk_openai.mjs"},
	"anthropic-node":   {"anthropic", "sdk_anthropic.mjs"},
	"google-node":      {"gemini", "sdk_google.mjs"},
}

// TestSDK runs what each SDK can do against every dialect of upstream.
func TestSDK(t *testing.T) {
	for name, s := range sdks {
		t.Run(name, func(t *testing.T) {
			run := []string{need(t, ".cache/clients/python/bin/python"), mustAbs(t, s.script), "-v"}
			if filepath.Ext(s.script) == ".mjs" {
				run = []string{"node", "--test", "--test-reporter=spec", mustAbs(t, s.script)}
			}
			through(t, s.dialect, func(*testing.T) scripted.Script { return scripted.Talk }, func(t *testing.T, e endpoint) {
				env := []string{"BASE_URL=" + e.url, "API_KEY=" + e.key, "MODEL=" + e.model, "UPSTREAM=" + e.dialect,
					"MODULES=" + mustAbs(t, "../../.cache/clients/node"), "PYTHONDONTWRITEBYTECODE=1"}
				if *direct {
					env = append(env, "DIRECT=1")
				}
				home := t.TempDir()
				out, err := command(t, home, home, env, run[0], run[1:]...)
				t.Logf("%s", out)
				if err != nil {
					t.Error(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				if n, err := e.up.Left(ctx); err != nil || n == 0 {
					t.Errorf("%d streams were left by the client and then by the program: %v", n, err)
				}
			}, nil)
		})
	}
}
