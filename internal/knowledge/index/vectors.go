package index

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/dragoman/dragoman/internal/knowledge/dense"
)

// Vectors lie beside the chunks that they are of, under the chunks' ids, in blocks: as they were saved at first, and joined to greater ones
// later, so that a hundred thousand are read in a few large pieces. Those of one model are a generation; of several the active one is
// in use, and the others are being gathered. Vectors of chunks that are gone stay until blocks are joined.

// vectorBlock is how many vectors a block holds at most, 1.5 MB of them at 384 dimensions, and looseBlocks how many smaller ones may lie
// about before they are joined.
const (
	vectorBlock = 4096
	looseBlocks = 16
)

// Generation is the vectors that a model made.
type Generation struct {
	ID     int64
	Model  string // and its version
	Dims   int    // of its vectors; 0 while there are none
	Active bool
}

// VectorChanges counts the changes of vectors: as long as it stays the same, so do they.
func (ix *Index) VectorChanges(ctx context.Context) (int64, error) {
	var n int64
	err := ix.db.QueryRowContext(ctx, "SELECT COALESCE((SELECT CAST(value AS BIGINT) FROM meta WHERE name = 'vector_changes'), 0)").Scan(&n)
	return n, err
}

// Generations lists those that there are, the active one first.
func (ix *Index) Generations(ctx context.Context) ([]Generation, error) {
	rows, err := ix.db.QueryContext(ctx, "SELECT id, model, dims, active FROM generation ORDER BY active DESC, id")
	if err != nil {
		return nil, fmt.Errorf("read the vectors: %w", err)
	}
	defer rows.Close()
	var out []Generation
	for rows.Next() {
		var g Generation
		if err := rows.Scan(&g.ID, &g.Model, &g.Dims, &g.Active); err != nil {
			return nil, fmt.Errorf("read the vectors: %w", err)
		}
		out = append(out, g)
	}
	return out, rows.Err()
}

// VectorBlocks calls f with each block of a generation that came after another one (0: all), in their order. rows has the rows of all ids,
// one behind the other, and is valid until f returns.
func (ix *Index) VectorBlocks(ctx context.Context, generation, after int64, f func(block int64, ids []int64, rows []byte) error) error {
	return eachBlock(ctx, ix.db, "SELECT id, chunks, rows FROM vectors WHERE generation = ? AND id > ? ORDER BY id", f, generation, after)
}

// VectorIDs is VectorBlocks without rows, which are most of what is read.
func (ix *Index) VectorIDs(ctx context.Context, generation, after int64, f func(block int64, ids []int64, _ []byte) error) error {
	return eachBlock(ctx, ix.db, "SELECT id, chunks, NULL FROM vectors WHERE generation = ? AND id > ? ORDER BY id", f, generation, after)
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func eachBlock(ctx context.Context, db querier, query string, f func(block int64, ids []int64, rows []byte) error, args ...any) error {
	found, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("read the vectors: %w", err)
	}
	defer found.Close()
	var chunks, rows sql.RawBytes
	var ids []int64
	for found.Next() {
		var block int64
		if err := found.Scan(&block, &chunks, &rows); err != nil {
			return fmt.Errorf("read the vectors: %w", err)
		}
		if len(chunks)%4 != 0 || len(rows) > 0 && (len(chunks) == 0 || len(rows)%(len(chunks)/4) != 0) {
			return errDamaged
		}
		ids = ids[:0]
		for at := 0; at < len(chunks); at += 4 {
			ids = append(ids, int64(binary.LittleEndian.Uint32(chunks[at:])))
		}
		if err := f(block, ids, rows); err != nil {
			return err
		}
	}
	return found.Err()
}

