package index

import "sync"

// view is what somebody sees of a snapshot.
type view struct {
	once   sync.Once
	chunks int
	rows   [][]uint64 // of each segment, a bit for each row
}

// mostViews bounds those that a snapshot keeps: an eighth of a byte a chunk each.
const mostViews = 64

// view is that of a query's asker.
func (s *snapshot) view(q *Query) *view {
	v := &view{}
	if q.SeesAs != "" {
		s.viewsMu.Lock()
		if known := s.views[q.SeesAs]; known != nil {
			v = known
		} else {
			if s.views == nil || len(s.views) >= mostViews {
				s.views = map[string]*view{}
			}
			s.views[q.SeesAs] = v
		}
		s.viewsMu.Unlock()
	}
	v.once.Do(func() { v.look(s, q.Sees) })
	return v
}

func (v *view) look(s *snapshot, sees func(*Document) bool) {
	v.rows = make([][]uint64, len(s.segments))
	visible := make(map[*Document]bool, len(s.docs)) // parts of a document may lie in several segments
	for _, d := range s.docs {
		if visible[d] = sees(d); visible[d] {
			v.chunks += d.Chunks()
		}
	}
	for i, seg := range s.segments {
		bits := make([]uint64, (len(seg.docs)+63)/64)
		var last *Document
		lets := false
		for row, d := range seg.docs {
			if d == nil {
				continue
			}
			if d != last {
				last, lets = d, visible[d]
			}
			if lets {
				bits[row/64] |= 1 << (row % 64)
			}
		}
		v.rows[i] = bits
	}
}
