package knowledge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/knowledge/extract"
)

// shelf is a source whose documents the test chooses.
type shelf struct {
	docs    map[string]connector.Document
	dieAt   int // puts after which it breaks off
	cursors []string
}

var errTorn = errors.New("the source broke off")

func (s *shelf) Sync(ctx context.Context, cursor string, sink connector.Sink) (connector.Outcome, error) {
	s.cursors = append(s.cursors, cursor)
	puts := 0
	ids := slices.Sorted(func(yield func(string) bool) {
		for id := range s.docs {
			if !yield(id) {
				return
			}
		}
	})
	for _, id := range ids {
		d := s.docs[id]
		if v, ok := sink.Known(id); ok && v == d.Version {
			sink.Keep(id)
			continue
		}
		if err := sink.Put(ctx, d); err != nil {
			return connector.Outcome{}, err
		}
		if puts++; puts == s.dieAt {
			return connector.Outcome{}, errTorn
		}
		if err := sink.Checkpoint(ctx, "at "+id); err != nil {
			return connector.Outcome{}, err
		}
	}
	return connector.Outcome{Cursor: "end", Complete: true}, nil
}

func page(id, text string) connector.Document {
	return connector.Document{ID: id, Path: "wiki/" + id, Type: "page", Title: "Page " + id, Text: text, Version: text, URL: "https://wiki.example.com/" + id}
}

func shelfOf(docs ...connector.Document) *shelf {
	s := &shelf{docs: map[string]connector.Document{}}
	for _, d := range docs {
		s.docs[d.ID] = d
	}
	return s
}

