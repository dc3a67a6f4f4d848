package index

import (
	"encoding/binary"
	"slices"

	"github.com/dragoman/dragoman/internal/knowledge/chunk"
)

// row is what a segment keeps of each of its chunks, besides postings.
type row struct {
	chunk    int64  // id
	document int64  // id
	length   uint16 // in words
	kind     uint8  // index in kinds
}

// kinds are numbered by their place here, which must not change without the index's format.
var kinds = []chunk.Kind{chunk.Code, chunk.Function, chunk.Type, chunk.Value, chunk.Head, chunk.Section, chunk.Data}

const (
	codeKind  = 0 // what is unknown counts as code
	proseKind = 5
)

func kindNumber(k chunk.Kind) uint8 { return uint8(max(codeKind, slices.Index(kinds, k))) }

func (r *row) prose() bool { return r.kind == proseKind }

const rowSize = 4 + 4 + 2 + 1

func encodeRows(rows []row) []byte {
	out := make([]byte, 0, len(rows)*rowSize)
	for _, r := range rows {
		out = binary.LittleEndian.AppendUint32(out, uint32(r.chunk))
		out = binary.LittleEndian.AppendUint32(out, uint32(r.document))
		out = binary.LittleEndian.AppendUint16(out, r.length)
		out = append(out, r.kind)
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
		rows[i] = row{int64(binary.LittleEndian.Uint32(e)), int64(binary.LittleEndian.Uint32(e[4:])), binary.LittleEndian.Uint16(e[8:]), e[10]}
	}
	return rows, nil
}
