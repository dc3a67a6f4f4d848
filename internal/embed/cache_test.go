package embed

import (
	"bytes"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/dense"
)

// TestCache: vectors are found by model and text, also by another process, and are let go when nobody asks for them any more.
func TestCache(t *testing.T) {
	dir, now := t.TempDir(), time.Unix(1e9, 0)
	open := func() *Cache {
		c, err := OpenCache(t.Context(), dir, func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	one, other := open(), open()
	row := func(x float32) dense.Row {
		r, err := dense.NewRow([]float32{x, 1})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	a, b := HashOf("a"), HashOf("b")
	if err := one.SaveRows(t.Context(), "m", map[Hash]dense.Row{a: row(1), b: row(2)}); err != nil {
		t.Fatal(err)
	}
	if err := one.SaveRows(t.Context(), "n", map[Hash]dense.Row{a: row(3)}); err != nil {
		t.Fatal(err)
	}
	rows := func(c *Cache, model string, hashes ...Hash) map[Hash]dense.Row {
		t.Helper()
		got, err := c.Rows(t.Context(), model, hashes)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := rows(other, "m", a, b, HashOf("c")); len(got) != 2 || !bytes.Equal(got[a], row(1)) || !bytes.Equal(got[b], row(2)) {
		t.Errorf("%v", got)
	}
	if got := rows(other, "n", a, b); len(got) != 1 || !bytes.Equal(got[a], row(3)) {
		t.Errorf("%v", got)
	}
	if got := rows(other, "unknown", a); len(got) != 0 {
		t.Errorf("%v", got)
	}
	now = now.AddDate(0, 0, 30)
	rows(one, "m", a) // still in use
	deleted, err := other.Expire(t.Context(), now.AddDate(0, 0, -20))
	if err != nil || deleted != 2 {
		t.Errorf("%d are deleted, %v", deleted, err)
	}
	if got := rows(one, "m", a, b); len(got) != 1 || got[a] == nil {
		t.Errorf("%v", got)
	}
}
