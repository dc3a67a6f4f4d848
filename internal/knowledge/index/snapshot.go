package index

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sync"
	"time"
)

// snapshot is what is kept in memory of one generation: everything but terms, postings and text. It is immutable.
type snapshot struct {
	generation int64
	docs       map[int64]*Document
	byPath     map[string]*Document
	segments   []*segment
	chunks     int // alive
	means      means

	sampleOnce sync.Once
	sample     []int64 // ids of some chunks: see Sample

	rankOnce sync.Once
	ranked   []*Document // those with chunks: see inOrder

	aclsOnce sync.Once
	acls     []string // that documents have

	viewsMu sync.Mutex
	views   map[string]*view // by Query.SeesAs
}

type segment struct {
	id         int64
	directory  []string // first term of each block
	firstBlock int64
	rows       []row
	byChunk    []uint32 // places of rows in the order of their chunks' ids; nil where they lie in that order
	layout     layout
	means      means       // of its rows when it was written, by which its bounds were made
	docs       []*Document // of each row; nil where the document is gone
	norms      []float32   // of each row, by the means of the snapshot
	inverse    []float32   // of each of them
	live       int
}

// current returns the snapshot of the newest generation.
func (ix *Index) current(ctx context.Context) (*snapshot, error) {
	tx, snap, err := ix.begin(ctx)
	if err != nil {
		return nil, err
	}
	tx.Rollback()
	return snap, nil
}

const lastCommit = "SELECT COALESCE((SELECT CAST(value AS BIGINT) FROM meta WHERE name = 'commits'), 0)"

// begin begins to read, all of one moment, whose snapshot it returns. The transaction must be rolled back.
func (ix *Index) begin(ctx context.Context) (tx *sql.Tx, snap *snapshot, err error) {
	var stmt *sql.Stmt
	if ix.prepared != nil {
		if stmt, err = ix.prepared.Get(ctx, lastCommit); err != nil {
			return nil, nil, fmt.Errorf("read the index: %w", err)
		}
	}
	if tx, err = ix.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}); err != nil {
		return nil, nil, fmt.Errorf("read the index: %w", err)
	}
	var generation int64
	if stmt != nil {
		err = tx.StmtContext(ctx, stmt).QueryRowContext(ctx).Scan(&generation)
	} else {
		err = tx.QueryRowContext(ctx, lastCommit).Scan(&generation)
	}
	if err == nil {
		snap, err = ix.load(ctx, tx, generation)
	}
	if err != nil {
		tx.Rollback()
		return nil, nil, fmt.Errorf("read the index: %w", err)
	}
	return tx, snap, nil
}

// query runs a statement that never changes.
func (ix *Index) query(ctx context.Context, statement string, args ...any) (*sql.Rows, error) {
	if ix.prepared != nil {
		return ix.prepared.Query(ctx, statement, args...)
	}
	return ix.db.QueryContext(ctx, statement, args...)
}

// load returns the snapshot of a generation, which tx reads: from memory if that is the last one seen.
func (ix *Index) load(ctx context.Context, tx *sql.Tx, generation int64) (*snapshot, error) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if ix.snap != nil && ix.snap.generation == generation {
		return ix.snap, nil
	}
	snap := &snapshot{generation: generation}
	var known bool
	if snap.docs, snap.byPath, known = ix.advance(ix.snap, generation); !known {
		if err := snap.readDocuments(ctx, tx); err != nil {
			return nil, err
		}
	}
	if err := snap.read(ctx, tx, &ix.scoring, ix.snap); err != nil {
		return nil, err
	}
	if ix.snap == nil || ix.snap.generation < generation {
		ix.snap, ix.deltas = snap, nil
	}
	return snap, nil
}

