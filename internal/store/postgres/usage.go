package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/store"
)

// usageColumns are those of a row as it is sent, in the order of dispatched.
const usageColumns = `id, trace_id, principal, key_id, org, team, "user", tier, assistant, feature, class, door, stream, provider, region, model,
	try, started, reserved, reserved_known, reserved_input, reserved_output, cache, images, assistant_version, template, state, instance`

// dispatched are the values of usageColumns.
func (d *DB) dispatched(r *ledger.Row) []any {
	return []any{clean(r.ID), clean(r.TraceID), clean(r.Principal), clean(r.KeyID), clean(r.Org), clean(r.Team), clean(r.User), clean(r.Tier), clean(r.Assistant),
		clean(r.Feature), clean(r.Class), clean(r.Door), r.Stream, clean(r.Provider), clean(r.Region), clean(r.Model), r.Try, nanos(r.Started), int64(r.Reserved),
		r.ReservedKnown, r.ReservedInput, r.ReservedOutput, clean(r.Cache), r.Images, clean(r.Version), clean(r.Template), string(r.State), d.instance}
}

// outcomeColumns are those of how a request ended, in the order of ended.
const outcomeColumns = `input, cached_input, cache_write, cache_hour, output, reasoning, estimated, cost, cost_known, finish, error_code, status, first, duration`

// ended appends the values of outcomeColumns.
func ended(args []any, o *ledger.Outcome) []any {
	u := &o.Usage
	return append(args, u.Input, u.CachedInput, u.CacheWrite, u.CacheHour, u.Output, u.Reasoning, u.Estimated, int64(o.Cost), o.CostKnown,
		clean(string(o.Finish)), clean(string(o.ErrorCode)), o.Status, int64(o.First), int64(o.Duration))
}

const (
	dispatchedFields = 28
	outcomeFields    = 14
)

// holders is "($FROM, ...)" for n values.
func holders(from, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(", $" + strconv.Itoa(from+i))
	}
	return "(" + b.String()[2:] + ")"
}

var (
	insertUsage = `INSERT INTO usage (` + usageColumns + `) VALUES ` + holders(1, dispatchedFields)
	addUsage    = `INSERT INTO usage (` + usageColumns + `, ` + outcomeColumns + `) VALUES ` + holders(1, dispatchedFields+outcomeFields) + ` ON CONFLICT (id) DO NOTHING`
	// A row of this very process that another one took for abandoned, since it was silent for long, is settled after all.
	settleUsage = `UPDATE usage SET state = $1, (` + outcomeColumns + `) = ROW` + holders(2, outcomeFields) + ` WHERE id = $16
		AND (state = 'dispatched' OR state = 'abandoned' AND instance = $17)`
)

// InsertUsage implements ledger.Store.
func (d *DB) InsertUsage(ctx context.Context, r ledger.Row) error {
	r.State = ledger.Dispatched
	err := d.exec(ctx, "write a usage row", insertUsage, d.dispatched(&r)...)
	if taken(err) {
		return fmt.Errorf("usage row %s: %w", r.ID, ledger.ErrRowExists)
	}
	return err
}

