package index

import (
	"encoding/binary"
	"math"
	"time"
)

// Blame tells of each chunk of a document when its lines last changed, and by whom. It is kept as it is stored, for a collection has a
// hundred thousand chunks of which a search asks a few: uvarint number of authors, each author after its uvarint length, then for each chunk
// four bytes of seconds since 1970 and two of the author's number. The empty one says that nobody asked yet; one without chunks,
// that nothing is known.
type Blame string

// blameSize is how many bytes a chunk takes.
const blameSize = 4 + 2

// NewBlame takes the last change of each chunk, in their order; the zero value stands for what is not known. There are fewer than 1<<16 chunks.
func NewBlame(changes []LastChange) Blame {
	numbers, names := map[string]uint16{}, []string{}
	table := make([]byte, 0, len(changes)*blameSize)
	known := false
	for _, c := range changes {
		seconds := uint32(0)
		if !c.At.IsZero() {
			seconds, known = uint32(min(max(c.At.Unix(), 1), math.MaxUint32)), true
		}
		n, ok := numbers[c.Author]
		if !ok {
			n = uint16(len(names))
			numbers[c.Author], names = n, append(names, c.Author)
		}
		table = binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint32(table, seconds), n)
	}
	if !known {
		return "\x00"
	}
	out := binary.AppendUvarint(nil, uint64(len(names)))
	for _, name := range names {
		out = append(binary.AppendUvarint(out, uint64(len(name))), name...)
	}
	return Blame(append(out, table...))
}

// Asked says whether somebody has looked for it.
func (b Blame) Asked() bool { return b != "" }

// Known says whether it tells of some chunk.
func (b Blame) Known() bool { return len(b) > 1 }

// at returns the last change of chunk n of so many.
func (b Blame) at(n, of int) (LastChange, bool) {
	seconds, number := b.row(n, of)
	if seconds == 0 {
		return LastChange{}, false
	}
	author, ok := b.author(int(number))
	return LastChange{time.Unix(int64(seconds), 0), author}, ok
}

// row is what is kept of chunk n of so many; 0 seconds where nothing is known.
func (b Blame) row(n, of int) (seconds uint32, author uint16) {
	from := len(b) - (of-n)*blameSize
	if n < 0 || n >= of || from <= 0 || from+blameSize > len(b) {
		return 0, 0
	}
	r := b[from : from+blameSize]
	return uint32(r[0]) | uint32(r[1])<<8 | uint32(r[2])<<16 | uint32(r[3])<<24, uint16(r[4]) | uint16(r[5])<<8
}

func (b Blame) author(n int) (string, bool) {
	rest := string(b)
	count, rest, ok := cutUvarint(rest)
	if !ok || n >= int(count) {
		return "", false
	}
	for ; ; n-- {
		size, after, ok := cutUvarint(rest)
		if !ok || size > uint64(len(after)) {
			return "", false
		}
		if n == 0 {
			return after[:size], true
		}
		rest = after[size:]
	}
}

func cutUvarint(s string) (uint64, string, bool) {
	v, n := binary.Uvarint([]byte(s[:min(len(s), binary.MaxVarintLen64)]))
	if n <= 0 {
		return 0, "", false
	}
	return v, s[n:], true
}

// ChangedAt is Changed without the author, for who passes over many.
func (d *Document) ChangedAt(n int) time.Time {
	if seconds, _ := d.Blame.row(n, int(d.chunks)); seconds != 0 {
		return time.Unix(int64(seconds), 0)
	}
	return d.Updated
}

// Changed is when the lines of the document's nth chunk, from 0, last changed, and by whom: by their blame, or else as the document did.
func (d *Document) Changed(n int) (last LastChange, blamed bool) {
	if last, blamed = d.Blame.at(n, int(d.chunks)); blamed {
		return last, true
	}
	return LastChange{d.Updated, d.Author}, false
}
