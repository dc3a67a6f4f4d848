package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dragoman/dragoman/internal/store"
)

// errSilent is the cause where a call was given up because the server did not answer.
var errSilent = fmt.Errorf("no answer within %s", answerWithin)

// explain wraps an error with what was being done and, where the operator can do something about it, with what.
func (d *DB) explain(doing string, err error) error {
	kind, remedy := diagnose(err)
	if kind == nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fmt.Errorf("%s: %s: %w: %s (%w)", doing, d.place, kind, remedy, err)
}

// failed is explain for a call with a bounded context: the caller's own deadline is the caller's, ours is a server that hangs.
func (d *DB) failed(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil && errors.Is(context.Cause(ctx), errSilent) {
		err = errSilent
	}
	err = d.explain(doing, err)
	if errors.Is(err, store.ErrUnreachable) {
		d.pool.Reset() // connections to a server that is gone would each fail once more when it is back
	}
	return err
}

// diagnose sorts failures by PostgreSQL's codes (appendix A of its manual) and what the connection says.
func diagnose(err error) (kind error, remedy string) {
	const gone = "see whether it runs and can be reached from here; the program goes on by itself when it is back"
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch e.Code {
		case "53100": // disk_full
			return store.ErrFull, "free some space on the database server"
		case "28P01", "28000": // invalid_password, invalid_authorization_specification
			return store.ErrRefused, "check user and password in store.url, and the server's pg_hba.conf"
		case "3D000": // invalid_catalog_name
			return store.ErrRefused, "make the database (createdb), or name another one in store.url"
		case "42501": // insufficient_privilege
			return store.ErrReadOnly, "make the user of store.url the owner of the database"
		case "25006": // read_only_sql_transaction
			return store.ErrReadOnly, "it is a standby or set to read only; store.url has to name the primary server"
		case "53300": // too_many_connections
			return store.ErrBusy, "raise max_connections, or bound those of each replica with ?pool_max_conns=8 in store.url"
		case "55P03", "57014", "40001", "40P01": // lock_not_available, query_canceled, serialization_failure, deadlock_detected
			return store.ErrBusy, "wait for what holds it (see pg_stat_activity), and try again"
		case "57P01", "57P02", "57P03", "57P05": // shut down, crashed, starting up, idle too long
			return store.ErrUnreachable, gone
		case "XX001", "XX002": // data_corrupted, index_corrupted
			return store.ErrCorrupt, "restore it from a backup; for an index, REINDEX helps"
		}
		if e.Code[:2] == "08" { // connection exceptions
			return store.ErrUnreachable, gone
		}
		return nil, ""
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) && !isConnect(err) {
		return nil, ""
	}
	if _, ok := errors.AsType[net.Error](err); ok || isConnect(err) || errors.Is(err, errSilent) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err) {
		return store.ErrUnreachable, gone
	}
	return nil, ""
}

func isConnect(err error) bool {
	_, ok := errors.AsType[*pgconn.ConnectError](err)
	return ok
}

// taken says whether a statement failed because a unique value is there already.
func taken(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == "23505" // unique_violation
}
