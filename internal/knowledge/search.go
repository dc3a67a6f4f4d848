package knowledge

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/chunk"
	"github.com/dragoman/dragoman/internal/knowledge/index"
)

// Query asks a collection for passages.
type Query struct {
	Text    string // as people type it: see Understand
	Earlier string // the conversation's previous question; its words count for less
	// Vector is of the text, made by Model: where the collection has vectors of that model they are searched, too. Without a model it is
	// taken to be of those in use.
	Vector []float32
	Model  string
	// Who asks. What they may not see is not found, counted or told of in any way. The zero value is a stranger.
	Who    acl.Subjects
	Limit  int      // passages at most; 0 means 12
	Paths  []string // only documents whose path matches one of these patterns or lies below one; nil for all
	Filter Filter
	Pins   []Pin
	// Threshold is the confidence, 0..1, below which nothing is found: passages are left out then, but for pinned ones.
	Threshold float64
	Now       time.Time // what "after:7d" in the text counts back from
	Explain   bool      // say where the scores come from
}

// Passage is a chunk that was found.
type Passage struct {
	Collection string
	Path       string
	URL        string // where a person opens the document; empty where there is no such place
	Start, End int    // lines, from 1, both inclusive
	Page       int    // where it begins, in a document with pages; else 0
	Kind       chunk.Kind
	Symbol     string // qualified name, or the headings above it
	Context    string // what surrounds it: see chunk.Header
	Title      string // of the document
	Language   string
	Team       string
	Author     string    // who changed its lines last
	Text       string    // lines Start to End
	Updated    time.Time // when they last changed
	Blamed     bool      // Author and Updated are of these lines; else of the document
	Score      float64   // comparable within one result; greater is better
	Coverage   float64   // share of the question's weight that the passage speaks of, 0..1
	Rules      []string  // what raised or lowered it
	Pinned     bool      // the question pointed at it
	Spans      []Span    // the lines worth showing
	Key        []int     // of these, the lines that tell most

	Explanation *Explanation // when asked for
}

// LeftOut is a passage that matched and was not taken.
type LeftOut struct {
	Collection string  `json:"collection"`
	Path       string  `json:"path"`
	Start      int     `json:"start"`
	End        int     `json:"end"`
	Symbol     string  `json:"symbol,omitempty"`
	Score      float64 `json:"score"`
	Reason     string  `json:"reason"`
}

// Result is what a search found.
type Result struct {
	Passages   []Passage // best first; pinned ones before the others
	LeftOut    []LeftOut
	Confidence float64  // 0..1: how much of the question the best passages speak of, or how close in meaning the closest is
	Missing    []string // words of the question that occur nowhere
	Chunks     int      // how many were searched
	Notes      []string // of what was done with them afterwards
}

const (
	DefaultLimit = 12
	// belowBest is the part of the best passage's score under which one is noise more often than not.
	belowBest = 0.3
)

// Search finds the passages that answer a question.
func (c *Collection) Search(ctx context.Context, query Query) (*Result, error) {
	cands, r, found, err := c.candidates(ctx, query)
	if err != nil {
		return nil, err
	}
	res := &Result{Chunks: found.Chunks, Missing: r.q.missing(found.Counts)}
	see := c.sight(query.Who)
	pinned, err := c.pinned(ctx, query.Pins, r, see)
	if err != nil {
		return nil, err
	}
	for i := range pinned {
		p := c.passage(r, &pinned[i], firstLines)
		p.Pinned = true
		res.Passages = append(res.Passages, p)
	}
	if u := Understand(query.Text, query.Now); len(cands) == 0 || len(u.Odd) > 0 {
		if res.Notes, err = c.hints(ctx, see, &u, &query.Filter); err != nil {
			return nil, err
		}
	}
	limit := query.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	if err := c.take(ctx, res, r, cands, limit); err != nil {
		return nil, err
	}
	for i := range min(3, len(cands)) {
		res.Confidence = max(res.Confidence, cands[i].coverage)
	}
	close, err := c.confidence(ctx, r.near)
	if err = byWords(err, &r.near, &r.unsearched); err != nil {
		return nil, err
	}
	if r.unsearched != "" {
		res.Notes = append(res.Notes, c.Name+" was searched by words alone: "+r.unsearched)
	}
	res.Confidence = max(res.Confidence, close)
	if len(pinned) > 0 {
		res.Confidence = 1
	}
	if res.Confidence < query.Threshold {
		for _, p := range res.Passages {
			res.LeftOut = append(res.LeftOut, LeftOut{p.Collection, p.Path, p.Start, p.End, p.Symbol, p.Score, fmt.Sprintf("threshold: the best match in %s has a confidence of %.2f, and %.2f is asked for", c.Name, res.Confidence, query.Threshold)})
		}
		res.Passages = nil
	}
	return res, nil
}

