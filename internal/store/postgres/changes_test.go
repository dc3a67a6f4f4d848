package postgres

import (
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/store/postgrestest"
)

// TestChangesAreHeard: when Announce returns, all that listen know; those that do not remember nothing, and are not waited for.
func TestChangesAreHeard(t *testing.T) {
	address := postgrestest.Database(t)
	var all []*DB
	for i := range 4 {
		d := open(t, address)
		if all = append(all, d); i < 3 {
			if err := d.Listen(t.Context(), func(string) {}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for round := range 20 {
		before := make([]uint64, len(all))
		for i, d := range all {
			before[i] = d.Changes()
		}
		by := all[round%len(all)]
		began := time.Now()
		if err := by.Announce(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > identity.RememberFor {
			t.Fatalf("it waited %v for servers that are all there", took)
		}
		for i, d := range all[:3] {
			if d.Changes() == before[i] {
				t.Errorf("round %d: server %d has not heard", round, i)
			}
		}
	}
}

// TestChangesMissed: a server that lost its connection knows of what it missed when it has another one, and until then whoever announces
// waits until what it remembers is forgotten.
func TestChangesMissed(t *testing.T) {
	server := postgrestest.Start(t)
	address := server.Database(t)
	one, two := open(t, address), open(t, address)
	for _, d := range []*DB{one, two} {
		if err := d.Listen(t.Context(), func(string) {}); err != nil {
			t.Fatal(err)
		}
	}
	before := one.Changes()
	server.Down()
	if err := server.Up(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := two.Announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	if one.Changes() == before && time.Since(began) < identity.RememberFor {
		t.Error("it has not heard, and nobody waited")
	}
}

// BenchmarkAnnounce is what it takes until three servers have heard of a change.
func BenchmarkAnnounce(b *testing.B) {
	address := postgrestest.Database(b)
	for range 3 {
		if err := open(b, address).Listen(b.Context(), func(string) {}); err != nil {
			b.Fatal(err)
		}
	}
	d := open(b, address)
	for b.Loop() {
		if err := d.Announce(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
