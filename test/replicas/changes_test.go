package replicas

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/store/postgrestest"
)

// TestRevokedIsRefusedEverywhere: when a command that revokes or rotates a key has ended, no server takes it any more, not for one
// request, whatever it had remembered; with a database that servers share, and beside a server with a file.
func TestRevokedIsRefusedEverywhere(t *testing.T) {
	up := newUpstream(t)
	shared := fmt.Sprintf("store: {url: %q}", postgrestest.Database(t))
	for name, stores := range map[string][]string{"PostgreSQL": {shared, shared}, "a file": {""}} {
		t.Run(name, func(t *testing.T) {
			var all []*program
			for i, store := range stores {
				all = append(all, start(t, config(up.URL, store), i == 0))
			}
			c := &caller{t: t}
			for round := range 6 {
				out := all[0].run("key", "create", fmt.Sprintf("round-%d", round))
				c.key = regexp.MustCompile(`dgm_\w{36}`).FindString(out)
				id := regexp.MustCompile(fmt.Sprintf(`(?m)^(\S+)\s+round-%d\s`, round)).FindStringSubmatch(all[0].run("key", "list"))[1]
				for _, p := range all {
					if status, body, _ := c.ask(p.url, "GET", "/v1/models", nil); status != http.StatusOK {
						t.Fatalf("a new key: %d %s", status, body)
					}
				}
				all[round%len(all)].run([][]string{{"key", "revoke", id}, {"key", "rotate", id, "--overlap", "0s"}}[round/2%2]...)
				for i, p := range all {
					if status, body, _ := c.ask(p.url, "GET", "/v1/models", nil); status != http.StatusUnauthorized {
						t.Errorf("round %d: server %d takes a key that is good no more: %d %.100s", round, i, status, body)
					}
				}
			}
			for _, p := range all {
				p.stop()
			}
		})
	}
}

// TestPublishedHoldsEverywhere: when a version of an assistant was published by one server, the next request to another is answered by it.
func TestPublishedHoldsEverywhere(t *testing.T) {
	up := newUpstream(t)
	conf := config(up.URL, fmt.Sprintf("store: {url: %q}", postgrestest.Database(t)))
	one := start(t, conf, true)
	two := start(t, conf, false)
	c := &caller{t: t, key: one.key}
	urls := []string{one.url, two.url}
	ask := func(url string) string {
		t.Helper()
		status, body, header := c.ask(url, "POST", "/v1/chat/completions", object{"model": "assistant/helper", "messages": says("How many days of leave are there?")})
		if status != http.StatusOK {
			t.Fatalf("%d %s", status, body)
		}
		_, body, _ = c.ask(url, "GET", "/api/traces/"+header.Get("X-Dragoman-Trace"), nil)
		var trace struct {
			Version string `json:"assistant_version"`
		}
		if err := json.Unmarshal(body, &trace); err != nil || trace.Version == "" {
			t.Fatalf("%v: %s", err, body)
		}
		return trace.Version
	}
	publish := func(round int) (published string) {
		t.Helper()
		status, body, _ := c.ask(urls[round%2], "PUT", "/api/assistants/helper", object{"instructions": fmt.Sprintf("Answer in %d words.", round+3), "knowledge": []string{"notes"}, "model": "big"})
		version := regexp.MustCompile(`"version": ?"(\w+)"`).FindSubmatch(body)
		if status >= 300 || version == nil {
			t.Fatalf("%d %s", status, body)
		}
		if status, body, _ := c.ask(urls[round%2], "POST", "/api/assistants/helper/publish?version="+string(version[1]), nil); status != http.StatusOK {
			t.Fatalf("%d %s", status, body)
		}
		return string(version[1])
	}
	publish(0)
	for round := range 4 {
		other := urls[round%2]
		ask(other) // which looks at what holds
		published := publish(round + 1)
		if holds := ask(other); !strings.HasPrefix(published, holds) {
			t.Errorf("round %d: the other server answers by version %s, where %s is published", round, holds, published)
		}
	}
	one.stop()
	two.stop()
}
