package index

import "slices"

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
	near [2][2]float32 // what a chunk receives: by its kind, code or prose, and by distance
	n    int
	x    [groupSize]float32 // frequency of each chunk, in units
	full uint64             // bit i: x[i] is not 0

	// Of the group: which chunks give to the one before them, the one before that, the one after them, and the one after that.
	before, twoBefore, after, twoAfter uint64

	prose    uint64             // which chunks are prose, and so receive otherwise
	known    bool               // one and two are of this prose
	one, two [groupSize]float32 // what each receives from those beside it, and from those two away
}

func newSpreader(s *Scoring) spreader {
	return spreader{near: [2][2]float32{s.Code.Near, s.Prose.Near}}
}

// open begins a group, of which nothing is counted yet.
func (s *spreader) open(l *layout, g int) {
	s.n = int(l.start[g+1] - l.start[g])
	s.before = ^l.begins[g] & (1<<s.n - 1) &^ 1
	s.twoBefore = s.before & (s.before << 1)
	s.after = s.before >> 1
	s.twoAfter = s.after & (s.after >> 1)
	if prose := l.prose[g]; prose != s.prose || !s.known {
		s.prose, s.known = prose, true
		for i := range groupSize {
			near := &s.near[prose>>i&1]
			s.one[i], s.two[i] = near[0], near[1]
		}
	}
}

// add counts a word in chunk i of the group.
func (s *spreader) add(i int, frequency float32) {
	s.x[i&63] += frequency
	s.full |= 1 << i
	if s.before>>i&1 == 1 {
		s.x[(i-1)&63] += s.one[(i-1)&63] * frequency
		s.full |= 1 << (i - 1)
		if s.twoBefore>>i&1 == 1 {
			s.x[(i-2)&63] += s.two[(i-2)&63] * frequency
			s.full |= 1 << (i - 2)
		}
	}
	if s.after>>i&1 == 1 {
		s.x[(i+1)&63] += s.one[(i+1)&63] * frequency
		s.full |= 1 << (i + 1)
		if s.twoAfter>>i&1 == 1 {
			s.x[(i+2)&63] += s.two[(i+2)&63] * frequency
			s.full |= 1 << (i + 2)
		}
	}
}
