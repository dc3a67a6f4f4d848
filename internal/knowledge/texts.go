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

// Ranked is a text in a ranking.
type Ranked struct {
	ID    string
	Score float64
}

// Rank returns the texts that match a query, best first, at most limit of them and without a threshold.
func (c *Collection) Rank(ctx context.Context, query string, limit int) ([]Ranked, error) {
	cands, _, _, err := c.candidates(ctx, Query{Text: query})
	if err != nil {
		return nil, err
	}
	out := make([]Ranked, min(limit, len(cands)))
	for i := range out {
		out[i] = Ranked{cands[i].Doc.Path, cands[i].score}
	}
	return out, nil
}
