package index

import (
	"cmp"
	"math/bits"
	"slices"
)

// scorer finds the best chunks by Block-Max Pruning (Mallia, Suel, Tonellotto 2024): the bounds of all groups are added up
// first, which is cheap; then groups are scored exactly, the most promising first, until no other can hold a hit
// that is good enough. It is used by one search at a time, and keeps its memory for the next.
type scorer struct {
	spread spreader
	bounds []bound
	groups []group   // of the list being read
	where  []section // of each segment, term and group: its postings
	lists  []byte    // grouped forms of plain lists
	memo   map[*Document]bool

	score   [groupSize]float32
	matched [groupSize]uint64
	parts   [][groupSize]float32 // by term, when asked for
}

// bound is a group with the most that a chunk of it can score.
type bound struct {
	score   float32
	segment int32
	group   int32
}

// section is a part of a list; to is 0 where there is none.
type section struct{ from, to uint32 }

// part is what the scorer needs of a segment.
type part struct {
	*segment
	data  [][]byte  // by term: the postings in their groups
	where []section // term by term, the groups of each
}

func (sc *scorer) search(s *Scoring, snap *snapshot, q *Query, idf []float32, lists [][]termList) ([]Hit, error) {
	if q.Limit <= 0 {
		return nil, nil
	}
	parts := make([]part, len(snap.segments))
	size := 0
	for i, seg := range snap.segments {
		parts[i] = part{segment: seg, data: make([][]byte, len(q.Terms))}
		size += seg.layout.groups() * len(q.Terms)
	}
	sc.where = slices.Grow(sc.where[:0], size)[:size]
	clear(sc.where)
	sc.bounds, sc.lists = sc.bounds[:0], sc.lists[:0]
	from := 0
	for i := range parts {
		p := &parts[i]
		n := p.layout.groups() * len(q.Terms)
		p.where = sc.where[from : from+n]
		from += n
		if err := sc.open(s, snap, p, int32(i), q, idf, lists[i]); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(sc.bounds, func(a, b bound) int { return cmp.Compare(b.score, a.score) })
	sc.memo = map[*Document]bool{}
	allowed, required := kindSet(q.Kinds), uint64(0)
	for _, t := range q.Require {
		required |= 1 << t
	}
	top := topHits{limit: q.Limit}
	for _, b := range sc.bounds {
		if !top.wants(b.score) {
			break
		}
		p := &parts[b.segment]
		if err := sc.group(s, p, int(b.group), q, idf, false); err != nil {
			return nil, err
		}
		sc.collect(p, int(b.group), q, allowed, required, &top)
	}
	hits := top.sorted()
	if q.Explain {
		if err := sc.explain(s, parts, q, idf, hits); err != nil {
			return nil, err
		}
	}
	return hits, nil
}

// open reads where the groups of each list are, and adds up their bounds.
func (sc *scorer) open(s *Scoring, snap *snapshot, p *part, number int32, q *Query, idf []float32, lists []termList) error {
	n := p.layout.groups()
	first := len(sc.bounds)
	for g := range n {
		sc.bounds = append(sc.bounds, bound{0, number, int32(g)})
	}
	bounds := sc.bounds[first:]
	scale := s.most() / 255 * snap.means.growth(p.means) * 1.0001 // for what float32 rounds
	var e *encoder
	for t, list := range lists {
		if list.count == 0 {
			continue
		}
		data := list.data
		if list.count < plainCount {
			if e == nil {
				e = p.plainEncoder(s)
			}
			grouped, err := e.group(data)
			if err != nil {
				return err
			}
			at := len(sc.lists)
			sc.lists = append(sc.lists, grouped...)
			data = sc.lists[at:]
		}
		var err error
		if sc.groups, data, err = readGroups(sc.groups[:0], data, n); err != nil {
			return err
		}
		p.data[t] = data
		weight := idf[t] * max(q.Terms[t].Code, q.Terms[t].Prose) * scale
		for _, g := range sc.groups {
			p.where[t*n+g.number] = section{uint32(g.from), uint32(g.to)}
			bounds[g.number].score += weight * float32(g.impact)
		}
	}
	kept := first
	for _, b := range bounds {
		if b.score > 0 {
			sc.bounds[kept] = b
			kept++
		}
	}
	sc.bounds = sc.bounds[:kept]
	return nil
}

// group scores the chunks of one group.
func (sc *scorer) group(s *Scoring, p *part, g int, q *Query, idf []float32, explain bool) error {
	n := p.layout.groups()
	sp := &sc.spread
	sp.open(&p.layout, g)
	first, prose := p.layout.start[g], p.layout.prose[g]
	for i := range sp.n {
		sc.score[i], sc.matched[i] = 0, 0
	}
	for t := range q.Terms {
		w := p.where[t*n+g]
		if w.to == 0 {
			continue
		}
		bit := uint64(1) << t
		err := eachInGroup(p.data[t][w.from:w.to], sp.n, func(i int, frequency uint8) {
			sc.matched[i] |= bit
			sp.add(i, float32(frequency))
		})
		if err != nil {
			sp.full, sp.x = 0, [groupSize]float32{}
			return err
		}
		code, text := idf[t]*q.Terms[t].Code, idf[t]*q.Terms[t].Prose
		for m := sp.full; m != 0; m &= m - 1 {
			i := bits.TrailingZeros64(m)
			x := sp.x[i]
			sp.x[i] = 0
			norm := p.norms[first+uint32(i)]
			var v float32
			if prose>>i&1 == 1 {
				v = text * s.Prose.saturate(x, norm)
			} else {
				v = code * s.Code.saturate(x, norm)
			}
			sc.score[i] += v
			if explain {
				sc.parts[t][i] = v
			}
		}
		sp.full = 0
	}
	return nil
}

// collect takes the chunks of a group that are good enough and allowed.
func (sc *scorer) collect(p *part, g int, q *Query, kinds, required uint64, top *topHits) {
	first := p.layout.start[g]
	for i := range sc.spread.n {
		if sc.matched[i] == 0 || sc.matched[i]&required != required || !top.wants(sc.score[i]) {
			continue
		}
		at := first + uint32(i)
		doc := p.docs[at]
		if doc == nil || kinds>>p.rows[at].kind&1 == 0 {
			continue
		}
		if q.Allow != nil {
			ok, known := sc.memo[doc]
			if !known {
				ok = q.Allow(doc)
				sc.memo[doc] = ok
			}
			if !ok {
				continue
			}
		}
		top.add(Hit{Chunk: p.rows[at].chunk, Doc: doc, Score: sc.score[i], Matched: sc.matched[i]})
	}
}

// explain scores the groups of hits once more and keeps what each term gave.
func (sc *scorer) explain(s *Scoring, parts []part, q *Query, idf []float32, hits []Hit) error {
	sc.parts = slices.Grow(sc.parts[:0], len(q.Terms))[:len(q.Terms)]
	for h := range hits {
		p, at := find(parts, hits[h].Chunk)
		g, exact := slices.BinarySearch(p.layout.start, uint32(at))
		if !exact {
			g--
		}
		for t := range sc.parts {
			sc.parts[t] = [groupSize]float32{}
		}
		if err := sc.group(s, p, g, q, idf, true); err != nil {
			return err
		}
		hits[h].Parts = make([]float32, len(q.Terms))
		for t := range sc.parts {
			hits[h].Parts[t] = sc.parts[t][at-int(p.layout.start[g])]
		}
	}
	return nil
}

// find returns the segment of a chunk and its row there. Rows are in the order of their chunks' ids.
func find(parts []part, chunk int64) (*part, int) {
	for i := range parts {
		p := &parts[i]
		at, ok := slices.BinarySearchFunc(p.rows, chunk, func(r row, id int64) int { return cmp.Compare(r.chunk, id) })
		if ok && p.docs[at] != nil {
			return p, at
		}
	}
	panic("index: a hit is in no segment")
}
