package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/limit"
)

var _ limit.Shares = (*DB)(nil)

// inAdvance is which part of what is left of a budget a process is given beyond what it needs: so it asks about a hundred times for
// each factor of e by which a budget shrinks, however many requests there are, and withholds that part from others for a moment.
const inAdvance = 100

// usersOf is a condition, in SQL, on rows of usage u: that they belong to the level of kind and name.
const usersOf = `CASE %[1]s WHEN 'organisation' THEN true WHEN 'team' THEN u.team = %[2]s WHEN 'user' THEN u."user" = %[2]s ELSE u.key_id = %[2]s END`

var (
	// spentBefore is what was spent of a budget before anybody had a share of it. Requests under way are not in it: processes claim them.
	spentBefore = `INSERT INTO shares (kind, name, span, started, instance, since, money, tokens, spent_money, spent_tokens)
		SELECT $1, $2, $3, $4, '', $5, m, t, m, t FROM (SELECT least(coalesce(sum(cost), 0), 9e18)::bigint AS m, least(coalesce(sum(input + output), 0), 9e18)::bigint AS t
		FROM usage u WHERE u.started >= $4 AND u.state <> 'dispatched' AND ` + fmt.Sprintf(usersOf, "$1::text", "$2::text") + `) AS before`

	// settleShares puts what a process that died has spent in the place of what it was given: by requests that were under way when it
	// was given its first share, or came later. A request begins before it has a share, and waits for it: hence the ten seconds.
	settleShares = `UPDATE shares s SET money = spent.m, tokens = spent.t, spent_money = spent.m, spent_tokens = spent.t
		FROM shares o CROSS JOIN LATERAL (SELECT least(coalesce(sum(cost), 0), 9e18)::bigint AS m, least(coalesce(sum(input + output), 0), 9e18)::bigint AS t
			FROM usage u WHERE u.started >= o.started AND (u.state = 'abandoned' OR u.started + u.duration > o.since - 10000000000) AND u.instance = o.instance AND ` + fmt.Sprintf(usersOf, "o.kind", "o.name") + `) AS spent
		WHERE o.instance = $1 AND (s.kind, s.name, s.span, s.started, s.instance) = (o.kind, o.name, o.span, o.started, o.instance)`
)

// Take implements limit.Shares.
func (d *DB) Take(ctx context.Context, claims []limit.Claim) (given []limit.Amounts, refused *limit.Refused, err error) {
	ctx, cancel := within(ctx)
	defer cancel()
	order := make([]int, len(claims)) // all processes lock in the same order
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(lockOf(&claims[a].Budgeted), lockOf(&claims[b].Budgeted)) })
	given = make([]limit.Amounts, len(claims))
	err = d.transact(ctx, func(tx pgx.Tx) error {
		for _, i := range order {
			if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, lockOf(&claims[i].Budgeted)); err != nil {
				return err
			}
		}
		for _, i := range order {
			give, no, err := d.give(ctx, tx, &claims[i])
			if err != nil {
				return err
			}
			if no != nil {
				no.Claim, refused = i, no
				return errRefused
			}
			given[i] = give
		}
		return nil
	})
	if refused != nil {
		return nil, refused, nil
	}
	if err != nil {
		return nil, nil, d.failed(ctx, "take a share of a budget", err)
	}
	return given, nil, nil
}

var errRefused = fmt.Errorf("not enough is left of a budget")

func lockOf(b *limit.Budgeted) string {
	return fmt.Sprintf("budget %s %q %s %d", b.Kind, clean(b.Name), b.Window, b.From.UnixNano())
}

// give gives a share, if there is enough. The budget's lock is held.
func (d *DB) give(ctx context.Context, tx pgx.Tx, c *limit.Claim) (limit.Amounts, *limit.Refused, error) {
	key := []any{string(c.Kind), clean(c.Name), string(c.Window), c.From.UnixNano()}
	now := time.Now().UnixNano()
	var all, spent limit.Amounts
	var there bool
	sum := func() error {
		return tx.QueryRow(ctx, `SELECT least(coalesce(sum(money), 0), 9e18)::bigint, least(coalesce(sum(tokens), 0), 9e18)::bigint,
			least(coalesce(sum(spent_money), 0), 9e18)::bigint, least(coalesce(sum(spent_tokens), 0), 9e18)::bigint, coalesce(bool_or(instance = ''), false)
			FROM shares WHERE (kind, name, span, started) = ($1, $2, $3, $4)`, key...).Scan(&all.Money, &all.Tokens, &spent.Money, &spent.Tokens, &there)
	}
	if err := sum(); err != nil {
		return limit.Amounts{}, nil, err
	}
	if !there {
		if _, err := tx.Exec(ctx, spentBefore, append(key[:4:4], now)...); err != nil {
			return limit.Amounts{}, nil, err
		}
		if err := sum(); err != nil {
			return limit.Amounts{}, nil, err
		}
	}
	money, ok1 := part(c.Budget.Money, all.Money, c.Need.Money)
	tokens, ok2 := part(c.Budget.Tokens, all.Tokens, c.Need.Tokens)
	if !ok1 || !ok2 {
		return limit.Amounts{}, &limit.Refused{Spent: spent, Held: limit.Amounts{Money: max(all.Money-spent.Money, 0), Tokens: max(all.Tokens-spent.Tokens, 0)}}, nil
	}
	_, err := tx.Exec(ctx, `INSERT INTO shares AS s (kind, name, span, started, instance, since, money, tokens, spent_money, spent_tokens) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0)
		ON CONFLICT (kind, name, span, started, instance) DO UPDATE SET money = s.money + excluded.money, tokens = s.tokens + excluded.tokens`, append(key[:4:4], d.instance, now, money, tokens)...)
	return limit.Amounts{Money: money, Tokens: tokens}, nil, err
}

