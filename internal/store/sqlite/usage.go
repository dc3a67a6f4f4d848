package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/store"
)

// rowColumns are those of a row of usage_rows that is over, in the order of values.
const rowColumns = `id, trace_id, kind, try, started, reserved, reserved_known, reserved_input, reserved_output, images, state, ` + outcomeColumns

// outcomeColumns are those of how a request ended, in the order of ended.
const outcomeColumns = `input, cached_input, cache_write, cache_hour, output, reasoning, estimated, cost, cost_known, finish, error_code, status, first, duration`

const (
	outcomeFields = 14
	rowFields     = 11 + outcomeFields
)

// dispatched are the values of a row up to its outcome.
func dispatched(args arguments, r *ledger.Row, kind int64) arguments {
	return args.and(r.ID, r.TraceID, kind, int64(r.Try), nanos(r.Started), int64(r.Reserved), r.ReservedKnown, r.ReservedInput, r.ReservedOutput, r.Images, string(r.State))
}

func ended(args arguments, o *ledger.Outcome) arguments {
	u := &o.Usage
	return args.and(u.Input, u.CachedInput, u.CacheWrite, u.CacheHour, u.Output, u.Reasoning, u.Estimated, int64(o.Cost), o.CostKnown,
		string(o.Finish), string(o.ErrorCode), int64(o.Status), int64(o.First), int64(o.Duration))
}

// InsertUsage implements ledger.Store.
func (d *DB) InsertUsage(ctx context.Context, r ledger.Row) error {
	r.State, r.Outcome = ledger.Dispatched, ledger.Outcome{}
	kinds, err := d.kinds.of(ctx, d.write, []ledger.Row{r}, nil)
	if err != nil {
		return d.explain("write a usage row", err)
	}
	_, err = d.write.ExecContext(ctx, insertRows(1, d.instance.id), ended(dispatched(nil, &r, kinds[0]), &r.Outcome).any()...)
	switch {
	case taken(err):
		return fmt.Errorf("usage row %s: %w", r.ID, ledger.ErrRowExists)
	case err != nil:
		return d.explain("write a usage row", err)
	}
	return nil
}

// insertRows is the statement that writes n rows of an instance.
func insertRows(n int, instance string) string {
	one := "('" + instance + "', " + strings.Repeat("?, ", rowFields-1) + "?)"
	return `INSERT INTO usage_rows (instance, ` + rowColumns + `) VALUES ` + strings.Repeat(one+", ", n-1) + one
}

// tuples is "(?, ...), (?, ...)".
func tuples(n, fields int) string {
	one := "(" + strings.Repeat("?, ", fields-1) + "?)"
	return strings.Repeat(one+", ", n-1) + one
}

