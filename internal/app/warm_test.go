package app

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/provider"
)

// TestKeepWarm: a model server is asked for one token at the start and then, as many at a time as it has instances, and the
// requests are in the books.
func TestKeepWarm(t *testing.T) {
	asked := make(chan string, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"choices":[{"message":{"role":"assistant","content":"H"},"finish_reason":"length"}],"usage":{"prompt_tokens":8,"completion_tokens":1}}`)
	}))
	defer s.Close()
	dir := t.TempDir()
	file := fmt.Sprintf("providers: {rack: {base_url: '%s/v1', warm: {model: small, min: 2, every: 10ms}}}\n", s.URL)
	if err := os.WriteFile(filepath.Join(dir, "dragoman.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	client := provider.NewClient()
	a, err := Open(t.Context(), Options{Dir: dir, DataDir: t.TempDir(), Getenv: func(string) string { return "" }, Client: client, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	stop := a.KeepWarm(t.Context(), slog.New(slog.DiscardHandler))
	for range 6 { // two at the start, and twice again
		if path := <-asked; path != "/v1/chat/completions" {
			t.Errorf("asked at %s", path)
		}
	}
	stop()
	rows, err := a.Ledger.Totals(t.Context(), time.Time{}, "")
	if err != nil || len(rows) != 1 || rows[0].Requests < 6 {
		t.Errorf("books %+v, %v", rows, err)
	}
}
