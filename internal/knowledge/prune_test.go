package knowledge

import (
	"slices"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/extract"
)

// TestExpiry: what becomes too old by a rule is no longer found, is not read again, and comes back when the rule changes.
func TestExpiry(t *testing.T) {
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	now := func() time.Time { return at }
	root, data := t.TempDir(), t.TempDir()
	open := func(rules ...Expiry) *Collection {
		c, err := Open(t.Context(), Options{Name: "x", Root: root, DataDir: data, Expiry: rules})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	old, log := page("old", "otters swim"), page("log", "otters log")
	old.Updated, log.Updated, log.Type = at.Add(-50*24*time.Hour), at.Add(-5*24*time.Hour), "log"
	fresh := page("fresh", "otters now")
	fresh.Updated = at.Add(-time.Hour)
	s := shelfOf(old, log, fresh)
	pull := func(c *Collection) Report {
		t.Helper()
		r, err := c.Pull(t.Context(), s, extract.Options{}, now, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	finds := func(c *Collection, want ...string) {
		t.Helper()
		if got := found(t, c, acl.All(), "otters", 5); !slices.Equal(got, want) {
			t.Errorf("%v in place of %v", got, want)
		}
	}
	rules := []Expiry{{After: 60 * 24 * time.Hour}, {After: 3 * 24 * time.Hour, Types: []string{"log"}}, {After: 24 * time.Hour, Paths: []string{"drafts"}}}
	c := open(rules...)
	if r := pull(c); r.Added != 3 || r.Pruned != 1 {
		t.Errorf("%+v", r)
	}
	finds(c, "wiki/fresh", "wiki/old")
	at = at.Add(11 * 24 * time.Hour)
	if r := pull(c); r.Changed != 0 || r.Pruned != 1 {
		t.Errorf("it is read again: %+v", r)
	}
	finds(c, "wiki/fresh")
	if n, err := c.Prune(t.Context(), now); n != 0 || err != nil {
		t.Error(n, err)
	}
	c = open(Expiry{After: 1000 * 24 * time.Hour})
	if r := pull(c); r.Changed != 2 || r.Pruned != 0 {
		t.Errorf("%+v", r)
	}
	finds(c, "wiki/fresh", "wiki/log", "wiki/old")
}

// TestExpiryOfFiles: the files of a folder, too.
func TestExpiryOfFiles(t *testing.T) {
	root := t.TempDir()
	write(t, root, "a.md", "otters swim\n")
	c, err := Open(t.Context(), Options{Name: "x", Root: root, DataDir: t.TempDir(), Expiry: []Expiry{{After: time.Hour}}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	at := time.Now().Add(time.Minute)
	now := func() time.Time { return at }
	for i, want := range []Report{{Added: 1}, {Unchanged: 1, Pruned: 1}, {Unchanged: 1}} {
		r, err := c.Sync(t.Context(), now, nil)
		if err != nil || r.Added != want.Added || r.Unchanged != want.Unchanged || r.Pruned != want.Pruned {
			t.Errorf("run %d: %+v %v", i, r, err)
		}
		at = at.Add(2 * time.Hour)
	}
	if got := found(t, c, acl.All(), "otters", 5); len(got) != 0 {
		t.Error(got)
	}
}

func TestLatest(t *testing.T) {
	c, err := Open(t.Context(), Options{Name: "x", Root: t.TempDir(), DataDir: t.TempDir(), Latest: []string{"wiki/*/v{version}/**", "wiki/handbook-{version}"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s := shelfOf(page("api/v1/x", "otters"), page("api/v2/x", "otters"), page("api/v10/x", "otters"), page("api/v9/y", "otters"), page("web/v3/x", "otters"),
		page("handbook-2026-02", "otters"), page("handbook-2025-11", "otters"), page("other-1", "otters"))
	for id, d := range s.docs {
		d.Text = "otters in " + id
		s.docs[id] = d
	}
	finds := func(want ...string) {
		t.Helper()
		if got := found(t, c, acl.All(), "otters", 20); !slices.Equal(got, want) {
			t.Errorf("%v in place of %v", got, want)
		}
	}
	if r := pull(t, c, s); r.Pruned != 3 {
		t.Errorf("%+v", r)
	}
	finds("wiki/api/v10/x", "wiki/api/v9/y", "wiki/handbook-2026-02", "wiki/other-1", "wiki/web/v3/x")
	// When the newest is gone, the one before it counts again.
	delete(s.docs, "api/v10/x")
	pull(t, c, s)
	pull(t, c, s)
	finds("wiki/api/v2/x", "wiki/api/v9/y", "wiki/handbook-2026-02", "wiki/other-1", "wiki/web/v3/x")
	for _, bad := range []string{"manuals/**", "{version}/{version}"} {
		if _, err := NewLineage(bad); err == nil {
			t.Error(bad)
		}
	}
}
