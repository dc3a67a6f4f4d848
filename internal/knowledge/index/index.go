// Package index is the search engine: an inverted index over chunks with BM25 ranking, kept in one SQLite file, or in a schema of
// a PostgreSQL database, beside the chunks and documents themselves, so that a commit changes all of them or none. Where it is kept
// makes no difference to what is found: statements are the same, and so are the bytes that they read.
//
// Layout, after Lucene: documents are indexed in memory into immutable segments; a segment's sorted terms and postings are
// stored in blocks of some 8 KB, of which a search reads one per query term and segment. A document that changes gets a
// new id; what a segment says of ids that are gone is skipped, and dropped when segments are merged.
//
// The file is a cache: it can be rebuilt from the sources at any time. One that has another format or is damaged is
// discarded and built anew.
package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/crc32"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/dragoman/dragoman/internal/store/prepared"
)

// contents is to be raised whenever the same source would be indexed otherwise: by another encoding of postings, another
// analysis or other chunks.
const contents = 2

// format tells files of other versions apart: those are built anew. It changes with the schema and the scoring by itself.
func (ix *Index) format() int32 {
	return int32(crc32.ChecksumIEEE(fmt.Appendf(nil, "%s %d %+v", schema, contents, ix.scoring)) >> 1)
}

const schema = `
CREATE TABLE meta     (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE document (id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL UNIQUE, hash BLOB NOT NULL, size INTEGER NOT NULL,
                       modified INTEGER NOT NULL, seen INTEGER NOT NULL, updated INTEGER NOT NULL, flags INTEGER NOT NULL, skip TEXT NOT NULL,
                       title TEXT NOT NULL, type TEXT NOT NULL, language TEXT NOT NULL, team TEXT NOT NULL, author TEXT NOT NULL,
                       source TEXT NOT NULL, version TEXT NOT NULL, url TEXT NOT NULL, acl TEXT NOT NULL, blame BLOB NOT NULL,
                       first_chunk INTEGER NOT NULL, chunks INTEGER NOT NULL);
CREATE TABLE chunk    (id INTEGER PRIMARY KEY, head BLOB NOT NULL);
CREATE TABLE text     (id INTEGER PRIMARY KEY, text TEXT NOT NULL); -- of a chunk: apart, so that heads lie close together
CREATE TABLE segment  (id INTEGER PRIMARY KEY AUTOINCREMENT, chunks BLOB NOT NULL, first_block INTEGER NOT NULL, directory BLOB NOT NULL);
CREATE TABLE block    (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE generation (id INTEGER PRIMARY KEY AUTOINCREMENT, model TEXT NOT NULL UNIQUE, dims INTEGER NOT NULL, active INTEGER NOT NULL);
CREATE TABLE vectors    (id INTEGER PRIMARY KEY AUTOINCREMENT, generation INTEGER NOT NULL, chunks BLOB NOT NULL, rows BLOB NOT NULL);
CREATE INDEX vectors_of ON vectors(generation, id);
`

// Index is an open index. Its methods may be called by several goroutines; several processes may share it, of which one at a time
// writes.
type Index struct {
	identity string
	db       *sql.DB
	prepared *prepared.Statements // nil: the driver keeps statements itself
	path     string               // or the schema's name
	among    string               // a condition, in SQL: is among those of a list, which is its one parameter
	lock     func(ctx context.Context, what string, wait bool) (unlock func(), err error)
	pgvector bool   // searches vectors
	nearby   bool   // vectors lie in the table neighbour, too, which pgvector searches
	compared int    // of pgvector: up to how many vectors have no graph
	named    int    // and how many it is named in one piece
	engine   Engine // searches vectors, where it is not nil
	describe func(*Document) []string
	spaces   string   // what the names of its spaces begin with
	rows     rowCache // of vectors at the engine or in the database
	space    space
	scoring  Scoring
	blocks   blockCache
	pool     sync.Pool // of *scorer

	mu     sync.Mutex
	snap   *snapshot // what is in memory of the last generation seen
	deltas []delta   // of the commits of this process after it, or some of them
}

// Open opens the index file at path or creates it, with its folder. A file of another format or scoring, or a damaged one,
// is replaced.
func Open(ctx context.Context, path string, s Scoring) (*Index, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("create the index folder: %w", err)
	}
	// One opens it at a time. Of two that make a file at once SQLite refuses one without waiting, since both hold it for reading and want to write
	// its header; and who discards a file must not discard the one that another has made by then.
	unlock, err := fileLock(path)(ctx, "open", true)
	if err != nil {
		return nil, fmt.Errorf("wait for the process that opens index %s: %w", path, err)
	}
	defer unlock()
	ix, err := open(ctx, path, s)
	if err == nil {
		return ix, nil
	}
	if !errors.Is(err, errObsolete) && !damaged(err) {
		return nil, fmt.Errorf("open index %s: %w", path, err)
	}
	spaces, _ := fileSpaces(ctx, path) // of one that is damaged they may not be known
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("discard the obsolete index: %w", err)
		}
	}
	if ix, err = open(ctx, path, s); err != nil {
		return nil, fmt.Errorf("create index %s: %w", path, err)
	}
	if err := ix.inherit(ctx, spaces); err != nil {
		return nil, errors.Join(fmt.Errorf("create index %s: %w", path, err), ix.Close())
	}
	return ix, nil
}