// changeVectors runs a change of vectors in a transaction.
func (ix *Index) changeVectors(ctx context.Context, change func(tx *sql.Tx) error) error {
	tx, err := ix.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("change the vectors: %w", err)
	}
	defer tx.Rollback()
	// Writing first takes the lock, as in Commit.
	if _, err := raise(ctx, tx, "vector_changes"); err != nil {
		return fmt.Errorf("change the vectors: %w", err)
	}
	if err := change(tx); err != nil {
		return fmt.Errorf("change the vectors: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("change the vectors: %w", err)
	}
	return nil
}

// SaveVectors adds vectors to the generation of a model. A vector of other dimensions than those there is an error.
func (ix *Index) SaveVectors(ctx context.Context, model string, vectors []dense.Vector) error {
	if len(vectors) == 0 {
		return nil
	}
	dims := vectors[0].Row.Dims()
	return ix.changeVectors(ctx, func(tx *sql.Tx) error {
		g := Generation{}
		err := tx.QueryRowContext(ctx, `INSERT INTO generation(model, dims, active) VALUES(?1, ?2, 0) ON CONFLICT(model) DO UPDATE SET dims = CASE generation.dims WHEN 0 THEN ?2 ELSE generation.dims END
			RETURNING id, dims`, model, dims).Scan(&g.ID, &g.Dims)
		if err != nil {
			return err
		}
		ids, rows := make([]int64, 0, len(vectors)), make([]byte, 0, len(vectors)*(4+dims))
		for _, v := range vectors {
			if v.Row.Dims() != g.Dims {
				return fmt.Errorf("%s gave a vector of %d dimensions, after others of %d", model, v.Row.Dims(), g.Dims)
			}
			ids, rows = append(ids, v.ID), append(rows, v.Row...)
		}
		if err := ix.addNeighbours(ctx, tx, g.ID, vectors); err != nil {
			return err
		}
		return addBlock(ctx, tx, g.ID, ids, rows)
	})
}

func addBlock(ctx context.Context, tx *sql.Tx, generation int64, ids []int64, rows []byte) error {
	chunks := make([]byte, 0, 4*len(ids))
	for _, id := range ids {
		chunks = binary.LittleEndian.AppendUint32(chunks, uint32(id))
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO vectors(generation, chunks, rows) VALUES(?,?,?)", generation, chunks, rows)
	return err
}

// UseVectors makes the generation of a model the active one and throws the others away, at once. It changes nothing where that is so. An engine
// has all of it before.
func (ix *Index) UseVectors(ctx context.Context, model string) error {
	if err := ix.Settle(ctx); err != nil {
		return err
	}
	all, err := ix.Generations(ctx)
	if err != nil {
		return err
	}
	if len(all) == 1 && all[0].Model == model && all[0].Active {
		return ix.tendNeighbours(ctx, model)
	}
	err = ix.changeVectors(ctx, func(tx *sql.Tx) error {
		for _, statement := range []string{
			"INSERT INTO generation(model, dims, active) VALUES(?1, 0, 1) ON CONFLICT(model) DO UPDATE SET active = 1",
			"DELETE FROM vectors WHERE generation IN (SELECT id FROM generation WHERE model <> ?1)",
			"DELETE FROM generation WHERE model <> ?1",
		} {
			if _, err := tx.ExecContext(ctx, statement, model); err != nil {
				return err
			}
		}
		return ix.useNeighbours(ctx, tx, model)
	})
	if err != nil {
		return err
	}
	return ix.Settle(ctx) // it lets the others go
}

// JoinVectors joins small blocks of a generation where there are many, and drops what belongs to chunks that are gone.
func (ix *Index) JoinVectors(ctx context.Context, model string) error {
	alive, err := ix.ChunkIDs(ctx)
	if err != nil {
		return err
	}
	all, err := ix.Generations(ctx)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(all, func(g Generation) bool { return g.Model == model })
	if at < 0 {
		return nil
	}
	generation := all[at].ID
	var loose []int64
	kept, gone := 0, 0
	err = ix.VectorIDs(ctx, generation, 0, func(block int64, ids []int64, _ []byte) error {
		dead := 0
		for _, id := range ids {
			if _, there := slices.BinarySearch(alive, id); !there {
				dead++
			}
		}
		if len(ids) < vectorBlock/2 || 2*dead > len(ids) {
			loose = append(loose, block)
		}
		kept, gone = kept+len(ids)-dead, gone+dead
		return nil
	})
	if err != nil || len(loose) < looseBlocks && gone <= kept {
		return err
	}
	return ix.changeVectors(ctx, func(tx *sql.Tx) error {
		var ids []int64
		var rows []byte
		var newest int64
		if err := tx.QueryRowContext(ctx, "SELECT COALESCE(MAX(id), 0) FROM vectors WHERE generation = ?", generation).Scan(&newest); err != nil {
			return err
		}
		for _, block := range loose {
			err := eachBlock(ctx, tx, "SELECT id, chunks, rows FROM vectors WHERE id = ?", func(_ int64, of []int64, data []byte) error {
				size := len(data) / max(len(of), 1)
				for i, id := range of {
					if _, there := slices.BinarySearch(alive, id); there {
						ids, rows = append(ids, id), append(rows, data[i*size:(i+1)*size]...)
					}
				}
				return nil
			}, block)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, "DELETE FROM vectors WHERE id = ?", block); err != nil {
				return err
			}
			if len(ids) >= vectorBlock || block == loose[len(loose)-1] && len(ids) > 0 {
				if err := addBlock(ctx, tx, generation, ids, rows); err != nil {
					return err
				}
				ids, rows = ids[:0], rows[:0]
			}
		}
		return ix.joined(ctx, tx, generation, newest)
	})
}

