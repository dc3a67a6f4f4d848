package index

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/dragoman/dragoman/internal/knowledge/dense"
)

// Neighbours searches the vectors of a generation in the database, by pgvector: an HNSW graph proposes, and what it proposes is compared
// exactly, by the rows that memory would hold. It is for more vectors than memory holds, and its answers differ only where the graph
// misses one.
type Neighbours struct {
	ix         *Index
	generation int64
	dims       int
}

// Neighbours are those of a generation, nil where vectors are searched in memory.
func (ix *Index) Neighbours(g Generation) *Neighbours {
	if !ix.pgvector || g.Dims == 0 {
		return nil
	}
	return &Neighbours{ix, g.ID, g.Dims}
}

// makeNeighbours makes the table that pgvector searches, of the vectors that there are.
func (ix *Index) makeNeighbours(ctx context.Context, tx *sql.Tx) error {
	var there bool
	if err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'vector')").Scan(&there); err != nil {
		return err
	}
	if !there {
		if _, err := tx.ExecContext(ctx, "CREATE EXTENSION IF NOT EXISTS vector SCHEMA public"); err != nil {
			return fmt.Errorf("the database has no pgvector; install it on the server, and let a superuser do CREATE EXTENSION vector, or leave store.vectors out: %w", err)
		}
	}
	if _, err := tx.ExecContext(ctx, `CREATE TABLE neighbour (chunk BIGINT, generation BIGINT, exact BYTEA NOT NULL, near halfvec NOT NULL, PRIMARY KEY (chunk, generation));
		ALTER TABLE neighbour ALTER COLUMN exact SET STORAGE PLAIN; ALTER TABLE neighbour ALTER COLUMN near SET STORAGE PLAIN`); err != nil {
		return err
	}
	ix.nearby = true
	type block struct {
		generation int64
		vectors    []dense.Vector
	}
	var blocks []block
	generations, err := tx.QueryContext(ctx, "SELECT id FROM generation")
	if err != nil {
		return err
	}
	defer generations.Close()
	for generations.Next() {
		var b block
		if err := generations.Scan(&b.generation); err != nil {
			return err
		}
		blocks = append(blocks, b)
	}
	if err := generations.Err(); err != nil {
		return err
	}
	for _, b := range blocks {
		err := eachBlock(ctx, tx, "SELECT id, chunks, rows FROM vectors WHERE generation = ? ORDER BY id", func(_ int64, ids []int64, rows []byte) error {
			size := len(rows) / max(len(ids), 1)
			for i, id := range ids {
				b.vectors = append(b.vectors, dense.Vector{ID: id, Row: slices.Clone(rows[i*size : (i+1)*size])})
			}
			return nil
		}, b.generation)
		if err != nil {
			return err
		}
		if err := ix.addNeighbours(ctx, tx, b.generation, b.vectors); err != nil {
			return err
		}
		if err := ix.indexNeighbours(ctx, tx, b.generation); err != nil {
			return err
		}
	}
	return nil
}

// addNeighbours adds vectors to the table, where there is one.
func (ix *Index) addNeighbours(ctx context.Context, tx *sql.Tx, generation int64, vectors []dense.Vector) error {
	if !ix.nearby {
		return nil
	}
	seen := map[int64]bool{}
	in := newInserter(tx, "neighbour(chunk, generation, exact, near)")
	defer in.close()
	for _, v := range vectors {
		if seen[v.ID] {
			continue
		}
		seen[v.ID] = true
		if err := in.add(ctx, v.ID, generation, []byte(v.Row), vectorText(v.Row.Floats())); err != nil {
			return err
		}
	}
	return in.flush(ctx)
}

// useNeighbours lets those of other models go, and makes the graph.
func (ix *Index) useNeighbours(ctx context.Context, tx *sql.Tx, model string) error {
	if !ix.nearby {
		return nil
	}
	var generation int64
	if err := tx.QueryRowContext(ctx, "SELECT id FROM generation WHERE model = ?", model).Scan(&generation); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM neighbour WHERE generation <> ?", generation); err != nil {
		return err
	}
	return ix.indexNeighbours(ctx, tx, generation)
}

// indexNeighbours makes the graph of a generation, in place of others. While it is made, which takes about a minute for 100,000 vectors,
// searches go on and changes wait.
func (ix *Index) indexNeighbours(ctx context.Context, tx *sql.Tx, generation int64) error {
	var dims int
	if err := tx.QueryRowContext(ctx, "SELECT dims FROM generation WHERE id = ?", generation).Scan(&dims); err != nil || dims == 0 {
		return err
	}
	_, err := tx.ExecContext(ctx, fmt.Sprintf(`DROP INDEX IF EXISTS neighbour_graph;
		CREATE INDEX neighbour_graph ON neighbour USING hnsw ((near::halfvec(%d)) halfvec_ip_ops) WITH (m = 24, ef_construction = 200) WHERE generation = %d`, dims, generation))
	return err
}

