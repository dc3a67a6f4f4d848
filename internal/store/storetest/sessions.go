package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sync/errgroup"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/store"
)

func message(role chat.Role, text string, at time.Time) store.Message {
	return store.Message{Role: role, Content: []byte(fmt.Sprintf("%q", text)), TraceID: "trace", Created: at}
}

// said compares messages but for where they stand.
func said(t *testing.T, what string, got, want []store.Message) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(store.Message{}, "Number", "Parent", "Words"), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// add appends to the session of a principal, at its head.
func add(t *testing.T, s store.Store, principal, session string, messages ...store.Message) []int {
	t.Helper()
	numbers, err := s.AppendMessages(t.Context(), store.Session{Principal: principal, ID: session}, store.AtHead, messages...)
	must(t, err)
	return numbers
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
		add(t, s, "ada", "s", turn...)
		all = append(all, turn...)
	}
	add(t, s, "ada", "s")
	for _, limit := range []int{1, 3, 10, 100} {
		got, err := s.Messages(ctx, "ada", "s", limit)
		must(t, err)
		said(t, fmt.Sprint("the last ", limit), got, all[max(len(all)-limit, 0):])
	}
	zero, err := s.Messages(ctx, "ada", "s", 0)
	must(t, err)
	same(t, "the last 0", len(zero), 0)
}

// separateSessions: the ID of a session is no secret, and knowing it must not help.
func separateSessions(t *testing.T, s store.Store) {
	ctx := t.Context()
	hers, his := message(chat.User, "hers", start), message(chat.User, "his", start)
	hers.Words, his.Words = "hers", "his"
	add(t, s, "ada", "main", hers)
	add(t, s, "bob", "main", his)
	for principal, want := range map[string][]store.Message{"ada": {hers}, "bob": {his}, "eve": nil, "": nil} {
		got, err := s.Messages(ctx, principal, "main", 10)
		must(t, err)
		said(t, "messages of "+principal, got, want)
		got, err = s.AllMessages(ctx, principal, "main", 0, 10)
		must(t, err)
		said(t, "all messages of "+principal, got, want)
	}
	found, err := s.Sessions(ctx, "bob", store.SessionQuery{Words: []string{"hers"}, Limit: 10})
	must(t, err)
	same(t, "what he finds of hers", len(found), 0)

	must(t, s.SaveSummary(ctx, "ada", "main", store.Summary{Number: 1, Text: "hers", Created: start}))
	must(t, s.SaveSummary(ctx, "eve", "main", store.Summary{Number: 1, Text: "hers", Created: start})) // of nothing
	for principal, want := range map[string]int{"ada": 1, "bob": 0, "eve": 0} {
		got, err := s.Summaries(ctx, principal, "main", 5)
		must(t, err)
		same(t, "summaries of "+principal, len(got), want)
	}
	for what, err := range map[string]error{
		"SetTitle":      s.SetTitle(ctx, "eve", "main", "x"),
		"SetHead":       s.SetHead(ctx, "eve", "main", 1),
		"DeleteSession": s.DeleteSession(ctx, "eve", "main"),
		"ForkSession":   s.ForkSession(ctx, "main", 1, store.Session{Principal: "eve", ID: "mine", Created: start}),
	} {
		wrong(t, what+" of another's", err, store.ErrNotFound)
	}
	must(t, s.DeleteSession(ctx, "bob", "main"))
	got, err := s.Messages(ctx, "ada", "main", 10)
	must(t, err)
	said(t, "hers, when his are deleted", got, []store.Message{hers})
}

