package postgres

import (
	"context"
	"time"
)

const (
	// beatEvery is how often a process says that it still runs.
	beatEvery = 10 * time.Second
	// goneAfter is for how long a process was not seen when it counts as gone, in SQL. All times are those of the database's
	// clock. One that was silent for that long and lives after all still settles its own rows.
	goneAfter = `interval '60 seconds'`
)

// heartbeat says, again and again, that this process runs.
type heartbeat struct {
	cancel context.CancelFunc
	ended  chan struct{}
}

func startHeartbeat(d *DB) *heartbeat {
	ctx, cancel := context.WithCancel(context.Background()) // the store's own life, ended by Close
	h := &heartbeat{cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(h.ended)
		tick := time.NewTicker(beatEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				_ = d.beat(ctx) // while the server is gone, nobody else can see that this process is silent
			}
		}
	}()
	return h
}

func (h *heartbeat) stop() {
	h.cancel()
	<-h.ended
}

func (d *DB) beat(ctx context.Context) error {
	ctx, cancel := within(ctx)
	defer cancel()
	_, err := d.pool.Exec(ctx, `INSERT INTO instances (id, seen) VALUES ($1, now()) ON CONFLICT (id) DO UPDATE SET seen = now()`, d.instance)
	if err != nil {
		return d.failed(ctx, "announce this process", err)
	}
	return nil
}

// goodbye takes the announcement back.
func (d *DB) goodbye(ctx context.Context) error {
	_, err := d.pool.Exec(ctx, `DELETE FROM instances WHERE id = $1`, d.instance)
	return err
}
