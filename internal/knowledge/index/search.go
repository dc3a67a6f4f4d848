package index

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/dragoman/dragoman/internal/knowledge/chunk"
)

// BM25's parameters (Robertson & Zaragoza 2009, section 3.5): k1 says how soon further occurrences of a word stop
// counting, b how much longer chunks are held back. Measured on the tuning sets in bench/README.md.
const (
	bm25K1 = 1.2
	bm25B  = 0.6
)

// MaxTerms is how many terms a query may have; further ones are left out.
const MaxTerms = 64

// Term is one index term of a query.
type Term struct {
	Text   string
	Weight float32 // 1 for a word of the question
}

// Query asks for the chunks that match best.
type Query struct {
	Terms []Term
	Limit int                  // how many hits at most
	Allow func(*Document) bool // which documents may be found; nil allows all
}

// Hit is a chunk that matches.
type Hit struct {
	Chunk   int64
	Doc     *Document
	Score   float32 // BM25
	Matched uint64  // bit i is set when term i occurs
}

// Result is what a search found.
type Result struct {
	Hits   []Hit     // best first
	IDF    []float32 // of each term of the query; the weight of a term that occurs nowhere is the greatest
	Counts []int     // number of chunks in which each term occurs
	Chunks int       // in the index
}

// Search ranks all chunks by BM25.
func (ix *Index) Search(ctx context.Context, q Query) (*Result, error) {
	tx, err := ix.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	defer tx.Rollback()
	snap, err := ix.load(ctx, tx)
	if err != nil {
		return nil, err
	}
	if len(q.Terms) > MaxTerms {
		q.Terms = q.Terms[:MaxTerms]
	}
	res := &Result{IDF: make([]float32, len(q.Terms)), Counts: make([]int, len(q.Terms)), Chunks: snap.chunks}
	lists, err := readPostings(ctx, tx, snap, q.Terms, res.Counts)
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	n := float64(snap.chunks)
	for i, df := range res.Counts {
		f := min(float64(df), n)
		res.IDF[i] = float32(math.Log(1 + (n-f+0.5)/(f+0.5)))
	}
	top := topHits{limit: q.Limit}
	for s, seg := range snap.segments {
		if err := seg.rank(q, lists[s], res.IDF, snap.meanLength, &top); err != nil {
			return nil, fmt.Errorf("search: %w", err)
		}
	}
	res.Hits = top.sorted()
	return res, ctx.Err()
}

// readPostings fetches the postings of each term in each segment.
func readPostings(ctx context.Context, tx *sql.Tx, snap *snapshot, terms []Term, counts []int) ([][][]byte, error) {
	stmt, err := tx.PrepareContext(ctx, "SELECT data FROM block WHERE id = ?")
	if err != nil {
		return nil, err
	}
	defer stmt.Close()
	lists := make([][][]byte, len(snap.segments))
	for s, seg := range snap.segments {
		lists[s] = make([][]byte, len(terms))
		blocks := map[int][]byte{} // several terms may be in one
		for i, t := range terms {
			// The last block that begins at or before the term.
			n, exact := slices.BinarySearch(seg.directory, t.Text)
			if !exact {
				n--
			}
			if n < 0 {
				continue
			}
			data, ok := blocks[n]
			if !ok {
				if err := stmt.QueryRowContext(ctx, seg.firstBlock+int64(n)).Scan(&data); err != nil {
					return nil, err
				}
				blocks[n] = data
			}
			count, postings, err := findTerm(data, []byte(t.Text))
			if err != nil {
				return nil, err
			}
			lists[s][i] = postings
			counts[i] += count
		}
	}
	return lists, nil
}

// rank scores the chunks of one segment, term by term.
func (seg *segment) rank(q Query, lists [][]byte, idf []float32, mean float32, top *topHits) error {
	scores := make([]float32, len(seg.rows))
	matched := make([]uint64, len(seg.rows))
	for i, list := range lists {
		weight, bit := idf[i]*q.Terms[i].Weight, uint64(1)<<i
		err := eachPosting(list, len(seg.rows), func(ordinal, frequency uint32) {
			tf := float32(frequency)
			norm := bm25K1 * (1 - bm25B + bm25B*float32(seg.rows[ordinal].length)/mean)
			scores[ordinal] += weight * tf * (bm25K1 + 1) / (tf + norm)
			matched[ordinal] |= bit
		})
		if err != nil {
			return err
		}
	}
	for ordinal, score := range scores {
		doc := seg.docs[ordinal]
		if score <= 0 || doc == nil || !top.wants(score) || q.Allow != nil && !q.Allow(doc) {
			continue
		}
		top.add(Hit{seg.rows[ordinal].chunk, doc, score, matched[ordinal]})
	}
	return nil
}

