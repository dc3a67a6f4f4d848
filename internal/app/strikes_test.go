package app

import (
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/provider/gate"
	"github.com/dragoman/dragoman/internal/store/postgres"
	"github.com/dragoman/dragoman/internal/store/postgrestest"
)

// TestStrikesAreShared: a request over which model servers died at one server is kept back by all, and let go by all when one of them has
// answered it.
func TestStrikesAreShared(t *testing.T) {
	address := postgrestest.Database(t)
	var all []*gate.Quarantine
	for range 3 {
		db, err := postgres.Open(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		q := gate.NewQuarantine(time.Now)
		if err := db.Listen(t.Context(), func(word string) { heardStrike(q, word) }); err != nil {
			t.Fatal(err)
		}
		s := startStrikes(q, db.Tell)
		defer s.stop()
		all = append(all, q)
	}
	bad, other := gate.Fingerprint{1, 2, 3}, gate.Fingerprint{4}
	all[0].Strike(bad)
	all[1].Strike(bad)
	all[0].Strike(bad)
	for _, q := range all {
		awaited(t, "it is kept back", func() bool { return q.Check(bad) > 0 })
		if q.Check(other) > 0 {
			t.Error("another one is kept back, too")
		}
	}
	all[2].Clear(bad)
	for _, q := range all {
		awaited(t, "it is let go", func() bool { return q.Check(bad) == 0 })
	}
	heardStrike(all[0], "")
	heardStrike(all[0], "struck zz")
	heardStrike(all[0], "struck 0102")
}

// awaited waits for what another process does.
func awaited(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for range 6000 {
		if happened() {
			return
		}
		time.Sleep(10 * time.Millisecond) // nobody tells when it has happened
	}
	t.Fatalf("a minute without this: %s", what)
}
