package knowledge

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/index"
)

// Document is what a collection knows of one of its documents.
type Document struct {
	ID       string    `json:"id"` // at its source; of a file its path
	Path     string    `json:"path"`
	URL      string    `json:"url,omitempty"`
	Title    string    `json:"title,omitempty"`
	Type     string    `json:"type,omitempty"`
	Language string    `json:"language,omitempty"`
	Team     string    `json:"team,omitempty"`
	Author   string    `json:"author,omitempty"`
	Version  string    `json:"version,omitempty"` // by its source
	Updated  time.Time `json:"updated"`           // when its content last changed
	Indexed  time.Time `json:"indexed"`           // when it was last read
	Bytes    int64     `json:"bytes"`             // of its text
	Passages int       `json:"passages"`
	Skipped  string    `json:"skipped,omitempty"` // why it cannot be searched
	// Readers are who may see it: whoever is in each of the lists. It is told to those who may see everything.
	Readers [][]string `json:"readers,omitempty"`
}

// Listing asks for the documents of a collection.
type Listing struct {
	Who     acl.Subjects // what they may not see is not listed
	Prefix  string       // only documents whose path begins so
	After   string       // only those whose path sorts after this
	Limit   int          // at most; 0: 100
	Skipped bool         // only those that cannot be searched; else only those that can
}

const defaultListing = 100

// List lists documents by path. next is what After has to be for those that come then; "" where there are no more.
func (c *Collection) List(ctx context.Context, l Listing) (list []Document, next string, err error) {
	docs, err := c.index.Documents(ctx)
	if err != nil {
		return nil, "", err
	}
	if l.Limit <= 0 {
		l.Limit = defaultListing
	}
	see := c.sight(l.Who)
	var paths []string
	for path, d := range docs {
		if path > l.After && strings.HasPrefix(path, l.Prefix) && (d.Skip != "") == l.Skipped && see.sees(d) {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	if len(paths) > l.Limit {
		paths = paths[:l.Limit]
		next = paths[l.Limit-1]
	}
	list = make([]Document, 0, len(paths))
	for _, p := range paths {
		list = append(list, c.describeDocument(docs[p], l.Who))
	}
	return list, next, nil
}

// Document finds a document by its ID, or by its path. ok is false where there is none that they may see.
func (c *Collection) Document(ctx context.Context, who acl.Subjects, id string) (_ Document, ok bool, err error) {
	d, err := c.visible(ctx, who, id)
	if err != nil || d == nil {
		return Document{}, false, err
	}
	return c.describeDocument(d, who), true, nil
}

// Passages are those of a document, in their order, with their texts; none where there is no such document that they may see.
func (c *Collection) Passages(ctx context.Context, who acl.Subjects, id string) ([]Passage, error) {
	d, err := c.visible(ctx, who, id)
	if err != nil || d == nil {
		return nil, err
	}
	chunks, err := c.index.DocumentChunks(ctx, d.Path)
	if err != nil {
		return nil, err
	}
	out := make([]Passage, 0, len(chunks))
	for i := range chunks {
		k := &chunks[i]
		if !c.sight(who).sees(k.Doc) { // it may have changed since
			return nil, nil
		}
		last, blamed := k.Changed()
		out = append(out, Passage{
			Collection: c.Name, Path: d.Path, URL: d.URL, Start: k.Start, End: k.End, Page: k.Page, Kind: k.Kind, Symbol: k.Symbol, Context: k.Context,
			Title: d.Title, Language: d.Language, Team: d.Team, Author: last.Author, Text: k.Text, Updated: last.At, Blamed: blamed,
		})
	}
	return out, nil
}

func (c *Collection) visible(ctx context.Context, who acl.Subjects, id string) (*index.Document, error) {
	docs, err := c.index.Documents(ctx)
	if err != nil {
		return nil, err
	}
	see := c.sight(who)
	byPath := docs[id]
	for _, d := range docs {
		if d.Source == id && see.sees(d) {
			return d, nil
		}
	}
	if byPath != nil && see.sees(byPath) {
		return byPath, nil
	}
	return nil, nil
}

func (c *Collection) describeDocument(d *index.Document, who acl.Subjects) Document {
	out := Document{
		ID: d.Source, Path: d.Path, URL: d.URL, Title: d.Title, Type: d.Type, Language: d.Language, Team: d.Team, Author: d.Author, Version: d.Version,
		Updated: d.Updated.UTC(), Indexed: d.Seen.UTC(), Bytes: d.Size, Passages: d.Chunks(), Skipped: d.Skip,
	}
	if out.ID == "" {
		out.ID = d.Path
	}
	if who.Sees() {
		out.Readers = c.readers(permission{d.ACL, c.access.rule(d)}).Lists()
	}
	return out
}

// Contents counts the bytes of text of all documents, and the documents that could not be read.
func (c *Collection) Contents(ctx context.Context) (bytes int64, skipped int, err error) {
	docs, err := c.index.Documents(ctx)
	for _, d := range docs {
		if d.Skip != "" {
			skipped++
		} else {
			bytes += d.Size
		}
	}
	return bytes, skipped, err
}