// candidates returns the best chunks by BM25F, re-ranked by the rules, and those that vectors propose.
func (c *Collection) candidates(ctx context.Context, query Query) ([]*candidate, *ranker, *index.Result, error) {
	u := Understand(query.Text, query.Now)
	q := parseQuestion(focus(u.Text), query.Earlier, &c.settings.Question)
	iq := index.Query{Terms: q.terms, Limit: max(c.settings.Candidates, query.Limit), Explain: query.Explain}
	narrow(&iq, &u.Filter, &query.Filter, query.Paths)
	see := c.sight(query.Who)
	iq.Allow, iq.Where = see.and(iq.Allow), where(query.Paths, &u.Filter, &query.Filter)
	if !query.Who.Sees() {
		iq.Sees, iq.SeesAs, iq.Where.Sees = see.sees, query.Who.Fingerprint(), see.some
		iq.Where.Exact = iq.Where.Exact && len(c.access.rules) == 0
	}
	if !query.Who.Sees() {
		docs, err := c.index.Documents(ctx)
		if err != nil {
			return nil, nil, nil, err
		}
		c.access.forget(len(docs))
	}
	near, err := c.nearest(ctx, &query, &iq)
	why := ""
	if err = byWords(err, &near, &why); err != nil {
		return nil, nil, nil, err
	}
	if near != nil {
		for _, h := range near.hits {
			iq.Also = append(iq.Also, h.ID)
		}
	}
	found, err := c.index.Search(ctx, iq)
	if err != nil {
		return nil, nil, nil, err
	}
	if len(u.Phrases) > 0 {
		for _, p := range u.Phrases {
			q.phrases = append(q.phrases, wordsOf(p))
			iq.Require = append(iq.Require, q.require(q.phrases[len(q.phrases)-1])...)
		}
		more, err := c.index.Search(ctx, iq)
		if err != nil {
			return nil, nil, nil, err
		}
		for _, h := range more.Hits {
			if !slices.ContainsFunc(found.Hits, func(o index.Hit) bool { return o.Chunk == h.Chunk }) {
				found.Hits = append(found.Hits, h)
			}
		}
	}
	cands, err := c.read(ctx, found.Hits)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := byWords(near.measure(ctx, cands), &near, &why); err != nil {
		return nil, nil, nil, err
	}
	r := newRanker(q, found, &c.settings.Rules)
	r.near, r.only, r.unsearched = near, iq.Passage, why
	r.likely(cands)
	r.fuse(cands, &c.settings.Vectors)
	if err := c.texts(ctx, cands[:min(len(cands), max(c.settings.Read, query.Limit))]); err != nil {
		return nil, nil, nil, err
	}
	r.rank(cands)
	r.fuse(cands, &c.settings.Vectors)
	return cands, r, found, nil
}

// read makes candidates of hits, without their texts.
func (c *Collection) read(ctx context.Context, hits []index.Hit) ([]*candidate, error) {
	chunks, err := c.index.Heads(ctx, hits)
	if err != nil {
		return nil, err
	}
	all, out := make([]candidate, len(chunks)), make([]*candidate, len(chunks))
	at := 0
	for i := range chunks {
		for hits[at].Chunk != chunks[i].ID { // some may have been removed
			at++
		}
		all[i] = newCandidate(chunks[i], &hits[at])
		out[i] = &all[i]
	}
	return out, nil
}

// texts reads the texts of candidates.
func (c *Collection) texts(ctx context.Context, cands []*candidate) error {
	return c.index.Texts(ctx, len(cands), func(i int) *index.Chunk { return &cands[i].Chunk })
}

// take moves candidates into the result, or notes why not.
func (c *Collection) take(ctx context.Context, res *Result, r *ranker, cands []*candidate, limit int) error {
	leave := func(cand *candidate, reason string) {
		res.LeftOut = append(res.LeftOut, LeftOut{c.Name, cand.Doc.Path, cand.Start, cand.End, cand.Symbol, cand.score, reason})
	}
	said := newTwins()
	for _, cand := range cands {
		switch {
		case cand.score < belowBest*cands[0].score:
			leave(cand, "threshold")
			continue
		case overlaps(res.Passages, cand):
			if !slices.ContainsFunc(res.Passages, func(p Passage) bool { return p.Path == cand.Doc.Path && p.Start <= cand.Start && p.End >= cand.End }) {
				leave(cand, "overlap") // what is wholly in another passage is not left out
			}
			continue
		case len(res.Passages) >= limit:
			leave(cand, "limit")
			continue
		}
		if cand.Text == "" { // it came further than its names had promised
			if err := c.texts(ctx, []*candidate{cand}); err != nil {
				return err
			}
			r.mark(cand)
		}
		if copied := said.of(cand); copied != "" {
			leave(cand, copied)
			continue
		}
		lines := otherLines
		if len(res.Passages) == 0 {
			lines = firstLines
		}
		if err := c.widen(ctx, r, cand, res.Passages); err != nil {
			return err
		}
		res.Passages = append(res.Passages, c.passage(r, cand, lines))
	}
	return nil
}

