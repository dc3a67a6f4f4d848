package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/dragoman/dragoman/internal/knowledge/chunk"
)

// Chunk is a stored chunk with its document.
type Chunk struct {
	ID  int64
	Doc *Document
	chunk.Chunk
}

// Number is the chunk's place among those of its document, from 0.
func (c *Chunk) Number() int { return int(c.ID - c.Doc.firstChunk) }

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

const chunkColumns = `SELECT id, start, "end", page, kind, symbol, defines, context, text FROM chunk `

func (c *Chunk) scan(row interface{ Scan(...any) error }) error {
	var kind string
	if err := row.Scan(&c.ID, &c.Start, &c.End, &c.Page, &kind, &c.Symbol, &c.Defines, &c.Context, &c.Text); err != nil {
		return err
	}
	c.Kind = chunk.Kind(kind)
	return nil
}
