package provider

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect/openai"
)

// TestAzure: each way in which Azure OpenAI is addressed; its key stands in a header of its own.
func TestAzure(t *testing.T) {
	for name, c := range map[string]struct {
		base, version, chat, embed, models string
	}{
		"the host alone":   {"", "", "/openai/deployments/big/chat/completions?api-version=2024-10-21", "/openai/deployments/vec/embeddings?api-version=2024-10-21", "/openai/models?api-version=2024-10-21"},
		"openai":           {"/openai/", "2025-01-01-preview", "/openai/deployments/big/chat/completions?api-version=2025-01-01-preview", "/openai/deployments/vec/embeddings?api-version=2025-01-01-preview", "/openai/models?api-version=2025-01-01-preview"},
		"a deployment":     {"/openai/deployments/ours", "2024-06-01", "/openai/deployments/ours/chat/completions?api-version=2024-06-01", "/openai/deployments/ours/embeddings?api-version=2024-06-01", "/openai/models?api-version=2024-06-01"},
		"v1":               {"/openai/v1", "", "/openai/v1/chat/completions", "/openai/v1/embeddings", "/openai/v1/models"},
		"v1 and a version": {"/openai/v1/", "preview", "/openai/v1/chat/completions?api-version=preview", "/openai/v1/embeddings?api-version=preview", "/openai/v1/models?api-version=preview"},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []string
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = append(asked, r.URL.RequestURI())
				if r.Header.Get("Api-Key") != "k3y" || r.Header.Get("Authorization") != "" || r.Header.Get("X-Team") != "blue" {
					t.Errorf("headers %v", r.Header)
				}
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				w.Header().Set("Content-Type", "application/json")
				switch {
				case strings.Contains(r.URL.Path, "/models"):
					fmt.Fprint(w, `{"object":"list","data":[{"id":"gpt-4o","object":"model"}]}`)
				case strings.Contains(r.URL.Path, "/embeddings"):
					fmt.Fprint(w, `{"data":[]}`)
				default:
					if strings.Contains(string(body), "stream_options") == (c.version == "2024-06-01") {
						t.Errorf("asked %s", body)
					}
					// As Azure streams: a first chunk without choices that tells what its filters found.
					w.Header().Set("Content-Type", "text/event-stream")
					fmt.Fprint(w, "data: {\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\",\"prompt_filter_results\":[{\"prompt_index\":0,\"content_filter_results\":{}}]}\n\n"+
						"data: {\"choices\":[{\"content_filter_results\":{},\"delta\":{\"content\":\"\",\"role\":\"assistant\"},\"finish_reason\":null,\"index\":0}],\"id\":\"c\"}\n\n"+
						"data: {\"choices\":[{\"delta\":{\"content\":\"Yes.\"},\"finish_reason\":\"stop\",\"index\":0}],\"id\":\"c\"}\n\ndata: [DONE]\n\n")
				}
			}))
			defer s.Close()
			azure, server := &Azure{Version: c.version}, openai.Server{NewMaxTokens: true}
			if !azure.StreamsUsage() {
				server.Refuses = []string{"stream_options"}
			}
			p, err := New(Config{Name: "azure", Dialect: "openai", BaseURL: s.URL + c.base, APIKey: "k3y", Azure: azure, Server: &server, Header: map[string]string{"X-Team": "blue"}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			reply, err := p.Send(t.Context(), &chat.Request{Model: "big", Stream: true, Messages: []chat.Message{chat.NewText(chat.User, "hi")}})
			if err != nil {
				t.Fatal(err)
			}
			text := ""
			for ev, err := reply.Next(); ; ev, err = reply.Next() {
				if err != nil {
					if err != io.EOF {
						t.Error(err)
					}
					break
				}
				text += ev.Text
			}
			if text != "Yes." {
				t.Errorf("%q", text)
			}
			if _, err := p.Exchange(t.Context(), "/embeddings", "vec", []byte("{}")); err != nil {
				t.Error(err)
			}
			if names, err := p.Models(t.Context()); err != nil || len(names) != 1 {
				t.Errorf("%q %v", names, err)
			}
			if got, want := strings.Join(asked, " "), c.chat+" "+c.embed+" "+c.models; got != want {
				t.Errorf("asked at\n%s, not\n%s", got, want)
			}
			p.transport.(interface{ CloseIdleConnections() }).CloseIdleConnections()
		})
	}
}

// TestAzureFailures: what Azure answers when something is wrong.
func TestAzureFailures(t *testing.T) {
	for body, want := range map[string]chat.Code{
		`401 {"error":{"code":"401","message":"Access denied due to invalid subscription key or wrong API endpoint."}}`:                                                                chat.CodeUpstreamAuth,
		`404 {"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}`:                                                                 chat.CodeNotFound,
		`400 {"error":{"message":"The response was filtered","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}`: chat.CodeContentFiltered,
		`429 {"error":{"code":"429","message":"Requests to the ChatCompletions_Create Operation have exceeded call rate limit. Please retry after 6 seconds."}}`:                       chat.CodeRateLimited,
		`400 {"error":{"message":"This model's maximum context length is 128000 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}`:         chat.CodeContextTooLong,
		`400 {"error":{"message":"Unknown parameter: 'stream_options'.","type":"invalid_request_error","param":"stream_options","code":"unknown_parameter"}}`:                          chat.CodeInvalidRequest,
	} {
		status, text, _ := strings.Cut(body, " ")
		var code int
		fmt.Sscan(status, &code)
		if e := openai.DecodeError(code, []byte(text), 0); e.Code != want {
			t.Errorf("%s: %s", text, e.Code)
		}
	}
}
