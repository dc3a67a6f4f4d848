package app

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/dragoman/dragoman/internal/identity"
)

// TestRunsThatFindNothing: a source that is asked every few seconds must not push out the records that tell something: those of what came, and of what
// could not be read and could be before.
func TestRunsThatFindNothing(t *testing.T) {
	dir := t.TempDir()
	a := openApp(t, dir, map[string]string{"dragoman.yaml": "collections: {logs: {source: {logs: {files: [\"" + filepath.ToSlash(dir) + "/*.log\"]}}}}\n", "a.log": "INFO it begins\n"})
	ask := func(reason string) {
		t.Helper()
		if _, err := a.collections.refresh(t.Context(), "logs", occasion{reason: reason}); err != nil {
			t.Fatal(err)
		}
	}
	runs := func() int {
		t.Helper()
		list, err := a.Library().ManagedRuns(t.Context(), identity.Principal{}, "logs", 100)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	ask("schedule")
	if n := runs(); n != 1 {
		t.Fatalf("%d runs, want that in which something came", n)
	}
	ask("schedule")
	if n := runs(); n != 1 {
		t.Errorf("%d runs after one that found nothing", n)
	}
	if err := os.Mkdir(filepath.Join(dir, "b.log"), 0o700); err != nil { // no file that could be read
		t.Fatal(err)
	}
	for range 3 {
		ask("schedule")
	}
	if n := runs(); n != 2 {
		t.Errorf("%d runs after something could not be read any more, three times", n)
	}
	ask("asked")
	if n := runs(); n != 3 {
		t.Errorf("%d runs after somebody asked for one", n)
	}
}
