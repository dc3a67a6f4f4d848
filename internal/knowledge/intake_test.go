package knowledge

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

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

// TestPermissions: random documents, permissions, people and revocations: nobody finds, counts or is told what they may not see, and
// whoever may see k finds k.
func TestPermissions(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	subjects := []string{"public", "org", "user:ann", "user:bob", "group:eng", "group:board"}
	people := map[string]acl.Subjects{
		"stranger": acl.Stranger(), "anybody": acl.Of(""), "ann": acl.Of("ann"), "bob of eng": acl.Of("bob", "eng"), "eve of both": acl.Of("eve", "eng", "board"), "operator": acl.All(),
	}
	c := folder(t, nil)
	random := func() *acl.ACL {
		if r.IntN(8) == 0 {
			return nil
		}
		if r.IntN(8) == 0 {
			return &acl.ACL{}
		}
		a, err := acl.New(subjects[r.IntN(len(subjects))], subjects[r.IntN(len(subjects))])
		if err != nil {
			t.Fatal(err)
		}
		if r.IntN(3) == 0 {
			b, err := acl.New(subjects[1+r.IntN(5)])
			if err != nil {
				t.Fatal(err)
			}
			a = a.And(b)
		}
		return &a
	}
	s := shelfOf()
	animals := []string{"zebra", "giraffe", "okapi"}
	says := map[string]string{}
	for i := range 60 {
		id := fmt.Sprintf("d%02d", i)
		says[id] = animals[r.IntN(3)]
		d := page(id, fmt.Sprintf("# Note\n\n%s %s\n", says[id], id))
		d.ACL = random()
		s.docs[id] = d
	}
	secret := page("secret", "# Note\n\nunicorn d99\n") // a word that stands nowhere else
	secret.ACL = &acl.ACL{}
	s.docs["secret"] = secret
	pull(t, c, s)
	m, cache := model("m"), cacheIn(t, t.TempDir())
	embedNow(t, c, m, cache)
	org, err := acl.New(acl.Org)
	if err != nil {
		t.Fatal(err)
	}
	may := func(who acl.Subjects, d connector.Document) bool {
		if d.ACL == nil {
			return org.Allows(who)
		}
		return d.ACL.Allows(who)
	}
	complete := true
	for round := range 6 {
		for name, who := range people {
			total := 0
			for _, d := range s.docs {
				if may(who, d) {
					total++
				}
			}
			for _, animal := range animals {
				var want []string
				for id, d := range s.docs {
					if says[id] == animal && may(who, d) {
						want = append(want, "wiki/"+id)
					}
				}
				slices.Sort(want)
				res, err := c.Search(t.Context(), Query{Who: who, Text: animal, Limit: 100})
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, p := range res.Passages {
					got = append(got, p.Path)
				}
				for _, l := range res.LeftOut {
					got = append(got, l.Path)
				}
				slices.Sort(got)
				if !slices.Equal(got, want) || res.Chunks != total {
					t.Fatalf("round %d, %s, %s: found %v of %d in place of %v of %d", round, name, animal, got, res.Chunks, want, total)
				}
				if few := found(t, c, who, animal, 3); len(few) != min(3, len(want)) {
					t.Errorf("%s: %d of %d %ss", name, len(few), len(want), animal)
				}
				// By meaning: what is closest comes first, all that they may see is proposed, and nothing else.
				q := Query{Who: who, Text: animal, Limit: 100, Vector: m.vector(animal), Model: "m", Explain: true}
				if round%2 == 0 {
					q.Text = "beast" // a word that stands nowhere
				}
				if res, err = c.Search(t.Context(), q); err != nil {
					t.Fatal(err)
				}
				got = nil
				for _, p := range res.Passages {
					got = append(got, p.Path)
				}
				if first := slices.Sorted(slices.Values(got[:min(len(got), len(want))])); !slices.Equal(first, want) {
					t.Fatalf("round %d, %s, by the meaning of %s: found %v in place of %v", round, name, animal, first, want)
				}
				for _, l := range res.LeftOut {
					got = append(got, l.Path)
				}
				for _, path := range got {
					if d, ok := s.docs[strings.TrimPrefix(path, "wiki/")]; !ok || !may(who, d) {
						t.Fatalf("round %d: %s finds %s by meaning", round, name, path)
					}
				}
				if complete && len(got) != total || res.Chunks != total {
					t.Fatalf("round %d, %s, by the meaning of %s: %d of %d are proposed, and %d told of", round, name, animal, len(got), total, res.Chunks)
				}
			}
			res, err := c.Search(t.Context(), Query{Who: who, Text: "zebra unicorn", Pins: []Pin{{Path: "wiki/secret"}}})
			if err != nil {
				t.Fatal(err)
			}
			told := slices.Contains(res.Missing, "unicorn")
			if told == (name == "operator") {
				t.Errorf("%s is told that unicorns are missing: %v", name, told)
			}
			for _, p := range res.Passages {
				if p.Path == "wiki/secret" && name != "operator" {
					t.Errorf("%s finds the secret by pointing at it", name)
				}
			}
		}
		for id, d := range s.docs { // others may see them now
			if id != "secret" && r.IntN(3) == 0 {
				d.ACL = random()
				d.Version += "."
				s.docs[id] = d
			}
		}
		pull(t, c, s)
		if complete = round%3 != 2; complete { // where their vectors are not there yet, they are found by words
			embedNow(t, c, m, cache)
		}
	}
}
