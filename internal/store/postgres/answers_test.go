package postgres

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/cache"
	"github.com/dragoman/dragoman/internal/store/postgrestest"
)

// TestCommonCache: answers are there for other processes, the newest of each; the oldest go first where there are too many.
func TestCommonCache(t *testing.T) {
	ctx, address := t.Context(), postgrestest.Database(t)
	one, two := open(t, address), open(t, address)
	at := func(minute int) time.Time { return time.Date(2026, 11, 25, 12, minute, 0, 0, time.UTC) }
	key, ann, ben := cache.KeyOf("prompt"), cache.Asker{cache.KeyOf("key"), cache.KeyOf("ann")}, cache.Asker{cache.KeyOf("another key"), cache.KeyOf("ben")}
	if body, _, err := two.CachedAnswer(ctx, key); body != nil || err != nil {
		t.Errorf("%q %v", body, err)
	}
	keep := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	keep(one.KeepAnswer(ctx, key, ann, at(2), []byte("newer")))
	keep(two.KeepAnswer(ctx, key, ann, at(1), []byte("older")))
	if body, made, err := two.CachedAnswer(ctx, key); string(body) != "newer" || !made.Equal(at(2)) || err != nil {
		t.Errorf("%q %v %v", body, made, err)
	}

	scope := cache.KeyOf("scope")
	keep(one.KeepMeaning(ctx, scope, cache.KeyOf("q1"), ann, at(1), []byte("a1")))
	keep(one.KeepMeaning(ctx, scope, cache.KeyOf("q2"), ben, at(2), []byte("a2")))
	keep(one.KeepMeaning(ctx, cache.KeyOf("another scope"), cache.KeyOf("q3"), ann, at(2), []byte("a3")))
	all, err := two.CachedMeanings(ctx, scope, 0, 10)
	if err != nil || len(all) != 2 || string(all[0].Body) != "a2" || string(all[1].Body) != "a1" {
		t.Fatalf("%v %v", all, err)
	}
	keep(one.KeepMeaning(ctx, scope, cache.KeyOf("q1"), ann, at(3), []byte("a1 anew")))
	if fresh, err := two.CachedMeanings(ctx, scope, all[0].Number, 10); err != nil || len(fresh) != 1 || string(fresh[0].Body) != "a1 anew" {
		t.Errorf("%v %v", fresh, err)
	}

	// Data of ann is erased, at one of the servers: her answers go, and none comes that was made before.
	keep(two.NoteErasure(ctx, cache.KeyOf("ann"), at(4)))
	if body, _, err := one.CachedAnswer(ctx, key); body != nil || err != nil {
		t.Errorf("what was erased is there: %q %v", body, err)
	}
	keep(one.KeepAnswer(ctx, key, ann, at(3), []byte("late")))
	keep(one.KeepMeaning(ctx, scope, cache.KeyOf("q1"), ann, at(4), []byte("late")))
	if body, _, err := one.CachedAnswer(ctx, key); body != nil || err != nil {
		t.Errorf("what was made before is there: %q %v", body, err)
	}
	if all, err = one.CachedMeanings(ctx, scope, 0, 10); err != nil || len(all) != 1 || string(all[0].Body) != "a2" {
		t.Errorf("what others asked: %v %v", all, err)
	}
	keep(one.KeepAnswer(ctx, key, ann, at(5), []byte("new")))
	if body, _, err := one.CachedAnswer(ctx, key); string(body) != "new" || err != nil {
		t.Errorf("what came after it: %q %v", body, err)
	}
	keep(one.exec(ctx, "keep what an older program keeps", `UPDATE answers SET asked = NULL`))
	keep(two.NoteErasure(ctx, cache.KeyOf("somebody"), at(6)))
	if body, _, err := one.CachedAnswer(ctx, key); body != nil || err != nil {
		t.Errorf("what may be anybody's: %q %v", body, err)
	}

	for i := range 20 {
		keep(one.KeepAnswer(ctx, cache.KeyOf(fmt.Sprint(i)), ben, at(10+i), bytes.Repeat([]byte{0, 1}, 500)))
	}
	bound := cache.Bound{Before: at(5), Bytes: 10 * (1000 + rowSize)}
	keep(two.TrimCache(ctx, bound, bound))
	for i := range 20 {
		if body, _, err := one.CachedAnswer(ctx, cache.KeyOf(fmt.Sprint(i))); err != nil || (body != nil) != (i >= 10) {
			t.Errorf("answer %d of 20, of which 10 fit: %d bytes, %v", i, len(body), err)
		}
	}
	if body, _, _ := one.CachedAnswer(ctx, key); body != nil {
		t.Error("what is too old is there")
	}
	if all, err := two.CachedMeanings(ctx, scope, 0, 10); err != nil || len(all) != 0 {
		t.Errorf("what is too old is there: %v %v", all, err)
	}
}

// BenchmarkCachedAnswer is what it takes to look for an answer that is not there, which a request does whose answer is in no server's memory.
func BenchmarkCachedAnswer(b *testing.B) {
	d := open(b, postgrestest.Database(b))
	for i := 0; b.Loop(); i++ {
		if body, _, err := d.CachedAnswer(b.Context(), cache.KeyOf(fmt.Sprint(i))); body != nil || err != nil {
			b.Fatal(err)
		}
	}
}
