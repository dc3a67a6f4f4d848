package sqlite

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/store"
	"github.com/dragoman/dragoman/internal/store/storetest"
)

func TestMain(m *testing.M) {
	child()
	goleak.VerifyTestMain(m)
}

func open(t testing.TB, folder string) *DB {
	t.Helper()
	d, err := Open(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, t.TempDir()) })
}

func usageRow(id string) ledger.Row {
	return ledger.Row{ID: id, TraceID: "trace", Provider: "openai", Model: "gpt", Try: 1, Started: time.Unix(1, 0)}
}

// The settings that everything else rests on are those of each connection, in whichever odd folder it is.
func TestConnections(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "a b?c=d&e#f%20g", "ünïcode"))
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": fmt.Sprint(busyFor.Milliseconds()),
	} {
		var w, r string
		if err := d.write.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&w); err != nil {
			t.Fatal(err)
		}
		if err := d.read.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&r); err != nil {
			t.Fatal(err)
		}
		if w != want || r != want {
			t.Errorf("%s is %s for the writer and %s for readers, want %s", pragma, w, r, want)
		}
	}
	if _, err := d.read.ExecContext(t.Context(), "DELETE FROM usage"); err == nil {
		t.Error("a reader could write")
	}
	if files, _ := filepath.Glob(filepath.Dir(d.path) + "/" + File); len(files) != 1 {
		t.Errorf("the database is not where it should be: %s", d.path)
	}
}

func BenchmarkOpen(b *testing.B) {
	folder := b.TempDir()
	open(b, folder)
	for b.Loop() {
		d, err := Open(b.Context(), folder)
		if err != nil {
			b.Fatal(err)
		}
		if err := d.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkInsertUsage(b *testing.B) {
	d := open(b, b.TempDir())
	for i := 0; b.Loop(); i++ {
		if err := d.InsertUsage(b.Context(), usageRow(fmt.Sprint(i))); err != nil {
			b.Fatal(err)
		}
	}
}