// A passage of a few lines is shown with its neighbours, as long as all of them together stay short: a section of three
// lines, an accessor or a constant mean little without what stands beside them.
const (
	fewLines, wideLines = 5, 12
	fewProse, wideProse = 10, 18
)

// widen joins a short candidate with its neighbours in the document.
func (c *Collection) widen(ctx context.Context, r *ranker, cand *candidate, taken []Passage) error {
	few, wide := fewLines, wideLines
	if cand.Kind == chunk.Section {
		few, wide = fewProse, wideProse
	}
	if cand.End-cand.Start+1 > few || cand.Doc.Chunks() < 2 {
		return nil
	}
	around, err := c.index.Around(ctx, cand.Doc, cand.ID)
	if err != nil {
		return err
	}
	wider := cand.Chunk
	for _, n := range around { // the next one first
		from, to := min(wider.Start, n.Start), max(wider.End, n.End)
		shown := slices.ContainsFunc(taken, func(p Passage) bool { return p.Path == cand.Doc.Path && p.Start <= n.End && n.Start <= p.End })
		if to-from+1 > wide || n.Kind == chunk.Head || shown || r.only != nil && !r.only(n.Doc, n.Number()) {
			continue
		}
		switch {
		case n.Start > wider.End:
			wider.Text += strings.Repeat("\n", n.Start-wider.End) + n.Text
		case n.End < wider.Start:
			wider.Text = n.Text + strings.Repeat("\n", wider.Start-n.End) + wider.Text
		default:
			continue
		}
		wider.Start, wider.End = from, to
		if last, _ := n.Changed(); last.At.After(cand.last.At) {
			cand.last = last
		}
	}
	if wider.Start != cand.Start || wider.End != cand.End {
		cand.Chunk, cand.marks = wider, nil
		r.mark(cand)
	}
	return nil
}

// overlaps says whether most of a candidate is already in a passage: windows of one long function overlap a little.
func overlaps(taken []Passage, c *candidate) bool {
	for i := range taken {
		p := &taken[i]
		if p.Path != c.Doc.Path {
			continue
		}
		if common := min(p.End, c.End) - max(p.Start, c.Start) + 1; common*2 > c.End-c.Start+1 {
			return true
		}
	}
	return false
}

func (c *Collection) passage(r *ranker, cand *candidate, lines int) Passage {
	p := Passage{
		Collection: c.Name, Path: cand.Doc.Path, URL: cand.Doc.URL, Start: cand.Start, End: cand.End, Page: cand.Page, Kind: cand.Kind, Symbol: cand.Symbol,
		Context: cand.Context, Title: cand.Doc.Title, Language: cand.Doc.Language, Team: cand.Doc.Team, Author: cand.last.Author, Text: cand.Text,
		Updated: cand.last.At, Blamed: cand.blamed, Score: cand.score, Coverage: cand.coverage, Rules: cand.rules,
	}
	if cand.hit.Parts != nil {
		p.Explanation = r.explain(cand)
	}
	p.Spans, p.Key = r.excerpt(cand, lines)
	return p
}

// pinned returns the chunks at the places that the question points at.
func (c *Collection) pinned(ctx context.Context, pins []Pin, r *ranker, see *sight) ([]candidate, error) {
	if len(pins) == 0 {
		return nil, nil
	}
	docs, err := c.index.Documents(ctx)
	if err != nil {
		return nil, err
	}
	var out []candidate
	seen := map[int64]bool{}
	for _, pin := range pins {
		name, ok := resolve(pin.Path, see.paths(docs))
		if !ok {
			continue
		}
		chunks, err := c.index.DocumentChunks(ctx, name)
		if err != nil {
			return nil, err
		}
		for i, ch := range chunks {
			at := pin.Line == 0 && i == 0 || pin.Line > 0 && ch.Start <= pin.Line+max(pin.Lines, 1)-1 && ch.End >= pin.Line
			if !at || seen[ch.ID] {
				continue
			}
			seen[ch.ID] = true
			cand := newCandidate(ch, &index.Hit{})
			r.score(&cand)
			cand.rules = append([]string{fmt.Sprintf("pinned by %s:%d", path.Base(pin.Path), pin.Line)}, cand.rules...)
			out = append(out, cand)
			if len(out) == maxPins {
				return out, nil
			}
		}
	}
	return out, nil
}

// missing lists the concepts none of whose own words occur.
func (q *question) missing(counts []int) []string {
	occurs := make([]bool, len(q.concepts))
	for i, t := range q.terms {
		if i < len(counts) && counts[i] > 0 {
			for _, u := range q.byTerm[t.Text] {
				occurs[u.concept] = true
			}
		}
	}
	var out []string
	for i, ok := range occurs {
		if !ok && !q.concepts[i].asking && q.concepts[i].weight >= 0.4 {
			out = append(out, q.concepts[i].word)
		}
	}
	return out
}
