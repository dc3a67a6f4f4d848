package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/store"
)

func feedback(t *testing.T, s store.Store) {
	ctx := t.Context()
	list := func(q store.FeedbackQuery) []store.Feedback {
		t.Helper()
		got, err := s.Feedback(ctx, q)
		must(t, err)
		return got
	}
	same(t, "none", len(list(store.FeedbackQuery{Limit: 10})), 0)
	of := func(i int, who string) store.Feedback {
		return store.Feedback{TraceID: fmt.Sprint("t", i), Principal: who, Created: start.Add(time.Duration(i) * time.Minute), Body: []byte(`{"b": 1,  "a":2}`)}
	}
	for _, i := range []int{2, 1, 3} {
		must(t, s.SaveFeedback(ctx, of(i, "ann")))
	}
	must(t, s.SaveFeedback(ctx, of(4, "bob")))
	same(t, "all", list(store.FeedbackQuery{Limit: 10}), []store.Feedback{of(4, "bob"), of(3, "ann"), of(2, "ann"), of(1, "ann")})
	same(t, "of one", list(store.FeedbackQuery{Principal: "ann", Limit: 2}), []store.Feedback{of(3, "ann"), of(2, "ann")})
	same(t, "the next page", list(store.FeedbackQuery{Before: of(3, "").Created, Limit: 1}), []store.Feedback{of(2, "ann")})
	again := of(1, "ann")
	again.Created, again.Body = start.Add(time.Hour), []byte(`{"c":3}`)
	must(t, s.SaveFeedback(ctx, again))
	same(t, "what was said anew", list(store.FeedbackQuery{Principal: "ann", Limit: 10}), []store.Feedback{again, of(3, "ann"), of(2, "ann")})
	other := of(1, "bob")
	must(t, s.SaveFeedback(ctx, other))
	same(t, "two of one trace", len(list(store.FeedbackQuery{Limit: 10})), 5)
	n, err := s.DeleteFeedbackBefore(ctx, of(3, "").Created)
	must(t, err)
	same(t, "deleted", n, 2)
	same(t, "the rest", list(store.FeedbackQuery{Limit: 10}), []store.Feedback{again, of(4, "bob"), of(3, "ann")})
}
