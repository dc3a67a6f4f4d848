package index

import (
	"strings"

	"github.com/dragoman/dragoman/internal/knowledge/analysis"
	"github.com/dragoman/dragoman/internal/knowledge/chunk"
)

// Builder collects documents into one segment, in memory. It is used by one goroutine.
type Builder struct {
	scoring  *Scoring
	terms    map[string]uint32   // term -> index in names, postings
	words    map[string][]uint32 // word as written -> terms; nil for words that are not indexed in text
	labels   map[string][]uint32 // the same for words in names, of which all are
	names    []string
	postings []posting
	entries  []entry
	lengths  []uint16
	bytes    int
	ordinal  int32 // of the chunk being added
}

type entry struct {
	doc    Document
	chunks []chunk.Chunk
}

// posting is the list of one term while it grows.
type posting struct {
	data    []byte
	last    int32  // ordinal written last, -1 for none
	current int32  // ordinal being counted, -1 for none
	own     uint32 // of the chunk itself
	around  uint32 // of its header and path
	count   int
}

func (p *posting) open(ordinal int32) {
	if p.current != ordinal {
		p.flush()
		p.current, p.own, p.around = ordinal, 0, 0
	}
}

func (p *posting) flush() {
	if p.current < 0 {
		return
	}
	p.data = appendPosting(p.data, uint32(p.current-p.last-1), min(p.own+min(p.around, unit-1), maxFrequency))
	p.last, p.current = p.current, -1
	p.count++
}

// NewBuilder makes an empty builder for what is to be committed to ix.
func (ix *Index) NewBuilder() *Builder {
	return &Builder{scoring: &ix.scoring, terms: map[string]uint32{}, words: map[string][]uint32{}, labels: map[string][]uint32{}}
}

// Size is the number of bytes of text added so far: what the builder holds in memory is a small multiple of it.
func (b *Builder) Size() int { return b.bytes }

// Len is the number of documents added so far.
func (b *Builder) Len() int { return len(b.entries) }

// Add indexes one document. The document's ID is given by the commit.
func (b *Builder) Add(doc Document, chunks []chunk.Chunk) {
	b.entries = append(b.entries, entry{doc, chunks})
	for i := range chunks {
		c := &chunks[i]
		b.ordinal = int32(len(b.lengths))
		n := b.text(c.Text)
		if c.Kind == chunk.Section {
			b.label(c.Defines, units(b.scoring.Heading), false)
			b.label(c.Symbol, units(b.scoring.Trail), false)
			b.label(c.Context, units(b.scoring.Title), true)
		} else {
			b.label(c.Defines, units(b.scoring.Names), false)
			b.label(c.Context, units(b.scoring.Header), true)
		}
		b.label(doc.Path, units(b.scoring.Path), true)
		b.lengths = append(b.lengths, uint16(min(n, 1<<16-1)))
		b.bytes += len(c.Text)
	}
}

// text indexes running text and returns its number of terms; very frequent English words are left out.
func (b *Builder) text(s string) int {
	n := 0
	for i := 0; ; {
		start, end := analysis.NextWord(s, i)
		if start == len(s) {
			return n
		}
		i = end
		word := s[start:end]
		ids, ok := b.words[word]
		if !ok {
			ids = b.resolve(word)
		}
		n += len(ids)
		for _, id := range ids {
			p := &b.postings[id]
			p.open(b.ordinal)
			p.own += unit
		}
	}
}

// resolve looks up the terms of a word that is met for the first time.
func (b *Builder) resolve(word string) []uint32 {
	word = strings.Clone(word) // not the whole document with it
	var ids []uint32
	if !analysis.IsStopword(strings.ToLower(word)) {
		ids = b.ids(analysis.Of(word))
	}
	b.words[word] = ids
	return ids
}

func (b *Builder) ids(t analysis.Terms) []uint32 {
	ids := make([]uint32, 0, len(t.Parts)+1)
	for _, p := range t.Parts {
		ids = append(ids, b.id(p))
	}
	if t.Whole != "" {
		ids = append(ids, b.id(t.Whole))
	}
	return ids
}

func (b *Builder) id(term string) uint32 {
	if id, ok := b.terms[term]; ok {
		return id
	}
	id := uint32(len(b.names))
	term = strings.Clone(term)
	b.terms[term] = id
	b.names = append(b.names, term)
	b.postings = append(b.postings, posting{last: -1, current: -1})
	return id
}

// label indexes names, of which no word is too common to keep: a method may well be called "With". What stands around the
// chunk says less than any word of its own, and does not make a word more common.
func (b *Builder) label(s string, weight uint32, around bool) {
	if weight == 0 {
		return
	}
	for i := 0; ; {
		start, end := analysis.NextWord(s, i)
		if start == len(s) {
			return
		}
		i = end
		ids, ok := b.labels[s[start:end]]
		if !ok {
			word := strings.Clone(s[start:end])
			ids = b.ids(analysis.Of(word))
			b.labels[word] = ids
		}
		if around && analysis.IsStopword(s[start:end]) {
			continue
		}
		for _, id := range ids {
			p := &b.postings[id]
			p.open(b.ordinal)
			if around {
				p.around += weight
			} else {
				p.own += weight
			}
		}
	}
}
