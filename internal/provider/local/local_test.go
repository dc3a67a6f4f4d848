package local

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func serve(t *testing.T, body string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) }))
	t.Cleanup(s.Close)
	return s.URL
}

func TestDetect(t *testing.T) {
	ollama := serve(t, `{"models":[{"name":"nomic-embed-text:latest"},{"name":"all-minilm:latest","details":{"family":"bert","parameter_size":"23M"}},{"name":"qwen2.5-coder:7b","details":{"family":"qwen2"}}]}`)
	moved := httptest.NewServer(http.RedirectHandler(ollama+"/api/tags", http.StatusTemporaryRedirect))
	t.Cleanup(moved.Close)
	vllm := serve(t, `{"object":"list","data":[{"id":"Qwen/Qwen3-32B","object":"model"}]}`)
	web := serve(t, `<html>My blog</html>`)
	api := serve(t, `{"data":[{"id":"7","name":"a shop"}]}`)
	for name, c := range map[string]struct {
		candidates []Candidate
		want       string
	}{
		"ollama":          {[]Candidate{{"ollama", ollama, "/api/tags", ollamaModels}, {"vllm", vllm, "/v1/models", openaiModels}}, "ollama qwen2.5-coder:7b"},
		"the next one":    {[]Candidate{{"ollama", web, "/api/tags", ollamaModels}, {"vllm", vllm, "/v1/models", openaiModels}}, "vllm Qwen/Qwen3-32B"},
		"other servers":   {[]Candidate{{"a", web, "/v1/models", openaiModels}, {"b", api, "/v1/models", openaiModels}}, ""},
		"moved":           {[]Candidate{{"ollama", moved.URL, "/api/tags", ollamaModels}}, ""},
		"nobody listens":  {[]Candidate{{"a", "http://127.0.0.1:1", "/v1/models", openaiModels}}, ""},
		"another machine": {[]Candidate{{"a", "http://192.0.2.1", "/v1/models", openaiModels}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // follows redirects by itself
			for _, client := range []*http.Client{nil, client} {
				found, ok := Detect(t.Context(), client, c.candidates)
				got := ""
				if ok {
					got = found.Name + " " + strings.Join(found.Models, " ")
				}
				if got != c.want {
					t.Errorf("found %q, want %q", got, c.want)
				}
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, ok := Detect(ctx, nil, []Candidate{{"ollama", ollama, "/api/tags", ollamaModels}}); ok {
		t.Error("asked although cancelled")
	}
}

func TestCandidatesFollowOllamaHost(t *testing.T) {
	for host, want := range map[string]string{
		"":                     "http://127.0.0.1:11434",
		"127.0.0.1:9999":       "http://127.0.0.1:9999",
		"localhost":            "http://localhost:11434",
		"http://10.0.0.1:80":   "http://10.0.0.1:80",
		"0.0.0.0":              "http://127.0.0.1:11434",
		"0.0.0.0:9999":         "http://127.0.0.1:9999",
		":9999":                "http://127.0.0.1:9999",
		"::1":                  "http://[::1]:11434",
		"[::]:9999":            "http://127.0.0.1:9999",
		"http://localhost/":    "http://localhost:80",
		"https://localhost":    "https://localhost:443",
		`"localhost:9999"`:     "http://localhost:9999",
		"localhost:not-a-port": "http://localhost:11434",
	} {
		if got := Candidates(func(string) string { return host })[0].Base; got != want {
			t.Errorf("%q: %s, want %s", host, got, want)
		}
	}
}

func TestSmall(t *testing.T) {
	for model, want := range map[string]bool{
		"qwen2.5-coder:1.5b": true, "Qwen/Qwen2.5-Coder-7B-Instruct": true, "llama3.1:70b": false, "mixtral:8x7b": false, "gpt-oss:20b": false,
		"smollm-135M": true, "qwen2.5-coder-14b": false, "mystery": true, "codestral:latest": true, "deepseek-r1:32b-q4": false,
	} {
		if got := Small(model); got != want {
			t.Errorf("%s: small %v", model, got)
		}
	}
}
