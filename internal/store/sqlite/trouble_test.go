package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/store"
)

// complains checks that an error is of a kind, and tells the operator where and what to do.
func complains(t *testing.T, err, kind error, says ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("error %v, want %v", err, kind)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%q does not say %q", err, s)
		}
	}
}

func TestDiskFull(t *testing.T) {
	ctx := t.Context()
	folder := t.TempDir()
	d := open(t, folder)
	var pages int
	if err := d.write.QueryRowContext(ctx, "PRAGMA page_count").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	limit := func(pages int) {
		t.Helper()
		if _, err := d.write.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", pages)); err != nil {
			t.Fatal(err)
		}
	}
	limit(pages + 3)
	rows, err := 0, error(nil)
	for ; err == nil && rows < 10_000; rows++ {
		err = d.InsertUsage(ctx, usageRow(fmt.Sprint("u", rows)))
	}
	rows-- // the one that failed
	complains(t, err, store.ErrFull, d.path, "free some space")

	// A row that is there can be settled, and nothing is lost.
	if ok, err := d.SettleUsage(ctx, "u0", ledger.Settled, ledger.Outcome{}); !ok || err != nil {
		t.Errorf("settle with a full disk: %v, %v", ok, err)
	}
	totals, err := d.UsageTotals(ctx, time.Time{}, ledger.ByNothing)
	if err != nil || totals[0].Requests != int64(rows) || rows == 0 {
		t.Errorf("totals %+v, %v; want %d", totals, err, rows)
	}
	limit(1 << 20)
	if err := d.InsertUsage(ctx, usageRow("again")); err != nil {
		t.Errorf("after there is room again: %v", err)
	}
}

func TestNoDatabase(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, File)
	garbage := []byte(strings.Repeat("this is no database. ", 1000))
	if err := os.WriteFile(path, garbage, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), folder)
	complains(t, err, store.ErrCorrupt, path, "restore it from a backup")
	if now, err := os.ReadFile(path); err != nil || string(now) != string(garbage) {
		t.Errorf("the file was touched: %v", err)
	}
}

func TestDamagedPages(t *testing.T) {
	ctx := t.Context()
	folder := t.TempDir()
	d, err := Open(ctx, folder)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		if err := d.InsertUsage(ctx, usageRow(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Close(); err != nil { // moves everything into the one file
		t.Fatal(err)
	}
	path := filepath.Join(folder, File)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 48 * 4096; i < len(b); i++ { // all but the first pages, which hold the schema
		b[i] = 0xaa
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = open(t, folder).UsageTotals(ctx, time.Time{}, ledger.ByModel)
	complains(t, err, store.ErrCorrupt, path)
}

func TestNewerVersion(t *testing.T) {
	ctx := t.Context()
	folder := t.TempDir()
	d := open(t, folder)
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	var version int
	if err := d.write.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil || version != len(files) {
		t.Fatalf("schema %d, %v; want %d: does each migration set user_version to its own number?", version, err, len(files))
	}
	if _, err := d.write.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version+1)); err != nil {
		t.Fatal(err)
	}
	_, err = Open(ctx, folder)
	complains(t, err, store.ErrNewer, d.path, "run the newer version")
}

func TestFolderIsAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), filepath.Join(file, "data"))
	complains(t, err, store.ErrReadOnly, file, "--data")
}

// Another process that holds the database for long is an error with a name, not a wait for ever.
func TestHeldByAnother(t *testing.T) {
	ctx := t.Context()
	folder := t.TempDir()
	one, two := open(t, folder), open(t, folder)
	tx, err := one.write.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := two.write.ExecContext(ctx, "PRAGMA busy_timeout = 20"); err != nil {
		t.Fatal(err)
	}
	complains(t, two.InsertUsage(ctx, usageRow("u")), store.ErrBusy, "another process")
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := two.InsertUsage(ctx, usageRow("u")); err != nil {
		t.Error(err)
	}
}
