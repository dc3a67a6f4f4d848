package conversation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/store"
	"github.com/dragoman/dragoman/internal/store/sqlite"
)

// two keepers on one store, as two processes have them.
func twoKeepers(t *testing.T) [2]*Keeper {
	t.Helper()
	db, err := sqlite.Open(context.Background(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	o := Options{Mask: func(s string) string { return s }, Settle: func(context.Context) error { return nil }, Now: time.Now}
	return [2]*Keeper{NewKeeper(db, o), NewKeeper(db, o)}
}

func (k *Keeper) tell(ctx context.Context, principal, session string, after int, texts ...string) error {
	s := Said{Principal: principal, Session: session, After: after, At: time.Now()}
	for i, text := range texts {
		s.Messages = append(s.Messages, chat.NewText([]chat.Role{chat.User, chat.Assistant}[i%2], text))
	}
	return k.Append(ctx, s)
}

func told(t interface{ Fatal(...any) }, k *Keeper, principal, session string) string {
	p, err := k.Past(context.Background(), principal, session)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range p.Messages {
		out = append(out, m.Text())
	}
	return strings.Join(out, " ")
}

// TestProcessesTakeTurns: what one process holds in memory of a session is never older than the store.
func TestProcessesTakeTurns(t *testing.T) {
	ks, ctx := twoKeepers(t), t.Context()
	step := func(k int, want string, change func(*Keeper) error) {
		t.Helper()
		if err := change(ks[k]); err != nil {
			t.Fatal(err)
		}
		for i, k := range ks {
			if got := told(t, k, "ada", "s"); got != want {
				t.Fatalf("process %d reads %q, not %q", i, got, want)
			}
		}
	}
	at := func(after int, texts ...string) func(*Keeper) error {
		return func(k *Keeper) error { return k.tell(ctx, "ada", "s", after, texts...) }
	}
	step(0, "a b", at(store.AtHead, "a", "b"))
	step(1, "a b c d", at(store.AtHead, "c", "d"))
	step(0, "a b x", func(k *Keeper) error { _, err := k.Edit(ctx, "ada", "s", 3, "x"); return err })
	step(1, "a b c d", func(k *Keeper) error { _, err := k.Switch(ctx, "ada", "s", 4); return err })
	step(0, "", func(k *Keeper) error { return k.Delete(ctx, "ada", "s") })
	step(1, "other", at(store.AtHead, "other"))
	step(0, "other and more", at(store.AtHead, "and more"))
}

// TestMoreSessionsThanAreHeld: what does not fit in memory is read again.
func TestMoreSessionsThanAreHeld(t *testing.T) {
	ks := twoKeepers(t)
	for round := range 2 {
		for i := range mostHeld + 5 {
			session := fmt.Sprint("s", i)
			if err := ks[0].tell(t.Context(), "ada", session, store.AtHead, fmt.Sprintf("%d-%d", i, round)); err != nil {
				t.Fatal(err)
			}
			want := fmt.Sprintf("%d-0", i)
			if round == 1 {
				want += fmt.Sprintf(" %d-1", i)
			}
			if got := told(t, ks[0], "ada", session); got != want {
				t.Fatalf("%q, not %q", got, want)
			}
		}
	}
	if n := len(ks[0].shelf.held); n > mostHeld {
		t.Errorf("%d sessions are held", n)
	}
}

// TestManyReaders: turns of one session read and write it at once.
func TestManyReaders(t *testing.T) {
	ks := twoKeepers(t)
	var g errgroup.Group
	for w := range 4 {
		g.Go(func() error {
			for i := range 5 {
				if err := ks[w%2].tell(t.Context(), "ada", "s", store.AtHead, fmt.Sprintf("%d.%d", w, i), "ok"); err != nil {
					return err
				}
				p, err := ks[w%2].Past(t.Context(), "ada", "s")
				if err != nil {
					return err
				}
				DefaultPolicy().Choose(p.Messages, p.Summaries, "which?", nil)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if n := len(strings.Fields(told(t, ks[0], "ada", "s"))); n != 40 {
		t.Errorf("%d messages", n)
	}
}

// TestSessionsStayApart: whoever does what in which session, by which process: everybody reads exactly what they wrote.
func TestSessionsStayApart(t *testing.T) {
	ks := twoKeepers(t)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		ctx := context.Background()
		want := map[[2]string][]string{}
		name := rapid.SampledFrom([]string{"", "ada", "bob", "ADA", "a\"b", "ada/s"})
		for i := range rapid.IntRange(1, 12).Draw(t, "steps") {
			k := ks[rapid.IntRange(0, 1).Draw(t, "process")]
			key := [2]string{fmt.Sprint(n, name.Draw(t, "principal")), name.Draw(t, "session") + "s"}
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0, 1, 2:
				text := fmt.Sprintf("text%d", i)
				if err := k.tell(ctx, key[0], key[1], store.AtHead, text); err != nil {
					t.Fatal(err)
				}
				want[key] = append(want[key], text)
			case 3:
				err := k.Delete(ctx, key[0], key[1])
				if there := want[key] != nil; there != (err == nil) {
					t.Fatalf("delete %q: %v", key, err)
				}
				delete(want, key)
			case 4:
				to := key[1] + fmt.Sprint("fork", i)
				_, err := k.Fork(ctx, key[0], key[1], 0, Info{ID: to})
				if there := want[key] != nil; there != (err == nil) {
					t.Fatalf("fork %q: %v", key, err)
				}
				if err == nil {
					want[[2]string{key[0], to}] = slices.Clone(want[key])
				}
			case 5:
				found, _, err := k.List(ctx, key[0], Query{Text: "text"})
				mine := 0
				for of := range want {
					if of[0] == key[0] {
						mine++
					}
				}
				if err != nil || len(found) != mine {
					t.Fatalf("%q finds %d sessions, not %d: %v", key[0], len(found), mine, err)
				}
			}
		}
		for key, texts := range want {
			for _, k := range ks {
				if got := told(t, k, key[0], key[1]); got != strings.Join(texts, " ") {
					t.Fatalf("%q reads %q, not %q", key, got, texts)
				}
			}
		}
	})
}
