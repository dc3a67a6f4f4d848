package app

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/observe"
	"github.com/dragoman/dragoman/internal/provider/providertest"
)

// TestCollectionMetrics: a scrape tells of the collections that are open.
func TestCollectionMetrics(t *testing.T) {
	dir, m := t.TempDir(), observe.New()
	write(t, filepath.Join(dir, "dragoman.yaml"), "collections: {notes: {path: notes}}\n")
	write(t, filepath.Join(dir, "notes", "a.md"), "Otters swim.\n")
	write(t, filepath.Join(dir, "notes", "b.pdf"), "%PDF-nonsense")
	a, err := Open(t.Context(), Options{Dir: dir, DataDir: t.TempDir(), Path: dir, Local: true, Getenv: func(string) string { return "" }, Now: time.Now, Metrics: m,
		Client: providertest.InMemory(t, http.NotFoundHandler())})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if got := found(t, a, "notes", "otters"); got != "a.md" {
		t.Fatal(got)
	}
	if err := os.Remove(filepath.Join(dir, "notes", "a.md")); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Library().Sync(t.Context(), "notes", false); err != nil {
		t.Fatal(err)
	}
	if err := a.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`dragoman_collection_documents{collection="notes"} 1`, `dragoman_collection_passages{collection="notes"} 0`, `dragoman_collection_unread_documents{collection="notes"} 1`,
		`dragoman_collection_index_bytes{collection="notes"} [1-9]`, `dragoman_collection_stale_seconds{collection="notes"} \d`, `dragoman_collection_syncs_total{collection="notes",status="done"} 2`,
	} {
		if !regexp.MustCompile(want).MatchString(w.Body.String()) {
			t.Errorf("there is no %s", want)
		}
	}
	if strings.Contains(w.Body.String(), `collection="folder"`) {
		t.Error("a collection that nobody has opened is told of")
	}
}