func concurrentSessions(t *testing.T, s store.Store) {
	ctx := t.Context()
	const workers, each = 8, 10
	var g errgroup.Group
	for w := range workers {
		g.Go(func() error {
			for i := range each {
				turn := fmt.Sprintf("%d-%d", w, i)
				if _, err := s.AppendMessages(ctx, store.Session{Principal: "ada", ID: "s"}, store.AtHead, message(chat.User, turn, start), message(chat.Assistant, turn, start)); err != nil {
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
	add(t, s, "ada", "one", message(chat.User, "q", at(0)), message(chat.Assistant, "a", at(1)))
	add(t, s, "ada", "two", message(chat.User, "q", at(2)))
	add(t, s, "ada", "one", message(chat.User, "q", at(3)))
	add(t, s, "bob", "three", message(chat.User, "q", at(4)))
	must(t, s.CreateSession(ctx, store.Session{ID: "empty", Principal: "ada", Title: "It's *empty*", Assistant: "code", Created: at(2), Updated: at(2)}))
	wrong(t, "a second session of the same name", s.CreateSession(ctx, store.Session{ID: "empty", Principal: "ada", Created: at(2)}), store.ErrExists)
	got, err := s.Sessions(ctx, "ada", store.SessionQuery{Limit: 10})
	must(t, err)
	want := []store.Session{
		{ID: "one", Principal: "ada", Created: at(0), Updated: at(3), Messages: 3, Head: 3},
		{ID: "empty", Principal: "ada", Title: "It's *empty*", Assistant: "code", Created: at(2), Updated: at(2)},
		{ID: "two", Principal: "ada", Created: at(2), Updated: at(2), Messages: 1, Head: 1},
	}
	same(t, "sessions", got, want)
	var paged []store.Session
	for after := (*store.Session)(nil); ; after = &paged[len(paged)-1] {
		page, err := s.Sessions(ctx, "ada", store.SessionQuery{Limit: 1, After: after})
		must(t, err)
		if len(page) == 0 {
			break
		}
		paged = append(paged, page...)
	}
	same(t, "sessions, page by page", paged, want)

	must(t, s.SetTitle(ctx, "ada", "two", "Naïve plans"))
	two, err := s.Session(ctx, "ada", "two")
	must(t, err)
	same(t, "a title", two.Title, "Naïve plans")
	_, err = s.Session(ctx, "ada", "three")
	wrong(t, "another's session", err, store.ErrNotFound)

	said := message(chat.User, "x", at(5))
	said.Words = "ärger with 100% of \"quotes\" and a_b"
	add(t, s, "ada", "two", said)
	for _, q := range []struct {
		words []string
		want  int
	}{{[]string{"plans"}, 1}, {[]string{"ärger"}, 1}, {[]string{"100%", "a_b"}, 1}, {[]string{"a%b"}, 0}, {[]string{"*empty*"}, 1}, {[]string{"plans", "nowhere"}, 0}, {[]string{"plans", "quotes"}, 1}} {
		got, err := s.Sessions(ctx, "ada", store.SessionQuery{Words: q.words, Limit: 10})
		must(t, err)
		same(t, fmt.Sprint("sessions with ", q.words), len(got), q.want)
	}
}

// branches: what is edited, answered anew or forked leaves everything in its place.
func branches(t *testing.T, s store.Store) {
	ctx := t.Context()
	ada := store.Session{Principal: "ada", ID: "s"}
	digested := func(role chat.Role, text string) store.Message {
		m := message(role, text, start)
		m.Digest = text
		return m
	}
	q1, a1, q2, a2 := digested(chat.User, "q1"), digested(chat.Assistant, "a1"), digested(chat.User, "q2"), digested(chat.Assistant, "a2")
	same(t, "numbers", add(t, s, "ada", "s", q1, a1, q2, a2), []int{1, 2, 3, 4})

	edited := digested(chat.User, "q2 other")
	numbers, err := s.AppendMessages(ctx, ada, 2, edited)
	must(t, err)
	same(t, "the number of the edited message", numbers, []int{5})
	got, err := s.Messages(ctx, "ada", "s", 10)
	must(t, err)
	said(t, "the branch with the edited message", got, []store.Message{q1, a1, edited})
	all, err := s.AllMessages(ctx, "ada", "s", 0, 10)
	must(t, err)
	said(t, "all branches", all, []store.Message{q1, a1, q2, a2, edited})
	same(t, "its parent", all[4].Parent, 2)
	some, err := s.AllMessages(ctx, "ada", "s", 2, 2)
	must(t, err)
	said(t, "some of them", some, []store.Message{q2, a2})

	// The same again is not added again; what is new goes behind it.
	anew := digested(chat.Assistant, "a2 anew")
	numbers, err = s.AppendMessages(ctx, ada, 0, q1, a1, q2, anew)
	must(t, err)
	same(t, "numbers of what was sent again", numbers, []int{1, 2, 3, 6})
	got, err = s.Messages(ctx, "ada", "s", 10)
	must(t, err)
	said(t, "the branch with the new answer", got, []store.Message{q1, a1, q2, anew})
	// Messages without a digest are like no other.
	bare := message(chat.User, "q1", start)
	must(t, func() error { _, err := s.AppendMessages(ctx, ada, 0, bare); return err }())
	must(t, func() error { _, err := s.AppendMessages(ctx, ada, 0, bare); return err }())
	one, err := s.Session(ctx, "ada", "s")
	must(t, err)
	same(t, "messages", one.Messages, 8)

	must(t, s.SetHead(ctx, "ada", "s", 4))
	got, err = s.Messages(ctx, "ada", "s", 10)
	must(t, err)
	said(t, "the first branch", got, []store.Message{q1, a1, q2, a2})
	wrong(t, "a head that is not there", s.SetHead(ctx, "ada", "s", 99), store.ErrNotFound)
	_, err = s.AppendMessages(ctx, ada, 99, q1)
	wrong(t, "a message after none", err, store.ErrNotFound)

	fork := store.Session{ID: "fork", Principal: "ada", Title: "Forked", Created: start, Updated: start}
	must(t, s.ForkSession(ctx, "s", 6, fork))
	got, err = s.Messages(ctx, "ada", "fork", 10)
	must(t, err)
	said(t, "the fork", got, []store.Message{q1, a1, q2, anew})
	fork.From, fork.Messages, fork.Head = "s", 4, 4
	kept, err := s.Session(ctx, "ada", "fork")
	must(t, err)
	same(t, "the forked session", kept, fork)
	wrong(t, "a fork at no message", s.ForkSession(ctx, "s", 99, store.Session{ID: "f2", Principal: "ada", Created: start}), store.ErrNotFound)
	_, err = s.Session(ctx, "ada", "f2")
	wrong(t, "the session of a fork that failed", err, store.ErrNotFound)
	wrong(t, "a fork to a session that is there", s.ForkSession(ctx, "s", 1, fork), store.ErrExists)
}

func summaries(t *testing.T, s store.Store) {
	ctx := t.Context()
	add(t, s, "ada", "s", message(chat.User, "q", start), message(chat.Assistant, "a", start))
	one, two := store.Summary{Number: 1, Text: "one", Created: start}, store.Summary{Number: 2, Text: "two", Created: start}
	for _, sum := range []store.Summary{two, one, {Number: 1, Text: "old", Created: start}, one} {
		must(t, s.SaveSummary(ctx, "ada", "s", sum))
	}
	got, err := s.Summaries(ctx, "ada", "s", 10)
	must(t, err)
	same(t, "summaries", got, []store.Summary{two, one})
	got, err = s.Summaries(ctx, "ada", "s", 1)
	must(t, err)
	same(t, "the one that tells most", got, []store.Summary{two})
}

func deleteSession(t *testing.T, s store.Store) {
	ctx := t.Context()
	add(t, s, "ada", "s", message(chat.User, "q", start))
	must(t, s.SaveSummary(ctx, "ada", "s", store.Summary{Number: 1, Text: "x", Created: start}))
	for _, tr := range []store.Trace{{ID: "t1", Principal: "ada", Session: "s"}, {ID: "t2", Principal: "bob", Session: "s"}, {ID: "t3", Principal: "ada"}} {
		tr.Created, tr.Body = start, []byte("{}")
		must(t, s.SaveTrace(ctx, tr))
	}
	must(t, s.DeleteSession(ctx, "ada", "s"))
	wrong(t, "a second time", s.DeleteSession(ctx, "ada", "s"), store.ErrNotFound)
	_, err := s.Session(ctx, "ada", "s")
	wrong(t, "a deleted session", err, store.ErrNotFound)
	left, err := s.AllMessages(ctx, "ada", "s", 0, 10)
	must(t, err)
	sums, err2 := s.Summaries(ctx, "ada", "s", 10)
	must(t, err2)
	same(t, "what is left", len(left)+len(sums), 0)
	_, err = s.Trace(ctx, "t1")
	wrong(t, "the trace of a turn of it", err, store.ErrNotFound)
	_, err = s.Trace(ctx, "t2")
	_, err3 := s.Trace(ctx, "t3")
	must(t, errors.Join(err, err3))
	// The name may be used again, from the beginning.
	same(t, "numbers", add(t, s, "ada", "s", message(chat.User, "q", start)), []int{1})
}
