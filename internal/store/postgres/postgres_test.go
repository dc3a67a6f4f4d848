package postgres

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/store"
	"github.com/dragoman/dragoman/internal/store/postgrestest"
	"github.com/dragoman/dragoman/internal/store/storetest"
)

func TestMain(m *testing.M) {
	code := postgrestest.Run(m)
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func open(t testing.TB, address string) *DB {
	t.Helper()
	d, err := Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, postgrestest.Database(t)) })
}

func usageRow(id string) ledger.Row {
	return ledger.Row{ID: id, TraceID: "trace", Provider: "openai", Model: "gpt", Try: 1, Started: time.Unix(1, 0)}
}

// Many processes start at once on an empty database: one brings it up to date, and nobody fails.
func TestManyOpenAtOnce(t *testing.T) {
	address := postgrestest.Database(t)
	var g errgroup.Group
	for range 6 {
		g.Go(func() error {
			d, err := Open(t.Context(), address)
			if err != nil {
				return err
			}
			return d.Close()
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

// What PostgreSQL refuses in a text must not keep a batch out for ever.
func TestTextThatPostgresRefuses(t *testing.T) {
	d := open(t, postgrestest.Database(t))
	r := usageRow("u\x00")
	r.Model, r.State, r.TraceID = "a\x00b\xff", ledger.Settled, "t\x00"
	err := d.Add(t.Context(), store.Batch{Usage: []ledger.Row{r}, Traces: []store.Trace{{ID: "t\x00", Body: []byte("\x00")}}})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := d.UsageOfTrace(t.Context(), "t\x00")
	if err != nil || len(rows) != 1 || rows[0].Model != "a\uFFFDb\uFFFD" {
		t.Errorf("%+v, %v", rows, err)
	}
	if tr, err := d.Trace(t.Context(), "t\x00"); err != nil || string(tr.Body) != "\x00" {
		t.Errorf("%+v, %v", tr, err)
	}
}

// Rows of a process that was not seen for a while are abandoned; if it lives after all, it settles them.
func TestAbandon(t *testing.T) {
	ctx, address := t.Context(), postgrestest.Database(t)
	one, two := open(t, address), open(t, address)
	for _, id := range []string{"lives", "gone"} {
		if err := one.InsertUsage(ctx, usageRow(id)); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := two.AbandonUsage(ctx); n != 0 || err != nil {
		t.Fatalf("of a process that lives: %d, %v", n, err)
	}
	if _, err := two.pool.Exec(ctx, `UPDATE instances SET seen = now() - interval '2 minutes' WHERE id = $1`, one.instance); err != nil {
		t.Fatal(err)
	}
	if n, err := two.AbandonUsage(ctx); n != 2 || err != nil {
		t.Fatalf("of a process that is gone: %d, %v", n, err)
	}
	if did, err := two.SettleUsage(ctx, "gone", ledger.Settled, ledger.Outcome{}); did || err != nil {
		t.Errorf("somebody else's: %v, %v", did, err)
	}
	if did, err := one.SettleUsage(ctx, "lives", ledger.Settled, ledger.Outcome{Cost: 7, CostKnown: true}); !did || err != nil {
		t.Errorf("its own: %v, %v", did, err)
	}
}

// complains checks that an error is of a kind, tells the operator where and what to do, and never the password.
func complains(t *testing.T, err, kind error, says ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("error %v, want %v", err, kind)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%q does not say %q", err, s)
		}
	}
	for _, secret := range []string{postgrestest.Password, url.QueryEscape(postgrestest.Password), url.PathEscape(postgrestest.Password), "hunter2"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%q gives the password away", err)
		}
	}
}

func TestWrongAddresses(t *testing.T) {
	ctx, address := t.Context(), postgrestest.Database(t)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(u *url.URL)) string {
		c := *u
		change(&c)
		return c.String()
	}
	for _, c := range []struct {
		what, address string
		kind          error
		says          []string
	}{
		{"password", with(func(u *url.URL) { u.User = url.UserPassword("postgres", "hunter2") }), store.ErrRefused, []string{u.Host, "check user and password"}},
		{"database", with(func(u *url.URL) { u.Path = "/nothing" }), store.ErrRefused, []string{"createdb"}},
		{"port", with(func(u *url.URL) { u.Host = "127.0.0.1:1" }), store.ErrUnreachable, []string{"127.0.0.1:1", "see whether it runs"}},
		{"percent", "postgres://ada:hunter2%zz@127.0.0.1/x", store.ErrUnreachable, []string{"store.url"}},
		{"port is no number", "postgres://ada:hunter2@127.0.0.1:port/x", store.ErrUnreachable, []string{"store.url"}},
		{"another database", "mysql://ada:hunter2@127.0.0.1/x", store.ErrUnreachable, []string{"store.url"}},
		{"ssl mode", "postgres://ada:hunter2@127.0.0.1/x?sslmode=perhaps", store.ErrUnreachable, []string{"store.url"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			_, err := Open(ctx, c.address)
			complains(t, err, c.kind, c.says...)
		})
	}
}

func TestNewerSchema(t *testing.T) {
	ctx, address := t.Context(), postgrestest.Database(t)
	d := open(t, address)
	if _, err := d.pool.Exec(ctx, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, true)`); err != nil {
		t.Fatal(err)
	}
	_, err := Open(ctx, address)
	complains(t, err, store.ErrNewer, d.place, "schema 999", "run the newer version")
}

func TestMayNotWrite(t *testing.T) {
	ctx, address := t.Context(), postgrestest.Database(t)
	d := open(t, address)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	name := "reader" + strings.TrimPrefix(u.Path, "/")
	if _, err := d.pool.Exec(ctx, `CREATE USER `+name+` PASSWORD 'hunter2'`); err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(name, "hunter2")
	_, err = Open(ctx, u.String())
	complains(t, err, store.ErrReadOnly, "owner of the database")

	if _, err := d.pool.Exec(ctx, `ALTER DATABASE `+strings.TrimPrefix(u.Path, "/")+` SET default_transaction_read_only = on`); err != nil {
		t.Fatal(err)
	}
	_, err = Open(ctx, address)
	complains(t, err, store.ErrReadOnly, "primary")
}

// A server that is lost is an error with a name; when it is back, the same store goes on, and what it said was written is there.
func TestLostAndBack(t *testing.T) {
	ctx, server := t.Context(), postgrestest.Start(t)
	d := open(t, server.Database(t))
	if err := d.InsertUsage(ctx, usageRow("before")); err != nil {
		t.Fatal(err)
	}
	server.Down()
	complains(t, d.InsertUsage(ctx, usageRow("meanwhile")), store.ErrUnreachable, "see whether it runs", "goes on by itself")
	_, err := d.Sessions(ctx, "ada", store.SessionQuery{Limit: 1})
	complains(t, err, store.ErrUnreachable)
	if err := server.Up(); err != nil {
		t.Fatal(err)
	}
	if err := d.InsertUsage(ctx, usageRow("after")); err != nil {
		t.Fatal(err)
	}
	totals, err := d.UsageTotals(ctx, time.Time{}, ledger.ByNothing)
	if err != nil || totals[0].Requests != 2 {
		t.Errorf("%+v, %v", totals, err)
	}
}
