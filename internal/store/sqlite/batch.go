package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
	"sync"

	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/store"
)

// Add implements store.Batches.
func (d *DB) Add(ctx context.Context, b store.Batch) error {
	if err := d.add(ctx, b); err != nil {
		return d.explain("write to the books", err)
	}
	return d.inPlace()
}

func (d *DB) add(ctx context.Context, b store.Batch) (err error) {
	d.batches.mu.Lock()
	defer d.batches.mu.Unlock()
	if d.batches.kinds, err = d.kinds.of(ctx, d.write, b.Usage, d.batches.kinds[:0]); err != nil {
		return err
	}
	conn, err := d.write.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return conn.Raw(func(c any) error { return d.batches.write(ctx, c.(driver.Conn), b) })
}

// batches writes rows by the driver itself: of what a row costs, database/sql, which checks and copies each value, takes more
// than a fourth.
type batches struct {
	mu            sync.Mutex
	instance      string         // that writes
	conn          driver.Conn    // whose statements these are
	usage, traces [7]driver.Stmt // that write 1, 2, 4, ... 64 rows: parsing one takes as long as running it
	kinds         []int64        // of the rows that are written
	args          arguments
}

// arguments are the values of a statement, of types that the driver knows.
type arguments []driver.NamedValue

func (a arguments) and(values ...driver.Value) arguments {
	for _, v := range values {
		a = append(a, driver.NamedValue{Ordinal: len(a) + 1, Value: v})
	}
	return a
}

// any is the arguments as database/sql takes them.
func (a arguments) any() []any {
	list := make([]any, len(a))
	for i := range a {
		list[i] = a[i].Value
	}
	return list
}

func (b *batches) write(ctx context.Context, conn driver.Conn, batch store.Batch) (err error) {
	if err := b.prepare(ctx, conn); err != nil {
		return err
	}
	tx, err := conn.(driver.ConnBeginTx).BeginTx(ctx, driver.TxOptions{})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, rolledBack(tx))
		}
	}()
	kinds := b.kinds
	err = inChunks(ctx, b, &b.usage, batch.Usage, func(args arguments, r *ledger.Row) arguments {
		kind := kinds[0]
		kinds = kinds[1:]
		return ended(dispatched(args, r, kind), &r.Outcome)
	})
	if err != nil {
		return err
	}
	err = inChunks(ctx, b, &b.traces, batch.Traces, func(args arguments, t *store.Trace) arguments {
		return args.and(t.ID, t.Principal, t.Session, nanos(t.Created), blob(t.Body))
	})
	if err != nil {
		return err
	}
	return tx.Commit()
}

// prepare makes the statements, anew where the connection is another one.
func (b *batches) prepare(ctx context.Context, conn driver.Conn) (err error) {
	if b.conn == conn {
		return nil
	}
	b.conn = nil // the statements of a connection that is gone went with it
	p := conn.(driver.ConnPrepareContext)
	for i := range b.usage {
		if b.usage[i], err = p.PrepareContext(ctx, insertRows(1<<i, b.instance)+` ON CONFLICT (id) DO NOTHING`); err != nil {
			return err
		}
		if b.traces[i], err = p.PrepareContext(ctx, `INSERT OR REPLACE INTO traces (id, principal, session, created, body) VALUES `+tuples(1<<i, 5)); err != nil {
			return err
		}
	}
	b.conn = conn
	return nil
}

// close lets go of the statements, before their connection is closed.
func (b *batches) close() (err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conn == nil {
		return nil
	}
	for i := range b.usage {
		err = errors.Join(err, b.usage[i].Close(), b.traces[i].Close())
	}
	b.conn = nil
	return err
}

// rolledBack ends a transaction that failed. Where the disk is full, SQLite has done so itself.
func rolledBack(tx driver.Tx) error {
	if err := tx.Rollback(); err != nil && !strings.Contains(err.Error(), "no transaction is active") {
		return err
	}
	return nil
}

// inChunks writes rows, many with one statement.
func inChunks[T any](ctx context.Context, b *batches, st *[7]driver.Stmt, rows []T, values func(arguments, *T) arguments) error {
	for i := len(st) - 1; i >= 0; i-- {
		for n := 1 << i; len(rows) >= n; rows = rows[n:] {
			b.args = b.args[:0]
			for j := range rows[:n] {
				b.args = values(b.args, &rows[j])
			}
			if _, err := st[i].(driver.StmtExecContext).ExecContext(ctx, b.args); err != nil {
				return err
			}
		}
	}
	return nil
}
