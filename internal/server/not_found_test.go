package server_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// Whoever calls an address that is none is told which one was meant, in the shape that its client reads.
func TestNotFound(t *testing.T) {
	d := open(t, options{})
	for _, c := range []struct{ method, path, header, says, shape string }{
		{"POST", "/chat/completions", "", "did you mean /v1/chat/completions?", `{"error":{"message":`},
		{"POST", "/v1/v1/messages", "Anthropic-Version", "did you mean /v1/messages?", `"type":"error"`},
		{"POST", "/v1/v1beta/models/fast:generateContent", "X-Goog-Api-Key", "did you mean /v1beta/models/fast:generateContent?", `"status":"NOT_FOUND"`},
		{"GET", "/v1/chat/completions", "", "; send POST", `{"error":{"message":`},
		{"GET", "/v1/messages", "Anthropic-Version", "; send POST", `"type":"error"`},
		{"POST", "/v1/models", "", "; send GET", `{"error":{"message":`},
		{"POST", "/v1beta/models", "", "; send GET", `"status":"NOT_FOUND"`},
		{"GET", "/", "", "the API is at /v1/chat/completions", `{"error":{"message":`},
		{"GET", "/v1beta/files", "", "the API is at /v1/chat/completions", `"status":"NOT_FOUND"`},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, d.url+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.header != "" {
			req.Header.Set(c.header, "x")
		}
		resp, err := d.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != 404 || !strings.Contains(string(body), c.says) || !strings.Contains(string(body), c.shape) {
			t.Errorf("%s %s: %d %s %v", c.method, c.path, resp.StatusCode, body, err)
		}
	}
}
