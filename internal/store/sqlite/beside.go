package sqlite

import (
	"context"
	"database/sql"

	"github.com/dragoman/dragoman/internal/ledger"
)

// Mark is up to where a process knows what others have spent.
type Mark struct {
	row  int64
	open []int64 // rows up to there of requests of others that were under way
}

// MarkUsage is where the books are now.
func (d *DB) MarkUsage(ctx context.Context) (*Mark, error) {
	m := &Mark{}
	if err := d.read.QueryRowContext(ctx, `SELECT coalesce(max(number), 0) FROM usage_rows`).Scan(&m.row); err != nil {
		return nil, d.explain("look at the books", err)
	}
	rows, err := d.beside(ctx, `state = 'dispatched' AND number <= ?`, m.row)
	for _, r := range rows {
		m.open = append(m.open, r.number)
	}
	return m, err
}

// UsageBeside returns the rows of other processes that ended since the mark was set or moved, and moves it. Of a row it tells when it
// started, whose it is, its cost and its tokens.
func (d *DB) UsageBeside(ctx context.Context, m *Mark) ([]ledger.Row, error) {
	now, err := d.MarkUsage(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := d.beside(ctx, `state <> 'dispatched' AND number > ? AND number <= ?`, m.row, now.row)
	if err != nil {
		return nil, err
	}
	for _, open := range m.open {
		more, err := d.beside(ctx, `state <> 'dispatched' AND number = ?`, open)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	var ended []ledger.Row
	told := map[int64]bool{}
	for _, r := range rows {
		told[r.number] = true
		ended = append(ended, r.Row)
	}
	open := now.open[:0]
	for _, n := range now.open { // one that ended meanwhile was told
		if !told[n] {
			open = append(open, n)
		}
	}
	m.row, m.open = now.row, open
	return ended, nil
}

type numberedRow struct {
	ledger.Row
	number int64
}

func (d *DB) beside(ctx context.Context, which string, args ...any) ([]numberedRow, error) {
	rows, err := d.read.QueryContext(ctx, `SELECT number, started, team, "user", key_id, cost, cost_known, input, output FROM usage WHERE `+which+` AND instance <> ?`,
		append(args, d.instance.id)...)
	if err != nil {
		return nil, d.explain("look at what others spend", err)
	}
	defer rows.Close()
	var all []numberedRow
	for rows.Next() {
		r, err := scanBeside(rows)
		if err != nil {
			return nil, d.explain("look at what others spend", err)
		}
		all = append(all, r)
	}
	if err := rows.Err(); err != nil {
		return nil, d.explain("look at what others spend", err)
	}
	return all, nil
}

func scanBeside(rows *sql.Rows) (r numberedRow, err error) {
	var started int64
	err = rows.Scan(&r.number, &started, &r.Team, &r.User, &r.KeyID, (*int64)(&r.Cost), &r.CostKnown, &r.Usage.Input, &r.Usage.Output)
	r.Started = fromNanos(started)
	return r, err
}
