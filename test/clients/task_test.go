//go:build clients

package clients

import (
	"testing"

	"github.com/dragoman/dragoman/test/clients/scripted"
)

// miniatures are the clients of task.py and task.mjs, by the dialect that each speaks.
var miniatures = map[string]map[string]string{
	"task.py":  {"chat": "openai", "responses": "responses", "messages": "anthropic", "gemini": "gemini", "langchain": "openai"},
	"task.mjs": {"chat": "openai", "responses": "responses", "messages": "anthropic", "gemini": "gemini"},
}

// TestSDKTask gives the task of the coding agents to one in miniature on each SDK: it reads files, changes one and runs a
// command, streaming, by tools of its own.
func TestSDKTask(t *testing.T) {
	for script, clients := range miniatures {
		for name, dialect := range clients {
			t.Run(script+"/"+name, func(t *testing.T) {
				a := agent{
					program: func(t *testing.T) string { return need(t, ".cache/clients/python/bin/python") }, dialect: dialect,
					env: func(t *testing.T, e endpoint) []string {
						return []string{"BASE_URL=" + e.url, "API_KEY=" + e.key, "MODEL=" + e.model, "MODULES=" + mustAbs(t, "../../.cache/clients/node"), "PYTHONDONTWRITEBYTECODE=1"}
					},
					args: func(_ endpoint, prompt string) []string { return []string{mustAbs(t, script), name, prompt} },
				}
				if script == "task.mjs" {
					a.program = func(*testing.T) string { return "node" }
				}
				if *direct && name == "responses" {
					t.Skip("the scripted upstream keeps no responses")
				}
				a.work(t, func(s scripted.Script) scripted.Script { return s }, balanced)
			})
		}
	}
}
