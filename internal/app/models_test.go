package app

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/provider"
	"github.com/dragoman/dragoman/internal/route"
)

// ollama pretends to be an Ollama with one model.
func ollama(t *testing.T, model string) (host string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/tags" {
			http.NotFound(w, r)
			return
		}
		body, err := json.Marshal(map[string]any{"models": []any{map[string]string{"name": model}}})
		if err != nil {
			t.Error(err)
		}
		if _, err := w.Write(body); err != nil {
			t.Log(err) // the client had enough
		}
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func TestWhichModelAnswers(t *testing.T) {
	small := ollama(t, "qwen2.5-coder:1.5b")
	for name, c := range map[string]struct {
		env   map[string]string
		file  string
		ask   string // --model
		local bool
		want  string // the models in order; "" quotes
		host  string // who sees the text
	}{
		"keys in their order":         {env: map[string]string{"OPENAI_API_KEY": "a", "ANTHROPIC_API_KEY": "b", "GEMINI_API_KEY": "c"}, want: "openai/gpt-4.1-mini", host: "api.openai.com"},
		"the second key":              {env: map[string]string{"ANTHROPIC_API_KEY": "b", "GEMINI_API_KEY": "c"}, want: "anthropic/claude-haiku-4-5", host: "api.anthropic.com"},
		"the third key":               {env: map[string]string{"GEMINI_API_KEY": "c"}, want: "gemini/gemini-2.5-flash", host: "generativelanguage.googleapis.com"},
		"another address":             {env: map[string]string{"OPENAI_API_KEY": "a", "OPENAI_BASE_URL": "https://proxy.test/v1"}, want: "openai/gpt-4.1-mini", host: "proxy.test"},
		"a key before a local server": {env: map[string]string{"OPENAI_API_KEY": "a", "OLLAMA_HOST": small}, want: "openai/gpt-4.1-mini", host: "api.openai.com"},
		"a local server":              {env: map[string]string{"OLLAMA_HOST": small}, want: "ollama/qwen2.5-coder:1.5b", host: small},
		"nothing may leave":           {env: map[string]string{"OPENAI_API_KEY": "a", "OLLAMA_HOST": small}, local: true, want: "ollama/qwen2.5-coder:1.5b", host: small},
		"asked for by name":           {env: map[string]string{"OPENAI_API_KEY": "a", "ANTHROPIC_API_KEY": "b"}, ask: "anthropic/claude-x", want: "anthropic/claude-x", host: "api.anthropic.com"},
		"asked for quotes":            {env: map[string]string{"OPENAI_API_KEY": "a"}, ask: "extractive"},
		"the file before the keys":    {env: map[string]string{"OPENAI_API_KEY": "a"}, file: "model: rack/big\nproviders: {rack: {base_url: 'https://rack.test/v1'}}\n", want: "rack/big", host: "rack.test"},
		"a file's fallbacks":          {env: map[string]string{"OPENAI_API_KEY": "a"}, file: "model: fast\nmodels: {fast: {use: [rack/big, openai/gpt-4.1]}}\nproviders: {rack: {base_url: 'https://rack.test/v1'}, openai: {api_key: '${OPENAI_API_KEY}'}}\n", want: "rack/big openai/gpt-4.1", host: "rack.test"},
		"a key that is not set":       {file: "providers: {openai: {api_key: '${OPENAI_API_KEY:-}'}}\n", env: map[string]string{"ANTHROPIC_API_KEY": "b"}, want: "anthropic/claude-haiku-4-5", host: "api.anthropic.com"},
		"the file forbids leaving":    {file: "local_only: true\n", env: map[string]string{"OPENAI_API_KEY": "a", "OLLAMA_HOST": small}, want: "ollama/qwen2.5-coder:1.5b", host: small},
	} {
		t.Run(name, func(t *testing.T) {
			getenv := func(k string) string { return c.env[k] }
			cfg, err := config.Parse("dragoman.yaml", []byte(c.file), config.Options{Getenv: func(k string) (string, bool) { v, ok := c.env[k]; return v, ok }, Rule: route.Check})
			if err != nil {
				t.Fatal(err)
			}
			client := provider.NewClient()
			defer client.CloseIdleConnections()
			m, err := findModels(t.Context(), cfg, Options{Getenv: getenv, Client: client, Now: time.Now, Local: c.local})
			if err != nil {
				t.Fatal(err)
			}
			d, err := m.Router.Choose(c.ask, route.Env{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, model := range d.Models {
				got = append(got, model.ID())
			}
			if strings.Join(got, " ") != c.want || len(got) > 0 && d.Models[0].Host != c.host {
				t.Errorf("chose %q (%+v), want %q at %s; %q", got, d.Models, c.want, c.host, d.Reasons)
			}
			for _, model := range d.Models {
				if model.Small != strings.Contains(model.Name, "1.5b") {
					t.Errorf("%s: small %v", model.Name, model.Small)
				}
			}
		})
	}
}
