package index

import (
	"bytes"
	"encoding/binary"
	"sort"
)

// A block holds consecutive terms of a segment: for each
//
//	uvarint length of the prefix shared with the term before it in the block
//	uvarint length of the rest of the term, and the rest
//	uvarint number of chunks, uvarint how many of them have the term in themselves, not only in their header
//	uvarint length of the postings, and the postings

// blockSize is where a block ends: large enough that the directory, which is kept in memory, stays small; small enough to
// be read and scanned in some 20 us.
const blockSize = 6 << 10

// blockWriter cuts sorted terms into blocks.
type blockWriter struct {
	emit  func(first, data []byte) error
	first []byte
	last  []byte
	buf   []byte
}

func (w *blockWriter) add(term []byte, count, own int, postings []byte) error {
	if len(w.buf) >= blockSize {
		if err := w.flush(); err != nil {
			return err
		}
	}
	shared := 0
	if len(w.buf) == 0 {
		w.first = append(w.first[:0], term...)
	} else {
		for shared < len(term) && shared < len(w.last) && term[shared] == w.last[shared] {
			shared++
		}
	}
	w.buf = binary.AppendUvarint(w.buf, uint64(shared))
	w.buf = binary.AppendUvarint(w.buf, uint64(len(term)-shared))
	w.buf = append(w.buf, term[shared:]...)
	w.buf = binary.AppendUvarint(w.buf, uint64(count))
	w.buf = binary.AppendUvarint(w.buf, uint64(own))
	w.buf = binary.AppendUvarint(w.buf, uint64(len(postings)))
	w.buf = append(w.buf, postings...)
	w.last = append(w.last[:0], term...)
	return nil
}

func (w *blockWriter) flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	err := w.emit(w.first, w.buf)
	w.buf = w.buf[:0]
	return err
}

// blockReader walks the terms of a block.
type blockReader struct {
	data []byte
	term []byte
	list termList
	err  error
}

func (r *blockReader) next() bool {
	if len(r.data) == 0 || r.err != nil {
		return false
	}
	shared, ok1 := r.uvarint()
	rest, ok2 := r.uvarint()
	if !ok1 || !ok2 || shared > uint64(len(r.term)) || rest > uint64(len(r.data)) {
		r.err = errDamaged
		return false
	}
	r.term = append(r.term[:shared], r.data[:rest]...)
	r.data = r.data[rest:]
	count, ok1 := r.uvarint()
	own, ok2 := r.uvarint()
	size, ok3 := r.uvarint()
	if !ok1 || !ok2 || !ok3 || size > uint64(len(r.data)) || count > size || own > count {
		r.err = errDamaged
		return false
	}
	r.list = termList{int(count), int(own), r.data[:size]}
	r.data = r.data[size:]
	return true
}

func (r *blockReader) uvarint() (uint64, bool) {
	v, n := binary.Uvarint(r.data)
	if n <= 0 {
		return 0, false
	}
	r.data = r.data[n:]
	return v, true
}

// termList is the postings of a term in a segment.
type termList struct {
	count int // chunks that have the term
	own   int // of these, those that have it in themselves
	data  []byte
}

// findTerm returns the postings of term in the block; none where it is not there.
func findTerm(block, term []byte) (termList, error) {
	r := blockReader{data: block}
	for r.next() {
		switch bytes.Compare(r.term, term) {
		case 0:
			return r.list, nil
		case 1:
			return termList{}, nil
		}
	}
	return termList{}, r.err
}

// A directory holds the first term of each of a segment's blocks: uvarint length and the term. The blocks' ids are
// consecutive.

func appendDirectory(dst, first []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(first))), first...)
}

func decodeDirectory(b []byte) ([]string, error) {
	var out []string
	for len(b) > 0 {
		n, k := binary.Uvarint(b)
		if k <= 0 || n > uint64(len(b)-k) {
			return nil, errDamaged
		}
		out = append(out, string(b[k:k+int(n)]))
		b = b[k+int(n):]
	}
	return out, nil
}

// sortedTerms returns the ids of names in the order of their names.
func sortedTerms(names []string) []uint32 {
	order := make([]uint32, len(names))
	for i := range order {
		order[i] = uint32(i)
	}
	sort.Slice(order, func(a, b int) bool { return names[order[a]] < names[order[b]] })
	return order
}
