// Package postgres keeps the store in a PostgreSQL database, which any number of processes on any number of machines share.
package postgres

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/dragoman/dragoman/internal/store"
)

// DB is a store in a database. Any number of processes may have the same one open.
type DB struct {
	pool     *pgxpool.Pool
	place    string // "PostgreSQL at HOST:PORT, database NAME"
	instance string
	alive    *heartbeat

	changes   *atomic.Uint64 // that this process knows of
	listening *listener      // nil: it does not
}

var _ store.Store = (*DB)(nil)

const (
	// connectWithin bounds the wait for a connection where the address says nothing else.
	connectWithin = 5 * time.Second
	// answerWithin bounds each call: a server that hangs is one that is gone.
	answerWithin = 30 * time.Second
	// fewest is how many connections a process may have at least, however few cores it has; pool_max_conns in the address
	// says another number.
	fewest = 8
)

// Open opens the store in a database by its address (postgres://USER:PASSWORD@HOST:PORT/DATABASE, or what libpq takes
// besides), and brings it up to date. It returns an error that wraps one of those in package store where the operator has to
// do something; no error has the password in it. Close must be called.
func Open(ctx context.Context, address string) (*DB, error) {
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		// Not what the parser says, which may show the address with the password.
		return nil, fmt.Errorf("store.url is no address of a PostgreSQL database; write postgres://USER:PASSWORD@HOST:5432/DATABASE, with %%-escapes for special characters of the password: %w", store.ErrUnreachable)
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectWithin
	}
	if !strings.Contains(address, "pool_max_conns") {
		config.MaxConns = max(config.MaxConns, fewest)
	}
	config.ConnConfig.RuntimeParams["application_name"] = "dragoman"
	d := &DB{place: placeOf(&config.ConnConfig.Config), changes: &atomic.Uint64{}}
	id, err := uuid.NewRandom()
	if err != nil {
		return nil, fmt.Errorf("make an id: %w", err)
	}
	d.instance = id.String()
	if d.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, d.explain("open the database", err)
	}
	if err := d.migrate(ctx); err != nil {
		d.pool.Close()
		return nil, err
	}
	if err := d.beat(ctx); err != nil {
		d.pool.Close()
		return nil, err
	}
	d.alive = startHeartbeat(d)
	return d, nil
}

// placeOf names a database to its operator, without user and password.
func placeOf(c *pgconn.Config) string {
	return fmt.Sprintf("PostgreSQL at %s, database %s", net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))), c.Database)
}

// Place names the database, without user and password.
func (d *DB) Place() string { return d.place }

// Close waits for calls that are under way and lets go of the database.
func (d *DB) Close() error {
	d.listening.stop()
	d.alive.stop()
	ctx, cancel := context.WithTimeout(context.Background(), connectWithin)
	defer cancel()
	_ = d.goodbye(ctx) // else others see after a while that it is gone
	d.pool.Close()
	return nil
}

// clean makes a text one that PostgreSQL takes: valid UTF-8 without NUL. One row with another would keep a whole batch out,
// again and again.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// blob keeps an empty body from becoming NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// nanos is how a time is written; no time is 0.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
