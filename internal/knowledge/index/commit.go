package index

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Change is what one commit does, all or nothing.
type Change struct {
	Add     *Builder              // documents to add, each in place of the one at its path; nil for none
	Remove  []string              // paths that are gone
	Touch   []*Document           // documents found unchanged: Modified, Seen and Version are noted
	Changed map[string]LastChange // when documents last changed, by path; their blame has to be asked for anew
	Blame   map[int64]Blame       // of documents, by their IDs; those that are gone are passed over
	Later   bool                  // of Blame: State counts it with a later change, of which there will be one
	Meta    map[string]string
}

// shows says whether something else may be found after it.
func (c *Change) shows() bool {
	return c.Add != nil && c.Add.Len() > 0 || len(c.Remove)+len(c.Changed) > 0 || len(c.Blame) > 0 && !c.Later
}

// LastChange is when a document's content last changed, and by whom.
type LastChange struct {
	At     time.Time
	Author string
}

// Commit makes a change durable and visible to searches that begin afterwards.
func (ix *Index) Commit(ctx context.Context, c Change) error {
	tx, err := ix.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin a change of the index: %w", err)
	}
	defer tx.Rollback()
	// Counting first also takes the write lock: a transaction that reads before it writes could be refused later.
	done := delta{removed: c.Remove, touched: c.Touch, changed: c.Changed, blamed: c.Blame}
	if done.generation, err = countCommit(ctx, tx, c.shows()); err != nil {
		return fmt.Errorf("lock the index for writing: %w", err)
	}
	for _, path := range c.Remove {
		if err := ix.removeDocument(ctx, tx, path); err != nil {
			return fmt.Errorf("remove %q from the index: %w", path, err)
		}
	}
	for _, d := range c.Touch {
		if _, err := tx.ExecContext(ctx, "UPDATE document SET modified = ?, seen = ?, version = ? WHERE path = ?", d.Modified.UnixNano(), d.Seen.UnixNano(), d.Version, d.Path); err != nil {
			return fmt.Errorf("note %q as unchanged: %w", d.Path, err)
		}
	}
	if c.Add != nil && c.Add.Len() > 0 {
		if done.added, err = ix.addSegment(ctx, tx, c.Add); err != nil {
			return fmt.Errorf("write a segment: %w", err)
		}
	}
	for path, last := range c.Changed {
		if _, err := tx.ExecContext(ctx, "UPDATE document SET updated = ?, author = ?, blame = '' WHERE path = ?", last.At.Unix(), last.Author, path); err != nil {
			return fmt.Errorf("note when %q changed: %w", path, err)
		}
	}
	for id, b := range c.Blame {
		if _, err := tx.ExecContext(ctx, "UPDATE document SET blame = ? WHERE id = ?", []byte(b), id); err != nil {
			return fmt.Errorf("note who changed the lines of a document: %w", err)
		}
	}
	for name, value := range c.Meta {
		if err := setMeta(ctx, tx, name, value); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit the index: %w", err)
	}
	ix.remember(done)
	return nil
}

// countCommit raises the number by which readers learn that what they hold in memory is old, and returns it. shows says whether something else
// may be found afterwards.
func countCommit(ctx context.Context, tx *sql.Tx, shows bool) (generation int64, err error) {
	if generation, err = raise(ctx, tx, "commits"); err == nil && !shows {
		_, err = raise(ctx, tx, quietCommits)
	}
	return generation, err
}

// quietCommits counts the commits that change nothing of what is found. It is these that are counted, and not the others, so that a process
// that does not know of it (an older one, at the same database) raises State with each of its commits.
const quietCommits = "quiet_commits"

// raise adds one to a number in meta, and locks it until the transaction ends.
func raise(ctx context.Context, tx *sql.Tx, name string) (number int64, err error) {
	err = tx.QueryRowContext(ctx, `INSERT INTO meta(name, value) VALUES(?, '1') ON CONFLICT(name) DO UPDATE SET value = CAST(CAST(meta.value AS BIGINT) + 1 AS TEXT) RETURNING value`, name).Scan(&number)
	return number, err
}

func setMeta(ctx context.Context, tx *sql.Tx, name, value string) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO meta(name, value) VALUES(?, ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value", name, value)
	return err
}

func (ix *Index) removeDocument(ctx context.Context, tx *sql.Tx, path string) error {
	var id, first, n int64
	err := tx.QueryRowContext(ctx, "DELETE FROM document WHERE path = ? RETURNING id, first_chunk, chunks", path).Scan(&id, &first, &n)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	if n > 0 {
		if err := ix.forget(ctx, tx, id); err != nil {
			return err
		}
	}
	statements := []string{"DELETE FROM chunk WHERE id >= ? AND id < ?", "DELETE FROM text WHERE id >= ? AND id < ?"}
	if ix.nearby {
		statements = append(statements, "DELETE FROM neighbour WHERE chunk >= ? AND chunk < ?")
	}
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement, first, first+n); err != nil {
			return err
		}
	}
	return nil
}