func pull(t testing.TB, c *Collection, s *shelf) Report {
	t.Helper()
	r, err := c.Pull(t.Context(), s, extract.Options{}, later, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// found are the sources of what a search finds.
func found(t testing.TB, c *Collection, who acl.Subjects, text string, limit int) []string {
	t.Helper()
	res, err := c.Search(t.Context(), Query{Who: who, Text: text, Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, p := range res.Passages {
		out = append(out, p.Path)
	}
	slices.Sort(out)
	return out
}

func TestPull(t *testing.T) {
	c := folder(t, nil)
	s := shelfOf(page("a", "# Leave\n\nEverybody has 28 days of leave.\n"), page("b", "# Phones\n\nCall the helpdesk.\n"))
	if r := pull(t, c, s); r.Added != 2 || len(r.Skipped) > 0 {
		t.Errorf("%+v", r)
	}
	res, err := c.Search(t.Context(), Query{Who: acl.All(), Text: "how many days of leave?"})
	if err != nil || len(res.Passages) != 1 {
		t.Fatalf("%+v %v", res, err)
	}
	if p := res.Passages[0]; p.Path != "wiki/a" || p.URL != "https://wiki.example.com/a" || p.Title != "Page a" || p.Symbol != "Leave" {
		t.Errorf("%+v", p)
	}
	changed := page("a", "# Leave\n\nEverybody has 30 days of leave.\n")
	changed.Path = "wiki/renamed"
	s.docs["a"] = changed
	delete(s.docs, "b")
	if r := pull(t, c, s); r.Changed != 1 || r.Removed != 1 || r.Added != 0 {
		t.Errorf("%+v", r)
	}
	if got := found(t, c, acl.All(), "days of leave helpdesk", 5); !slices.Equal(got, []string{"wiki/renamed"}) {
		t.Errorf("%v", got)
	}
	if r := pull(t, c, s); r.Changed+r.Added+r.Removed != 0 || r.Unchanged != 1 {
		t.Errorf("%+v", r)
	}
	if !slices.Equal(s.cursors, []string{"", "end", "end"}) {
		t.Errorf("%v", s.cursors)
	}
}

// TestPullTheSame: a source that does not know what is new brings everything again. What says the same stays as it is, with its date, and answers that were made
// of it stay good; its version is noted, and a change of nothing but its ACL is one.
func TestPullTheSame(t *testing.T) {
	c := folder(t, nil)
	d := page("a", "# Leave\n\nEverybody has 28 days of leave.\n")
	d.Version = "1"
	s := shelfOf(d)
	pull(t, c, s)
	before, _, err := c.Document(t.Context(), acl.All(), "a")
	if err != nil {
		t.Fatal(err)
	}
	state, err := c.State(t.Context(), acl.All())
	if err != nil {
		t.Fatal(err)
	}
	d.Version = "2"
	s.docs["a"] = d
	nextDay := func() time.Time { return later().Add(24 * time.Hour) }
	r, err := c.Pull(t.Context(), s, extract.Options{}, nextDay, nil)
	if err != nil || r.Changed+r.Added+r.Removed != 0 || r.Unchanged != 1 {
		t.Errorf("%+v %v", r, err)
	}
	after, _, err := c.Document(t.Context(), acl.All(), "a")
	if err != nil || after.Updated != before.Updated || after.Version != "2" || !after.Indexed.After(before.Indexed) || after.Passages != 1 {
		t.Errorf("%+v %v, before %+v", after, err, before)
	}
	if now, err := c.State(t.Context(), acl.All()); err != nil || now != state {
		t.Errorf("the state is %q, %v, and was %q", now, err, state)
	}
	nobody := acl.ACL{}
	d.Version, d.ACL = "3", &nobody
	s.docs["a"] = d
	if r := pull(t, c, s); r.Changed != 1 {
		t.Errorf("another ACL: %+v", r)
	}
}

// TestTypesOfFiles: files of a source are found as what they are, like those of a folder.
func TestTypesOfFiles(t *testing.T) {
	c := folder(t, nil)
	var docs []connector.Document
	for _, path := range []string{"a.go", "b.md", "c.yaml"} {
		docs = append(docs, connector.Document{ID: path, Path: path, Type: "file", Text: "walrus: 1\n", Version: "1"})
	}
	docs = append(docs, connector.Document{ID: "d", Path: "d.html", Type: "file", Body: []byte("<p>walrus</p>"), Version: "1"})
	pull(t, c, shelfOf(docs...))
	for kind, want := range map[string]string{"code": "a.go", "doc": "b.md d.html", "config": "c.yaml", "file": ""} {
		if got := strings.Join(found(t, c, acl.All(), "type:"+kind+" walrus", 5), " "); got != want {
			t.Errorf("type:%s finds %q, want %q", kind, got, want)
		}
	}
}

// TestPullTorn: a run that breaks off anywhere is gone on with, and nothing is lost or there twice.
func TestPullTorn(t *testing.T) {
	c := folder(t, nil)
	s := shelfOf()
	for i := range 6 {
		s.docs[fmt.Sprint(i)] = page(fmt.Sprint(i), fmt.Sprintf("# Number %d\n\nzebra %d\n", i, i))
	}
	s.dieAt = 2
	for runs := 0; ; runs++ {
		_, err := c.Pull(t.Context(), s, extract.Options{}, later, nil)
		if err == nil {
			break
		}
		if !errors.Is(err, errTorn) || runs > 6 {
			t.Fatal(err)
		}
	}
	if got := found(t, c, acl.All(), "zebra", 20); len(got) != 6 {
		t.Errorf("%v", got)
	}
	if st, err := c.Stats(t.Context()); err != nil || st.Documents != 6 || st.Chunks != 6 {
		t.Errorf("%+v %v", st, err)
	}
}

// TestPut: what is pushed is searchable at once, and gone at once; what has no text is an error that says so, and harms nothing.
func TestPut(t *testing.T) {
	c := folder(t, nil)
	put := func(d connector.Document) error { return c.Put(t.Context(), d, extract.Options{}, later) }
	if err := put(page("a", "# Zebra\n\nstripes\n")); err != nil {
		t.Fatal(err)
	}
	if err := put(connector.Document{ID: "f", Path: "plan.html", Body: []byte("<h1>Plan</h1><p>zebra crossing</p>")}); err != nil {
		t.Fatal(err)
	}
	if got := found(t, c, acl.All(), "zebra", 5); !slices.Equal(got, []string{"plan.html", "wiki/a"}) {
		t.Errorf("%v", got)
	}
	if err := put(connector.Document{ID: "bad", Path: "x.docx", Body: []byte("PK\x03\x04 broken")}); err == nil || !strings.Contains(err.Error(), "bad") {
		t.Errorf("%v", err)
	}
	twin := page("twin", "# Zebra\n\nothers\n")
	twin.Path = "wiki/a"
	if err := put(twin); err != nil {
		t.Fatal(err)
	}
	if got := found(t, c, acl.All(), "zebra", 5); len(got) != 3 {
		t.Errorf("two documents of one path: %v", got)
	}
	if was, err := c.Delete(t.Context(), "a", later); !was || err != nil {
		t.Errorf("%v %v", was, err)
	}
	if was, err := c.Delete(t.Context(), "a", later); was || err != nil {
		t.Errorf("%v %v", was, err)
	}
	if got := found(t, c, acl.All(), "zebra", 5); len(got) != 2 {
		t.Errorf("%v", got)
	}
}