// SettleUsage implements ledger.Store.
func (d *DB) SettleUsage(ctx context.Context, id string, state ledger.State, o ledger.Outcome) (bool, error) {
	n, err := d.change(ctx, "settle a usage row", settleUsage, append(ended([]any{string(state)}, &o), clean(id), d.instance)...)
	if err != nil || n == 1 {
		return n == 1, err
	}
	var there bool
	if err := d.row(ctx, "look for a usage row", nil, `SELECT EXISTS (SELECT 1 FROM usage WHERE id = $1)`, []any{clean(id)}, &there); err != nil {
		return false, err
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

// Add implements store.Batches. The statements go out together and are answered together.
func (d *DB) Add(ctx context.Context, b store.Batch) error {
	if len(b.Usage)+len(b.Traces) == 0 {
		return ctx.Err()
	}
	ctx, cancel := within(ctx)
	defer cancel()
	var all pgx.Batch
	for i := range b.Usage {
		all.Queue(addUsage, ended(d.dispatched(&b.Usage[i]), &b.Usage[i].Outcome)...)
	}
	for i := range b.Traces {
		all.Queue(saveTrace, traceArgs(&b.Traces[i])...)
	}
	err := d.transact(ctx, func(tx pgx.Tx) error { return tx.SendBatch(ctx, &all).Close() })
	if err != nil {
		return d.failed(ctx, "write to the books", err)
	}
	return nil
}

// AbandonUsage implements ledger.Store. Which processes still run is known from when the database saw them last.
func (d *DB) AbandonUsage(ctx context.Context) (int, error) {
	n, err := d.change(ctx, "close the usage rows of processes that are gone", `UPDATE usage SET state = 'abandoned', input = reserved_input,
		output = reserved_output, estimated = true, cost = reserved, cost_known = reserved_known WHERE state = 'dispatched' AND instance <> $1
		AND NOT EXISTS (SELECT 1 FROM instances WHERE instances.id = usage.instance AND seen > now() - `+goneAfter+`)`, d.instance)
	if err == nil {
		err = d.settleCommands(ctx)
	}
	if err != nil {
		return n, err
	}
	return n, d.exec(ctx, "forget processes that are gone", `DELETE FROM instances WHERE seen < now() - interval '1 day'`)
}

// groups are the SQL of each grouping's key.
var groups = map[ledger.Grouping]string{
	ledger.ByNothing:   `''`,
	ledger.ByProvider:  `provider`,
	ledger.ByModel:     `provider || '/' || model`,
	ledger.ByAssistant: `assistant`,
	ledger.ByPrincipal: `principal`,
	ledger.ByDay:       `to_char(to_timestamp(started / 1000000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD')`,
	ledger.ByOrg:       `org`,
	ledger.ByTeam:      `team`,
	ledger.ByUser:      `"user"`,
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
	// Money is summed up in two halves: the sum may be more than a number holds, and then stays at the largest.
	return list(ctx, d, "sum up usage", `SELECT (`+key+`) COLLATE "C" AS k, count(*), count(*) FILTER (WHERE state = 'dispatched'), count(*) FILTER (WHERE state = 'failed'),
		count(*) FILTER (WHERE state = 'abandoned'), sum(input)::bigint, sum(cached_input)::bigint, sum(cache_write)::bigint, sum(cache_hour)::bigint,
		sum(output)::bigint, sum(reasoning)::bigint, bool_or(estimated),
		sum(CASE WHEN cost_known THEN cost >> 32 ELSE 0 END)::bigint, sum(CASE WHEN cost_known THEN cost & 4294967295 ELSE 0 END)::bigint,
		count(*) FILTER (WHERE state <> 'dispatched' AND NOT cost_known)
		FROM usage WHERE started >= $1 GROUP BY k ORDER BY k`, []any{nanos(since)}, func(rows pgx.Rows) (ledger.Total, error) {
		var t ledger.Total
		u := &t.Usage
		var high, low int64
		err := rows.Scan(&t.Key, &t.Requests, &t.Open, &t.Failed, &t.Abandoned, &u.Input, &u.CachedInput, &u.CacheWrite, &u.CacheHour,
			&u.Output, &u.Reasoning, &u.Estimated, &high, &low, &t.UnknownCost)
		t.Cost = ledger.Join(high, low)
		return t, err
	})
}

// UsageOfTrace implements store.Store.
func (d *DB) UsageOfTrace(ctx context.Context, traceID string) ([]ledger.Row, error) {
	return list(ctx, d, "read the usage of a turn", `SELECT `+usageColumns+`, `+outcomeColumns+` FROM usage WHERE trace_id = $1 ORDER BY started, try, id`,
		[]any{clean(traceID)}, func(rows pgx.Rows) (ledger.Row, error) {
			var r ledger.Row
			var started int64
			var instance string
			u := &r.Usage
			err := rows.Scan(&r.ID, &r.TraceID, &r.Principal, &r.KeyID, &r.Org, &r.Team, &r.User, &r.Tier, &r.Assistant, &r.Feature, &r.Class, &r.Door,
				&r.Stream, &r.Provider, &r.Region, &r.Model, &r.Try, &started, (*int64)(&r.Reserved), &r.ReservedKnown, &r.ReservedInput, &r.ReservedOutput, &r.Cache, &r.Images, &r.Version, &r.Template,
				&r.State, &instance, &u.Input, &u.CachedInput, &u.CacheWrite, &u.CacheHour, &u.Output, &u.Reasoning, &u.Estimated, (*int64)(&r.Cost),
				&r.CostKnown, &r.Finish, &r.ErrorCode, &r.Status, (*int64)(&r.First), (*int64)(&r.Duration))
			r.Started = fromNanos(started)
			return r, err
		})
}
