package knowledge

import (
	"cmp"
	"context"
	"crypto/sha256"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/chunk"
	"github.com/dragoman/dragoman/internal/knowledge/index"
)

// Text is a passage of a document that comes from no folder.
type Text struct {
	ID       string
	Document string // consecutive texts of the same one are its passages, in order; empty for one that stands alone
	Title    string // of the document
	Text     string
}

// Add indexes texts. Only a collection that is never synced with a folder keeps them.
func (c *Collection) Add(ctx context.Context, texts []Text) error {
	b := c.index.NewBuilder()
	c.passages = map[string][]string{}
	for i := 0; i < len(texts); {
		n := i + 1
		for n < len(texts) && texts[i].Document != "" && texts[n].Document == texts[i].Document {
			n++
		}
		t := &texts[i]
		name := cmp.Or(t.Document, t.ID)
		h := sha256.New()
		var passages, ids []string
		size := int64(0)
		for _, p := range texts[i:n] {
			text := p.Text
			if len(passages) == 0 && t.Title != "" && !strings.HasPrefix(text, t.Title) {
				text = t.Title + "\n" + text
			}
			passages, ids = append(passages, text), append(ids, p.ID)
			h.Write([]byte(text + "\x00"))
			size += int64(len(text))
		}
		doc := index.Document{Path: name, Hash: [16]byte(h.Sum(nil)[:16]), Size: size, Updated: time.Unix(0, 0), Title: t.Title}
		b.Add(doc, chunk.Passages(name, t.Title, passages))
		c.passages[name] = ids
		i = n
	}
	return c.index.Commit(ctx, index.Change{Add: b})
}

// Ranked is a text in a ranking.
type Ranked struct {
	ID    string
	Score float64
}

// Rank returns the texts that match a query, best first, at most limit of them and without a threshold. vector is that of the
// query, nil where there is none.
func (c *Collection) Rank(ctx context.Context, query string, vector []float32, limit int) ([]Ranked, error) {
	cands, _, _, err := c.candidates(ctx, Query{Who: acl.All(), Text: query, Vector: vector})
	if err != nil {
		return nil, err
	}
	out := make([]Ranked, min(limit, len(cands)))
	for i := range out {
		cand := cands[i]
		out[i] = Ranked{c.passages[cand.Doc.Path][cand.Number()], cand.score}
	}
	return out, nil
}
