package local

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
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
	keyed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer k" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		io.WriteString(w, `{"models":[{"name":"m.gguf"}],"object":"list","data":[{"id":"m.gguf","object":"model","owned_by":"llamacpp"}]}`)
	}))
	t.Cleanup(keyed.Close)
	llama := keyed.URL
	failing := func(body string) *httptest.Server {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
			io.WriteString(w, body)
		}))
		t.Cleanup(s.Close)
		return s
	}
	loading := failing(`{"error":{"message":"Loading model","type":"unavailable_error","code":503}}`)
	busy := failing(`{"error":"busy"}`)
	web := serve(t, `<html>My blog</html>`)
	api := serve(t, `{"data":[{"id":"7","name":"a shop"}]}`)
	for name, c := range map[string]struct {
		candidates []Candidate
		want       string
	}{
		"ollama":          {[]Candidate{{"ollama", ollama, "/api/tags", "", ollamaModels}}, "ollama qwen2.5-coder:7b"},
		"several":         {[]Candidate{{"vllm", vllm, "/v1/models", "", openaiModels}, {"ollama", ollama, "/api/tags", "", ollamaModels}}, "vllm Qwen/Qwen3-32B, ollama qwen2.5-coder:7b"},
		"another's place": {[]Candidate{{"vllm", llama, "/v1/models", "k", openaiModels}}, "llama-server m.gguf"},
		"a wrong key":     {[]Candidate{{"llama-server", llama, "/v1/models", "", openaiModels}}, ""},
		"it loads":        {[]Candidate{{"vllm", loading.URL, "/v1/models", "", openaiModels}}, "llama-server default"},
		"overloaded":      {[]Candidate{{"vllm", busy.URL, "/v1/models", "", openaiModels}}, ""},
		"the next one":    {[]Candidate{{"ollama", web, "/api/tags", "", ollamaModels}, {"vllm", vllm, "/v1/models", "", openaiModels}}, "vllm Qwen/Qwen3-32B"},
		"other servers":   {[]Candidate{{"a", web, "/v1/models", "", openaiModels}, {"b", api, "/v1/models", "", openaiModels}}, ""},
		"moved":           {[]Candidate{{"ollama", moved.URL, "/api/tags", "", ollamaModels}}, ""},
		"nobody listens":  {[]Candidate{{"a", "http://127.0.0.1:1", "/v1/models", "", openaiModels}}, ""},
		"another machine": {[]Candidate{{"a", "http://192.0.2.1", "/v1/models", "", openaiModels}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // follows redirects by itself
			for _, client := range []*http.Client{nil, client} {
				var all []string
				for _, f := range Detect(t.Context(), client, c.candidates) {
					all = append(all, f.Name+" "+strings.Join(f.Models, " "))
					if f.Loading != (f.Models[0] == "default") {
						t.Errorf("%+v", f)
					}
				}
				if got := strings.Join(all, ", "); got != c.want {
					t.Errorf("found %q, want %q", got, c.want)
				}
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if found := Detect(ctx, nil, []Candidate{{"ollama", ollama, "/api/tags", "", ollamaModels}}); len(found) > 0 {
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

func TestAnnouncement(t *testing.T) {
	file := filepath.Join(t.TempDir(), "serving.json")
	if _, ok := Announced(t.Context(), file); ok {
		t.Error("nothing was announced")
	}
	status := http.StatusOK
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		w.WriteHeader(status)
	}))
	defer s.Close()
	a := Announcement{URL: s.URL + "/v1", Key: "k", Model: "m", Context: 4096}
	withdraw, err := Announce(file, a)
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", st.Mode(), err)
	}
	for _, status = range []int{http.StatusOK, http.StatusServiceUnavailable} {
		if got, ok := Announced(t.Context(), file); !ok || got != a {
			t.Errorf("%d: %+v %v", status, got, ok)
		}
	}
	status = http.StatusNotFound
	if _, ok := Announced(t.Context(), file); ok {
		t.Error("that is another server")
	}
	second := a
	second.Key = "another"
	withdrawSecond, err := Announce(file, second)
	if err != nil || withdraw() != nil {
		t.Fatal(err)
	}
	if got, err := read(file); err != nil || got != second {
		t.Errorf("%+v %v", got, err)
	}
	if err := withdrawSecond(); err != nil {
		t.Error(err)
	}
	if err := withdrawSecond(); err != nil {
		t.Errorf("twice: %v", err)
	}
	a.URL = "http://192.0.2.1/v1"
	if _, err := Announce(file, a); err != nil {
		t.Fatal(err)
	}
	if _, ok := Announced(t.Context(), file); ok {
		t.Error("another machine was asked")
	}
}
