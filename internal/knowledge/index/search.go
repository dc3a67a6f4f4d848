package index

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"

	"github.com/dragoman/dragoman/internal/knowledge/chunk"
)

// MaxTerms is how many terms a query may have; further ones are left out.
const MaxTerms = 64

// Term is one index term of a query.
type Term struct {
	Text  string
	Code  float32 // its weight in code; 1 for a word of the question
	Prose float32 // its weight in prose
}

// Query asks for the chunks that match best.
type Query struct {
	Terms []Term
	Limit int                  // how many hits at most
	Allow func(*Document) bool // which documents may be found; nil allows all. Asked once for each that would be found
	Where Where                // what Allow says, for engines
	// Passage says which chunks of the documents that Allow lets through may be found, by their numbers in them; nil: all. It is asked once
	// for each that would be found.
	Passage func(d *Document, number int) bool
	Kinds   []chunk.Kind // which kinds of chunks may be found; nil allows all
	Require []int        // terms, by their place in Terms, that must all occur in a chunk
	Also    []int64      // chunks to score whatever their rank, as far as they may be found: what was found by other means
	Explain bool         // say what each term gave
	// Sees says which documents count where it is asked how common a word is, and how many chunks there are; nil: all. Who asks would else learn
	// from scores which words others have written.
	Sees func(*Document) bool
	// SeesAs is the same for those for whom Sees says the same; what it says is then asked once, and not at each search. Empty: it is asked.
	SeesAs string
}

// passes says whether a chunk of a document that may be found may be found, too.
func (q *Query) passes(d *Document, id int64) bool {
	return q.Passage == nil || q.Passage(d, int(id-d.firstChunk))
}

// Hit is a chunk that matches.
type Hit struct {
	Chunk   int64
	Doc     *Document
	Score   float32   // BM25F
	Matched uint64    // bit i is set when term i occurs in the chunk itself
	Parts   []float32 // what each term gave, when asked for
}

// Result is what a search found.
type Result struct {
	Hits   []Hit     // best first; after them those of Also that are not among them, in the order of Also
	IDF    []float32 // of each term of the query; the weight of a term that occurs nowhere is the greatest
	Counts []int     // number of chunks in which each term occurs
	Chunks int       // in the index, of documents that Query.Sees counts
}

// headerCount is how many chunks with a word in their headers alone make it as common as one that has it in itself: a header
// repeats what belongs to all chunks of its document.
const headerCount = 8

// Search ranks all chunks by BM25F.
func (ix *Index) Search(ctx context.Context, q Query) (*Result, error) {
	tx, snap, err := ix.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	if len(q.Terms) > MaxTerms {
		q.Terms = q.Terms[:MaxTerms]
	}
	res := &Result{IDF: make([]float32, len(q.Terms)), Counts: make([]int, len(q.Terms)), Chunks: snap.chunks}
	own := make([]int, len(q.Terms))
	lists, err := ix.readPostings(ctx, tx, snap, q.Terms, res.Counts, own)
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	if q.Sees != nil {
		if res.Chunks, err = snap.seen(&q, lists, res.Counts, own); err != nil {
			return nil, fmt.Errorf("search: %w", err)
		}
	}
	n := float64(res.Chunks)
	for i, count := range res.Counts {
		f := min(max(float64(own[i]), float64(count)/headerCount), n)
		res.IDF[i] = float32(math.Log(1 + (n-f+0.5)/(f+0.5)))
	}
	sc, ok := ix.pool.Get().(*scorer)
	if !ok {
		sc = &scorer{spread: newSpreader(&ix.scoring)}
	}
	defer ix.pool.Put(sc)
	if res.Hits, err = sc.search(&ix.scoring, snap, &q, res.IDF, lists); err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	return res, ctx.Err()
}

// seen counts chunks of documents that a query's asker sees: all of them, and of each term as readPostings does.
func (s *snapshot) seen(q *Query, lists [][]termList, counts, inThemselves []int) (chunks int, err error) {
	v := s.view(q)
	if v.chunks == s.chunks {
		return v.chunks, nil
	}
	clear(counts)
	clear(inThemselves)
	for i, seg := range s.segments {
		rows := v.rows[i]
		for t, list := range lists[i] {
			if list.count == 0 {
				continue
			}
			err := eachPosting(list, &seg.layout, func(ordinal, frequency uint32) {
				if rows[ordinal/64]>>(ordinal%64)&1 != 0 {
					counts[t]++
					inThemselves[t] += own(frequency)
				}
			})
			if err != nil {
				return 0, err
			}
		}
	}
	return v.chunks, nil
}

// readPostings fetches the postings of each term in each segment, and counts them: all, and those of chunks that have
// the term in themselves.
func (ix *Index) readPostings(ctx context.Context, tx *sql.Tx, snap *snapshot, terms []Term, counts, own []int) ([][]termList, error) {
	var read *sql.Stmt // prepared when the first block has to be read
	defer func() {
		if read != nil {
			read.Close()
		}
	}()
	lists := make([][]termList, len(snap.segments))
	for s, seg := range snap.segments {
		lists[s] = make([]termList, len(terms))
		for i, t := range terms {
			// The last block that begins at or before the term.
			n, exact := slices.BinarySearch(seg.directory, t.Text)
			if !exact {
				n--
			}
			if n < 0 {
				continue
			}
			key := blockKey{seg.id, n}
			data := ix.blocks.get(key)
			if data == nil {
				if read == nil {
					var err error
					if read, err = tx.PrepareContext(ctx, "SELECT data FROM block WHERE id = ?"); err != nil {
						return nil, err
					}
				}
				if err := read.QueryRowContext(ctx, seg.firstBlock+int64(n)).Scan(&data); err != nil {
					return nil, err
				}
				ix.blocks.put(key, data)
			}
			list, err := findTerm(data, []byte(t.Text))
			if err != nil {
				return nil, err
			}
			lists[s][i] = list
			counts[i] += list.count
			own[i] += list.own
		}
	}
	return lists, nil
}
