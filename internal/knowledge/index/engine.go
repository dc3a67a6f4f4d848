package index

import (
	"context"
	"errors"

	"github.com/dragoman/dragoman/internal/knowledge/dense"
)

// Engine searches vectors outside of this process and of the index's database: for more of them than either holds. It gets copies of the
// vectors that the index keeps, without any text; what it has lost can be given to it again (mirror.go). Spaces are apart from each other: a
// generation of one index has one. Whatever it is told may be told twice.
//
// Its errors wrap ErrEngine where it could not be asked or gave no sensible answer, and ErrNoSpace where it does not know the space.
type Engine interface {
	// Make makes a space where there is none.
	Make(ctx context.Context, space string) error
	// Drop throws a space away, if it is there.
	Drop(ctx context.Context, space string) error
	// Put adds entries, each in place of the one of its chunk.
	Put(ctx context.Context, space string, entries []Entry) error
	// Remove removes the entries of documents.
	Remove(ctx context.Context, space string, documents []int64) error
	// RemoveChunks removes the entries of chunks.
	RemoveChunks(ctx context.Context, space string, chunks []int64) error
	// Count counts the entries.
	Count(ctx context.Context, space string) (int, error)
	// Chunks lists those that have an entry, in the order of their numbers, after one (-1: from the first), at most limit; fewer are the last.
	Chunks(ctx context.Context, space string, after int64, limit int) ([]int64, error)
	// Search proposes the k vectors that are closest to a query, among those that a selection leaves; fewer are all.
	Search(ctx context.Context, space string, query []float32, k int, s Selection) ([]dense.Vector, error)
	// Rows reads the vectors of chunks, of those that have one.
	Rows(ctx context.Context, space string, chunks []int64) ([]dense.Vector, error)
}

// Errors of engines.
var (
	ErrEngine  = errors.New("vectors could not be searched")
	ErrNoSpace = errors.New("the engine does not have the collection's vectors")
)

// Entry is a vector at an engine, and what searches are narrowed by: only what stays as it is for as long as the chunk does.
type Entry struct {
	Chunk    int64
	Document int64
	ACL      string   // of the document, as it is kept there
	Facets   []string // what Describe says of the document, and "kind:" with the chunk's kind
	Row      dense.Row
}

// Selection is which entries may be found. What is nil leaves all, what is empty none.
type Selection struct {
	ACLs      []string   // those of one of these
	Any       [][]string // those that have a facet of each of these lists
	None      []string   // those that have none of these facets
	Documents []int64    // those of these documents
	Chunks    []int64    // those of these chunks
}

// Where is what a query says of documents, for engines, which cannot call Allow. All that Allow lets through holds.
type Where struct {
	Sees  func(acl string) bool // whether documents with this ACL may be found; nil: all may
	Any   [][]string            // as in Selection
	None  []string
	Exact bool // what holds is also let through by Allow
}
