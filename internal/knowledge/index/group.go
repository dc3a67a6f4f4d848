package index

import (
	"math/bits"
	"slices"
)

// groupSize is how many chunks a group may have: a word's postings of a group are read together, under one bound.
const groupSize = 64

// layout cuts the rows of a segment into groups of up to 64 chunks. A document lies in one group where it fits; a longer one
// is cut, and the chunks on both sides of a cut don't add to each other.
type layout struct {
	start  []uint32 // first row of each group; at the end the number of rows
	begins []uint64 // of each group, bit i: its chunk i is the first of a document
	prose  []uint64 // of each group, bit i: its chunk i is prose
}

func newLayout(rows []row) layout {
	l := layout{start: []uint32{0}}
	for from := 0; from < len(rows); {
		to := from + 1
		for to < len(rows) && rows[to].document == rows[from].document {
			to++
		}
		if first := int(l.start[len(l.start)-1]); to-first > groupSize {
			if from > first {
				l.start = append(l.start, uint32(from))
			}
			for cut := from + groupSize; cut < to; cut += groupSize {
				l.start = append(l.start, uint32(cut))
			}
		}
		from = to
	}
	if len(rows) > 0 {
		l.start = append(l.start, uint32(len(rows)))
	}
	n := len(l.start) - 1
	l.begins, l.prose = make([]uint64, n), make([]uint64, n)
	for g := range n {
		for i := l.start[g]; i < l.start[g+1]; i++ {
			bit := uint64(1) << (i - l.start[g])
			if i == 0 || rows[i].document != rows[i-1].document {
				l.begins[g] |= bit
			}
			if rows[i].prose() {
				l.prose[g] |= bit
			}
		}
	}
	return l
}

// groups is the number of groups.
func (l *layout) groups() int { return len(l.start) - 1 }

// groupOf is the group of a row, which lies in group after or a later one.
func (l *layout) groupOf(row uint32, after int) int {
	after = max(after, 0)
	if row < l.start[min(after+2, l.groups())] { // the next one, most of the time
		for row >= l.start[after+1] {
			after++
		}
		return after
	}
	n, exact := slices.BinarySearch(l.start[after:], row)
	if !exact {
		n--
	}
	return after + n
}

// spreader adds frequencies of a word to the chunks of a group.
type spreader struct {
	near   [2][2]float32 // by kind of the chunk that receives: code, prose
	begins uint64
	prose  uint64
	n      int
	x      [groupSize]float32 // frequency of each chunk, in units
	full   uint64             // bit i: x[i] is not 0
}

func newSpreader(s *Scoring) spreader {
	return spreader{near: [2][2]float32{s.Code.Near, s.Prose.Near}}
}

// open begins a group, of which nothing is counted yet.
func (s *spreader) open(l *layout, g int) {
	s.begins, s.prose, s.n = l.begins[g], l.prose[g], int(l.start[g+1]-l.start[g])
}

// add counts a word in chunk i of the group.
func (s *spreader) add(i int, frequency float32) {
	s.x[i] += frequency
	s.full |= 1 << i
	if s.begins>>i&1 == 0 && i > 0 {
		s.give(i-1, 0, frequency)
		if s.begins>>(i-1)&1 == 0 && i > 1 {
			s.give(i-2, 1, frequency)
		}
	}
	if i+1 < s.n && s.begins>>(i+1)&1 == 0 {
		s.give(i+1, 0, frequency)
		if i+2 < s.n && s.begins>>(i+2)&1 == 0 {
			s.give(i+2, 1, frequency)
		}
	}
}

func (s *spreader) give(i, distance int, frequency float32) {
	if share := s.near[s.prose>>i&1][distance]; share > 0 {
		s.x[i] += share * frequency
		s.full |= 1 << i
	}
}

// drain calls f with each chunk that has a frequency, and forgets it.
func (s *spreader) drain(f func(i int, frequency float32)) {
	for m := s.full; m != 0; m &= m - 1 {
		i := bits.TrailingZeros64(m)
		f(i, s.x[i])
		s.x[i] = 0
	}
	s.full = 0
}
