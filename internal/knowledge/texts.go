package knowledge

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/chunk"
	"github.com/dragoman/dragoman/internal/knowledge/index"
)

// Text is a document that comes from no folder; it is one passage.
type Text struct {
	ID, Text string
	Language string // file extension of the language, "py"; empty for prose
}

// Add indexes texts. Only a collection that is never synced with a folder keeps them.
func (c *Collection) Add(ctx context.Context, texts []Text) error {
	b := index.NewBuilder()
	for _, t := range texts {
		sum := sha256.Sum256([]byte(t.Text))
		doc := index.Document{Path: t.ID, Hash: [16]byte(sum[:16]), Size: int64(len(t.Text)), Updated: time.Unix(0, 0)}
		c := chunk.Chunk{Start: 1, End: 1, Kind: chunk.Section, Text: t.Text}
		if t.Language != "" {
			c.Kind = chunk.Function
			for _, part := range chunk.Split("passage."+t.Language, t.Text) {
				c.Defines += part.Defines + " "
			}
		}
		b.Add(doc, []chunk.Chunk{c})
	}
	return c.index.Commit(ctx, index.Change{Add: b})
}

// Rank returns the ids of the texts that match a query, best first, without threshold.
func (c *Collection) Rank(ctx context.Context, query string) ([]string, error) {
	cands, _, _, err := c.candidates(ctx, Query{Text: query})
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(cands))
	for i := range cands {
		ids[i] = cands[i].Doc.Path
	}
	return ids, nil
}