// vectorText is how pgvector reads a vector.
func vectorText(v []float32) string {
	b := make([]byte, 0, 12*len(v))
	for i, x := range v {
		b = append(b, "[,"[min(i, 1)])
		b = strconv.AppendFloat(b, float64(x), 'g', -1, 32)
	}
	return string(append(b, ']'))
}

const (
	// proposed is how many vectors the graph proposes at first, and widened how many where a filter leaves too few of them.
	proposed = 256
	widened  = 16
	// readAtOnce bounds the rows that are read in one piece where all that a filter leaves are compared.
	readAtOnce = 4096
)

// Dims is how many dimensions the vectors have.
func (n *Neighbours) Dims() int { return n.dims }

// Search returns the k closest vectors, the closest first, among those that allow lets be found. It finds k where there are k: where the
// graph proposes too few of them, all of them are compared.
func (n *Neighbours) Search(ctx context.Context, query []float32, k int, allow func(id int64) bool) ([]dense.Hit, error) {
	if len(query) != n.dims {
		return nil, fmt.Errorf("a query of %d dimensions does not fit vectors of %d", len(query), n.dims)
	}
	for _, limit := range []int{max(proposed, 4*k), widened * max(proposed, 4*k)} {
		hits, err := n.propose(ctx, query, limit, allow)
		if err != nil {
			return nil, fmt.Errorf("search the vectors: %w", err)
		}
		if len(hits) >= k {
			return best(hits, k), nil
		}
	}
	ids, err := n.ix.ChunkIDs(ctx)
	if err != nil {
		return nil, err
	}
	ids = slices.DeleteFunc(ids, func(id int64) bool { return !allow(id) })
	var hits []dense.Hit
	for some := range slices.Chunk(ids, readAtOnce) {
		err := n.each(ctx, some, func(id int64, row dense.Row) { hits = append(hits, dense.Hit{ID: id, Score: row.Score(query)}) })
		if err != nil {
			return nil, fmt.Errorf("search the vectors: %w", err)
		}
		hits = best(hits, k)
	}
	return hits, nil
}

// propose returns what is allowed of the first that the graph has.
func (n *Neighbours) propose(ctx context.Context, query []float32, limit int, allow func(id int64) bool) (hits []dense.Hit, err error) {
	tx, err := n.ix.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	// An iterative scan goes on until it has as many as are asked for.
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("SET LOCAL hnsw.iterative_scan = strict_order; SET LOCAL hnsw.ef_search = %d", min(limit, 1000))); err != nil {
		return nil, err
	}
	rows, err := tx.QueryContext(ctx, fmt.Sprintf("SELECT chunk, exact FROM neighbour WHERE generation = %d ORDER BY near::halfvec(%d) <#> CAST(? AS halfvec(%[2]d)) LIMIT ?", n.generation, n.dims), vectorText(query), limit)
	if err != nil {
		return nil, err
	}
	err = scanRows(rows, n.dims, func(id int64, row dense.Row) {
		if allow(id) {
			hits = append(hits, dense.Hit{ID: id, Score: row.Score(query)})
		}
	})
	return hits, err
}

// each calls f with the rows of chunks.
func (n *Neighbours) each(ctx context.Context, ids []int64, f func(id int64, row dense.Row)) error {
	rows, err := n.ix.db.QueryContext(ctx, "SELECT chunk, exact FROM neighbour WHERE generation = ? AND chunk "+n.ix.among, n.generation, idList(len(ids), func(i int) int64 { return ids[i] }))
	if err != nil {
		return err
	}
	return scanRows(rows, n.dims, f)
}

func scanRows(rows *sql.Rows, dims int, f func(id int64, row dense.Row)) error {
	defer rows.Close()
	var row sql.RawBytes
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id, &row); err != nil {
			return err
		}
		if len(row) != 4+dims {
			return errors.New("a vector has other dimensions than its generation")
		}
		f(id, dense.Row(row))
	}
	return rows.Err()
}

// best are the k closest, in order.
func best(hits []dense.Hit, k int) []dense.Hit {
	slices.SortFunc(hits, func(a, b dense.Hit) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID)) })
	return hits[:min(k, len(hits))]
}

// Similarities are the inner products of a query with the vectors of chunks, of those that have one.
func (n *Neighbours) Similarities(ctx context.Context, query []float32, ids []int64) (map[int64]float32, error) {
	out := make(map[int64]float32, len(ids))
	err := n.each(ctx, ids, func(id int64, row dense.Row) { out[id] = row.Score(query) })
	return out, err
}