var errObsolete = errors.New("index has another format")

func damaged(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code()&0xff == sqlite3.SQLITE_CORRUPT || e.Code()&0xff == sqlite3.SQLITE_NOTADB)
}

func open(ctx context.Context, path string, s Scoring) (*Index, error) {
	// synchronous=NORMAL under WAL never damages the file; the last commits may be lost with the power, and are then made
	// again from the sources.
	q := url.Values{"_pragma": {"busy_timeout(10000)", "page_size(8192)", "journal_mode(WAL)", "synchronous(NORMAL)", "cache_size(-8000)", "temp_store(MEMORY)", "wal_autocheckpoint(4000)"}}
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(4)
	db.SetMaxIdleConns(4)
	ix := &Index{db: db, prepared: prepared.New(db), path: path, scoring: s, among: "IN (SELECT value FROM json_each(?))", lock: fileLock(path), space: fileSpace(db)}
	err = ix.prepare(ctx)
	if err == nil {
		err = ix.identify(ctx)
	}
	if err != nil {
		db.Close()
		return nil, err
	}
	return ix, nil
}

// prepare creates the schema in a new file and refuses one of another format.
func (ix *Index) prepare(ctx context.Context) error {
	var version int32
	if err := ix.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	format := ix.format()
	if version == format {
		return nil
	}
	if version != 0 {
		return errObsolete
	}
	conn, err := ix.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	// Two processes may come here at once: the second finds the schema made.
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err = conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version)
	if err == nil && version == 0 {
		_, err = conn.ExecContext(ctx, schema+fmt.Sprintf("PRAGMA user_version = %d;", format))
	}
	if err != nil {
		_, rollbackErr := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		return errors.Join(err, rollbackErr)
	}
	_, err = conn.ExecContext(ctx, "COMMIT")
	return err
}

// Close releases the file.
func (ix *Index) Close() error { return ix.db.Close() }

// Path is where the index lies: a file, or a schema of a database.
func (ix *Index) Path() string { return ix.path }

// Document is what the index knows of one document.
type Document struct {
	ID       int64
	Path     string
	Hash     [16]byte
	Size     int64
	Modified time.Time // the file's modification time when it was read
	Seen     time.Time // when it was read
	Updated  time.Time // when its content last changed, by the source's history where there is one
	Flags    uint32    // the source's classification
	Skip     string    // why its content is not searchable; empty when it is

	Title    string // of a text for people; empty for code
	Type     string // what it is: "code", "doc", "config", or what its source calls it ("issue", "page")
	Language string // of programs ("go"), or of people where the source says so
	Team     string // whose it is
	Author   string // who wrote it last

	Source  string // its ID where it comes from; empty for a file of the collection's folder
	Version string // by its source: says only whether it is the same
	URL     string // where a person opens it
	ACL     string // who may see it, as package acl writes it; empty: whoever may see its collection

	// Blame tells of each of its chunks who changed it last, where that is known; it is set by a Change.
	Blame Blame

	firstChunk, chunks int64
}

// Documents returns all documents by path.
func (ix *Index) Documents(ctx context.Context) (map[string]*Document, error) {
	snap, err := ix.current(ctx)
	if err != nil {
		return nil, err
	}
	return snap.byPath, nil
}

// Generation counts the commits: it is another after every change, and never one that was before.
func (ix *Index) Generation(ctx context.Context) (int64, error) {
	var n int64
	if err := ix.db.QueryRowContext(ctx, lastCommit).Scan(&n); err != nil {
		return 0, fmt.Errorf("read the index: %w", err)
	}
	return n, nil
}

// State counts the commits after which something else may be found, or who may see it: unlike Generation it stays when segments are merged, files are
// found unchanged, or a source's cursor moves on.
func (ix *Index) State(ctx context.Context) (int64, error) {
	var n int64
	if err := ix.db.QueryRowContext(ctx, lastState).Scan(&n); err != nil {
		return 0, fmt.Errorf("read the index: %w", err)
	}
	return n, nil
}

const lastState = "SELECT COALESCE((SELECT CAST(value AS BIGINT) FROM meta WHERE name = 'commits'), 0) - COALESCE((SELECT CAST(value AS BIGINT) FROM meta WHERE name = '" + quietCommits + "'), 0)"

// Chunks is the number of chunks that the document was cut into.
func (d *Document) Chunks() int { return int(d.chunks) }

// Meta returns a value stored with SetMeta, or "".
func (ix *Index) Meta(ctx context.Context, name string) (string, error) {
	var v string
	err := ix.db.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = ?", name).Scan(&v)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return v, err
}

// Stats describes the index as it is.
type Stats struct {
	Documents, Chunks, Segments int
	Bytes                       int64 // of the sources
}

// Stats counts what is searchable.
func (ix *Index) Stats(ctx context.Context) (Stats, error) {
	snap, err := ix.current(ctx)
	if err != nil {
		return Stats{}, err
	}
	s := Stats{Documents: len(snap.docs), Segments: len(snap.segments)}
	for _, d := range snap.docs {
		s.Bytes += d.Size
		s.Chunks += int(d.chunks)
	}
	return s, nil
}
