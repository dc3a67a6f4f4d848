package tool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/knowledge"
)

// Library is what the tools of knowledge need of collections. It applies the permissions of documents.
type Library interface {
	Search(ctx context.Context, p identity.Principal, collection string, q knowledge.Query) (*knowledge.Result, error)
	// Read returns lines of a document; knowledge.ErrNoDocument where there is none that the principal may see.
	Read(ctx context.Context, p identity.Principal, collection, path string, first, last int) (*knowledge.Lines, error)
}

// SearchKnowledge searches the assistant's collections.
type SearchKnowledge struct{ Library Library }

// Spec implements Tool.
func (SearchKnowledge) Spec() Spec {
	return Spec{
		Name: "search_knowledge",
		Description: "Searches the documents of this assistant and returns the passages that fit best, each with its number, place and date. " +
			"Use it when the sources at hand do not answer the question, with the words that the documents would use. Cite what you use by its number.",
		Schema: json.RawMessage(`{"type":"object","properties":{` +
			`"query":{"type":"string","minLength":1,"description":"Words, names, an error message."},` +
			`"collection":{"type":"string","description":"Only in this collection. Default: all."},` +
			`"limit":{"type":"integer","minimum":1,"maximum":10,"description":"Passages at most. Default: 5."}},"required":["query"],"additionalProperties":false}`),
	}
}

// Call implements Tool.
func (s SearchKnowledge) Call(ctx context.Context, c Caller, args json.RawMessage) (Result, error) {
	var in struct {
		Query, Collection string
		Limit             int
	}
	if err := json.Unmarshal(args, &in); err != nil {
		return Result{}, err
	}
	if in.Limit == 0 {
		in.Limit = 5
	}
	names, err := collections(c, in.Collection)
	if err != nil {
		return Result{}, err
	}
	var out Result
	missing := map[string]int{}
	for _, name := range names {
		res, err := s.Library.Search(ctx, c.Principal, name, knowledge.Query{Text: in.Query, Limit: in.Limit})
		if err != nil {
			return Result{}, fmt.Errorf("search %s: %w", name, err)
		}
		out.Passages = append(out.Passages, res.Passages...)
		for _, w := range res.Missing {
			missing[w]++
		}
	}
	if len(names) > 1 {
		slices.SortStableFunc(out.Passages, func(a, b knowledge.Passage) int {
			switch {
			case a.Score > b.Score:
				return -1
			case a.Score < b.Score:
				return 1
			}
			return 0
		})
	}
	out.Passages = out.Passages[:min(len(out.Passages), in.Limit)]
	var nowhere []string
	for w, n := range missing {
		if n == len(names) {
			nowhere = append(nowhere, w)
		}
	}
	slices.Sort(nowhere)
	if len(out.Passages) == 0 {
		out.Text = "Nothing was found."
	}
	if len(nowhere) > 0 {
		out.Text = strings.TrimSpace(out.Text + " These words occur nowhere: " + strings.Join(nowhere, ", ") + ".")
	}
	return out, nil
}

// collections are those to look into: all that the assistant has, or the one that is asked for.
func collections(c Caller, one string) ([]string, error) {
	switch {
	case one == "" && len(c.Collections) > 0:
		return c.Collections, nil
	case slices.Contains(c.Collections, one):
		return []string{one}, nil
	case len(c.Collections) == 0:
		return nil, &Fault{"this assistant has no documents"}
	}
	return nil, &Fault{fmt.Sprintf("there is no collection %.80q here; there are %s", one, strings.Join(c.Collections, ", "))}
}

// ReadDocument reads a document of the assistant's collections, or lines of it.
type ReadDocument struct{ Library Library }

// Spec implements Tool.
func (ReadDocument) Spec() Spec {
	return Spec{
		Name:        "read_document",
		Description: "Reads a document of this assistant by its path, as search_knowledge and the sources give it, or only some of its lines. Use it to see what surrounds a passage.",
		Schema: json.RawMessage(`{"type":"object","properties":{` +
			`"path":{"type":"string","minLength":1},` +
			`"first":{"type":"integer","minimum":1,"description":"First line. Default: 1."},` +
			`"last":{"type":"integer","minimum":1,"description":"Last line. Default: 400 lines after the first."},` +
			`"collection":{"type":"string","description":"Where it is, if several have a document of this path."}},"required":["path"],"additionalProperties":false}`),
	}
}

// mostLines is how many lines are read at a time; what of them fits the result's budget is told.
const mostLines = 400

// Call implements Tool.
func (r ReadDocument) Call(ctx context.Context, c Caller, args json.RawMessage) (Result, error) {
	var in struct {
		Path, Collection string
		First, Last      int
	}
	if err := json.Unmarshal(args, &in); err != nil {
		return Result{}, err
	}
	in.First = max(in.First, 1)
	if in.Last == 0 || in.Last-in.First >= mostLines {
		in.Last = in.First + mostLines - 1
	}
	if in.Last < in.First {
		return Result{}, &Fault{"last is before first"}
	}
	names, err := collections(c, in.Collection)
	if err != nil {
		return Result{}, err
	}
	for _, name := range names {
		text, err := r.Library.Read(ctx, c.Principal, name, in.Path, in.First, in.Last)
		if errors.Is(err, knowledge.ErrNoDocument) {
			continue
		}
		if err != nil {
			return Result{}, fmt.Errorf("read a document of %s: %w", name, err)
		}
		if text.Text == "" {
			return Result{}, &Fault{fmt.Sprintf("%s has %d lines", text.Path, text.Total)}
		}
		return Result{
			Text: fmt.Sprintf("%s has %d lines; these are %d to %d.", text.Path, text.Total, text.First, text.Last),
			Passages: []knowledge.Passage{{
				Collection: name, Path: text.Path, URL: text.URL, Title: text.Title, Start: text.First, End: text.Last, Text: text.Text, Updated: text.Updated,
				Spans: []knowledge.Span{{Start: text.First, End: text.Last}},
			}},
		}, nil
	}
	return Result{}, &Fault{fmt.Sprintf("there is no document %.200q; search_knowledge tells which there are", in.Path)}
}
