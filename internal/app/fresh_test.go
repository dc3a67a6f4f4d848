package app

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/config"
)

func TestPace(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC) // a Wednesday
	for name, x := range map[string]struct {
		c       config.Collection
		source  bool
		at      time.Time
		rebuild bool
	}{
		"a source is asked every hour":   {config.Collection{}, true, now.Add(time.Hour), false},
		"or as often as it says":         {config.Collection{Every: time.Minute}, true, now.Add(time.Minute), false},
		"or when it says":                {config.Collection{Schedule: "30 6 * * *"}, true, time.Date(2026, 11, 26, 6, 30, 0, 0, time.UTC), false},
		"a folder never":                 {config.Collection{}, false, time.Time{}, false},
		"but is rebuilt":                 {config.Collection{Rebuild: "0 3 * * 0"}, false, time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC), true},
		"what comes first is done first": {config.Collection{Every: time.Hour, Rebuild: "30 12 * * *"}, true, now.Add(30 * time.Minute), true},
		"in another zone":                {config.Collection{Schedule: "CRON_TZ=Asia/Tokyo 0 9 * * *"}, true, time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC), false},
	} {
		p, err := newPace(x.c, x.source)
		if err != nil {
			t.Fatal(name, err)
		}
		if at, what := p.next(now); !at.Equal(x.at) || what.rebuild != x.rebuild {
			t.Errorf("%s: %v %+v", name, at, what)
		}
	}
}

// TestHook: a webhook's call counts if its secret or signature is right, and tells nobody else anything.
func TestHook(t *testing.T) {
	a := openApp(t, t.TempDir(), map[string]string{"a.md": "x", "dragoman.yaml": "collections: {wiki: {path: ., webhook: secret}, quiet: {path: .}}\n"})
	body := []byte(`{"ref":"refs/heads/main"}`)
	sign := func(secret string) string {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		return "sha256=" + hex.EncodeToString(mac.Sum(nil))
	}
	for name, x := range map[string]struct {
		collection    string
		header, value string
		good, asked   bool
	}{
		"GitHub's signature":          {"wiki", "X-Hub-Signature-256", sign("secret"), true, true},
		"GitLab's token":              {"wiki", "X-Gitlab-Token", "secret", true, true},
		"another secret":              {"wiki", "X-Hub-Signature-256", sign("guess"), false, false},
		"another token":               {"wiki", "X-Gitlab-Token", "guess", false, false},
		"nothing":                     {"wiki", "Accept", "*/*", false, false},
		"no hexadecimals":             {"wiki", "X-Hub-Signature-256", "sha256=zz", false, false},
		"a collection without a hook": {"quiet", "X-Hub-Signature-256", sign(""), false, false},
		"its empty token":             {"quiet", "X-Gitlab-Token", "", false, false},
		"no collection":               {"none", "X-Hub-Signature-256", sign("secret"), false, false},
	} {
		h := http.Header{}
		h.Set(x.header, x.value)
		err := a.Library().Hook(x.collection, h, body)
		if (err == nil) != x.good || err != nil && chat.AsError(err).Code != chat.CodeUnauthorized {
			t.Errorf("%s: %v", name, err)
		}
		asked := false
		for _, name := range []string{"wiki", "quiet"} {
			_, yes := a.collections.asks[name].take()
			asked = asked || yes
		}
		if asked != x.asked {
			t.Errorf("%s: asked: %v", name, asked)
		}
	}
	ping := http.Header{}
	ping.Set("X-Gitlab-Token", "secret")
	ping.Set("X-Github-Event", "ping")
	if err := a.Library().Hook("wiki", ping, body); err != nil {
		t.Error(err)
	}
	if _, yes := a.collections.asks["wiki"].take(); yes {
		t.Error("a ping has the source asked")
	}
}

// TestLocalSource: a log file, and a repository on this machine, are read again when they change, long before their time.
func TestLocalSource(t *testing.T) {
	dir := t.TempDir()
	at := filepath.Join(dir, "logs", "shop.log")
	a := openApp(t, dir, map[string]string{
		"logs/shop.log": "2026-11-25T10:00:00Z ERROR otters left\n",
		"dragoman.yaml": fmt.Sprintf("collections: {log: {source: {logs: {files: [%q]}}, every: 1000h}}\n", filepath.Join(dir, "logs", "*.log")),
	})
	lines := make(said, 100)
	defer a.KeepFresh(t.Context(), slog.New(lines))()
	lines.awaits(t, "documents came in")
	f, err := os.OpenFile(at, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("2026-11-25T10:00:01Z ERROR badgers arrived by night\n"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for found(t, a, "log", "badgers") == "" {
		lines.awaits(t, "documents came in")
	}
}
