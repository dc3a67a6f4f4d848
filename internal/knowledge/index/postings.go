package index

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
)

var errDamaged = errors.New("index block is damaged; run `dragoman index --rebuild`")

// Postings of a word, in ascending order of the chunks' ordinals in the segment, come in two forms.
//
// A word in fewer than 8 chunks has a plain list: for each chunk uvarint (gap<<1 | 1) where the frequency is one unit of
// text, else uvarint (gap<<1) and uvarint frequency. The gap is counted from the ordinal before, the first from -1, less one.
//
// Others are grouped, so that a search reads only the groups that may hold a good hit: uvarint number of groups; for each
// group uvarint gap from the group before less one, a byte that bounds the score (see impact), and the number of bytes
// of its postings less one; then the postings of all groups. A posting is a byte: its low six bits are the chunk's number in the
// group, the high ones an index into frequencies, of which 0 says that the frequency follows as another byte.
const plainCount = 8

// frequencies that need no byte of their own: once and twice in the text, and once in what counts half.
var frequencies = [4]uint8{0, unit, 2 * unit, unit / 2}

// maxFrequency bounds what a repetitive chunk can claim for a word; BM25 flattens long before.
const maxFrequency = 255

func appendPosting(dst []byte, gap, frequency uint32) []byte {
	if frequency == unit {
		return binary.AppendUvarint(dst, uint64(gap)<<1|1)
	}
	dst = binary.AppendUvarint(dst, uint64(gap)<<1)
	return binary.AppendUvarint(dst, uint64(frequency))
}

// plainReader walks a plain list.
type plainReader struct {
	list      []byte
	n         int // ordinals are below
	ordinal   int64
	frequency uint32
	err       error
}

func (r *plainReader) next() bool {
	p := r.list
	if len(p) == 0 {
		return false
	}
	v, k := uint64(p[0]), 1
	if v >= 0x80 {
		if v, k = binary.Uvarint(p); k <= 0 {
			r.err = errDamaged
			return false
		}
	}
	p = p[k:]
	frequency := uint64(unit)
	if v&1 == 0 {
		if frequency, k = binary.Uvarint(p); k <= 0 || frequency > maxFrequency {
			r.err = errDamaged
			return false
		}
		p = p[k:]
	}
	if v>>1 >= uint64(r.n) {
		r.err = errDamaged
		return false
	}
	if r.ordinal += int64(v>>1) + 1; r.ordinal >= int64(r.n) {
		r.err = errDamaged
		return false
	}
	r.list, r.frequency = p, uint32(frequency)
	return true
}

// eachPlain calls f with each ordinal of a plain list, below n, and its frequency.
func eachPlain(p []byte, n int, f func(ordinal, frequency uint32)) error {
	r := plainReader{list: p, n: n, ordinal: -1}
	for r.next() {
		f(uint32(r.ordinal), r.frequency)
	}
	return r.err
}

// eachPosting calls f with each ordinal of a list of either form, and its frequency.
func eachPosting(list termList, l *layout, f func(ordinal, frequency uint32)) error {
	if list.count < plainCount {
		return eachPlain(list.data, int(l.start[len(l.start)-1]), f)
	}
	var groups []group
	groups, data, err := readGroups(groups, list.data, l.groups())
	if err != nil {
		return err
	}
	for _, g := range groups {
		first, n := l.start[g.number], l.start[g.number+1]-l.start[g.number]
		err := eachInGroup(data[g.from:g.to], int(n), func(i int, frequency uint8) { f(first+uint32(i), uint32(frequency)) })
		if err != nil {
			return err
		}
	}
	return nil
}

// group is one group of a grouped list.
type group struct {
	number   int
	impact   uint8
	from, to int // its postings
}

// readGroups reads the beginning of a grouped list and appends its groups, all of them below n, to dst.
func readGroups(dst []group, p []byte, n int) (groups []group, data []byte, err error) {
	count, k := binary.Uvarint(p)
	if k <= 0 || count > uint64(n) {
		return nil, nil, errDamaged
	}
	p = p[k:]
	number, at := -1, 0
	for range count {
		var gap uint64
		if len(p) > 0 && p[0] < 0x80 {
			gap, p = uint64(p[0]), p[1:]
		} else if gap, k = binary.Uvarint(p); k > 0 && gap < uint64(n) {
			p = p[k:]
		} else {
			return nil, nil, errDamaged
		}
		if number += int(gap) + 1; number >= n || len(p) < 2 {
			return nil, nil, errDamaged
		}
		g := group{number, p[0], at, at + int(p[1]) + 1}
		at, p = g.to, p[2:]
		dst = append(dst, g)
	}
	if at != len(p) {
		return nil, nil, errDamaged
	}
	return dst, p, nil
}

