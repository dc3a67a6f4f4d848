package knowledge

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
)

// ErrNoDocument says that there is no such document, or none that may be seen: the two are not told apart.
var ErrNoDocument = errors.New("there is no such document")

// Lines are lines of a document.
type Lines struct {
	Path        string
	URL         string
	Title       string
	Updated     time.Time
	First, Last int // lines that Text has, from 1; Last is 0 where it has none
	Total       int // lines of the document, as far as it is indexed
	Text        string
}

// Read returns the lines of a document from first to last, as they are indexed: what was no passage (an empty line, a file's licence
// header) is an empty line. The path may be the end of one, where only one document ends so.
func (c *Collection) Read(ctx context.Context, who acl.Subjects, path string, first, last int) (*Lines, error) {
	docs, err := c.index.Documents(ctx)
	if err != nil {
		return nil, err
	}
	see := c.sight(who)
	full, ok := resolve(strings.TrimPrefix(path, "./"), see.paths(docs))
	if !ok {
		return nil, fmt.Errorf("%w: %q", ErrNoDocument, path)
	}
	chunks, err := c.index.DocumentChunks(ctx, full)
	if err != nil {
		return nil, err
	}
	if len(chunks) == 0 || !see.sees(chunks[0].Doc) { // it may have changed since
		return nil, fmt.Errorf("%w: %q", ErrNoDocument, path)
	}
	d := chunks[0].Doc
	out := &Lines{Path: d.Path, URL: d.URL, Title: d.Title, Updated: d.Updated, First: first}
	for i := range chunks {
		out.Total = max(out.Total, chunks[i].End)
	}
	last = min(last, out.Total)
	if last < first {
		return out, nil
	}
	out.Last = last
	lines := make([]string, last-first+1)
	for i := range chunks {
		n := chunks[i].Start
		for line := range strings.SplitSeq(chunks[i].Text, "\n") {
			if n >= first && n <= last && lines[n-first] == "" {
				lines[n-first] = line
			}
			n++
		}
	}
	out.Text = strings.Join(lines, "\n")
	return out, nil
}
