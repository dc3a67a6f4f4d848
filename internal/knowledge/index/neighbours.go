package index

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dragoman/dragoman/internal/knowledge/dense"
)

// Neighbours searches the vectors of a generation in the database, by pgvector: an HNSW graph proposes, or, where few vectors come into question,
// a comparison of all of them; what is proposed is compared exactly, by the rows that memory would hold. It is for more vectors than memory
// holds, and its answers differ only where the graph misses one.
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

// tendNeighbours makes the graph of a generation that has grown to where it needs one.
func (ix *Index) tendNeighbours(ctx context.Context, model string) error {
	if !ix.nearby {
		return nil
	}
	var wants bool
	err := ix.db.QueryRowContext(ctx, `SELECT to_regclass('neighbour_graph') IS NULL AND (SELECT COUNT(*) FROM
		(SELECT 1 FROM neighbour WHERE generation = (SELECT id FROM generation WHERE model = ?) LIMIT ?) AS counted) > ?`, model, ix.compared+1, ix.compared).Scan(&wants)
	if err != nil || !wants {
		return err
	}
	return ix.changeVectors(ctx, func(tx *sql.Tx) error { return ix.useNeighbours(ctx, tx, model) })
}

const (
	// linked and tried are what pgvector calls m and ef_construction, and walked is ef_search: what they cost and find is in bench/README.md.
	linked, tried, walked = 24, 200, 400
	// mostGraph bounds the server's memory in which a graph is made. One that does not fit is made many times slower.
	mostGraph = 4 << 30
)

// graphBytes is what a vector takes in a graph while it is made: two bytes a dimension, 16 for each of its links, and what belongs to it. At 384
// dimensions 1.8 KB were seen.
func graphBytes(dims int) int { return 2*dims + 2*16*linked + 400 }

// indexNeighbours makes the graph of a generation, in place of others, where it has more vectors than are compared one by one. While it is
// made, which takes minutes for 100,000 vectors, searches go on and changes wait.
func (ix *Index) indexNeighbours(ctx context.Context, tx *sql.Tx, generation int64) error {
	var dims, n int
	err := tx.QueryRowContext(ctx, "SELECT dims, (SELECT COUNT(*) FROM neighbour WHERE generation = g.id) FROM generation AS g WHERE id = ?", generation).Scan(&dims, &n)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DROP INDEX IF EXISTS neighbour_graph"); err != nil || n <= ix.compared {
		return err
	}
	var has int
	if err := tx.QueryRowContext(ctx, "SELECT CAST(setting AS BIGINT) * 1024 FROM pg_settings WHERE name = 'maintenance_work_mem'").Scan(&has); err != nil {
		return err
	}
	statement := fmt.Sprintf(`CREATE INDEX neighbour_graph ON neighbour USING hnsw ((near::halfvec(%d)) halfvec_ip_ops) WITH (m = %d, ef_construction = %d) WHERE generation = %d`,
		dims, linked, tried, generation)
	if want := min(n*graphBytes(dims), mostGraph); want > has {
		// Workers share that memory, of which a container may have little (/dev/shm): then one process makes the graph, in memory of its own.
		statement = fmt.Sprintf("SET LOCAL maintenance_work_mem = '%dkB'; SAVEPOINT graph; ", want>>10) + statement
		if _, err := tx.ExecContext(ctx, statement); err == nil || ctx.Err() != nil {
			return err
		}
		_, statement, _ = strings.Cut(statement, "SAVEPOINT graph; ")
		statement = "ROLLBACK TO graph; SET LOCAL max_parallel_maintenance_workers = 0; " + statement
	}
	_, err = tx.ExecContext(ctx, statement)
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
	// named is how many chunks the database is named at once, to compare all of them. Where a filter leaves more, the graph is walked and what may
	// not be found passed over.
	named = 20_000
	// deepest is how many the graph proposes where at first too few of them may be found.
	deepest = 4096
	// readAtOnce bounds the rows that are read in one piece.
	readAtOnce = 4096
)

// Dims is how many dimensions the vectors have.
func (n *Neighbours) Dims() int { return n.dims }

