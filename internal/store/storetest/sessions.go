package storetest

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/store"
)

func message(role chat.Role, text string, at time.Time) store.Message {
	return store.Message{Role: role, Content: []byte(fmt.Sprintf("%q", text)), TraceID: "trace", Created: at}
}

func sessions(t *testing.T, s store.Store) {
	ctx := t.Context()
	none, err := s.Messages(ctx, "ada", "s", 10)
	must(t, err)
	same(t, "messages of a session that has not begun", len(none), 0)

	var all []store.Message
	for i := range 5 {
		// Each turn is dated before the one before it: order is that of arrival, not of clocks.
		at := start.Add(-time.Duration(i) * time.Hour)
		turn := []store.Message{message(chat.User, fmt.Sprint("q", i), at), message(chat.Assistant, fmt.Sprint("a", i), at)}
		must(t, s.AppendMessages(ctx, "ada", "s", turn...))
		all = append(all, turn...)
	}
	must(t, s.AppendMessages(ctx, "ada", "s"))
	for _, limit := range []int{1, 3, 10, 100} {
		got, err := s.Messages(ctx, "ada", "s", limit)
		must(t, err)
		same(t, fmt.Sprint("the last ", limit), got, all[max(len(all)-limit, 0):])
	}
	zero, err := s.Messages(ctx, "ada", "s", 0)
	must(t, err)
	same(t, "the last 0", len(zero), 0)
}

// separateSessions: the ID of a session is no secret, and knowing it must not help.
func separateSessions(t *testing.T, s store.Store) {
	ctx := t.Context()
	hers, his := message(chat.User, "hers", start), message(chat.User, "his", start)
	must(t, s.AppendMessages(ctx, "ada", "main", hers))
	must(t, s.AppendMessages(ctx, "bob", "main", his))
	for principal, want := range map[string][]store.Message{"ada": {hers}, "bob": {his}, "eve": nil, "": nil} {
		got, err := s.Messages(ctx, principal, "main", 10)
		must(t, err)
		same(t, "messages of "+principal, got, want)
	}
}

func concurrentSessions(t *testing.T, s store.Store) {
	ctx := t.Context()
	const workers, each = 8, 10
	var g errgroup.Group
	for w := range workers {
		g.Go(func() error {
			for i := range each {
				turn := fmt.Sprintf("%d-%d", w, i)
				if err := s.AppendMessages(ctx, "ada", "s", message(chat.User, turn, start), message(chat.Assistant, turn, start)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	must(t, g.Wait())
	got, err := s.Messages(ctx, "ada", "s", 1000)
	must(t, err)
	same(t, "messages", len(got), 2*workers*each)
	for i := 0; i+1 < len(got); i += 2 {
		if got[i].Role != chat.User || string(got[i].Content) != string(got[i+1].Content) {
			t.Fatalf("a turn was torn apart at %d: %s, %s", i, got[i].Content, got[i+1].Content)
		}
	}
}

func listSessions(t *testing.T, s store.Store) {
	ctx := t.Context()
	at := func(hours int) time.Time { return start.Add(time.Duration(hours) * time.Hour) }
	must(t, s.AppendMessages(ctx, "ada", "one", message(chat.User, "q", at(0)), message(chat.Assistant, "a", at(1))))
	must(t, s.AppendMessages(ctx, "ada", "two", message(chat.User, "q", at(2))))
	must(t, s.AppendMessages(ctx, "ada", "one", message(chat.User, "q", at(3))))
	must(t, s.AppendMessages(ctx, "bob", "three", message(chat.User, "q", at(4))))
	got, err := s.Sessions(ctx, "ada", 10)
	must(t, err)
	want := []store.Session{
		{ID: "one", Principal: "ada", Created: at(0), Updated: at(3), Messages: 3},
		{ID: "two", Principal: "ada", Created: at(2), Updated: at(2), Messages: 1},
	}
	same(t, "sessions", got, want)
	got, err = s.Sessions(ctx, "ada", 1)
	must(t, err)
	same(t, "the last session", got, want[:1])
}