func (s *snapshot) readDocuments(ctx context.Context, tx *sql.Tx) error {
	s.docs, s.byPath = map[int64]*Document{}, map[string]*Document{}
	rows, err := tx.QueryContext(ctx, "SELECT id, path, hash, size, modified, seen, updated, flags, skip, title, type, language, team, author, source, version, url, acl, blame, first_chunk, chunks FROM document")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		d := &Document{}
		var hash, blame sql.RawBytes
		var modified, seen, updated int64
		if err := rows.Scan(&d.ID, &d.Path, &hash, &d.Size, &modified, &seen, &updated, &d.Flags, &d.Skip, &d.Title, &d.Type, &d.Language, &d.Team, &d.Author, &d.Source, &d.Version, &d.URL, &d.ACL, &blame, &d.firstChunk, &d.chunks); err != nil {
			return err
		}
		copy(d.Hash[:], hash)
		d.Blame = Blame(blame)
		d.Modified, d.Seen, d.Updated = time.Unix(0, modified), time.Unix(0, seen), time.Unix(updated, 0)
		s.docs[d.ID], s.byPath[d.Path] = d, d
	}
	return rows.Err()
}

// read reads all but the documents.
func (s *snapshot) read(ctx context.Context, tx *sql.Tx, scoring *Scoring, old *snapshot) error {
	if err := s.readSegments(ctx, tx, old); err != nil {
		return err
	}
	var sum lengths
	for _, seg := range s.segments {
		for i := range seg.rows {
			if seg.docs[i] != nil {
				s.chunks++
				sum.add(&seg.rows[i])
			}
		}
	}
	s.means = sum.means()
	for _, seg := range s.segments {
		seg.norms = scoring.norms(seg.rows, s.means)
		seg.inverse = inverses(seg.norms)
	}
	return nil
}

func (s *snapshot) readSegments(ctx context.Context, tx *sql.Tx, old *snapshot) error {
	known := map[int64]*segment{} // but for what is alive in them, segments never change
	if old != nil {
		for _, seg := range old.segments {
			known[seg.id] = seg
		}
	}
	ids, err := tx.QueryContext(ctx, "SELECT id FROM segment ORDER BY id")
	if err != nil {
		return err
	}
	defer ids.Close()
	for ids.Next() {
		seg := &segment{}
		if err := ids.Scan(&seg.id); err != nil {
			return err
		}
		s.segments = append(s.segments, seg)
	}
	if err := ids.Err(); err != nil {
		return err
	}
	for _, seg := range s.segments {
		if k := known[seg.id]; k != nil {
			seg.rows, seg.byChunk, seg.layout, seg.means, seg.directory, seg.firstBlock = k.rows, k.byChunk, k.layout, k.means, k.directory, k.firstBlock
		} else {
			var chunks, directory []byte
			if err := tx.QueryRowContext(ctx, "SELECT chunks, first_block, directory FROM segment WHERE id = ?", seg.id).Scan(&chunks, &seg.firstBlock, &directory); err != nil {
				return err
			}
			if seg.rows, err = decodeRows(chunks); err != nil {
				return err
			}
			if seg.directory, err = decodeDirectory(directory); err != nil {
				return err
			}
			seg.byChunk = byChunk(seg.rows)
			seg.layout = newLayout(seg.rows)
			var sum lengths
			for i := range seg.rows {
				sum.add(&seg.rows[i])
			}
			seg.means = sum.means()
		}
		seg.docs = make([]*Document, len(seg.rows))
		for i, r := range seg.rows {
			if seg.docs[i] = s.docs[r.document]; seg.docs[i] != nil {
				seg.live++
			}
		}
	}
	return nil
}

// inOrder are the documents that have chunks, in the order of these.
func (s *snapshot) inOrder() []*Document {
	s.rankOnce.Do(func() {
		s.ranked = make([]*Document, 0, len(s.docs))
		for _, d := range s.docs {
			if d.chunks > 0 {
				s.ranked = append(s.ranked, d)
			}
		}
		slices.SortFunc(s.ranked, func(a, b *Document) int { return cmp.Compare(a.firstChunk, b.firstChunk) })
	})
	return s.ranked
}
