package embed

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

	"github.com/dragoman/dragoman/internal/knowledge/dense"
)

// CacheFile is the name of the cache in the data folder.
const CacheFile = "vectors.db"

// Cache keeps vectors by what they are of, for all collections of a data folder: a text that was embedded once is not embedded again when its
// document is renamed, when another collection has it, too, or when an index is built anew. It is a file that can be deleted. Several
// processes may have it open.
type Cache struct {
	claims
	db  *sql.DB
	now func() time.Time
}

var _ Store = (*Cache)(nil)

// WITHOUT ROWID keeps a row beside its key. day is when it was last asked for, in days since 1970.
const cacheSchema = `
CREATE TABLE IF NOT EXISTS model  (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS vector (model INTEGER NOT NULL, hash BLOB NOT NULL, day INTEGER NOT NULL, row BLOB NOT NULL, PRIMARY KEY (model, hash)) WITHOUT ROWID;
`

// OpenCache opens the cache in a data folder, and makes it where it is missing. Close must be called.
func OpenCache(ctx context.Context, folder string, now func() time.Time) (*Cache, error) {
	c, err := openCache(ctx, folder, now)
	if err != nil {
		return nil, fmt.Errorf("open the cache of vectors %s (it can be deleted): %w", filepath.Join(folder, CacheFile), err)
	}
	return c, nil
}

func openCache(ctx context.Context, folder string, now func() time.Time) (*Cache, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(folder, CacheFile)
	// Two processes that make the file at once would be in each other's way.
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 2*time.Millisecond); err != nil {
		return nil, err
	}
	defer lock.Close()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	// What a power cut takes is embedded again.
	q := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(NORMAL)", "cache_size(-4000)"}, "_txlock": {"immediate"}}
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(), RawQuery: q.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(2)
	if _, err := db.ExecContext(ctx, cacheSchema); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Cache{db: db, now: now}, nil
}

// Close lets go of the file.
func (c *Cache) Close() error { return c.db.Close() }

func (c *Cache) day() int64 { return c.now().Unix() / (24 * 60 * 60) }

// noteAfter is after how many days it is noted again that a vector is in use.
const noteAfter = 7

// Rows implements Store.
func (c *Cache) Rows(ctx context.Context, model string, hashes []Hash) (map[Hash]dense.Row, error) {
	out := map[Hash]dense.Row{}
	var id int64
	err := c.db.QueryRowContext(ctx, "SELECT id FROM model WHERE name = ?", model).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return out, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for vectors: %w", err)
	}
	find, err := c.db.PrepareContext(ctx, "SELECT row, day FROM vector WHERE model = ? AND hash = ?")
	if err != nil {
		return nil, fmt.Errorf("look for vectors: %w", err)
	}
	defer find.Close()
	var noted []Hash
	today := c.day()
	for _, h := range hashes {
		var row []byte
		var day int64
		switch err := find.QueryRowContext(ctx, id, h[:]).Scan(&row, &day); {
		case errors.Is(err, sql.ErrNoRows):
			continue
		case err != nil:
			return nil, fmt.Errorf("look for vectors: %w", err)
		}
		out[h] = row
		if today-day > noteAfter {
			noted = append(noted, h)
		}
	}
	if len(noted) == 0 {
		return out, nil
	}
	return out, c.change(ctx, func(tx *sql.Tx) error {
		for _, h := range noted {
			if _, err := tx.ExecContext(ctx, "UPDATE vector SET day = ? WHERE model = ? AND hash = ?", today, id, h[:]); err != nil {
				return err
			}
		}
		return nil
	})
}

// SaveRows implements Store.
func (c *Cache) SaveRows(ctx context.Context, model string, rows map[Hash]dense.Row) error {
	return c.change(ctx, func(tx *sql.Tx) error {
		var id int64
		if err := tx.QueryRowContext(ctx, "INSERT INTO model(name) VALUES(?) ON CONFLICT(name) DO UPDATE SET name = name RETURNING id", model).Scan(&id); err != nil {
			return err
		}
		for h, row := range rows {
			if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO vector(model, hash, day, row) VALUES(?,?,?,?)", id, h[:], c.day(), []byte(row)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Expire deletes vectors that nobody asked for since a time, and says how many.
func (c *Cache) Expire(ctx context.Context, before time.Time) (deleted int64, err error) {
	err = c.change(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, "DELETE FROM vector WHERE day < ?", before.Unix()/(24*60*60))
		if err != nil {
			return err
		}
		deleted, err = res.RowsAffected()
		return err
	})
	return deleted, err
}

func (c *Cache) change(ctx context.Context, do func(tx *sql.Tx) error) error {
	tx, err := c.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("keep vectors: %w", err)
	}
	defer tx.Rollback()
	if err := do(tx); err != nil {
		return fmt.Errorf("keep vectors: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("keep vectors: %w", err)
	}
	return nil
}
