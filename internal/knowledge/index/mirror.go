package index

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dragoman/dragoman/internal/knowledge/dense"
)

// What an engine has is a mirror of the vectors that lie here. It is brought up to date by Settle, which may end or die anywhere: how far it
// came is kept with the index (a generation's space, and the last block that the engine took), and so are the documents whose entries it
// still has to remove, from the very transaction in which they went. Searches do not depend on any of it being done: what the engine proposes
// is looked up in the index.

const mirrorSchema = `
CREATE TABLE IF NOT EXISTS mirror      (generation BIGINT PRIMARY KEY, space TEXT NOT NULL, pushed BIGINT NOT NULL, ready BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS mirror_gone (document BIGINT PRIMARY KEY);
`

const (
	// blocksAtOnce bounds what is read in one piece: 12 MB at 384 dimensions.
	blocksAtOnce = 8
	// putAtOnce is how many entries an engine is given in one piece.
	putAtOnce = 500
	// removeAtOnce and listAtOnce bound lists of numbers.
	removeAtOnce, listAtOnce = 1000, 10_000
	// repairs is how often an engine that has too many or too few is put right in one go: documents may go meanwhile.
	repairs = 4
)

// UseEngine lets an engine search vectors, in place of memory. describe says by which facets a document is found there. name is what a person
// may see the index's spaces by.
func (ix *Index) UseEngine(ctx context.Context, e Engine, name string, describe func(*Document) []string) error {
	unlock, err := ix.Lock(ctx, "engine")
	if err != nil {
		return fmt.Errorf("lock the index: %w", err)
	}
	defer unlock()
	if _, err := ix.db.ExecContext(ctx, mirrorSchema); err != nil {
		return fmt.Errorf("prepare the index for an engine: %w", err)
	}
	ix.engine, ix.describe, ix.spaces = e, describe, spaceName(name)
	return nil
}

// spaceName is a name as every engine takes it.
func spaceName(name string) string {
	plain := []byte(strings.ToLower(name))
	for i, c := range plain {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9') {
			plain[i] = '-'
		}
	}
	return string(plain[:min(len(plain), 24)])
}

// mirror is what is known of a generation's space.
type mirror struct {
	Generation
	space  string // empty: it has none yet
	pushed int64  // the last block that the engine has
	ready  bool   // it had all of them once, and is searched
}