func (ix *Index) addSegment(ctx context.Context, tx *sql.Tx, b *Builder) (added []*Document, err error) {
	var chunkID int64
	if err := tx.QueryRowContext(ctx, "SELECT COALESCE((SELECT CAST(value AS BIGINT) FROM meta WHERE name = 'next_chunk'), 1)").Scan(&chunkID); err != nil {
		return nil, err
	}
	known, err := tx.PrepareContext(ctx, "SELECT EXISTS(SELECT 1 FROM document WHERE path = ?)")
	if err != nil {
		return nil, err
	}
	defer known.Close()
	insertDocument, err := tx.PrepareContext(ctx, `INSERT INTO document(path, hash, size, modified, seen, updated, flags, skip, title, type, language, team, author, source, version, url, acl, blame, first_chunk, chunks) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) RETURNING id`)
	if err != nil {
		return nil, err
	}
	defer insertDocument.Close()
	insertChunk, insertText := newInserter(tx, "chunk(id, head)"), newInserter(tx, "text(id, text)")
	defer insertChunk.close()
	defer insertText.close()

	rows := make([]row, 0, len(b.lengths))
	for _, e := range b.entries {
		d := &e.doc
		var there bool
		if err := known.QueryRowContext(ctx, d.Path).Scan(&there); err != nil {
			return nil, err
		}
		if there {
			if err := ix.removeDocument(ctx, tx, d.Path); err != nil {
				return nil, err
			}
		}
		var docID int64
		err := insertDocument.QueryRowContext(ctx, d.Path, d.Hash[:], d.Size, d.Modified.UnixNano(), d.Seen.UnixNano(), d.Updated.Unix(), d.Flags, d.Skip, d.Title, d.Type, d.Language, d.Team, d.Author, d.Source, d.Version, d.URL, d.ACL, []byte(d.Blame), chunkID, len(e.chunks)).Scan(&docID)
		if err != nil {
			return nil, err
		}
		as := *d
		as.ID, as.firstChunk, as.chunks = docID, chunkID, int64(len(e.chunks))
		as.Modified, as.Seen, as.Updated = stored(d.Modified), stored(d.Seen), time.Unix(d.Updated.Unix(), 0)
		added = append(added, &as)
		for i := range e.chunks {
			c := &e.chunks[i]
			if err := insertChunk.add(ctx, chunkID, appendHead(nil, c)); err != nil {
				return nil, err
			}
			if err := insertText.add(ctx, chunkID, c.Text); err != nil {
				return nil, err
			}
			rows = append(rows, row{chunkID, docID, b.lengths[len(rows)], kindNumber(c.Kind)})
			chunkID++
		}
	}
	if err := errors.Join(insertChunk.flush(ctx), insertText.flush(ctx)); err != nil {
		return nil, err
	}
	if chunkID > 1<<32-1 {
		return nil, fmt.Errorf("the index has used up its chunk numbers; rebuild it")
	}
	if err := setMeta(ctx, tx, "next_chunk", strconv.FormatInt(chunkID, 10)); err != nil {
		return nil, err
	}
	sw, err := newSegmentWriter(ctx, tx, rows, &ix.scoring)
	if err != nil {
		return nil, err
	}
	defer sw.close()
	for _, id := range sortedTerms(b.names) {
		p := &b.postings[id]
		p.flush()
		if err := sw.put([]byte(b.names[id]), p.count, p.data); err != nil {
			return nil, err
		}
	}
	return added, sw.finish()
}

// segmentWriter writes one segment: its blocks, then its row.
type segmentWriter struct {
	blockWriter
	ctx       context.Context
	tx        *sql.Tx
	insert    *inserter
	rows      []row
	encoder   *encoder
	first     int64 // id of the first block
	next      int64
	directory []byte
}

func newSegmentWriter(ctx context.Context, tx *sql.Tx, rows []row, s *Scoring) (*segmentWriter, error) {
	w := &segmentWriter{ctx: ctx, tx: tx, rows: rows, encoder: newEncoder(s, rows)}
	if err := tx.QueryRowContext(ctx, "SELECT COALESCE(MAX(id), 0) + 1 FROM block").Scan(&w.first); err != nil {
		return nil, err
	}
	w.next = w.first
	w.insert = newInserter(tx, "block(id, data)")
	w.emit = func(first, data []byte) error {
		err := w.insert.add(ctx, w.next, bytes.Clone(data))
		w.next++
		w.directory = appendDirectory(w.directory, first)
		return err
	}
	return w, nil
}

// put writes a term with its plain list of count postings.
func (w *segmentWriter) put(term []byte, count int, plain []byte) error {
	list, err := w.encoder.encode(plain, count)
	if err != nil {
		return err
	}
	return w.add(term, list.count, list.own, list.data)
}

// finish writes the last block and the segment's row.
func (w *segmentWriter) finish() error {
	if err := errors.Join(w.flush(), w.insert.flush(w.ctx)); err != nil {
		return err
	}
	if w.directory == nil {
		w.directory = []byte{}
	}
	_, err := w.tx.ExecContext(w.ctx, "INSERT INTO segment(chunks, first_block, directory) VALUES(?,?,?)", encodeRows(w.rows), w.first, w.directory)
	return err
}

func (w *segmentWriter) close() { w.insert.close() }

// Clear removes everything.
func (ix *Index) Clear(ctx context.Context) error {
	tx, err := ix.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("clear the index: %w", err)
	}
	defer tx.Rollback()
	if _, err := countCommit(ctx, tx, true); err != nil {
		return fmt.Errorf("clear the index: %w", err)
	}
	// next_chunk stays: a number that a search still holds must not come to mean another chunk.
	statements := []string{"DELETE FROM block", "DELETE FROM segment", "DELETE FROM chunk", "DELETE FROM text", "DELETE FROM document",
		"DELETE FROM vectors", "DELETE FROM generation", "UPDATE meta SET value = CAST(CAST(value AS BIGINT) + 1 AS TEXT) WHERE name = 'vector_changes'",
		"DELETE FROM meta WHERE name NOT IN ('commits', 'quiet_commits', 'identity', 'next_chunk', 'vector_changes')"}
	if ix.nearby {
		statements = append(statements, "DELETE FROM neighbour")
	}
	if ix.engine != nil { // whose spaces are dropped with their generations
		statements = append(statements, "DELETE FROM mirror_gone")
	}
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("clear the index: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("clear the index: %w", err)
	}
	return nil
}