// Search returns the k closest vectors, the closest first, among those of chunks that the query lets be found. It finds k where there are k, but
// for those that the graph misses: where it proposes too few, all of them are compared.
func (n *Neighbours) Search(ctx context.Context, query []float32, k int, q *Query) ([]dense.Hit, error) {
	if len(query) != n.dims {
		return nil, fmt.Errorf("a query of %d dimensions does not fit vectors of %d", len(query), n.dims)
	}
	snap, err := n.ix.current(ctx)
	if err != nil {
		return nil, err
	}
	find, share := snap.filter(q), 1.0
	if q.Allow != nil || q.Passage != nil || q.Kinds != nil {
		if share, err = n.share(ctx, find); err != nil {
			return nil, err
		}
	}
	if share == 1 || share*float64(snap.chunks) > float64(n.ix.named) {
		limit := k + spare
		if share < 1 {
			limit = int(float64(limit) / share * 5 / 4)
		}
		order := fmt.Sprintf("near::halfvec(%d) <#> CAST(? AS halfvec(%[1]d))", n.dims) // as the graph has it
		if snap.chunks <= n.ix.compared {
			order = compareAll
		}
		for _, limit := range []int{limit, max(limit, deepest)} { // what may not be found may lie around the query
			hits, all, err := n.propose(ctx, query, limit, find, "", order)
			if err != nil || all && snap.chunks <= n.ix.compared || len(hits) >= k {
				return best(hits, k), err
			}
		}
	}
	var hits []dense.Hit
	for some := range slices.Chunk(snap.findable(q), n.ix.named) {
		more, _, err := n.propose(ctx, query, k+spare, find, "AND chunk "+n.ix.among, compareAll, idList(len(some), func(i int) int64 { return some[i] }))
		if err != nil {
			return nil, err
		}
		hits = best(append(hits, more...), k)
	}
	return hits, nil
}

// compareAll orders by similarity without the graph, which is of other words.
const compareAll = "near <#> CAST(? AS halfvec), chunk"

// share estimates which part of all chunks may be found, by a sample of them.
func (n *Neighbours) share(ctx context.Context, find func(int64) bool) (float64, error) {
	ids, err := n.ix.Sample(ctx)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	passed := 0
	for _, id := range ids {
		if find(id) {
			passed++
		}
	}
	return float64(passed) / float64(len(ids)), nil
}

// findable are the ids of the chunks that a query lets be found, ascending.
func (s *snapshot) findable(q *Query) (ids []int64) {
	allowed := kindSet(q.Kinds)
	for _, d := range s.inOrder() {
		if q.Allow != nil && !q.Allow(d) {
			continue
		}
		for c := d.firstChunk; c < d.firstChunk+d.chunks; c++ {
			if !q.passes(d, c) {
				continue
			}
			if q.Kinds != nil {
				if _, kind, ok := s.find(c); !ok || allowed>>kind&1 == 0 {
					continue
				}
			}
			ids = append(ids, c)
		}
	}
	return ids
}

// propose returns what may be found of the first vectors by an order, of those that a condition leaves, and whether these are all.
func (n *Neighbours) propose(ctx context.Context, query []float32, limit int, find func(id int64) bool, condition, order string, args ...any) (hits []dense.Hit, all bool, err error) {
	args = append(args, vectorText(query), limit)
	rows, err := n.ix.db.QueryContext(ctx, fmt.Sprintf("SELECT chunk, exact FROM neighbour WHERE generation = %d %s ORDER BY %s LIMIT ?", n.generation, condition, order), args...)
	if err != nil {
		return nil, false, fmt.Errorf("search the vectors: %w", err)
	}
	found := 0
	err = n.scan(rows, func(id int64, row dense.Row) {
		if found++; find(id) {
			hits = append(hits, dense.Hit{ID: id, Score: row.Score(query)})
		}
	})
	return hits, found < limit, err
}

// scan calls f with rows, and keeps them for Similarities.
func (n *Neighbours) scan(rows *sql.Rows, f func(id int64, row dense.Row)) error {
	defer rows.Close()
	for rows.Next() {
		var id int64
		var row []byte
		if err := rows.Scan(&id, &row); err != nil {
			return fmt.Errorf("search the vectors: %w", err)
		}
		if len(row) != 4+n.dims {
			return errors.New("a vector has other dimensions than its generation")
		}
		n.ix.rows.put(rowKey{n.generation, id}, row)
		f(id, row)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("search the vectors: %w", err)
	}
	return nil
}

// best are the k closest, in order.
func best(hits []dense.Hit, k int) []dense.Hit {
	slices.SortFunc(hits, func(a, b dense.Hit) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID)) })
	return hits[:min(k, len(hits))]
}

// Similarities are the inner products of a query with the vectors of chunks, of those that have one.
func (n *Neighbours) Similarities(ctx context.Context, query []float32, ids []int64) (map[int64]float32, error) {
	out := make(map[int64]float32, len(ids))
	var ask []int64
	for _, id := range ids {
		if row := n.ix.rows.get(rowKey{n.generation, id}); row != nil {
			out[id] = row.Score(query)
		} else {
			ask = append(ask, id)
		}
	}
	for some := range slices.Chunk(ask, readAtOnce) {
		rows, err := n.ix.db.QueryContext(ctx, "SELECT chunk, exact FROM neighbour WHERE generation = ? AND chunk "+n.ix.among, n.generation, idList(len(some), func(i int) int64 { return some[i] }))
		if err != nil {
			return nil, fmt.Errorf("search the vectors: %w", err)
		}
		if err := n.scan(rows, func(id int64, row dense.Row) { out[id] = row.Score(query) }); err != nil {
			return nil, err
		}
	}
	return out, nil
}
