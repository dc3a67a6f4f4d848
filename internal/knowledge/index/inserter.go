package index

import (
	"context"
	"database/sql"
	"strings"
)

// rowsAtOnce is how many rows a statement inserts: a server answers each after a round trip.
const rowsAtOnce = 64

// inserter gathers rows and inserts many with one statement. What it is given must not change until flush.
type inserter struct {
	tx      *sql.Tx
	into    string // the table, with its columns
	columns int
	args    []any
	full    *sql.Stmt // for rowsAtOnce rows
}

func newInserter(tx *sql.Tx, into string) *inserter {
	return &inserter{tx: tx, into: into, columns: 1 + strings.Count(into, ",")}
}

func (in *inserter) statement(rows int) string {
	row := "(?" + strings.Repeat(",?", in.columns-1) + ")"
	return "INSERT INTO " + in.into + " VALUES " + row + strings.Repeat(","+row, rows-1)
}

func (in *inserter) add(ctx context.Context, row ...any) (err error) {
	in.args = append(in.args, row...)
	if len(in.args) < in.columns*rowsAtOnce {
		return nil
	}
	if in.full == nil {
		if in.full, err = in.tx.PrepareContext(ctx, in.statement(rowsAtOnce)); err != nil {
			return err
		}
	}
	_, err = in.full.ExecContext(ctx, in.args...)
	in.args = in.args[:0]
	return err
}

// flush inserts what is left.
func (in *inserter) flush(ctx context.Context) error {
	if len(in.args) == 0 {
		return nil
	}
	_, err := in.tx.ExecContext(ctx, in.statement(len(in.args)/in.columns), in.args...)
	in.args = in.args[:0]
	return err
}

func (in *inserter) close() {
	if in.full != nil {
		in.full.Close()
	}
}
