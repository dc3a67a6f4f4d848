package index

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
)

// maxSegments is how many segments a search may have to visit. Each costs one block per query term, some 30 us.
const maxSegments = 8

// Merge joins segments where there are too many, or where most of one is gone, and frees what they held of documents
// that are gone. It says whether it changed anything. The caller must be the only writer.
func (ix *Index) Merge(ctx context.Context) (bool, error) {
	snap, err := ix.current(ctx)
	if err != nil {
		return false, err
	}
	victims := chooseMerge(snap.segments)
	if len(victims) == 0 {
		return false, nil
	}
	return true, ix.mergeThese(ctx, victims)
}

// mergeThese writes one segment in place of several, in a commit of its own.
func (ix *Index) mergeThese(ctx context.Context, victims []*segment) error {
	tx, err := ix.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("merge segments: %w", err)
	}
	defer tx.Rollback()
	generation, err := countCommit(ctx, tx, false)
	if err != nil {
		return fmt.Errorf("merge segments: %w", err)
	}
	if err := ix.merge(ctx, tx, victims); err != nil {
		return fmt.Errorf("merge segments: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("merge segments: %w", err)
	}
	ix.remember(delta{generation: generation})
	return nil
}

// chooseMerge picks segments of similar size, the smallest first, so that a chunk is rewritten about log(n) times.
func chooseMerge(segments []*segment) []*segment {
	var chosen []*segment
	var full []*segment
	for _, s := range segments {
		if s.live*2 < len(s.rows) {
			chosen = append(chosen, s)
		} else {
			full = append(full, s)
		}
	}
	if len(full) > maxSegments {
		slices.SortFunc(full, func(a, b *segment) int { return cmp.Compare(a.live, b.live) })
		sum := 0
		for i, s := range full {
			if i >= len(full)-maxSegments/2 && s.live > sum {
				break
			}
			sum += s.live
			chosen = append(chosen, s)
		}
	}
	slices.SortFunc(chosen, func(a, b *segment) int { return cmp.Compare(a.id, b.id) })
	return chosen
}

// merge writes one segment in place of several.
func (ix *Index) merge(ctx context.Context, tx *sql.Tx, segments []*segment) error {
	var rows []row
	cursors := make([]*cursor, 0, len(segments))
	for _, seg := range segments {
		c := &cursor{ctx: ctx, tx: tx, segment: seg, ordinals: make([]int32, len(seg.rows))}
		for i, r := range seg.rows {
			c.ordinals[i] = -1
			if seg.docs[i] != nil {
				c.ordinals[i] = int32(len(rows))
				rows = append(rows, r)
			}
		}
		if err := c.next(); err != nil {
			return err
		}
		cursors = append(cursors, c)
	}
	w, err := newSegmentWriter(ctx, tx, rows, &ix.scoring)
	if err != nil {
		return err
	}
	defer w.close()
	for {
		var least []byte
		for _, c := range cursors {
			if !c.done && (least == nil || bytes.Compare(c.reader.term, least) < 0) {
				least = c.reader.term
			}
		}
		if least == nil {
			break
		}
		term := bytes.Clone(least)
		p := posting{last: -1, current: -1}
		for _, c := range cursors { // in the order of their new ordinals
			if c.done || !bytes.Equal(c.reader.term, term) {
				continue
			}
			err := eachPosting(c.reader.list, &c.segment.layout, func(ordinal, frequency uint32) {
				if o := c.ordinals[ordinal]; o >= 0 {
					p.data = appendPosting(p.data, uint32(o-p.last-1), frequency)
					p.last = o
					p.count++
				}
			})
			if err != nil {
				return err
			}
			if err := c.next(); err != nil {
				return err
			}
		}
		if p.count > 0 {
			if err := w.put(term, p.count, p.data); err != nil {
				return err
			}
		}
	}
	if err := w.finish(); err != nil {
		return err
	}
	for _, seg := range segments {
		if _, err := tx.ExecContext(ctx, "DELETE FROM block WHERE id >= ? AND id < ?", seg.firstBlock, seg.firstBlock+int64(len(seg.directory))); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, "DELETE FROM segment WHERE id = ?", seg.id)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 { // as when the lock on a server was lost with its connection
			return errors.Join(err, errors.New("another process merged them meanwhile"))
		}
	}
	return nil
}

// cursor walks the terms of a segment, block by block.
type cursor struct {
	ctx      context.Context
	tx       *sql.Tx
	segment  *segment
	ordinals []int32 // old -> new; -1 for gone
	block    int     // to be read next, from 0
	reader   blockReader
	done     bool
}

func (c *cursor) next() error {
	for !c.reader.next() {
		if c.reader.err != nil {
			return c.reader.err
		}
		if c.block == len(c.segment.directory) {
			c.done = true
			return nil
		}
		var data []byte
		if err := c.tx.QueryRowContext(c.ctx, "SELECT data FROM block WHERE id = ?", c.segment.firstBlock+int64(c.block)).Scan(&data); err != nil {
			return err
		}
		c.block++
		c.reader = blockReader{data: data}
	}
	return nil
}