// SettleUsage implements ledger.Store.
func (d *DB) SettleUsage(ctx context.Context, id string, state ledger.State, o ledger.Outcome) (bool, error) {
	res, err := d.write.ExecContext(ctx, `UPDATE usage_rows SET state = ?, (`+outcomeColumns+`) = `+tuples(1, outcomeFields)+
		` WHERE id = ? AND state = 'dispatched'`, ended(arguments{}.and(string(state)), &o).and(id).any()...)
	if err != nil {
		return false, d.explain("settle a usage row", err)
	}
	n, err := res.RowsAffected()
	if err != nil || n == 1 {
		return n == 1, err
	}
	var there bool
	if err := d.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM usage_rows WHERE id = ?)`, id).Scan(&there); err != nil {
		return false, d.explain("look for a usage row", err)
	}
	if !there {
		return false, fmt.Errorf("usage row %s: %w", id, ledger.ErrNoRow)
	}
	return false, nil
}

// AddUsage implements ledger.Store.
func (d *DB) AddUsage(ctx context.Context, rows []ledger.Row) error {
	return d.Add(ctx, store.Batch{Usage: rows})
}

// AbandonUsage implements ledger.Store. Which processes still run is known from the locks that they hold in the folder.
func (d *DB) AbandonUsage(ctx context.Context) (int, error) {
	folder := filepath.Dir(d.path)
	unlock, err := lockFolder(ctx, folder)
	if err != nil {
		return 0, d.explain("lock the data folder", err)
	}
	defer unlock()
	alive, err := running(folder, d.instance.id)
	if err != nil {
		return 0, d.explain("look for processes that are gone", err)
	}
	owners, err := d.strings(ctx, `SELECT DISTINCT instance FROM usage_rows WHERE state = 'dispatched'`)
	if err != nil {
		return 0, d.explain("look for usage rows of processes that are gone", err)
	}
	total := 0
	for _, owner := range owners {
		if alive[owner] {
			continue
		}
		res, err := d.write.ExecContext(ctx, `UPDATE usage_rows SET state = 'abandoned', input = reserved_input, output = reserved_output,
			estimated = 1, cost = reserved, cost_known = reserved_known WHERE state = 'dispatched' AND instance = ?`, owner)
		if err != nil {
			return total, d.explain("close the usage rows of a process that is gone", err)
		}
		n, err := res.RowsAffected()
		if err != nil {
			return total, err
		}
		total += int(n)
	}
	return total, nil
}

func (d *DB) strings(ctx context.Context, query string) (list []string, err error) {
	rows, err := d.read.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

// groups are the SQL of each grouping's key.
var groups = map[ledger.Grouping]string{
	ledger.ByNothing:   `''`,
	ledger.ByProvider:  `provider`,
	ledger.ByModel:     `provider || '/' || model`,
	ledger.ByAssistant: `assistant`,
	ledger.ByPrincipal: `principal`,
	ledger.ByDay:       `date(started / 1000000000, 'unixepoch')`,
	ledger.ByOrg:       `org`,
	ledger.ByTeam:      `team`,
	ledger.ByUser:      `user`,
	ledger.ByKey:       `key_id`,
	ledger.ByFeature:   `feature`,
	ledger.ByRegion:    `region`,
	ledger.ByDoor:      `door`,
}

// UsageTotals implements ledger.Store.
func (d *DB) UsageTotals(ctx context.Context, since time.Time, by ledger.Grouping) ([]ledger.Total, error) {
	key, ok := groups[by]
	if !ok {
		return nil, fmt.Errorf("usage cannot be grouped by %q", by)
	}
	rows, err := d.read.QueryContext(ctx, `SELECT `+key+` AS k, count(*), sum(state = 'dispatched'), sum(state = 'failed'),
		sum(state = 'abandoned'), sum(input), sum(cached_input), sum(cache_write), sum(cache_hour), sum(output), sum(reasoning), max(estimated),
		sum(iif(cost_known, cost >> 32, 0)), sum(iif(cost_known, cost & 0xffffffff, 0)), sum(state <> 'dispatched' AND NOT cost_known)
		FROM usage WHERE started >= ? GROUP BY k ORDER BY k`, nanos(since))
	if err != nil {
		return nil, d.explain("sum up usage", err)
	}
	defer rows.Close()
	var totals []ledger.Total
	for rows.Next() {
		var t ledger.Total
		u := &t.Usage
		var high, low int64 // SQLite's sum fails where it does not fit; ours stays at the largest amount
		if err := rows.Scan(&t.Key, &t.Requests, &t.Open, &t.Failed, &t.Abandoned, &u.Input, &u.CachedInput, &u.CacheWrite, &u.CacheHour,
			&u.Output, &u.Reasoning, &u.Estimated, &high, &low, &t.UnknownCost); err != nil {
			return nil, d.explain("sum up usage", err)
		}
		t.Cost = ledger.Join(high, low)
		totals = append(totals, t)
	}
	if err := rows.Err(); err != nil {
		return nil, d.explain("sum up usage", err)
	}
	return totals, nil
}

// UsageOfTrace implements store.Store.
func (d *DB) UsageOfTrace(ctx context.Context, traceID string) ([]ledger.Row, error) {
	rows, err := d.read.QueryContext(ctx, `SELECT `+rowColumns+`, `+kindColumns+` FROM usage WHERE trace_id = ? ORDER BY started, try, id`, traceID)
	if err != nil {
		return nil, d.explain("read the usage of a turn", err)
	}
	defer rows.Close()
	var list []ledger.Row
	for rows.Next() {
		var r ledger.Row
		var kind, started int64
		u := &r.Usage
		if err := rows.Scan(&r.ID, &r.TraceID, &kind, &r.Try, &started, (*int64)(&r.Reserved), &r.ReservedKnown, &r.ReservedInput, &r.ReservedOutput, &r.Images, &r.State,
			&u.Input, &u.CachedInput, &u.CacheWrite, &u.CacheHour, &u.Output, &u.Reasoning, &u.Estimated, (*int64)(&r.Cost), &r.CostKnown, &r.Finish, &r.ErrorCode, &r.Status,
			(*int64)(&r.First), (*int64)(&r.Duration), &r.Principal, &r.KeyID, &r.Org, &r.Team, &r.User, &r.Tier, &r.Assistant, &r.Version, &r.Template, &r.Feature, &r.Class,
			&r.Door, &r.Stream, &r.Provider, &r.Region, &r.Model, &r.Cache); err != nil {
			return nil, d.explain("read the usage of a turn", err)
		}
		r.Started = fromNanos(started)
		list = append(list, r)
	}
	if err := rows.Err(); err != nil {
		return nil, d.explain("read the usage of a turn", err)
	}
	return list, nil
}
