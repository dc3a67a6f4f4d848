// Package fire tests the books under fire: the built program is killed, its disk fills and its database locks, while callers
// ask; and then every request that reached the provider has its row, once, and the sums are what the provider billed.
package fire

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/store/sqlite"
)

// TestKilled: the program is killed again and again while callers ask.
func TestKilled(t *testing.T) {
	v := open(t)
	p := install(t, v, "")
	const rounds = 4
	for round := range rounds {
		p.start()
		ctx, cancel := context.WithCancel(t.Context())
		all := p.load(ctx, round, 8)
		time.Sleep(time.Duration(300+rand.IntN(300)) * time.Millisecond) // how long it lives
		p.kill()
		cancel()
		all.Wait()
	}
	p.start() // takes over what those before left
	p.stop()
	complete, abandoned := p.balance()
	t.Logf("%d requests complete, %d cut off by a kill", complete, abandoned)
	if complete == 0 || abandoned == 0 {
		t.Error("nothing was tested")
	}
}

// TestBudgetOutlivesKills: a budget counts what those that were killed have spent and had under way, so that together they spend
// no more.
func TestBudgetOutlivesKills(t *testing.T) {
	const budget = ledger.USD / 2
	v := open(t)
	p := install(t, v, "org: {budget: {month: 0.50 USD}}\n")
	for round := range 4 {
		p.start()
		ctx, cancel := context.WithCancel(t.Context())
		all := p.load(ctx, round, 8)
		if round < 3 {
			v.await(t, v.count()+60) // some of the budget
			p.kill()
		} else {
			p.await(200) // all of it
		}
		cancel()
		all.Wait()
	}
	p.stop()
	if _, abandoned := p.balance(); abandoned == 0 {
		t.Error("nothing was cut off")
	}
	var booked, billed ledger.Money
	for _, r := range p.books() {
		booked += r.Cost
	}
	for _, m := range v.billed {
		billed += m
	}
	t.Logf("of %s, %s are booked, and %s billed", budget, booked, billed)
	if billed > booked || booked > budget || booked < budget*9/10 {
		t.Errorf("of %s, %s are booked, and %s billed", budget, booked, billed)
	}
}

// TestDatabaseLost: the database is deleted while the program runs. What comes after is in the books of the next start, which makes
// a new one.
func TestDatabaseLost(t *testing.T) {
	v := open(t)
	p := install(t, v, "")
	p.start()
	ctx, cancel := context.WithCancel(t.Context())
	all := p.load(ctx, 0, 4)
	v.await(t, 50)
	cancel()
	all.Wait()
	for _, name := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(filepath.Join(p.data(), sqlite.File+name)); err != nil {
			t.Fatal(err)
		}
	}
	v.forget() // those are lost with it
	ctx, cancel = context.WithCancel(t.Context())
	all = p.load(ctx, 1, 4)
	v.await(t, 200)
	if !strings.Contains(p.log.String(), "it was moved, replaced or deleted") {
		t.Errorf("nothing is said of it:\n%s", p.log.String())
	}
	p.kill()
	cancel()
	all.Wait()
	p.start()
	p.stop()
	if complete, _ := p.balance(); complete < 100 {
		t.Errorf("%d requests complete", complete)
	}
}

// TestDatabaseLocked: another program holds the database for a while. Requests go on, and none is lost.
func TestDatabaseLocked(t *testing.T) {
	v := open(t)
	p := install(t, v, "")
	p.start()
	ctx, cancel := context.WithCancel(t.Context())
	all := p.load(ctx, 0, 4)
	v.await(t, 50)
	unlock := lock(t, filepath.Join(p.data(), sqlite.File))
	before := v.count()
	v.await(t, before+200)
	unlock()
	v.await(t, v.count()+50)
	cancel()
	all.Wait()
	p.stop()
	if complete, abandoned := p.balance(); complete < 200 || abandoned > 0 {
		t.Errorf("%d requests complete, %d abandoned\n%s", complete, abandoned, p.log)
	}
}

// TestDatabaseFull: the database cannot grow any more, and then the machine loses power, as it were. The journal has it all.
func TestDatabaseFull(t *testing.T) {
	v := open(t)
	p := install(t, v, "retention: {traces: 1h}\n")
	p.start("ulimit -f 20480") // 10 MB, in blocks of 512 bytes; a segment of the journal takes 8
	ctx, cancel := context.WithCancel(t.Context())
	all := p.load(ctx, 0, 8)
	deadline := time.After(60 * time.Second)
	for full := false; !full; {
		select {
		case <-deadline:
			t.Fatalf("the database is not full yet, after %d requests", v.count())
		case <-time.After(50 * time.Millisecond):
			st, err := os.Stat(filepath.Join(p.data(), sqlite.File+"-wal"))
			full = err == nil && st.Size() > 9<<20 || strings.Contains(p.log.String(), "cannot be written")
		}
	}
	v.await(t, v.count()+300)
	if !strings.Contains(p.log.String(), "cannot be written") {
		t.Errorf("nothing is said of it:\n%s", p.log.String())
	}
	p.kill()
	cancel()
	all.Wait()
	p.start()
	p.stop()
	if complete, _ := p.balance(); complete < 300 {
		t.Errorf("%d requests complete", complete)
	}
}

// lock holds the database as its only writer until unlock is called.
func lock(t *testing.T, path string) (unlock func()) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_txlock=exclusive")
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.BeginTx(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(tx.Rollback(), db.Close()); err != nil {
			t.Error(err)
		}
	}
}
