package knowledge

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/knowledge/extract"
)

// TestRebuildOfASource: everything is read anew, once, also when a run breaks off; what is searchable stays so meanwhile.
func TestRebuildOfASource(t *testing.T) {
	c, s := folder(t, nil), shelfOf(page("a", "otters swim"), page("b", "badgers dig"), page("c", "herons wait"))
	pull := func() (Report, error) { return c.Pull(t.Context(), s, extract.Options{}, time.Now, nil) }
	if _, err := pull(); err != nil {
		t.Fatal(err)
	}
	if err := c.Rebuild(t.Context(), time.Now); err != nil {
		t.Fatal(err)
	}
	s.dieAt = 1
	if r, err := pull(); !errors.Is(err, errTorn) || r.Changed != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	for _, q := range []string{"otters", "badgers", "herons"} {
		if res, err := c.Search(t.Context(), Query{Text: q, Who: acl.All()}); err != nil || len(res.Passages) != 1 {
			t.Errorf("%s: %v %v", q, res, err)
		}
	}
	s.dieAt = 0
	if r, err := pull(); err != nil || r.Changed != 2 || r.Unchanged != 1 {
		t.Errorf("the next run does not do the rest: %+v %v", r, err)
	}
	if r, err := pull(); err != nil || r.Changed != 0 {
		t.Errorf("it does not end: %+v %v", r, err)
	}
}

func TestRebuildOfAFolder(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"a.md", "b.go"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte("package otters\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Open(t.Context(), Options{Name: "x", Root: root, DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i, want := range []int{0, 2, 0} {
		if i == 1 {
			if err := c.Rebuild(t.Context(), time.Now); err != nil {
				t.Fatal(err)
			}
		}
		if r, err := c.Sync(t.Context(), time.Now, nil); err != nil || r.Changed != want {
			t.Errorf("run %d: %+v %v", i, r, err)
		}
	}
}

// TestDocuments: documents are listed in pages, for those who may see them.
func TestDocuments(t *testing.T) {
	c := folder(t, nil)
	eng, err := acl.New("group:eng")
	if err != nil {
		t.Fatal(err)
	}
	secret := page("b", "badgers dig")
	secret.ACL = &eng
	broken := connector.Document{ID: "x", Path: "wiki/x.pdf", Body: []byte("%PDF-nonsense"), Version: "1"}
	s := shelfOf(page("a", "otters swim"), secret, page("c", "herons wait"), page("d", "storks fly"), broken)
	if _, err := c.Pull(t.Context(), s, extract.Options{}, time.Now, nil); err != nil {
		t.Fatal(err)
	}
	pages := func(who acl.Subjects, l Listing) (ids string) {
		l.Who = who
		for {
			list, next, err := c.List(t.Context(), l)
			if err != nil || len(list) > max(l.Limit, 1) && l.Limit > 0 {
				t.Fatal(list, err)
			}
			for _, d := range list {
				ids += d.ID
			}
			if l.After = next; next == "" {
				return ids
			}
			ids += "|"
		}
	}
	stranger := acl.Of("bob", "sales")
	for _, x := range []struct {
		who  acl.Subjects
		l    Listing
		want string
	}{
		{acl.All(), Listing{Limit: 2}, "ab|cd"}, {stranger, Listing{Limit: 2}, "ac|d"}, {acl.Of("", "eng"), Listing{}, "abcd"},
		{acl.All(), Listing{Prefix: "wiki/c"}, "c"}, {acl.All(), Listing{Skipped: true}, "x"},
	} {
		if got := pages(x.who, x.l); got != x.want {
			t.Errorf("%+v: %q in place of %q", x.l, got, x.want)
		}
	}
	for _, id := range []string{"b", "wiki/b"} {
		if _, ok, err := c.Document(t.Context(), stranger, id); ok || err != nil {
			t.Error("a stranger is told of", id, err)
		}
		if p, err := c.Passages(t.Context(), stranger, id); len(p) > 0 || err != nil {
			t.Error("a stranger is shown", id, err)
		}
		if d, ok, err := c.Document(t.Context(), acl.All(), id); !ok || err != nil || d.Passages != 1 || d.Title != "Page b" {
			t.Errorf("%+v %v %v", d, ok, err)
		}
		if p, err := c.Passages(t.Context(), acl.All(), id); len(p) != 1 || err != nil || p[0].Text != "badgers dig" {
			t.Errorf("%+v %v", p, err)
		}
	}
	if d, ok, err := c.Document(t.Context(), acl.All(), "x"); !ok || err != nil || len(d.Skipped) < len("unfit: x") {
		t.Errorf("%+v %v %v", d, ok, err)
	}
}

// TestCompact: what is gone is given back, and what is there is found as before.
func TestCompact(t *testing.T) {
	c, s := folder(t, nil), shelfOf()
	for i := range 300 {
		d := page(string(rune('a'+i%26))+time.Duration(i).String(), "")
		d.Text = filler(i)
		s.docs[d.ID] = d
	}
	if _, err := c.Pull(t.Context(), s, extract.Options{}, time.Now, nil); err != nil {
		t.Fatal(err)
	}
	s.docs = shelfOf(page("a", "otters swim")).docs
	if _, err := c.Pull(t.Context(), s, extract.Options{}, time.Now, nil); err != nil {
		t.Fatal(err)
	}
	before, err := c.Size(t.Context())
	if err != nil || before.Free == 0 {
		t.Fatalf("%+v %v", before, err)
	}
	if err := c.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	after, err := c.Size(t.Context())
	if err != nil || after.Free != 0 || after.Dead != 0 || after.Bytes*4 > before.Bytes {
		t.Errorf("%+v, before %+v, %v", after, before, err)
	}
	if res, err := c.Search(t.Context(), Query{Text: "otters", Who: acl.All()}); err != nil || len(res.Passages) != 1 {
		t.Errorf("%v %v", res, err)
	}
}

// filler is text of some length that occurs nowhere else.
func filler(seed int) string {
	b := make([]byte, 0, 4000)
	x := uint32(seed + 1)
	for len(b) < 4000 {
		x = x*1664525 + 1013904223
		b = append(b, 'a'+byte(x>>16%26%20), 'a'+byte(x>>8%20), "aeiou \n"[x>>24%7])
	}
	return string(b)
}
