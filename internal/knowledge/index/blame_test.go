package index

import (
	"fmt"
	"testing"
	"time"
)

// TestBlame: what is put in comes out, and what is not known is left to the document.
func TestBlame(t *testing.T) {
	at := func(n int) time.Time { return time.Unix(int64(n), 0) }
	var changes []LastChange
	for i := range 400 {
		changes = append(changes, LastChange{at(1000 + i), fmt.Sprintf("author %d", i%300)})
	}
	changes[7], changes[8] = LastChange{}, LastChange{at(-5), ""}
	d := &Document{Updated: at(1), Author: "who committed the file", Blame: NewBlame(changes), chunks: int64(len(changes))}
	for i, want := range changes {
		known := true
		switch i {
		case 7:
			want, known = LastChange{d.Updated, d.Author}, false
		case 8:
			want.At = at(1)
		}
		if got, blamed := d.Changed(i); got != want || blamed != known {
			t.Errorf("%d: %+v, %t", i, got, blamed)
		}
	}
	for _, n := range []int{-1, len(changes)} {
		if got, blamed := d.Changed(n); blamed || got.Author != d.Author {
			t.Errorf("%d: %+v", n, got)
		}
	}
	if b := NewBlame([]LastChange{{}, {}}); !b.Asked() || b.Known() {
		t.Errorf("nothing known: %q", b)
	}
	if b := Blame(""); b.Asked() || b.Known() {
		t.Error("nobody asked")
	}
}

// FuzzBlame: a damaged one tells of nothing that is not there.
func FuzzBlame(f *testing.F) {
	f.Add(string(NewBlame([]LastChange{{time.Unix(5, 0), "A"}, {time.Unix(6, 0), "B"}})), 2)
	f.Add("\x00", 1)
	f.Add("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 1)
	f.Fuzz(func(t *testing.T, b string, chunks int) {
		d := &Document{Blame: Blame(b), chunks: int64(min(max(chunks, 0), 1000))}
		for n := range int(d.chunks) {
			if last, blamed := d.Changed(n); blamed && last.At.Unix() <= 0 {
				t.Errorf("%+v", last)
			}
		}
	})
}
