package index

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"strconv"

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

// Changed is Document.Changed of the chunk.
func (c *Chunk) Changed() (last LastChange, blamed bool) { return c.Doc.Changed(c.Number()) }

// A chunk's head is all but its text, which is several times as long and is read when it is needed: uvarint first line, number of
// further lines and page, a byte for the kind, then symbol, names and context, each after its uvarint length.

func appendHead(dst []byte, c *chunk.Chunk) []byte {
	dst = binary.AppendUvarint(dst, uint64(c.Start))
	dst = binary.AppendUvarint(dst, uint64(c.End-c.Start))
	dst = binary.AppendUvarint(dst, uint64(c.Page))
	dst = append(dst, kindNumber(c.Kind))
	for _, s := range []string{c.Symbol, c.Defines, c.Context} {
		dst = binary.AppendUvarint(dst, uint64(len(s)))
		dst = append(dst, s...)
	}
	return dst
}

func decodeHead(b []byte, c *chunk.Chunk) error {
	var numbers [3]uint64
	for i := range numbers {
		v, n := binary.Uvarint(b)
		if n <= 0 || v > 1<<31 {
			return errDamaged
		}
		numbers[i], b = v, b[n:]
	}
	if len(b) == 0 || int(b[0]) >= len(kinds) {
		return errDamaged
	}
	c.Start, c.End, c.Page, c.Kind = int(numbers[0]), int(numbers[0]+numbers[1]), int(numbers[2]), kinds[b[0]]
	text := string(b[1:]) // one allocation for the three
	for _, s := range []*string{&c.Symbol, &c.Defines, &c.Context} {
		at := len(b) - len(text)
		v, n := binary.Uvarint(b[at:])
		if n <= 0 || v > uint64(len(text)-n) {
			return errDamaged
		}
		*s, text = text[n:n+int(v)], text[n+int(v):]
	}
	return nil
}

// Heads returns the chunks of hits without their texts, in the order of the hits. A chunk that a commit has removed since the
// search is left out.
func (ix *Index) Heads(ctx context.Context, hits []Hit) ([]Chunk, error) {
	at := make(map[int64]int, len(hits))
	list := idList(len(hits), func(i int) int64 { at[hits[i].Chunk] = i; return hits[i].Chunk })
	rows, err := ix.query(ctx, "SELECT id, head FROM chunk WHERE id "+ix.among, list)
	if err != nil {
		return nil, fmt.Errorf("read passages: %w", err)
	}
	defer rows.Close()
	out := make([]Chunk, len(hits))
	var head sql.RawBytes
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id, &head); err != nil {
			return nil, fmt.Errorf("read passages: %w", err)
		}
		i := at[id]
		out[i].ID, out[i].Doc = id, hits[i].Doc
		if err := decodeHead(head, &out[i].Chunk); err != nil {
			return nil, err
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read passages: %w", err)
	}
	n := 0
	for i := range out {
		if out[i].ID != 0 {
			out[n] = out[i]
			n++
		}
	}
	return out[:n], nil
}

// Texts reads the texts of n chunks. The text of one that a commit has removed since is empty.
func (ix *Index) Texts(ctx context.Context, n int, get func(i int) *Chunk) error {
	if n == 0 {
		return nil
	}
	at := make(map[int64]*Chunk, n)
	list := idList(n, func(i int) int64 { c := get(i); at[c.ID] = c; return c.ID })
	rows, err := ix.query(ctx, "SELECT id, text FROM text WHERE id "+ix.among, list)
	if err != nil {
		return fmt.Errorf("read texts: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var text string
		if err := rows.Scan(&id, &text); err != nil {
			return fmt.Errorf("read texts: %w", err)
		}
		if c := at[id]; c != nil {
			c.Text = text
		}
	}
	return rows.Err()
}

// idList writes n ids as a JSON array, as the condition among takes a list.
func idList(n int, id func(i int) int64) string {
	b := make([]byte, 0, 10*n+2)
	b = append(b, '[')
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, id(i), 10)
	}
	return string(append(b, ']'))
}

// Chunks returns the chunks of hits with their texts, as Heads does.
func (ix *Index) Chunks(ctx context.Context, hits []Hit) ([]Chunk, error) {
	out, err := ix.Heads(ctx, hits)
	if err != nil {
		return nil, err
	}
	return out, ix.Texts(ctx, len(out), func(i int) *Chunk { return &out[i] })
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
	return ix.chunks(ctx, doc, doc.firstChunk, doc.firstChunk+doc.chunks)
}

// Around returns the neighbours of a chunk in its document, the next one first.
func (ix *Index) Around(ctx context.Context, doc *Document, id int64) ([]Chunk, error) {
	found, err := ix.chunks(ctx, doc, max(id-1, doc.firstChunk), min(id+2, doc.firstChunk+doc.chunks))
	if err != nil {
		return nil, err
	}
	var out []Chunk
	for i := len(found) - 1; i >= 0; i-- {
		if found[i].ID != id {
			out = append(out, found[i])
		}
	}
	return out, nil
}

// chunks reads the chunks of a document whose ids are from first to before end. Those that a commit has removed since are left out.
func (ix *Index) chunks(ctx context.Context, doc *Document, first, end int64) ([]Chunk, error) {
	rows, err := ix.query(ctx, "SELECT chunk.id, head, text FROM chunk JOIN text USING (id) WHERE chunk.id >= ? AND chunk.id < ? ORDER BY chunk.id", first, end)
	if err != nil {
		return nil, fmt.Errorf("read passages of %q: %w", doc.Path, err)
	}
	defer rows.Close()
	var out []Chunk
	var head sql.RawBytes
	for rows.Next() {
		c := Chunk{Doc: doc}
		if err := rows.Scan(&c.ID, &head, &c.Text); err != nil {
			return nil, fmt.Errorf("read passages of %q: %w", doc.Path, err)
		}
		if err := decodeHead(head, &c.Chunk); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}
