// Package sqlite keeps the store in one SQLite file, through a driver that needs no cgo.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/dragoman/dragoman/internal/store"
	"github.com/dragoman/dragoman/internal/store/prepared"
)

// File is the name of the database in the data folder.
const File = "dragoman.db"

// DB is a store in a data folder. Any number of processes may have the same folder open.
type DB struct {
	path     string
	file     os.FileInfo // that is open
	write    *sql.DB     // one connection: SQLite has one writer, and waiting here is fairer than inside of it
	read     *sql.DB
	written  *prepared.Statements // by write: of the statements of each turn
	asked    *prepared.Statements // by read
	instance *instance
	changes  *changes
	kinds    kinds
	batches  batches
}

var _ store.Store = (*DB)(nil)

const (
	// readers is how many queries run at once; more than the cores of a small server gain nothing.
	readers = 4
	// pageBytes is the size of a page of a new database: of SQLite's 4096 a trace fills half, and a server writes four times as many.
	pageBytes = 16384
	// checkpointPages is how many pages the write-ahead log has, 16 MB of them, before they are brought to the database. A page
	// that was written several times is then brought there once.
	checkpointPages = 1000
	// busyFor bounds the wait for another process that writes.
	busyFor = 10 * time.Second
	// pollEvery is how often the folder's lock is tried while another process holds it, which is for milliseconds.
	pollEvery = 2 * time.Millisecond
)

// Open opens the store in a folder, which it makes where it is missing, and brings it up to date. It returns an error that
// wraps one of those in package store where the operator has to do something. Close must be called.
func Open(ctx context.Context, folder string) (*DB, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil, fmt.Errorf("find the data folder: %w", err)
	}
	d := &DB{path: filepath.Join(folder, File)}
	if err := os.MkdirAll(filepath.Join(folder, instancesFolder), 0o700); err != nil {
		return nil, d.explain("make the data folder", err)
	}
	// Only one process at a time sets up: two that switch a new file to WAL, or migrate, at once would fail.
	unlock, err := lockFolder(ctx, folder)
	if err != nil {
		return nil, d.explain("lock the data folder", err)
	}
	defer unlock()

	if err := d.create(ctx); err != nil {
		return nil, d.explain("open the database", err)
	}
	if d.write, err = sql.Open("sqlite", d.dsn("_txlock=immediate")); err != nil {
		return nil, d.explain("open the database", err)
	}
	d.write.SetMaxOpenConns(1)
	if err := d.migrate(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if d.file, err = os.Stat(d.path); err != nil {
		return nil, errors.Join(d.explain("open the database", err), d.Close())
	}
	if d.read, err = sql.Open("sqlite", d.dsn("_pragma=query_only(1)")); err != nil {
		return nil, errors.Join(d.explain("open the database", err), d.Close())
	}
	d.read.SetMaxOpenConns(readers)
	d.read.SetMaxIdleConns(readers)
	d.written, d.asked = prepared.New(d.write), prepared.New(d.read)
	if d.changes, err = openChanges(folder); err != nil {
		return nil, errors.Join(d.explain("open the number of changes in the data folder", err), d.Close())
	}
	if d.instance, err = newInstance(folder); err != nil {
		return nil, errors.Join(d.explain("announce this process in the data folder", err), d.Close())
	}
	d.batches.instance = d.instance.id
	return d, nil
}

// dsn names the file with the settings of every connection. synchronous=FULL, in WAL mode, syncs the log at every commit: a
// usage row must outlast a power cut before its request is sent.
func (d *DB) dsn(more string) string {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(d.path)}
	return u.String() + fmt.Sprintf("?_pragma=busy_timeout(%d)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=wal_autocheckpoint(%d)&",
		busyFor.Milliseconds(), checkpointPages) + more
}

// inPlace says whether what was written went where it is looked for: SQLite, in WAL mode, goes on to write to a file that
// was moved or deleted.
func (d *DB) inPlace() error {
	if st, err := os.Stat(d.path); err != nil || !os.SameFile(st, d.file) {
		return fmt.Errorf("%s: %w: it was moved, replaced or deleted while the program runs; put it back, and start the program anew", d.path, store.ErrGone)
	}
	return nil
}

// Close waits for calls that are under way and lets go of the folder.
func (d *DB) Close() error {
	errs := []error{d.batches.close()}
	for _, db := range []*sql.DB{d.read, d.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if d.changes != nil {
		if err := d.changes.file.Close(); !errors.Is(err, os.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if d.instance != nil {
		errs = append(errs, d.instance.end())
	}
	return errors.Join(errs...)
}

// create makes the database file, where it is missing, so that only this user can read it. SQLite would follow the umask; its -wal and
// -shm files it makes like the file itself. The size of pages is fixed before anything else is done with the file.
func (d *DB) create(ctx context.Context) error {
	f, err := os.OpenFile(d.path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err := errors.Join(err, f.Close()); err != nil || st.Size() > 0 {
		return err
	}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(d.path)}
	db, err := sql.Open("sqlite", u.String()+fmt.Sprintf("?_pragma=page_size(%d)", pageBytes))
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "VACUUM") // writes the first page
	return errors.Join(err, db.Close())
}

// lockFolder keeps other processes from setting up or cleaning up in the folder until unlock is called.
func lockFolder(ctx context.Context, folder string) (unlock func(), err error) {
	lock := flock.New(filepath.Join(folder, "dragoman.lock"), flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, pollEvery); err != nil {
		return nil, err
	}
	return func() { _ = lock.Close() }, nil // closing the file lets go of its lock, whatever else goes wrong
}

// nanos is how a time is written; no time is 0.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
