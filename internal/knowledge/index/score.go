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
	where  []section // of each segment, group and term: its postings
	has    []uint64  // of each segment and group, bit t: it has term t
	order  []int32   // of bounds, the greatest first
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

// section is a part of a list.
type section struct{ from, to uint32 }

// part is what the scorer needs of a segment.
type part struct {
	*segment
	data  [][]byte // by term: the postings in their groups
	where []section
	has   []uint64
}

func (sc *scorer) search(s *Scoring, snap *snapshot, q *Query, idf []float32, lists [][]termList) ([]Hit, error) {
	if q.Limit <= 0 {
		return nil, nil
	}
	parts := make([]part, len(snap.segments))
	groups := 0
	for i, seg := range snap.segments {
		parts[i] = part{segment: seg, data: make([][]byte, len(q.Terms))}
		groups += seg.layout.groups()
	}
	sc.where = slices.Grow(sc.where[:0], groups*len(q.Terms))[:groups*len(q.Terms)] // has says what of it holds
	sc.has = slices.Grow(sc.has[:0], groups)[:groups]
	clear(sc.has)
	sc.bounds, sc.lists = sc.bounds[:0], sc.lists[:0]
	from := 0
	for i := range parts {
		p := &parts[i]
		to := from + p.layout.groups()
		p.has, p.where = sc.has[from:to], sc.where[from*len(q.Terms):to*len(q.Terms)]
		from = to
		if err := sc.open(s, snap, p, int32(i), q, idf, lists[i]); err != nil {
			return nil, err
		}
	}
	sc.sort()
	if sc.memo = nil; q.Allow != nil {
		sc.memo = map[*Document]bool{}
	}
	allowed, required := kindSet(q.Kinds), uint64(0)
	for _, t := range q.Require {
		required |= 1 << t
	}
	top := topHits{limit: q.Limit}
	for _, i := range sc.order {
		b := sc.bounds[i]
		if !top.wants(b.score) {
			continue // those after it in the same step may have a greater bound
		}
		p := &parts[b.segment]
		if err := sc.group(s, p, int(b.group), q, idf, false); err != nil {
			return nil, err
		}
		sc.collect(p, int(b.group), q, allowed, required, &top)
	}
	hits := top.sorted()
	for _, id := range q.Also {
		if slices.ContainsFunc(hits, func(h Hit) bool { return h.Chunk == id }) {
			continue
		}
		p, at := find(parts, id)
		if p == nil || allowed>>p.rows[at].kind&1 == 0 || q.Allow != nil && !q.Allow(p.docs[at]) || !q.passes(p.docs[at], id) {
			continue
		}
		g := p.layout.groupOf(uint32(at), 0)
		if err := sc.group(s, p, g, q, idf, false); err != nil {
			return nil, err
		}
		i := at - int(p.layout.start[g])
		hits = append(hits, Hit{Chunk: id, Doc: p.docs[at], Score: sc.score[i], Matched: sc.matched[i]})
	}
	if q.Explain {
		if err := sc.explain(s, parts, q, idf, hits); err != nil {
			return nil, err
		}
	}
	return hits, nil
}

// steps is how finely bounds are ordered.
const steps = 1024

// sort orders bounds by the greatest first, in steps: an order that is exact costs as much as scoring half of the groups.
func (sc *scorer) sort() {
	best := float32(0)
	for i := range sc.bounds {
		best = max(best, sc.bounds[i].score)
	}
	var starts [steps + 1]int32
	step := func(b *bound) int { return steps - 1 - int(b.score/best*(steps-1)) }
	for i := range sc.bounds {
		starts[step(&sc.bounds[i])+1]++
	}
	for i := 1; i <= steps; i++ {
		starts[i] += starts[i-1]
	}
	sc.order = slices.Grow(sc.order[:0], len(sc.bounds))[:len(sc.bounds)]
	for i := range sc.bounds {
		s := step(&sc.bounds[i])
		sc.order[starts[s]] = int32(i)
		starts[s]++
	}
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
			grouped, _, err := e.group(data)
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
			p.where[g.number*len(lists)+t] = section{uint32(g.from), uint32(g.to)}
			p.has[g.number] |= 1 << t
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
	sp := &sc.spread
	sp.open(&p.layout, g)
	first, prose := p.layout.start[g], p.layout.prose[g]
	for i := range sp.n {
		sc.score[i], sc.matched[i] = 0, 0
	}
	for has := p.has[g]; has != 0; has &= has - 1 {
		t := bits.TrailingZeros64(has)
		w := p.where[g*len(q.Terms)+t]
		bit := uint64(1) << t
		list := p.data[t][w.from:w.to]
		for at := 0; at < len(list); at++ { // eachInGroup, without a call for each posting
			i, frequency := int(list[at]&63), frequencies[list[at]>>6]
			if frequency == 0 {
				if at++; at == len(list) {
					sp.full, sp.x = 0, [groupSize]float32{}
					return errDamaged
				}
				frequency = list[at]
			}
			if i >= sp.n {
				sp.full, sp.x = 0, [groupSize]float32{}
				return errDamaged
			}
			sc.matched[i] |= bit
			sp.add(i, float32(frequency))
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
		if !q.passes(doc, p.rows[at].chunk) {
			continue
		}
		top.add(Hit{Chunk: p.rows[at].chunk, Doc: doc, Score: sc.score[i], Matched: sc.matched[i]})
	}
}

// explain scores the groups of hits once more and keeps what each term gave.
func (sc *scorer) explain(s *Scoring, parts []part, q *Query, idf []float32, hits []Hit) error {
	sc.parts = slices.Grow(sc.parts[:0], len(q.Terms))[:len(q.Terms)]
	for h := range hits {
		p, at := find(parts, hits[h].Chunk)
		g := p.layout.groupOf(uint32(at), 0)
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

// find returns the segment of a chunk and its row there; nil where there is no such chunk any more.
func find(parts []part, chunk int64) (*part, int) {
	for i := range parts {
		if at, ok := parts[i].row(chunk); ok {
			return &parts[i], at
		}
	}
	return nil, 0
}

// row finds the row of a chunk that is alive. A segment that was merged of others has its rows in the order of those.
func (seg *segment) row(chunk int64) (int, bool) {
	if seg.byChunk == nil {
		at, ok := slices.BinarySearchFunc(seg.rows, chunk, func(r row, id int64) int { return cmp.Compare(r.chunk, id) })
		return at, ok && seg.docs[at] != nil
	}
	i, ok := slices.BinarySearchFunc(seg.byChunk, chunk, func(at uint32, id int64) int { return cmp.Compare(seg.rows[at].chunk, id) })
	if !ok {
		return 0, false
	}
	at := int(seg.byChunk[i])
	return at, seg.docs[at] != nil
}

// byChunk orders rows by their chunks' ids; nil where they are in that order.
func byChunk(rows []row) []uint32 {
	if slices.IsSortedFunc(rows, compareChunks) {
		return nil
	}
	order := make([]uint32, len(rows))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int { return compareChunks(rows[a], rows[b]) })
	return order
}

func compareChunks(a, b row) int { return cmp.Compare(a.chunk, b.chunk) }
