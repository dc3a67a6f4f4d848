package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dragoman/dragoman/internal/cache"
	"github.com/dragoman/dragoman/internal/store"
)

var _ cache.CommonStore = (*DB)(nil)

// CachedAnswer implements cache.CommonStore.
func (d *DB) CachedAnswer(ctx context.Context, key cache.Key) (body []byte, made time.Time, err error) {
	var at int64
	err = d.row(ctx, "look for an answer", store.ErrNotFound, `SELECT body, made FROM answers WHERE key = $1`, []any{key[:]}, &body, &at)
	if errors.Is(err, store.ErrNotFound) {
		return nil, time.Time{}, nil
	}
	return body, fromNanos(at), err
}

// CachedMeanings implements cache.CommonStore.
func (d *DB) CachedMeanings(ctx context.Context, scope cache.Key, after int64, most int) ([]cache.CommonMeaning, error) {
	return list(ctx, d, "look for answers to questions that mean the same", `SELECT id, made, body FROM meanings WHERE scope = $1 AND id > $2 ORDER BY id DESC LIMIT $3`,
		[]any{scope[:], after, most}, func(rows pgx.Rows) (m cache.CommonMeaning, err error) {
			var made int64
			err = rows.Scan(&m.Number, &made, &m.Body)
			m.Made = fromNanos(made)
			return m, err
		})
}

// notErased, of who asked and when an answer was made, lets nothing be kept that was erased before it came here.
const notErased = `WHERE NOT EXISTS (SELECT 1 FROM erasures WHERE whose = ANY($1::BYTEA[]) AND at >= $2::BIGINT)`

// KeepAnswer implements cache.CommonStore.
func (d *DB) KeepAnswer(ctx context.Context, key cache.Key, asked cache.Asker, made time.Time, body []byte) error {
	return d.exec(ctx, "keep an answer", `INSERT INTO answers (asked, made, key, size, body) SELECT $1::BYTEA[], $2::BIGINT, $3::BYTEA, $4::BIGINT, $5::BYTEA `+notErased+`
		ON CONFLICT (key) DO UPDATE SET asked = excluded.asked, made = excluded.made, size = excluded.size, body = excluded.body WHERE answers.made < excluded.made`,
		hashes(asked), nanos(made), key[:], rowSize+len(body), body)
}

func hashes(asked cache.Asker) [][]byte { return [][]byte{asked[0][:], asked[1][:]} }

// KeepMeaning implements cache.CommonStore.
func (d *DB) KeepMeaning(ctx context.Context, scope, question cache.Key, asked cache.Asker, made time.Time, body []byte) error {
	return d.exec(ctx, "keep an answer to what a question means", `INSERT INTO meanings (asked, made, scope, question, size, body) SELECT $1::BYTEA[], $2::BIGINT, $3::BYTEA, $4::BYTEA, $5::BIGINT, $6::BYTEA `+notErased+`
		ON CONFLICT (scope, question) DO UPDATE SET id = DEFAULT, asked = excluded.asked, made = excluded.made, size = excluded.size, body = excluded.body WHERE meanings.made < excluded.made`,
		hashes(asked), nanos(made), scope[:], question[:], rowSize+len(body), body)
}

// rowSize is what a row takes in the database beside its body, with its part of the indexes, about.
const rowSize = 200

// TrimCache implements cache.CommonStore. One process at a time does it; others have no need to.
func (d *DB) TrimCache(ctx context.Context, answers, meanings cache.Bound) error {
	ctx, cancel := within(ctx)
	defer cancel()
	err := d.transact(ctx, func(tx pgx.Tx) error {
		var mine bool
		if err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock(hashtextextended('trim the cache', 0))`).Scan(&mine); err != nil || !mine {
			return err
		}
		for table, most := range map[string]cache.Bound{"answers": answers, "meanings": meanings} {
			if _, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE made < $1`, nanos(most.Before)); err != nil {
				return err
			}
			// The oldest go first, until the rest fits.
			if _, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE made <= (SELECT max(made) FROM (SELECT made, sum(size) OVER (ORDER BY made DESC) AS newer FROM `+table+`) AS a WHERE newer > $1)`, most.Bytes); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return d.failed(ctx, "trim the cache of answers", err)
	}
	return nil
}
