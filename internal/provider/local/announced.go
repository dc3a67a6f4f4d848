package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// Announcement is what a server of ours says of itself to other commands of the same user.
type Announcement struct {
	URL     string `json:"url"` // of its OpenAI-compatible API, with /v1
	Key     string `json:"key"`
	Model   string `json:"model"`
	Context int    `json:"context"` // tokens
}

// Announce writes an announcement into a file that only its owner can read. withdraw deletes it, unless it is another's by then.
func Announce(file string, a Announcement) (withdraw func() error, err error) {
	data, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	fresh := file + ".new"
	if err := errors.Join(os.WriteFile(fresh, data, 0o600), os.Rename(fresh, file)); err != nil {
		return nil, fmt.Errorf("say to other commands what is served: %w", err)
	}
	return func() error {
		if now, err := read(file); err == nil && now == a {
			return os.Remove(file)
		}
		return nil
	}, nil
}

func read(file string) (a Announcement, err error) {
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, &a)
	}
	return a, err
}

// Announced returns what a file announces, where that server still answers.
func Announced(ctx context.Context, file string) (Announcement, bool) {
	a, err := read(file)
	if err != nil {
		return a, false
	}
	u, err := url.Parse(a.URL)
	if err != nil || !loopback(u.Hostname()) {
		return a, false
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(a.URL, "/v1")+"/health", nil)
	if err != nil {
		return a, false
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return a, false
	}
	defer resp.Body.Close()
	return a, resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusServiceUnavailable // it loads
}
