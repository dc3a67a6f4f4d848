//go:build clients

package clients

import (
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/provider/providertest"
)

// TestConversations: the vendor's SDKs make conversations and go on with them; the provider is asked with what was said in them.
func TestConversations(t *testing.T) {
	if *direct {
		t.Skip("conversations are kept by the program")
	}
	for name, run := range map[string][]string{
		"python": {need(t, ".cache/clients/python/bin/python"), mustAbs(t, "conversations.py"), "-v"},
		"node":   {"node", "--test", "--test-reporter=spec", mustAbs(t, "conversations.mjs")},
	} {
		t.Run(name, func(t *testing.T) {
			u := providertest.New(t, "test-70b")
			u.Handle(recounts)
			with := maps.Clone(files)
			with["dragoman.yaml"] += "assistants: {plain: {instructions: Say what you were told.}}\n"
			url, key := serve(t, t.TempDir(), with, "UPSTREAM="+u.URL())
			home := t.TempDir()
			env := []string{"BASE_URL=" + url, "API_KEY=" + key, "MODULES=" + filepath.Dir(mustAbs(t, "../../.cache/clients/node/node_modules")), "PYTHONDONTWRITEBYTECODE=1"}
			out, err := command(t, home, home, env, run[0], run[1:]...)
			t.Logf("%s", out)
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// recounts is a model that says what users said. Of the weather it asks twice, and then says what it was told.
func recounts(r *providertest.Request) providertest.Answer {
	var said, results []string
	calls := 0
	for _, m := range gjson.Parse(r.Field("messages")).Array() {
		calls += len(m.Get("tool_calls").Array())
		switch m.Get("role").Str {
		case "user":
			text := m.Get("content").Str
			for _, p := range m.Get("content").Array() {
				text += p.Get("text").Str
			}
			if _, question, ok := strings.Cut(text, "Question: "); ok {
				text = question
			}
			said = append(said, strings.TrimSpace(text))
		case "tool":
			results = append(results, m.Get("content").Str)
		}
	}
	switch last := said[len(said)-1]; {
	case !strings.HasPrefix(last, "WEATHER"):
		return providertest.Reply("I was told: " + strings.Join(said, " | "))
	case calls != len(results):
		return providertest.Fail(400)
	case len(results) < 2:
		return providertest.Call("weather", fmt.Sprintf(`{"city":"%d"}`, len(results)))
	}
	return providertest.Reply("It is " + strings.Join(results, ", ") + ".")
}