// ChunkIDs are the ids of all chunks, ascending.
func (ix *Index) ChunkIDs(ctx context.Context) ([]int64, error) {
	snap, err := ix.current(ctx)
	if err != nil {
		return nil, err
	}
	return snap.chunkIDs(), nil
}

func (s *snapshot) chunkIDs() []int64 {
	out := make([]int64, 0, s.chunks)
	for _, seg := range s.segments {
		for i := range seg.rows {
			if seg.docs[i] != nil {
				out = append(out, seg.rows[i].chunk)
			}
		}
	}
	slices.Sort(out)
	return out
}

// ChunksByID returns chunks with their texts, in the order of their ids. Those that are gone are left out.
func (ix *Index) ChunksByID(ctx context.Context, ids []int64) ([]Chunk, error) {
	snap, err := ix.current(ctx)
	if err != nil {
		return nil, err
	}
	var hits []Hit
	for _, id := range ids {
		if doc, _, ok := snap.find(id); ok {
			hits = append(hits, Hit{Chunk: id, Doc: doc})
		}
	}
	return ix.Chunks(ctx, hits)
}

// find returns the document of a chunk that is alive, and the number of its kind.
func (s *snapshot) find(id int64) (*Document, uint8, bool) {
	for _, seg := range s.segments {
		if at, ok := seg.row(id); ok {
			return seg.docs[at], seg.rows[at].kind, true
		}
	}
	return nil, 0, false
}

// Filter returns what a query says of chunks by their ids: whether one is there and may be found. It is for one goroutine.
func (ix *Index) Filter(ctx context.Context, q *Query) (func(chunk int64) bool, error) {
	snap, err := ix.current(ctx)
	if err != nil {
		return nil, err
	}
	return snap.filter(q), nil
}

// filter is Filter of a snapshot.
func (s *snapshot) filter(q *Query) func(chunk int64) bool {
	allowed, memo := kindSet(q.Kinds), map[*Document]bool{}
	return func(id int64) bool {
		doc, kind, ok := s.find(id)
		if !ok || doc == nil || allowed>>kind&1 == 0 {
			return false
		}
		may, known := memo[doc]
		if !known {
			may = q.Allow == nil || q.Allow(doc)
			memo[doc] = may
		}
		return may && q.passes(doc, id)
	}
}