// mirrors are those of all generations. gone are the spaces of generations that are no more.
func (ix *Index) mirrors(ctx context.Context) (all []mirror, gone []mirror, err error) {
	generations, err := ix.Generations(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, g := range generations {
		all = append(all, mirror{Generation: g})
	}
	rows, err := ix.db.QueryContext(ctx, "SELECT generation, space, pushed, ready FROM mirror")
	if err != nil {
		return nil, nil, fmt.Errorf("read how far the engine is: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var m mirror
		var ready int64
		if err := rows.Scan(&m.ID, &m.space, &m.pushed, &ready); err != nil {
			return nil, nil, fmt.Errorf("read how far the engine is: %w", err)
		}
		if at := slices.IndexFunc(all, func(a mirror) bool { return a.ID == m.ID }); at < 0 {
			gone = append(gone, m)
		} else {
			all[at].space, all[at].pushed, all[at].ready = m.space, m.pushed, ready == 1
		}
	}
	return all, gone, rows.Err()
}

// Unsettled counts what the engine still has to be told: vectors that it lacks, documents and generations that are gone. Without an engine
// it is 0.
func (ix *Index) Unsettled(ctx context.Context) (n int, err error) {
	if ix.engine == nil {
		return 0, nil
	}
	err = ix.db.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM mirror_gone) + (SELECT COUNT(*) FROM mirror WHERE generation NOT IN (SELECT id FROM generation))
		+ (SELECT COALESCE(SUM(LENGTH(v.chunks)), 0) / 4 FROM vectors v LEFT JOIN mirror m ON m.generation = v.generation WHERE v.id > COALESCE(m.pushed * m.ready, 0))`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("read how far the engine is: %w", err)
	}
	return n, nil
}

// Settle brings the engine up to date. Without one it does nothing. Of several calls, in whichever processes, one works at a time.
func (ix *Index) Settle(ctx context.Context) error {
	if ix.engine == nil {
		return nil
	}
	unlock, err := ix.Lock(ctx, "engine")
	if err != nil {
		return fmt.Errorf("lock the index: %w", err)
	}
	defer unlock()
	all, gone, err := ix.mirrors(ctx)
	if err != nil {
		return err
	}
	for _, m := range gone {
		if err := ix.engine.Drop(ctx, m.space); err != nil {
			return err
		}
		if err := ix.note(ctx, "DELETE FROM mirror WHERE generation = ?", m.ID); err != nil {
			return err
		}
	}
	all = slices.DeleteFunc(all, func(m mirror) bool { return m.Dims == 0 })
	for i := range all {
		if err := ix.push(ctx, &all[i]); err != nil {
			return err
		}
	}
	// Last, so that nothing comes after its removal: what went while it was pushed is noted.
	if err := ix.removeGone(ctx, all); err != nil {
		return err
	}
	for i := range all {
		if err := ix.verify(ctx, all, &all[i]); err != nil {
			return err
		}
	}
	return nil
}

// note writes down how far the engine is.
func (ix *Index) note(ctx context.Context, statement string, args ...any) error {
	if _, err := ix.db.ExecContext(ctx, statement, args...); err != nil {
		return fmt.Errorf("note how far the engine is: %w", err)
	}
	return nil
}

// push gives the engine the blocks that came after the last one that it has.
func (ix *Index) push(ctx context.Context, m *mirror) error {
	if m.space == "" {
		// Random, since an index that is thrown away and made anew must not meet what the engine has of the old one.
		m.space = fmt.Sprintf("%s-%s-%d", ix.spaces, strings.ToLower(rand.Text()[:16]), m.ID)
		if err := ix.note(ctx, "INSERT INTO mirror(generation, space, pushed, ready) VALUES(?,?,0,0)", m.ID, m.space); err != nil {
			return err
		}
	}
	if err := ix.engine.Make(ctx, m.space); err != nil {
		return err
	}
	if err := ix.probe(ctx, m); err != nil {
		return err
	}
	for {
		last, err := ix.pushSome(ctx, m, m.pushed, nil)
		if err != nil || last == 0 {
			return err
		}
		if err := ix.note(ctx, "UPDATE mirror SET pushed = ? WHERE generation = ?", last, m.ID); err != nil {
			return err
		}
		m.pushed = last
	}
}

// pushSome gives the engine what is wanted (nil: all) of the next blocks, and returns the last of them, 0 where there is none.
func (ix *Index) pushSome(ctx context.Context, m *mirror, after int64, wanted func(chunk int64) bool) (last int64, err error) {
	var vectors []dense.Vector
	err = eachBlock(ctx, ix.db, "SELECT id, chunks, rows FROM vectors WHERE generation = ? AND id > ? ORDER BY id LIMIT ?", func(block int64, ids []int64, rows []byte) error {
		last = block
		size := len(rows) / max(len(ids), 1)
		for i, id := range ids {
			if wanted == nil || wanted(id) {
				vectors = append(vectors, dense.Vector{ID: id, Row: slices.Clone(rows[i*size : (i+1)*size])})
			}
		}
		return nil
	}, m.ID, after, blocksAtOnce)
	if err != nil || last == 0 {
		return 0, err
	}
	snap, err := ix.current(ctx)
	if err != nil {
		return 0, err
	}
	var before []Entry
	for some := range slices.Chunk(vectors, putAtOnce) {
		entries := ix.entries(snap, some)
		if err := ix.engine.Put(ctx, m.space, entries); err != nil {
			return 0, err
		}
		if err := ix.keeps(ctx, m, before, fewProbes); err != nil {
			return 0, err
		}
		before = entries
	}
	return last, nil
}

// entries are what the engine is given of vectors, those of chunks that are gone left out.
func (ix *Index) entries(snap *snapshot, vectors []dense.Vector) []Entry {
	out := make([]Entry, 0, len(vectors))
	for _, v := range vectors {
		if doc, kind, ok := snap.find(v.ID); ok {
			facets := append(ix.describe(doc), "kind:"+string(kinds[kind]))
			out = append(out, Entry{Chunk: v.ID, Document: doc.ID, ACL: doc.ACL, Facets: facets, Row: v.Row})
		}
	}
	return out
}

// probe looks whether the engine still finds what it was given last. One that is killed may count vectors that its graph has lost: Weaviate
// 1.35 writes the last 32 KB of its graph's log when it ends in peace, and a few dozen vectors are in these, the last that came.
func (ix *Index) probe(ctx context.Context, m *mirror) error {
	if m.pushed == 0 {
		return nil
	}
	var last []dense.Vector
	err := eachBlock(ctx, ix.db, "SELECT id, chunks, rows FROM vectors WHERE generation = ? AND id <= ? ORDER BY id DESC LIMIT ?", func(_ int64, ids []int64, rows []byte) error {
		size := len(rows) / max(len(ids), 1)
		var some []dense.Vector
		for i := max(0, len(ids)-(2*putAtOnce-len(last))); i < len(ids); i++ {
			some = append(some, dense.Vector{ID: ids[i], Row: slices.Clone(rows[i*size : (i+1)*size])})
		}
		last = append(some, last...)
		return nil
	}, m.ID, m.pushed, blocksAtOnce)
	if err != nil {
		return err
	}
	snap, err := ix.current(ctx)
	if err != nil {
		return err
	}
	return ix.keeps(ctx, m, ix.entries(snap, last), probes)
}

const (
	// probes is how many of the last vectors are looked for before others are given to an engine, and fewProbes how many between two pieces
	// of a long list.
	probes, fewProbes = 16, 2
	// near is among how many of the closest to itself a vector has to be.
	near = 10
)

// keeps looks whether the engine finds the last of some entries, and gives it all of them again where it does not: it removes them first,
// since an engine that counts them would take them for known.
func (ix *Index) keeps(ctx context.Context, m *mirror, entries []Entry, looks int) error {
	for _, e := range entries[max(0, len(entries)-looks):] {
		found, err := ix.engine.Search(ctx, m.space, e.Row.Floats(), near, Selection{})
		if err != nil {
			return err
		}
		if len(found) == near && bytes.Equal(found[near-1].Row, e.Row) {
			continue // of many equal ones it need not be among the first
		}
		if slices.ContainsFunc(found, func(v dense.Vector) bool { return v.ID == e.Chunk }) {
			continue
		}
		for some := range slices.Chunk(entries, putAtOnce) {
			ids := make([]int64, len(some))
			for i := range some {
				ids[i] = some[i].Chunk
			}
			if err := ix.engine.RemoveChunks(ctx, m.space, ids); err != nil {
				return err
			}
			if err := ix.engine.Put(ctx, m.space, some); err != nil {
				return err
			}
		}
		return nil
	}
	return nil
}

// forget notes, in a transaction that removes a document, that its entries are to be removed.
func (ix *Index) forget(ctx context.Context, tx *sql.Tx, document int64) error {
	if ix.engine == nil {
		return nil
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO mirror_gone(document) VALUES(?) ON CONFLICT DO NOTHING", document)
	return err
}

// removeGone removes the entries of documents that are no more.
func (ix *Index) removeGone(ctx context.Context, all []mirror) error {
	for {
		gone, err := ix.gone(ctx)
		if err != nil || len(gone) == 0 {
			return err
		}
		for _, m := range all {
			if err := ix.engine.Remove(ctx, m.space, gone); err != nil {
				return err
			}
		}
		if err := ix.note(ctx, "DELETE FROM mirror_gone WHERE document "+ix.among, idList(len(gone), func(i int) int64 { return gone[i] })); err != nil {
			return err
		}
	}
}

func (ix *Index) gone(ctx context.Context) (documents []int64, err error) {
	rows, err := ix.db.QueryContext(ctx, "SELECT document FROM mirror_gone ORDER BY document LIMIT ?", removeAtOnce)
	if err != nil {
		return nil, fmt.Errorf("read how far the engine is: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("read how far the engine is: %w", err)
		}
		documents = append(documents, id)
	}
	return documents, rows.Err()
}

// verify counts what the engine has, lets it have exactly what it should where that is something else (it was set back to a backup, or vectors
// were changed by a process that did not use it), and lets it be searched from then on.
func (ix *Index) verify(ctx context.Context, all []mirror, m *mirror) error {
	for try := 0; ; try++ {
		alive, has, want, err := ix.mirrored(ctx, m)
		if err != nil {
			return err
		}
		n, err := ix.engine.Count(ctx, m.space)
		if err != nil {
			return err
		}
		switch {
		case n == want:
			if m.ready {
				return nil
			}
			m.ready = true
			return ix.note(ctx, "UPDATE mirror SET ready = 1 WHERE generation = ?", m.ID)
		case try == 0: // documents may have gone just now
			err = ix.removeGone(ctx, all)
		case try < repairs:
			err = ix.repair(ctx, m, alive, has)
		default:
			err = fmt.Errorf("%w: of %d vectors the engine has %d, after it was given all of them", ErrEngine, want, n)
		}
		if err != nil {
			return err
		}
	}
}

// mirrored are the chunks that there are, ascending, which of them have a vector of the generation that was pushed, and how many that are.
func (ix *Index) mirrored(ctx context.Context, m *mirror) (alive []int64, has []bool, n int, err error) {
	if alive, err = ix.ChunkIDs(ctx); err != nil {
		return nil, nil, 0, err
	}
	has = make([]bool, len(alive))
	err = ix.VectorIDs(ctx, m.ID, 0, func(block int64, ids []int64, _ []byte) error {
		for _, id := range ids {
			if at, there := slices.BinarySearch(alive, id); there && block <= m.pushed && !has[at] {
				has[at] = true
				n++
			}
		}
		return nil
	})
	return alive, has, n, err
}

// repair compares the entries one by one.
func (ix *Index) repair(ctx context.Context, m *mirror, alive []int64, has []bool) error {
	lacks := slices.Clone(has)
	var wrong []int64
	for after := int64(-1); ; {
		some, err := ix.engine.Chunks(ctx, m.space, after, listAtOnce)
		if err != nil {
			return err
		}
		for _, id := range some {
			if at, there := slices.BinarySearch(alive, id); there && has[at] {
				lacks[at] = false
			} else {
				wrong = append(wrong, id)
			}
		}
		if len(some) < listAtOnce {
			break
		}
		after = some[len(some)-1]
	}
	for some := range slices.Chunk(wrong, removeAtOnce) {
		if err := ix.engine.RemoveChunks(ctx, m.space, some); err != nil {
			return err
		}
	}
	for after := int64(0); ; {
		last, err := ix.pushSome(ctx, m, after, func(id int64) bool {
			at, there := slices.BinarySearch(alive, id)
			return there && lacks[at]
		})
		if err != nil || last == 0 || last >= m.pushed {
			return err
		}
		after = last
	}
}

// joined notes that the blocks of a generation were written anew: what the engine had of them it still has.
func (ix *Index) joined(ctx context.Context, tx *sql.Tx, generation, before int64) error {
	if ix.engine == nil {
		return nil
	}
	_, err := tx.ExecContext(ctx, "UPDATE mirror SET pushed = COALESCE((SELECT MAX(id) FROM vectors WHERE generation = ?1), 0) WHERE generation = ?1 AND pushed >= ?2", generation, before)
	return err
}

// lost notes that the engine does not have a space that it should have: it will get all of it again.
func (ix *Index) lost(ctx context.Context, generation int64, err error) error {
	if !errors.Is(err, ErrNoSpace) {
		return err
	}
	return errors.Join(err, ix.note(ctx, "UPDATE mirror SET pushed = 0, ready = 0 WHERE generation = ?", generation))
}
