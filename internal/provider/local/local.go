// Package local finds a model server that runs on this machine.
package local

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Candidate is a server to look for.
type Candidate struct {
	Name string // "ollama"
	Base string // "http://127.0.0.1:11434"
	Path string // of its list of models
	Key  string // "" is none
	list func([]byte) (models []string, owner string)
}

// Found is a server that answers.
type Found struct {
	Name    string
	BaseURL string // of its OpenAI-compatible API
	Key     string
	Models  []string // at least one
	Loading bool     // it cannot be asked yet
}

// Candidates are the servers to look for, in the order of preference, at their usual addresses. OLLAMA_HOST moves Ollama, to
// another address of this machine only. LLAMA_API_KEY and VLLM_API_KEY are their keys, as for the servers themselves.
func Candidates(getenv func(string) string) []Candidate {
	return []Candidate{
		{"ollama", ollamaBase(getenv("OLLAMA_HOST")), "/api/tags", "", ollamaModels},
		{"llama-server", "http://127.0.0.1:8080", "/v1/models", getenv("LLAMA_API_KEY"), openaiModels},
		{"vllm", "http://127.0.0.1:8000", "/v1/models", getenv("VLLM_API_KEY"), openaiModels},
	}
}

// ollamaBase reads OLLAMA_HOST as Ollama does: [scheme://][host][:port], of which each may be missing. A server that listens
// on all addresses ("0.0.0.0") is asked at this machine's own.
func ollamaBase(v string) string {
	v = strings.TrimRight(strings.Trim(strings.TrimSpace(v), `"'`), "/")
	scheme, hostPort, found := strings.Cut(v, "://")
	port := "11434"
	switch {
	case !found:
		scheme, hostPort = "http", v
	case scheme == "http":
		port = "80"
	case scheme == "https":
		port = "443"
	}
	host := hostPort
	if h, p, err := net.SplitHostPort(hostPort); err == nil {
		host = h
		if n, err := strconv.ParseUint(p, 10, 16); err == nil {
			port = strconv.FormatUint(n, 10)
		}
	}
	host = strings.Trim(host, "[]")
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// patience is how long all candidates together have to answer: a server of this machine that is up needs a millisecond, and
// every question waits for this.
const patience = 150 * time.Millisecond

// Detect returns the candidates that answer with a list of models, in their order. Only loopback addresses are asked, also where one
// of them redirects; whatever else listens there is not mistaken for one. client may be nil.
func Detect(ctx context.Context, client *http.Client, candidates []Candidate) []Found {
	own := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if client != nil {
		own = *client
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	results := make([]Found, len(candidates))
	var all sync.WaitGroup
	for i, c := range candidates {
		all.Go(func() { results[i] = c.ask(ctx, &own) }) // ends with ctx at the latest
	}
	all.Wait()
	return slices.DeleteFunc(results, func(f Found) bool { return len(f.Models) == 0 })
}

func (c Candidate) ask(ctx context.Context, client *http.Client) (f Found) {
	u, err := url.Parse(c.Base)
	if err != nil || !loopback(u.Hostname()) {
		return f
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Base+c.Path, nil)
	if err != nil {
		return f
	}
	if c.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.Key)
	}
	resp, err := client.Do(req)
	if err != nil {
		return f
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return f
	}
	f = Found{Name: c.Name, BaseURL: c.Base + "/v1", Key: c.Key}
	owner := ""
	switch {
	case resp.StatusCode == http.StatusOK:
		f.Models, owner = c.list(body)
	case resp.StatusCode == http.StatusServiceUnavailable && bytes.Contains(body, []byte("Loading model")):
		// llama-server, which does not tell its model's name before it has it, and takes any.
		f.Models, f.Loading, owner = []string{"default"}, true, "llamacpp"
	}
	switch owner { // who listens at the usual place of another
	case "llamacpp":
		f.Name = "llama-server"
	case "vllm":
		f.Name = "vllm"
	}
	return f
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func ollamaModels(body []byte) (out []string, owner string) {
	var list struct {
		Models []struct {
			Name    string `json:"name"`
			Details struct {
				Family string `json:"family"`
			} `json:"details"`
		} `json:"models"`
	}
	if json.Unmarshal(body, &list) != nil {
		return nil, ""
	}
	for _, m := range list.Models {
		// Models that embed don't chat: BERT's family, and those that say so.
		if m.Name != "" && !strings.Contains(m.Name, "embed") && !strings.Contains(m.Details.Family, "bert") {
			out = append(out, m.Name)
		}
	}
	return out, ""
}

func openaiModels(body []byte) (out []string, owner string) {
	var list struct {
		Object string `json:"object"`
		Data   []struct {
			ID     string `json:"id"`
			Object string `json:"object"`
			Owner  string `json:"owned_by"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &list) != nil || list.Object != "list" {
		return nil, ""
	}
	for _, m := range list.Data {
		if m.ID != "" && (m.Object == "model" || m.Object == "") {
			out, owner = append(out, m.ID), m.Owner
		}
	}
	return out, owner
}

var parameters = regexp.MustCompile(`(?i)(?:^|[^a-z0-9.])(?:(\d+)x)?(\d+(?:\.\d+)?)(b|m)(?:[^a-z]|$)`)

// largeEnough is the number of parameters, in billions, from which a model's citations are trusted. Measured:
// Qwen2.5-Coder-1.5B answers 3 of 6 questions and cites nothing of what it says.
const largeEnough = 14

// Small says whether a model is too small to be trusted with citations, by the number of parameters in its name. One that
// does not tell counts as small.
func Small(model string) bool {
	m := parameters.FindStringSubmatch(model)
	if m == nil {
		return true
	}
	n, err := strconv.ParseFloat(m[2], 64)
	if err != nil {
		return true
	}
	if strings.EqualFold(m[3], "m") {
		n /= 1000
	}
	if m[1] != "" { // "8x7b"
		experts, err := strconv.ParseFloat(m[1], 64)
		if err == nil {
			n *= experts
		}
	}
	return n < largeEnough
}