// part is how much of a budget is given, of which all have so much already. A budget of 0 bounds nothing.
func part(budget, all, need int64) (give int64, ok bool) {
	if budget == 0 {
		return min(need, 1<<52), true
	}
	left := max(budget-all, 0)
	if need > left {
		return 0, false
	}
	return max(need, min(left, need+left/inAdvance)), true
}

// Report implements limit.Shares.
func (d *DB) Report(ctx context.Context, kept []limit.Kept) error {
	ctx, cancel := within(ctx)
	defer cancel()
	slices.SortFunc(kept, func(a, b limit.Kept) int { return cmp.Compare(lockOf(&a.Budgeted), lockOf(&b.Budgeted)) })
	var all pgx.Batch
	for _, k := range kept {
		// The row may be gone where others took this process, which was silent for long, for dead: what it spent then counts twice.
		all.Queue(`INSERT INTO shares (kind, name, span, started, instance, since, money, tokens, spent_money, spent_tokens) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
			ON CONFLICT (kind, name, span, started, instance) DO UPDATE SET money = excluded.money, tokens = excluded.tokens, spent_money = excluded.spent_money, spent_tokens = excluded.spent_tokens`,
			string(k.Kind), clean(k.Name), string(k.Window), k.From.UnixNano(), d.instance, time.Now().UnixNano(), k.Share.Money, k.Share.Tokens, k.Spent.Money, k.Spent.Tokens)
	}
	if err := d.transact(ctx, func(tx pgx.Tx) error { return tx.SendBatch(ctx, &all).Close() }); err != nil {
		return d.failed(ctx, "report what is kept of budgets", err)
	}
	return nil
}

// Instance names this process to others.
func (d *DB) Instance() string { return d.instance }

// Of is the part of the store that takes over the rows of a process that died: they stay that process's.
func (d *DB) Of(instance string) ledger.Store {
	other := *d
	other.instance = instance
	return &other
}

// SettleShares puts what a process that died has spent, as its rows say, in the place of the shares that it was given, and lets it count
// without the process. All its rows have to be there.
func (d *DB) SettleShares(ctx context.Context, instance string) error {
	if err := d.exec(ctx, "settle the shares of a process that died", settleShares, instance); err != nil {
		return err
	}
	return d.exec(ctx, "leave the shares of a process that died", leaveShares, instance)
}

// leaveShares adds what a process was given to what nobody has a share of any more.
const leaveShares = `WITH left_by AS (DELETE FROM shares WHERE instance = $1 AND instance <> '' RETURNING *)
	UPDATE shares s SET money = s.money + l.money, tokens = s.tokens + l.tokens, spent_money = s.spent_money + l.spent_money, spent_tokens = s.spent_tokens + l.spent_tokens
	FROM left_by l WHERE s.instance = '' AND (s.kind, s.name, s.span, s.started) = (l.kind, l.name, l.span, l.started)`

// LeaveShares lets what this process has spent count without it: there are many commands, and each would leave a row.
func (d *DB) LeaveShares(ctx context.Context) error {
	return d.exec(ctx, "leave shares of budgets", leaveShares, d.instance)
}

// settleCommands settles the shares of commands that died. Those of servers wait for their journals.
func (d *DB) settleCommands(ctx context.Context) error {
	gone, err := list(ctx, d, "look for shares of commands that died", `SELECT DISTINCT s.instance FROM shares s JOIN instances i ON i.id = s.instance
		WHERE i.heard IS NULL AND i.seen < now() - `+goneAfter, nil, func(rows pgx.Rows) (id string, err error) { return id, rows.Scan(&id) })
	for _, id := range gone {
		if err == nil {
			err = d.SettleShares(ctx, id)
		}
	}
	return err
}

// ForgetShares forgets shares of windows that began before a time, and limits per minute that nobody has needed for an hour.
func (d *DB) ForgetShares(ctx context.Context, before time.Time) error {
	if err := d.forgetPermits(ctx); err != nil {
		return err
	}
	return d.exec(ctx, "forget old shares", `DELETE FROM shares WHERE started < $1`, before.UnixNano())
}
