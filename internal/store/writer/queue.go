package writer

import (
	"slices"

	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/store"
)

// queue holds what waits in blocks, each of which is one transaction's worth. Blocks are used again: rows come and go by the
// thousand a second.
type queue[B any, P block[B]] struct {
	waiting int // rows or traces, in all blocks
	blocks  []P // the last of them is being filled
	writing P   // nil: none is
	spare   []P
}

type block[B any] interface {
	*B
	size() int
	full() bool
	clear()
}

// filling is the block that takes the next.
func (q *queue[B, P]) filling() P {
	if n := len(q.blocks); n > 0 && !q.blocks[n-1].full() {
		return q.blocks[n-1]
	}
	var b P = new(B)
	if n := len(q.spare); n > 0 {
		b, q.spare = q.spare[n-1], q.spare[:n-1]
	}
	q.blocks = append(q.blocks, b)
	return b
}

// first is the block to be written, which stays the same until it is done. Where nothing waits it is empty.
func (q *queue[B, P]) first() P {
	if q.writing == nil && len(q.blocks) > 0 {
		q.writing = q.blocks[0]
		q.blocks = slices.Delete(q.blocks, 0, 1)
	}
	if q.writing == nil {
		return new(B)
	}
	return q.writing
}

// mostSpare is how many blocks are kept for later: of a burst, the rest is given back.
const mostSpare = 2

// done says that the first block is written.
func (q *queue[B, P]) done() {
	if q.writing == nil {
		return
	}
	q.waiting -= q.writing.size()
	q.writing.clear()
	if len(q.spare) < mostSpare {
		q.spare = append(q.spare, q.writing)
	}
	q.writing = nil
}

type rows struct {
	list    []ledger.Row
	applied []func() // of each
}

func (b *rows) size() int  { return len(b.list) }
func (b *rows) full() bool { return len(b.list) == most }

func (b *rows) clear() {
	clear(b.list)
	clear(b.applied)
	b.list, b.applied = b.list[:0], b.applied[:0]
}

type traces struct {
	list   []store.Trace
	bodies []byte // of them, one after the other
}

// mostBodies is about how many bytes of traces one transaction takes.
const mostBodies = most << 10

func (b *traces) size() int  { return len(b.list) }
func (b *traces) full() bool { return len(b.list) == most || len(b.bodies) >= mostBodies }

func (b *traces) clear() {
	clear(b.list)
	b.list, b.bodies = b.list[:0], b.bodies[:0]
	if cap(b.bodies) > 2*mostBodies {
		b.bodies = nil
	}
}
