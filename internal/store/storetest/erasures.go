package storetest

import (
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/store"
)

func erasures(t *testing.T, s store.Store) {
	ctx := t.Context()
	at := func(hours int) time.Time { return start.Add(time.Duration(hours) * time.Hour) }
	ann, ben := [32]byte{1, 2}, [32]byte{3}
	none, err := s.Erasures(ctx, 0)
	must(t, err)
	same(t, "before there were any", len(none), 0)
	must(t, s.NoteErasure(ctx, ann, at(1)))
	must(t, s.NoteErasure(ctx, ben, at(2)))
	must(t, s.NoteErasure(ctx, ann, at(3)))
	all, err := s.Erasures(ctx, 0)
	must(t, err)
	want := []store.Erasure{{Whose: ann, At: at(1)}, {Whose: ben, At: at(2)}, {Whose: ann, At: at(3)}}
	for i := range want {
		if i < len(all) {
			want[i].Number = all[i].Number
			if i > 0 && all[i].Number <= all[i-1].Number {
				t.Errorf("number %d comes after %d", all[i].Number, all[i-1].Number)
			}
		}
	}
	same(t, "all", all, want)
	some, err := s.Erasures(ctx, all[1].Number)
	must(t, err)
	same(t, "after the second", some, want[2:])
	n, err := s.DeleteErasuresBefore(ctx, at(3))
	must(t, err)
	same(t, "deleted", n, 2)
	n, err = s.DeleteErasuresBefore(ctx, at(4))
	must(t, err)
	same(t, "deleted the last one", n, 1)
	must(t, s.NoteErasure(ctx, ben, at(5)))
	again, err := s.Erasures(ctx, all[2].Number)
	must(t, err)
	same(t, "a number is not given twice", len(again), 1)
}
