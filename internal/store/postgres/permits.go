package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/dragoman/dragoman/internal/limit"
)

// clock is the database's, in nanoseconds: processes have clocks that differ.
const clock = `(extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1000`

// standing is how a limit stands.
type standing struct {
	now     int64
	arrival int64 // of a rate
	taken   int64 // of slots: by all
}

func lockOfLimit(r *limit.Rated) string {
	return fmt.Sprintf("limit %s %q %s", r.Kind, clean(r.Name), r.What)
}

// Admit implements limit.Permits.
func (d *DB) Admit(ctx context.Context, claims []limit.PermitClaim) (given []int64, refused *limit.PermitRefused, err error) {
	ctx, cancel := within(ctx)
	defer cancel()
	given = make([]int64, len(claims))
	order := make([]int, len(claims)) // all processes lock in the same order
	names := make([]limit.Rated, len(claims))
	for i := range order {
		order[i], names[i] = i, claims[i].Rated
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(lockOfLimit(&names[a]), lockOfLimit(&names[b])) })
	err = d.again(func() error {
		refused = nil
		return d.standings(ctx, names, order, func(all []standing, changes *pgx.Batch) {
			for i := range claims {
				var no *limit.PermitRefused
				if given[i], no = d.permit(changes, &claims[i], &all[i]); no != nil {
					no.Claim, refused = i, no
					*changes = pgx.Batch{} // all or none
					return
				}
			}
		})
	})
	if err != nil {
		return nil, nil, d.failed(ctx, "look up what is left of a limit", err)
	}
	if refused != nil {
		return nil, refused, nil
	}
	return given, nil, nil
}

// standings locks limits and says how they stand, to change them. That is a transaction in two round trips. It is not to be durable, which
// saves it a wait for the disk.
func (d *DB) standings(ctx context.Context, names []limit.Rated, order []int, change func(all []standing, changes *pgx.Batch)) error {
	return d.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		all := make([]standing, len(names))
		var look pgx.Batch
		look.Queue(`BEGIN`)
		look.Queue(`SET LOCAL synchronous_commit = off`)
		for _, i := range order {
			r := &names[i]
			look.Queue(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, lockOfLimit(r))
			s, query := &all[i], `SELECT `+clock+`, coalesce((SELECT arrival FROM rates WHERE (kind, name, what) = ($1, $2, $3)), 0), 0::bigint`
			args := []any{string(r.Kind), clean(r.Name), r.What}
			if r.Slot() {
				query, args = `SELECT `+clock+`, 0::bigint, coalesce(sum(permits), 0)::bigint FROM slots WHERE (kind, name) = ($1, $2) AND until > `+clock, args[:2]
			}
			look.Queue(query, args...).QueryRow(func(row pgx.Row) error { return row.Scan(&s.now, &s.arrival, &s.taken) })
		}
		if err := conn.SendBatch(ctx, &look).Close(); err != nil {
			return err // the pool closes a connection in the middle of a transaction, which ends it
		}
		var changes pgx.Batch
		change(all, &changes)
		changes.Queue(`COMMIT`)
		return conn.SendBatch(ctx, &changes).Close()
	})
}

// permit gives permits, if there are enough. The limit's lock is held.
func (d *DB) permit(changes *pgx.Batch, c *limit.PermitClaim, s *standing) (give int64, no *limit.PermitRefused) {
	if c.Slot() {
		left := c.Limit - s.taken
		if c.Need > left {
			return 0, &limit.PermitRefused{Used: s.taken}
		}
		give = min(c.Need+left/inAdvance, left)
		changes.Queue(`INSERT INTO slots AS s (kind, name, instance, permits, until) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (kind, name, instance) DO UPDATE SET permits = excluded.permits + CASE WHEN s.until > $6 THEN s.permits ELSE 0 END, until = excluded.until`,
			string(c.Kind), clean(c.Name), d.instance, give, s.now+int64(limit.SlotsFor), s.now)
		return give, nil
	}
	next, give, wait, used := limit.PerMinute(fromNanos(s.arrival), time.Unix(0, s.now), c.Limit, c.Need, func(left int64) int64 { return left / inAdvance })
	if wait > 0 {
		return 0, &limit.PermitRefused{Used: used, Wait: wait}
	}
	setRate(changes, &c.Rated, next)
	return give, nil
}

func setRate(changes *pgx.Batch, r *limit.Rated, arrival time.Time) {
	changes.Queue(`INSERT INTO rates (kind, name, what, arrival) VALUES ($1, $2, $3, $4) ON CONFLICT (kind, name, what) DO UPDATE SET arrival = excluded.arrival`,
		string(r.Kind), clean(r.Name), r.What, arrival.UnixNano())
}

// Keep implements limit.Permits.
func (d *DB) Keep(ctx context.Context, kept []limit.PermitKept) error {
	ctx, cancel := within(ctx)
	defer cancel()
	order, names := make([]int, len(kept)), make([]limit.Rated, len(kept))
	for i := range order {
		order[i], names[i] = i, kept[i].Rated
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(lockOfLimit(&names[a]), lockOfLimit(&names[b])) })
	err := d.again(func() error {
		return d.standings(ctx, names, order, func(all []standing, changes *pgx.Batch) {
			for i := range kept {
				k, s := &kept[i], &all[i]
				switch {
				case !k.Slot():
					next, _, _, _ := limit.PerMinute(fromNanos(s.arrival), time.Unix(0, s.now), k.Limit, -k.Count, nil)
					setRate(changes, &k.Rated, next)
				case k.Count == 0:
					changes.Queue(`DELETE FROM slots WHERE (kind, name, instance) = ($1, $2, $3)`, string(k.Kind), clean(k.Name), d.instance)
				default:
					changes.Queue(`INSERT INTO slots (kind, name, instance, permits, until) VALUES ($1, $2, $3, $4, $5)
					ON CONFLICT (kind, name, instance) DO UPDATE SET permits = excluded.permits, until = excluded.until`,
						string(k.Kind), clean(k.Name), d.instance, k.Count, s.now+int64(limit.SlotsFor))
				}
			}
		})
	})
	if err != nil {
		return d.failed(ctx, "say which permits are kept", err)
	}
	return nil
}

// forgetPermits deletes what nobody has needed for a while.
func (d *DB) forgetPermits(ctx context.Context) error {
	if err := d.exec(ctx, "forget old limits", `DELETE FROM rates WHERE arrival < `+clock+` - 3600000000000`); err != nil {
		return err
	}
	return d.exec(ctx, "forget permits of processes that died", `DELETE FROM slots WHERE until < `+clock+` - 3600000000000`)
}
