package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dragoman/dragoman/internal/identity"
)

// What is told to those who listen: changes on the one channel, passing news on the other.
const (
	channel = "dragoman_changes"
	news    = "dragoman_news"
)

const (
	// listenAgain is how long a process waits before it listens anew, when its connection was lost.
	listenAgain = time.Second
	// heardWithin is when nobody goes on by what it knew before, whether it has heard or not.
	heardWithin = identity.RememberFor + 100*time.Millisecond
	// mostPause bounds the pauses in which is looked whether all have heard.
	mostPause = 100 * time.Millisecond
)

// Changes implements identity.Store. It is right in a process that listens; one that does not remembers nothing for longer than
// identity.RememberFor.
func (d *DB) Changes() uint64 { return d.changes.Load() }

// Announce implements identity.Store. It waits for all servers to hear of it. One that does not say so in time, because it is silent or
// cannot be reached, has forgotten by itself by then.
func (d *DB) Announce(ctx context.Context) error {
	forgotten := time.NewTimer(heardWithin)
	defer forgotten.Stop()
	number, err := d.announce(ctx)
	for pause := 2 * time.Millisecond; ; pause = min(2*pause, mostPause) {
		if err == nil {
			var deaf int
			if err := d.row(ctx, "see who has heard of a change", nil, `SELECT count(*) FROM instances WHERE heard < $1 AND id <> $2 AND seen > now() - `+goneAfter,
				[]any{number, d.instance}, &deaf); err == nil && deaf == 0 {
				return nil
			}
		}
		look := time.NewTimer(pause)
		select {
		case <-forgotten.C:
			look.Stop()
			return nil
		case <-ctx.Done():
			look.Stop()
			return ctx.Err()
		case <-look.C:
		}
	}
}

func (d *DB) announce(ctx context.Context) (number int64, err error) {
	ctx, cancel := within(ctx)
	defer cancel()
	err = d.transact(ctx, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `UPDATE changes SET number = number + 1 RETURNING number`).Scan(&number); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `SELECT pg_notify($1, $2)`, channel, strconv.FormatInt(number, 10))
		return err
	})
	if err != nil {
		return 0, d.failed(ctx, "announce a change", err)
	}
	hear(d.changes, number)
	return number, nil
}

// hear takes a number over that is later than the one that is known.
func hear(known *atomic.Uint64, number int64) {
	for n := uint64(number); ; {
		was := known.Load()
		if n <= was || known.CompareAndSwap(was, n) {
			return
		}
	}
}

// Tell tells a word, of less than 8,000 bytes, to all processes that listen but this one. Who does not hear it at once never does.
func (d *DB) Tell(ctx context.Context, word string) error {
	return d.exec(ctx, "tell other servers", `SELECT pg_notify($1, $2)`, news, d.instance+" "+word)
}

// listener hears of changes.
type listener struct {
	cancel context.CancelFunc
	ended  chan struct{}
}

// Listen lets this process hear of changes, and told of words, until the store is closed. It is called before it serves anybody.
func (d *DB) Listen(ctx context.Context, told func(word string)) error {
	conn, err := d.listen(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background()) // the store's own life, ended by Close
	d.listening = &listener{cancel, make(chan struct{})}
	go func() {
		defer close(d.listening.ended)
		for {
			if conn != nil {
				_ = d.hearAll(ctx, conn, told) // the connection is lost: meanwhile nothing is remembered for long
				closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectWithin)
				_ = conn.Close(closing)
				cancel()
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(listenAgain):
			}
			conn, _ = d.listen(ctx)
		}
	}()
	return nil
}

func (l *listener) stop() {
	if l != nil {
		l.cancel()
		<-l.ended
	}
}

// listen opens a connection of its own that hears of changes from now on.
func (d *DB) listen(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := within(ctx)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, d.pool.Config().ConnConfig)
	if err != nil {
		return nil, d.failed(ctx, "listen for changes", err)
	}
	err = func() error {
		if _, err := conn.Exec(ctx, `LISTEN `+channel+`; LISTEN `+news); err != nil {
			return err
		}
		var number int64 // what was changed while nobody listened
		if err := conn.QueryRow(ctx, `SELECT number FROM changes`).Scan(&number); err != nil {
			return err
		}
		return d.heard(ctx, conn, number)
	}()
	if err != nil {
		_ = conn.Close(ctx)
		return nil, d.failed(ctx, "listen for changes", err)
	}
	return conn, nil
}

// heard forgets what was known, and then says so.
func (d *DB) heard(ctx context.Context, conn *pgx.Conn, number int64) error {
	hear(d.changes, number)
	_, err := conn.Exec(ctx, `INSERT INTO instances (id, seen, heard) VALUES ($1, now(), $2) ON CONFLICT (id) DO UPDATE SET heard = greatest(instances.heard, excluded.heard)`, d.instance, number)
	return err
}

func (d *DB) hearAll(ctx context.Context, conn *pgx.Conn, told func(word string)) error {
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		if n.Channel == news {
			if by, word, _ := strings.Cut(n.Payload, " "); by != d.instance {
				told(word)
			}
			continue
		}
		number, err := strconv.ParseInt(n.Payload, 10, 64)
		if err != nil {
			return fmt.Errorf("a change without a number: %w", err)
		}
		if err := d.heard(ctx, conn, number); err != nil {
			return err
		}
	}
}