// topHits keeps the best hits in a heap whose root is the worst of them.
type topHits struct {
	limit int
	heap  []Hit
}

func (t *topHits) wants(score float32) bool {
	return t.limit > 0 && (len(t.heap) < t.limit || score > t.heap[0].Score)
}

func (t *topHits) add(h Hit) {
	if len(t.heap) == t.limit {
		t.heap[0] = h
		for i := 0; ; {
			c := 2*i + 1
			if c >= len(t.heap) {
				return
			}
			if c+1 < len(t.heap) && t.heap[c+1].Score < t.heap[c].Score {
				c++
			}
			if t.heap[i].Score <= t.heap[c].Score {
				return
			}
			t.heap[i], t.heap[c] = t.heap[c], t.heap[i]
			i = c
		}
	}
	t.heap = append(t.heap, h)
	for i := len(t.heap) - 1; i > 0; {
		p := (i - 1) / 2
		if t.heap[p].Score <= t.heap[i].Score {
			return
		}
		t.heap[i], t.heap[p] = t.heap[p], t.heap[i]
		i = p
	}
}

func (t *topHits) sorted() []Hit {
	slices.SortFunc(t.heap, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Doc.Path, b.Doc.Path), cmp.Compare(a.Chunk, b.Chunk))
	})
	return t.heap
}

// Chunk is a stored chunk with its document.
type Chunk struct {
	ID  int64
	Doc *Document
	chunk.Chunk
}

// Chunks returns the chunks of hits, in their order. A chunk that a commit has removed since the search is left out.
func (ix *Index) Chunks(ctx context.Context, hits []Hit) ([]Chunk, error) {
	out := make([]Chunk, 0, len(hits))
	stmt, err := ix.db.PrepareContext(ctx, chunkColumns+"WHERE id = ?")
	if err != nil {
		return nil, fmt.Errorf("read passages: %w", err)
	}
	defer stmt.Close()
	for _, h := range hits {
		c := Chunk{Doc: h.Doc}
		err := c.scan(stmt.QueryRowContext(ctx, h.Chunk))
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read passages: %w", err)
		}
		out = append(out, c)
	}
	return out, nil
}

// DocumentChunks returns the chunks of the document at path in order, or none.
func (ix *Index) DocumentChunks(ctx context.Context, path string) ([]Chunk, error) {
	snap, err := ix.current(ctx)
	if err != nil {
		return nil, err
	}
	doc := snap.byPath[path]
	if doc == nil {
		return nil, nil
	}
	rows, err := ix.db.QueryContext(ctx, chunkColumns+"WHERE id >= ? AND id < ? ORDER BY id", doc.firstChunk, doc.firstChunk+doc.chunks)
	if err != nil {
		return nil, fmt.Errorf("read passages of %q: %w", path, err)
	}
	defer rows.Close()
	var out []Chunk
	for rows.Next() {
		c := Chunk{Doc: doc}
		if err := c.scan(rows); err != nil {
			return nil, fmt.Errorf("read passages of %q: %w", path, err)
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// Around returns the neighbours of a chunk in its document, the next one first.
func (ix *Index) Around(ctx context.Context, doc *Document, id int64) ([]Chunk, error) {
	var out []Chunk
	for _, n := range []int64{id + 1, id - 1} {
		if n < doc.firstChunk || n >= doc.firstChunk+doc.chunks {
			continue
		}
		c := Chunk{Doc: doc}
		err := c.scan(ix.db.QueryRowContext(ctx, chunkColumns+"WHERE id = ?", n))
		if errors.Is(err, sql.ErrNoRows) {
			continue // a commit has removed it since
		}
		if err != nil {
			return nil, fmt.Errorf("read passages of %q: %w", doc.Path, err)
		}
		out = append(out, c)
	}
	return out, nil
}

const chunkColumns = `SELECT id, start, "end", kind, symbol, defines, context, text FROM chunk `

func (c *Chunk) scan(row interface{ Scan(...any) error }) error {
	var kind string
	if err := row.Scan(&c.ID, &c.Start, &c.End, &kind, &c.Symbol, &c.Defines, &c.Context, &c.Text); err != nil {
		return err
	}
	c.Kind = chunk.Kind(kind)
	return nil
}