// eachInGroup calls f with each posting of a group of n chunks.
func eachInGroup(p []byte, n int, f func(i int, frequency uint8)) error {
	for at := 0; at < len(p); at++ {
		i, frequency := int(p[at]&63), frequencies[p[at]>>6]
		if frequency == 0 {
			if at++; at == len(p) {
				return errDamaged
			}
			frequency = p[at]
		}
		if i >= n {
			return errDamaged
		}
		f(i, frequency)
	}
	return nil
}

// encoder turns plain lists into what a segment keeps.
type encoder struct {
	scoring *Scoring
	layout  *layout
	inverse []float32 // of each row's norm

	spread spreader
	table  []byte
	data   []byte
	list   []byte
}

func newEncoder(s *Scoring, rows []row) *encoder {
	l := newLayout(rows)
	var sum lengths
	for i := range rows {
		sum.add(&rows[i])
	}
	return &encoder{scoring: s, layout: &l, inverse: inverses(s.norms(rows, sum.means())), spread: newSpreader(s)}
}

func inverses(norms []float32) []float32 {
	out := make([]float32, len(norms))
	for i, n := range norms {
		out[i] = 1 / n
	}
	return out
}

// plainEncoder groups plain lists of a finished segment for a search. Its bounds hold for the segment's norms of today.
func (seg *segment) plainEncoder(s *Scoring) *encoder {
	return &encoder{scoring: s, layout: &seg.layout, inverse: seg.inverse, spread: newSpreader(s)}
}

// encode returns the list to keep in place of a plain one. It is good until the next call.
func (e *encoder) encode(plain []byte, count int) (termList, error) {
	if count >= plainCount {
		data, own, err := e.group(plain)
		return termList{count, own, data}, err
	}
	list := termList{count: count, data: plain}
	err := eachPlain(plain, len(e.inverse), func(_, frequency uint32) { list.own += own(frequency) })
	return list, err
}

// own is 1 for the frequency of a word that stands in the chunk itself.
func own(frequency uint32) int {
	if frequency >= unit {
		return 1
	}
	return 0
}

// group turns a plain list into a grouped one, and counts the chunks that have the word in themselves. The list is good until the
// next call.
func (e *encoder) group(plain []byte) (list []byte, owners int, err error) {
	e.table, e.data = e.table[:0], e.data[:0]
	last, current, from, groups := -1, -1, 0, 0
	first, end := uint32(0), uint32(0) // rows of the current group
	finish := func() {
		if current < 0 {
			return
		}
		e.table = binary.AppendUvarint(e.table, uint64(current-last-1))
		e.table = append(e.table, e.impact(current), byte(len(e.data)-from-1))
		last, from = current, len(e.data)
		groups++
	}
	r := plainReader{list: plain, n: len(e.inverse), ordinal: -1}
	for r.next() {
		ordinal := uint32(r.ordinal)
		if ordinal >= end {
			finish()
			current = e.layout.groupOf(ordinal, current)
			first, end = e.layout.start[current], e.layout.start[current+1]
			e.spread.open(e.layout, current)
		}
		owners += own(r.frequency)
		e.spread.add(int(ordinal-first), float32(r.frequency))
		e.data = appendInGroup(e.data, int(ordinal-first), uint8(r.frequency))
	}
	if r.err != nil {
		return nil, 0, r.err
	}
	finish()
	e.list = binary.AppendUvarint(e.list[:0], uint64(groups))
	e.list = append(append(e.list, e.table...), e.data...)
	return e.list, owners, nil
}

func appendInGroup(dst []byte, i int, frequency uint8) []byte {
	for code := 1; code < len(frequencies); code++ {
		if frequencies[code] == frequency {
			return append(dst, byte(code<<6|i))
		}
	}
	return append(dst, byte(i), frequency)
}

// impact is the greatest score of what the spreader holds of group g, as a share of the greatest there is, in 255ths and
// rounded up. It holds as long as the mean lengths do; what shorter means would do to it, the search knows.
func (e *encoder) impact(g int) uint8 {
	// The score grows with the frequency's ratio to the norm: one division will do, and a group is seldom of both kinds.
	var most [2]float32
	sp, first, prose := &e.spread, e.layout.start[g], e.layout.prose[g]
	for m := sp.full; m != 0; m &= m - 1 {
		i := bits.TrailingZeros64(m)
		kind := &most[prose>>i&1]
		*kind = max(*kind, sp.x[i]*e.inverse[first+uint32(i)])
		sp.x[i] = 0
	}
	sp.full = 0
	best := max(e.scoring.Code.saturate(most[0], 1), e.scoring.Prose.saturate(most[1], 1))
	return uint8(min(255, math.Ceil(float64(best/e.scoring.most()*255)+1e-3)))
}
