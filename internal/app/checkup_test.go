package app

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/dialect/openai"
	"github.com/dragoman/dragoman/internal/provider/providertest"
	"github.com/dragoman/dragoman/internal/route"
)

// modelsOf is what a configuration makes of providers, whose hosts are all served by h.
func modelsOf(t *testing.T, file string, h http.HandlerFunc) *Models {
	t.Helper()
	cfg, err := config.Parse("dragoman.yaml", []byte(file), config.Options{Getenv: func(string) (string, bool) { return "", false }, Rule: route.Check})
	if err != nil {
		t.Fatal(err)
	}
	m, err := findModels(t.Context(), cfg, Options{Getenv: func(string) string { return "" }, Client: providertest.InMemory(t, h), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestProbe: each key is asked with, whatever the gate thinks of it.
func TestProbe(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	m := modelsOf(t, "providers: {rack: {base_url: 'http://rack.test/v1', api_keys: [{key: a}, {key: b, weight: 9}, {key: c}]}}\n", func(w http.ResponseWriter, r *http.Request) {
		key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		mu.Lock()
		asked = append(asked, r.Host+r.URL.Path+" "+key)
		mu.Unlock()
		if key == "b" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"object":"list","data":[{"id":"m-`+key+`"}]}`)
	})
	got := m.Probe(t.Context(), "rack")
	if len(got) != 3 || got[0].Err != nil || got[0].Models[0] != "m-a" || got[2].Err != nil || got[2].Models[0] != "m-c" || got[1].Err == nil || chat.AsError(got[1].Err).Code != chat.CodeUpstreamAuth {
		t.Errorf("%+v", got)
	}
	if want := "rack.test/v1/models a, rack.test/v1/models b, rack.test/v1/models c"; strings.Join(asked, ", ") != want {
		t.Errorf("asked %q", asked)
	}
}

// TestServers: a server is asked in its own way, as configured, or as its address tells.
func TestServers(t *testing.T) {
	const usual = `{"model":"m","messages":[{"role":"developer","content":"Be brief."},{"role":"user","content":"hi"}],"stream":true,"stream_options":{"include_usage":true},"max_completion_tokens":9,"seed":1,"parallel_tool_calls":false}`
	for name, c := range map[string]struct {
		provider string
		url      string // that is asked
		key      string // the header that has it
		has, not []string
	}{
		"another":               {"base_url: 'http://rack.test/v1'", "rack.test/v1/chat/completions", "Authorization: Bearer k", []string{`"role":"developer"`, `"max_completion_tokens":9`, `"seed":1`, `"parallel_tool_calls":false`}, nil},
		"azure, by its address": {"base_url: 'http://my.openai.azure.com'", "my.openai.azure.com/openai/deployments/m/chat/completions?api-version=2024-10-21", "Api-Key: k", []string{`"role":"developer"`, `"stream_options"`}, nil},
		"azure, without dates":  {"base_url: 'http://my.openai.azure.com/openai/v1'", "my.openai.azure.com/openai/v1/chat/completions", "Api-Key: k", []string{`"role":"developer"`}, nil},
		"azure, by its name":    {"base_url: 'http://gateway.test/openai', server: azure, api_version: 2023-05-15", "gateway.test/openai/deployments/m/chat/completions?api-version=2023-05-15", "Api-Key: k", nil, []string{`"stream_options"`}},
		"mistral":               {"base_url: 'http://api.mistral.ai/v1'", "api.mistral.ai/v1/chat/completions", "Authorization: Bearer k", []string{`"random_seed":1`, `"max_tokens":9`, `"role":"system"`}, []string{`"stream_options"`, `"seed"`}},
		"vllm":                  {"base_url: 'http://rack.test/v1', server: vllm", "rack.test/v1/chat/completions", "Authorization: Bearer k", []string{`"max_tokens":9`, `"role":"system"`, `"stream_options"`}, nil},
		"one that refuses":      {"base_url: 'http://rack.test/v1', refuses: [seed, parallel_tool_calls]", "rack.test/v1/chat/completions", "Authorization: Bearer k", []string{`"max_completion_tokens":9`}, []string{`"seed"`, `"parallel_tool_calls"`}},
		"with headers":          {"base_url: 'http://rack.test/v1', headers: {authorization: 'Bearer entra', x-tenant: t}", "rack.test/v1/chat/completions", "Authorization: Bearer entra", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got *http.Request
			var body string
			m := modelsOf(t, "providers: {it: {api_key: k, "+c.provider+"}}\n", func(w http.ResponseWriter, r *http.Request) {
				data, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				got, body = r, string(data)
				w.Header().Set("Content-Type", "text/event-stream")
				fmt.Fprint(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
			})
			up, ok := m.Upstream("it")
			if !ok {
				t.Fatal("it is not there")
			}
			req, err := openai.DecodeRequest([]byte(usual))
			if err != nil {
				t.Fatal(err)
			}
			reply, err := up.Send(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			defer reply.Close()
			if url := got.Host + got.URL.RequestURI(); url != c.url {
				t.Errorf("asked %s", url)
			}
			header, value, _ := strings.Cut(c.key, ": ")
			if got.Header.Get(header) != value || header != "Authorization" && got.Header.Get("Authorization") != "" {
				t.Errorf("headers %v", got.Header)
			}
			for _, s := range c.has {
				if !strings.Contains(body, s) {
					t.Errorf("%s is not in %s", s, body)
				}
			}
			for _, s := range c.not {
				if strings.Contains(body, s) {
					t.Errorf("%s is in %s", s, body)
				}
			}
			if told := strings.Join(reply.Dropped, ", "); (name == "one that refuses") != strings.Contains(told, "parallel_tool_calls") {
				t.Errorf("told of what was left out: %q", told)
			}
		})
	}
}
