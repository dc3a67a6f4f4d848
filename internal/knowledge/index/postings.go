package index

import (
	"bytes"
	"encoding/binary"
	"errors"
	"sort"
)

// A block holds consecutive terms of a segment: for each
//
//	uvarint length of the prefix shared with the term before it in the block
//	uvarint length of the rest of the term, and the rest
//	uvarint number of chunks, uvarint length of the postings, and the postings
//
// Postings are in ascending order of the chunk's ordinal in the segment: uvarint (gap<<1 | 1) where the weighted frequency is
// 1, else uvarint (gap<<1) and uvarint frequency. The gap is counted from the ordinal before, the first from -1, less one.

// blockSize is where a block ends: large enough that the directory, which is kept in memory, stays small; small enough to
// be read and scanned in some 20 us.
const blockSize = 6 << 10

var errDamaged = errors.New("index block is damaged; run `dragoman index --rebuild`")

// blockWriter cuts sorted terms into blocks.
type blockWriter struct {
	emit  func(first, data []byte) error
	first []byte
	last  []byte
	buf   []byte
}

func (w *blockWriter) add(term []byte, count int, postings []byte) error {
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
	data     []byte
	term     []byte
	count    int
	postings []byte
	err      error
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
	size, ok2 := r.uvarint()
	if !ok1 || !ok2 || size > uint64(len(r.data)) || count > size {
		r.err = errDamaged
		return false
	}
	r.count, r.postings = int(count), r.data[:size]
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

// find returns the postings of term in the block.
func findTerm(block, term []byte) (count int, postings []byte, err error) {
	r := blockReader{data: block}
	for r.next() {
		switch bytes.Compare(r.term, term) {
		case 0:
			return r.count, r.postings, nil
		case 1:
			return 0, nil, nil
		}
	}
	return 0, nil, r.err
}

func appendPosting(dst []byte, gap, frequency uint32) []byte {
	if frequency == 1 {
		return binary.AppendUvarint(dst, uint64(gap)<<1|1)
	}
	dst = binary.AppendUvarint(dst, uint64(gap)<<1)
	return binary.AppendUvarint(dst, uint64(frequency))
}

// eachPosting calls f with each ordinal below n and its weighted frequency.
func eachPosting(p []byte, n int, f func(ordinal, frequency uint32)) error {
	ordinal := int64(-1)
	for len(p) > 0 {
		v, k := uint64(p[0]), 1
		if v >= 0x80 {
			if v, k = binary.Uvarint(p); k <= 0 {
				return errDamaged
			}
		}
		p = p[k:]
		frequency := uint64(1)
		if v&1 == 0 {
			if frequency, k = binary.Uvarint(p); k <= 0 {
				return errDamaged
			}
			p = p[k:]
		}
		ordinal += int64(v>>1) + 1
		if ordinal < 0 || ordinal >= int64(n) {
			return errDamaged
		}
		f(uint32(ordinal), uint32(frequency))
	}
	return nil
}

// row is what a segment keeps of each of its chunks, besides postings.
type row struct {
	chunk    int64  // id
	document int64  // id
	length   uint16 // weighted number of words
}

const rowSize = 4 + 4 + 2

func encodeRows(rows []row) []byte {
	out := make([]byte, 0, len(rows)*rowSize)
	for _, r := range rows {
		out = binary.LittleEndian.AppendUint32(out, uint32(r.chunk))
		out = binary.LittleEndian.AppendUint32(out, uint32(r.document))
		out = binary.LittleEndian.AppendUint16(out, r.length)
	}
	return out
}

func decodeRows(b []byte) ([]row, error) {
	if len(b)%rowSize != 0 {
		return nil, errDamaged
	}
	rows := make([]row, len(b)/rowSize)
	for i := range rows {
		e := b[i*rowSize:]
		rows[i] = row{int64(binary.LittleEndian.Uint32(e)), int64(binary.LittleEndian.Uint32(e[4:])), binary.LittleEndian.Uint16(e[8:])}
	}
	return rows, nil
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
