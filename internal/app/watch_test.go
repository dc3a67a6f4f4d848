package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/provider/providertest"
)

// said passes what is logged on, as text.
type said chan string

func (s said) Enabled(context.Context, slog.Level) bool { return true }
func (s said) WithAttrs([]slog.Attr) slog.Handler       { return s }
func (s said) WithGroup(string) slog.Handler            { return s }
func (s said) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool { text += fmt.Sprintf(" %s=%v", a.Key, a.Value); return true })
	s <- text
	return nil
}

// awaits waits until something is logged that holds text.
func (s said) awaits(t testing.TB, text string) string {
	t.Helper()
	for {
		select {
		case line := <-s:
			if strings.Contains(line, text) {
				return line
			}
		case <-t.Context().Done():
			t.Fatal("it was not said: " + text)
		}
	}
}

// openApp opens an application over a folder with these files, of which dragoman.yaml may be one.
func openApp(t testing.TB, dir string, files map[string]string) *App {
	t.Helper()
	for name, text := range files {
		write(t, filepath.Join(dir, filepath.FromSlash(name)), text)
	}
	a, err := Open(t.Context(), Options{Dir: dir, DataDir: t.TempDir(), Path: dir, Local: true, Getenv: func(string) string { return "" }, Now: time.Now,
		Client: providertest.InMemory(t, http.NotFoundHandler())})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// found are the paths that the search of a collection gives.
func found(t testing.TB, a *App, collection, question string) string {
	t.Helper()
	return foundAs(t, a, identity.Principal{}, collection, question)
}

// foundAs are those that it gives somebody.
func foundAs(t testing.TB, a *App, who identity.Principal, collection, question string) string {
	t.Helper()
	res, err := a.Library().Search(t.Context(), who, collection, knowledge.Query{Text: question})
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, p := range res.Passages {
		paths = append(paths, p.Path)
	}
	return strings.Join(paths, " ")
}

// TestWatchedFolder: what is written, moved and deleted in a watched folder is taken over without a question that would look for it.
func TestWatchedFolder(t *testing.T) {
	dir := t.TempDir()
	a := openApp(t, dir, map[string]string{"a.md": "# Otters\n\nOtters swim.\n", ".gitignore": "*.log\n"})
	lines := make(said, 100)
	stop := a.KeepFresh(t.Context(), slog.New(lines))
	defer stop()
	lines.awaits(t, "watching the folder")
	c, err := a.collections.opened(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	look := func(question, want string) {
		t.Helper()
		if !c.watched.Load() {
			t.Error("it is not watched: the question looks itself")
		}
		for found(t, a, folder, question) != want { // a change may come in two, as a file is made and written
			lines.awaits(t, "a folder changed")
		}
	}
	look("otters", "a.md")
	write(t, filepath.Join(dir, "a.md"), "# Badgers\n\nBadgers dig.\n")
	look("badgers", "a.md")
	look("otters", "")
	write(t, filepath.Join(dir, "deep", "er", "b.md"), "# Herons\n\nHerons wait.\n")
	look("herons", "deep/er/b.md")
	write(t, filepath.Join(dir, "deep", "er", "c.md"), "# Storks\n\nStorks fly.\n")
	look("storks", "deep/er/c.md")
	if err := os.Rename(filepath.Join(dir, "deep"), filepath.Join(dir, "flat")); err != nil {
		t.Fatal(err)
	}
	look("storks", "flat/er/c.md")
	look("herons", "flat/er/b.md")
	if err := os.RemoveAll(filepath.Join(dir, "flat")); err != nil {
		t.Fatal(err)
	}
	look("storks", "")
	stop()
	if c.watched.Load() {
		t.Error("it is taken for watched when nobody watches any more")
	}
}

// TestUnwatchedFolder: a collection that is not to be watched is looked at when a question comes.
func TestUnwatchedFolder(t *testing.T) {
	dir := t.TempDir()
	a := openApp(t, dir, map[string]string{"dragoman.yaml": "collections: {notes: {path: notes, watch: false}}\n", "notes/a.md": "Otters swim.\n"})
	stop := a.KeepFresh(t.Context(), slog.New(slog.DiscardHandler))
	defer stop()
	if got := found(t, a, "notes", "otters"); got != "a.md" {
		t.Error(got)
	}
	if c, err := a.collections.opened(t.Context(), "notes"); err != nil || c.watched.Load() {
		t.Error("it is watched", err)
	}
}

// BenchmarkEdit measures the time from the writing of a file to the moment at which a search finds what was written, in a served folder of
// 10,000 files.
func BenchmarkEdit(b *testing.B) {
	dir := b.TempDir()
	files := map[string]string{}
	for i := range 10_000 {
		files[fmt.Sprintf("p%d/q%d/f%d.go", i%100, i%10, i)] = strings.Repeat(fmt.Sprintf("// F%d does what F%d does, with otter %d.\nfunc F%d(x int) int { return x + %d }\n\n", i, i/2, i%97, i, i), 10)
	}
	a := openApp(b, dir, files)
	lines := make(said, 100)
	defer a.KeepFresh(b.Context(), slog.New(lines))()
	lines.awaits(b, "watching the folder")
	var slowest, sum time.Duration
	i := 0
	for ; b.Loop(); i++ {
		time.Sleep(time.Second) // people pause between two edits
		began, word := time.Now(), fmt.Sprintf("zebra%dx", i)
		write(b, filepath.Join(dir, "p1", "q1", "f1.go"), "// F1 knows "+word+".\nfunc F1() {}\n")
		for found(b, a, folder, word) == "" {
			lines.awaits(b, "a folder changed")
		}
		took := time.Since(began)
		slowest, sum = max(slowest, took), sum+took
	}
	b.ReportMetric(float64(slowest.Milliseconds()), "slowest-ms")
	b.ReportMetric(float64(sum.Milliseconds())/float64(i), "mean-ms")
}

// An assistant with a folder of its own, as `dragoman assistant new` writes them, is served like any collection.
func TestFolderOfAnAssistantIsKeptFresh(t *testing.T) {
	a := openApp(t, t.TempDir(), map[string]string{
		"dragoman.yaml":   "assistants:\n  helpdesk: {instructions: Help., folder: handbook}\n",
		"handbook/pay.md": "# Pay\n\nInvoices are due in nine days.\n",
	})
	log := make(said, 100)
	stop := a.KeepFresh(t.Context(), slog.New(log))
	defer stop()
	log.awaits(t, "watching the folder")
	if got := found(t, a, config.FolderCollection("helpdesk"), "when are invoices due"); !strings.Contains(got, "pay.md") {
		t.Errorf("found %q", got)
	}
}
