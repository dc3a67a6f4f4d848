package index

import (
	"context"
	"database/sql"
	"fmt"
)

// Size is what the index takes up.
type Size struct {
	Bytes    int64 // of the file
	Free     int64 // of these, what holds nothing any more
	Passages int   // in segments
	Dead     int   // of these, those of documents that are gone
}

// Size measures the file.
func (ix *Index) Size(ctx context.Context) (Size, error) {
	snap, err := ix.current(ctx)
	if err != nil {
		return Size{}, err
	}
	var s Size
	for _, seg := range snap.segments {
		s.Passages += len(seg.rows)
		s.Dead += len(seg.rows) - seg.live
	}
	s.Bytes, s.Free, err = ix.space.measure(ctx)
	if err != nil {
		return Size{}, fmt.Errorf("measure the index: %w", err)
	}
	return s, nil
}

// Compact merges all segments into one, without what is gone, and gives free room back. Searches go on meanwhile; a file needs
// its own size once more while it is written. The caller must be the only writer.
func (ix *Index) Compact(ctx context.Context) error {
	snap, err := ix.current(ctx)
	if err != nil {
		return err
	}
	dead := false
	for _, seg := range snap.segments {
		dead = dead || seg.live < len(seg.rows)
	}
	if dead || len(snap.segments) > 1 {
		if err := ix.mergeThese(ctx, snap.segments); err != nil {
			return err
		}
	}
	if err := ix.space.reclaim(ctx); err != nil {
		return fmt.Errorf("compact the index: %w", err)
	}
	return nil
}

// space is what differs between a file and a database server in the room that they take up.
type space struct {
	measure func(ctx context.Context) (bytes, free int64, err error)
	reclaim func(ctx context.Context) error
}

// fileSpace is that of a file.
func fileSpace(db *sql.DB) space {
	return space{
		measure: func(ctx context.Context) (bytes, free int64, err error) {
			var page int64
			for pragma, into := range map[string]*int64{"page_size": &page, "page_count": &bytes, "freelist_count": &free} {
				if err := db.QueryRowContext(ctx, "PRAGMA "+pragma).Scan(into); err != nil {
					return 0, 0, err
				}
			}
			return bytes * page, free * page, nil
		},
		reclaim: func(ctx context.Context) error {
			if _, err := db.ExecContext(ctx, "VACUUM"); err != nil {
				return err
			}
			// What VACUUM wrote lies in the log beside the file until then. A search under way may keep a part of it there.
			_, err := db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
			return err
		},
	}
}

// serverSpace is that of tables at PostgreSQL, which keeps no account of what is free in them.
func serverSpace(db *sql.DB) space {
	return space{
		measure: func(ctx context.Context) (bytes, free int64, err error) {
			err = db.QueryRowContext(ctx, "SELECT COALESCE(SUM(pg_total_relation_size(oid)), 0) FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace").Scan(&bytes)
			return bytes, 0, err
		},
		reclaim: func(ctx context.Context) error {
			_, err := db.ExecContext(ctx, "VACUUM document, chunk, text, segment, block, vectors")
			return err
		},
	}
}
