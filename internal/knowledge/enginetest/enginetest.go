// Package enginetest is the suite that a collection runs whole, wherever its index is kept: in a file, or in a database that several
// processes share.
package enginetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/knowledge/extract"
)

// Place makes a new place for indexes and returns what puts a collection there.
type Place func(t *testing.T) func(*knowledge.Options)

// Files is the place that others are compared with: a file.
func Files(t *testing.T) func(*knowledge.Options) {
	dir := t.TempDir()
	return func(o *knowledge.Options) { o.DataDir = dir }
}

// Run runs the suite.
func Run(t *testing.T, place Place) {
	for name, test := range map[string]func(*testing.T, Place){
		"as in a file":       sameAnswers,
		"two handles":        twoHandles,
		"two at once":        twoAtOnce,
		"permissions":        permissions,
		"access rules":       accessRules,
		"filters keep k":     filtersKeepK,
		"torn pull":          tornPull,
		"pushes":             pushes,
		"states":             states,
		"odd text":           oddText,
		"interrupted":        interrupted,
		"opened at once":     openedAtOnce,
		"cleared":            cleared,
		"searched meanwhile": searchedMeanwhile,
		"vectors":            vectors,
		"hygiene":            hygiene,
		"blame":              blame,
		"blame in time":      blameInTime,
	} {
		t.Run(name, func(t *testing.T) { test(t, place) })
	}
}

// later is a clock that is far enough after the files' modification for equal times to prove that they are unchanged.
func later() time.Time { return time.Now().Add(time.Minute) }

// open opens a collection over a folder at a place.
func open(t *testing.T, at func(*knowledge.Options), root string) *knowledge.Collection {
	t.Helper()
	o := knowledge.Options{Name: "test", Root: root, DataDir: t.TempDir()}
	at(&o)
	c, err := knowledge.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, name)
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(text), 0o644))
}

func sync(t *testing.T, c *knowledge.Collection) knowledge.Report {
	t.Helper()
	r, err := c.Sync(t.Context(), later, nil)
	must(t, err)
	return r
}

func search(t *testing.T, c *knowledge.Collection, q knowledge.Query) *knowledge.Result {
	t.Helper()
	res, err := c.Search(t.Context(), q)
	must(t, err)
	return res
}

// paths are those of what a search finds, sorted.
func paths(t *testing.T, c *knowledge.Collection, who acl.Subjects, text string, limit int) []string {
	t.Helper()
	var out []string
	for _, p := range search(t, c, knowledge.Query{Who: who, Text: text, Limit: limit}).Passages {
		out = append(out, p.Path)
	}
	slices.Sort(out)
	return out
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(acl.ACL{})); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

var words = strings.Fields("invoice ledger parse cache index retry timeout session budget route vector chunk merge commit search rank score token stream guard secret policy tenant replica")

func prose(r *rand.Rand, n int) string {
	var b strings.Builder
	for range n {
		b.WriteString(words[min(r.IntN(len(words)), r.IntN(len(words)))] + " ")
	}
	return b.String()
}

// sameAnswers: after any edits a collection answers as one in a file does, to the last digit of every score.
func sameAnswers(t *testing.T, place Place) {
	r := rand.New(rand.NewPCG(3, 14))
	root := t.TempDir()
	here, there := open(t, Files(t), root), open(t, place(t), root)
	document := func(i, round int) connector.Document {
		d := connector.Document{ID: fmt.Sprint(i), Type: "file", Version: fmt.Sprint(round), Updated: time.Unix(int64(1e9+i), 0)}
		if d.Path = fmt.Sprintf("doc/d%d.md", i); i%3 == 0 {
			d.Path = fmt.Sprintf("src/f%d.go", i)
			d.Text = fmt.Sprintf("package src\n\n// F%d does %s.\nfunc F%d(%s int) error {\n\treturn %sError // %s\n}\n", i, prose(r, 6), i, words[i%len(words)], words[r.IntN(len(words))], prose(r, 10))
			return d
		}
		d.Text = fmt.Sprintf("# %s\n\n%s\n\n## %s\n\n%s\n", prose(r, 2), prose(r, 40), prose(r, 2), prose(r, 60))
		return d
	}
	// Not from a folder: of equals the one comes first that was indexed first, and files are indexed by several workers.
	s := &shelf{docs: map[string]connector.Document{}}
	for i := range 90 {
		s.docs[fmt.Sprint(i)] = document(i, 0)
	}
	for round := range 4 {
		pull(t, here, s)
		pull(t, there, s)
		sa, err := here.Stats(t.Context())
		must(t, err)
		sb, err := there.Stats(t.Context())
		must(t, err)
		equal(t, "stats", sb, sa)
		for range 15 {
			q := knowledge.Query{Who: acl.All(), Text: prose(r, 1+r.IntN(5)), Limit: 20, Explain: true, Now: later()}
			equal(t, fmt.Sprintf("round %d: %q", round, q.Text), search(t, there, q), search(t, here, q))
		}
		for i := range 90 { // edits and deletions
			switch r.IntN(6) {
			case 0:
				s.docs[fmt.Sprint(i)] = document(i, round+1)
			case 1:
				delete(s.docs, fmt.Sprint(i))
			}
		}
	}
}

// twoHandles: what one commits, another one finds with its next search, and what is gone is gone for both.
func twoHandles(t *testing.T, place Place) {
	at, root := place(t), t.TempDir()
	write(t, root, "a.md", "# Zebra\n\nstripes\n")
	one, two := open(t, at, root), open(t, at, root)
	equal(t, "before", paths(t, two, acl.All(), "zebra", 5), []string(nil))
	sync(t, one)
	equal(t, "what the other one indexed", paths(t, two, acl.All(), "zebra", 5), []string{"a.md"})
	if r := sync(t, two); r.Added != 0 || r.Unchanged != 1 {
		t.Errorf("it was indexed again: %+v", r)
	}
	write(t, root, "b.md", "# Zebra\n\nmore stripes\n")
	sync(t, two)
	equal(t, "what this one indexed", paths(t, one, acl.All(), "zebra", 5), []string{"a.md", "b.md"})
	must(t, os.Remove(filepath.Join(root, "a.md")))
	sync(t, one)
	equal(t, "what the other one removed", paths(t, two, acl.All(), "zebra", 5), []string{"b.md"})
}

// twoAtOnce: of several that sync at once one works, and nothing is there twice.
func twoAtOnce(t *testing.T, place Place) {
	at, root := place(t), t.TempDir()
	for i := range 200 {
		write(t, root, fmt.Sprintf("f%d.txt", i), fmt.Sprintf("common word%d", i))
	}
	one, two := open(t, at, root), open(t, at, root)
	var g errgroup.Group
	for _, c := range []*knowledge.Collection{one, two, one, two} {
		g.Go(func() error {
			_, err := c.Sync(t.Context(), later, nil)
			return err
		})
	}
	must(t, g.Wait())
	st, err := two.Stats(t.Context())
	must(t, err)
	if st.Documents != 200 || st.Chunks != 200 {
		t.Errorf("%+v", st)
	}
}

// openedAtOnce: several processes make the same index at once.
func openedAtOnce(t *testing.T, place Place) {
	at, root := place(t), t.TempDir()
	var g errgroup.Group
	for range 6 {
		g.Go(func() error {
			o := knowledge.Options{Name: "test", Root: root, DataDir: root}
			at(&o)
			c, err := knowledge.Open(t.Context(), o)
			if err != nil {
				return err
			}
			return c.Close()
		})
	}
	must(t, g.Wait())
}

// filtersKeepK: what is filtered takes no place from what is not.
func filtersKeepK(t *testing.T, place Place) {
	root := t.TempDir()
	for i := range 300 {
		write(t, root, fmt.Sprintf("noise/f%03d.md", i), "# Zebra\n\nzebra zebra zebra\n")
	}
	for i := range 7 {
		write(t, root, fmt.Sprintf("rare/f%d.md", i), fmt.Sprintf("# Note\n\nIn a long text of other things a zebra is told of once, in number %d of them.\n", i))
	}
	c := open(t, place(t), root)
	sync(t, c)
	res := search(t, c, knowledge.Query{Who: acl.All(), Text: "zebra", Limit: 7, Paths: []string{"rare/**"}})
	if len(res.Passages) != 7 {
		t.Errorf("%d passages of 7", len(res.Passages))
	}
}

// shelf is a source whose documents the test chooses.
type shelf struct {
	docs  map[string]connector.Document
	dieAt int // puts after which it breaks off
}

var errTorn = errors.New("the source broke off")

func (s *shelf) Sync(ctx context.Context, _ string, sink connector.Sink) (connector.Outcome, error) {
	ids := make([]string, 0, len(s.docs))
	for id := range s.docs {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	puts := 0
	for _, id := range ids {
		if v, ok := sink.Known(id); ok && v == s.docs[id].Version {
			sink.Keep(id)
			continue
		}
		if err := sink.Put(ctx, s.docs[id]); err != nil {
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
	return connector.Document{ID: id, Path: "wiki/" + id, Type: "page", Title: "Page " + id, Text: text, Version: text, URL: "https://wiki.example.com/" + id, Updated: time.Unix(1e9, 0)}
}

func pull(t *testing.T, c *knowledge.Collection, s *shelf) {
	t.Helper()
	_, err := c.Pull(t.Context(), s, extract.Options{}, later, nil)
	must(t, err)
}

// tornPull: a run that breaks off anywhere is gone on with, also by another handle, and nothing is lost or there twice.
func tornPull(t *testing.T, place Place) {
	at, root := place(t), t.TempDir()
	handles := []*knowledge.Collection{open(t, at, root), open(t, at, root)}
	s := &shelf{docs: map[string]connector.Document{}, dieAt: 2}
	for i := range 6 {
		s.docs[fmt.Sprint(i)] = page(fmt.Sprint(i), fmt.Sprintf("# Number %d\n\nzebra %d\n", i, i))
	}
	for runs := 0; ; runs++ {
		_, err := handles[runs%2].Pull(t.Context(), s, extract.Options{}, later, nil)
		if err == nil {
			break
		}
		if !errors.Is(err, errTorn) || runs > 6 {
			t.Fatal(err)
		}
	}
	for _, c := range handles {
		if got := paths(t, c, acl.All(), "zebra", 20); len(got) != 6 {
			t.Errorf("%v", got)
		}
	}
}

// pushes: what is pushed is searchable at once, and gone at once, by whichever handle.
func pushes(t *testing.T, place Place) {
	at, root := place(t), t.TempDir()
	one, two := open(t, at, root), open(t, at, root)
	must(t, one.Put(t.Context(), page("a", "# Zebra\n\nstripes\n"), extract.Options{}, later))
	must(t, two.Put(t.Context(), page("b", "# Zebra\n\nmore\n"), extract.Options{}, later))
	equal(t, "pushed", paths(t, one, acl.All(), "zebra", 5), []string{"wiki/a", "wiki/b"})
	was, err := two.Delete(t.Context(), "a", later)
	must(t, err)
	equal(t, "was there", was, true)
	was, err = one.Delete(t.Context(), "a", later)
	must(t, err)
	equal(t, "is still there", was, false)
	equal(t, "left", paths(t, one, acl.All(), "zebra", 5), []string{"wiki/b"})
}

// oddText: what naive storages choke on.
func oddText(t *testing.T, place Place) {
	c := open(t, place(t), t.TempDir())
	for i, text := range []string{"nul \x00 zebra", "broken \xff\xfe zebra", "'; DROP TABLE document; -- zebra ?1 $1", "日本語 zebra", "zebra\u202e " + strings.Repeat("okapi ", 100_000)} {
		must(t, c.Put(t.Context(), page(fmt.Sprint("odd ", i, " ' ? $1"), "# Odd\n\n"+text+"\n"), extract.Options{}, later))
	}
	found := map[string]bool{}
	res := search(t, c, knowledge.Query{Who: acl.All(), Text: "zebra", Limit: 100})
	for _, p := range res.Passages {
		found[p.Path] = true
	}
	for _, l := range res.LeftOut {
		found[l.Path] = true
	}
	if len(found) != 5 {
		t.Errorf("found %v", found)
	}
}

// interrupted: a sync that is ended early has done part of its work, and the next one does the rest.
func interrupted(t *testing.T, place Place) {
	root := t.TempDir()
	for i := range 100 {
		write(t, root, fmt.Sprintf("f%d.txt", i), fmt.Sprintf("word%d", i))
	}
	c := open(t, place(t), root)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := c.Sync(ctx, later, func(p knowledge.Progress) {
		if p.Phase == "scan" {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("an interrupted sync returned %v", err)
	}
	if r := sync(t, c); r.Added+r.Unchanged != 100 {
		t.Errorf("afterwards: %+v", r)
	}
}

func cleared(t *testing.T, place Place) {
	at, root := place(t), t.TempDir()
	write(t, root, "a.md", "# Zebra\n\nstripes\n")
	one, two := open(t, at, root), open(t, at, root)
	sync(t, one)
	must(t, two.Clear(t.Context()))
	equal(t, "after it was cleared", paths(t, one, acl.All(), "zebra", 5), []string(nil))
	if r := sync(t, one); r.Added != 1 {
		t.Errorf("%+v", r)
	}
	equal(t, "indexed again", paths(t, two, acl.All(), "zebra", 5), []string{"a.md"})
}

// searchedMeanwhile: while one indexes, others search, and every answer is of one moment: documents come in pairs.
func searchedMeanwhile(t *testing.T, place Place) {
	at, root := place(t), t.TempDir()
	writer, reader := open(t, at, root), open(t, at, root)
	ctx, cancel := context.WithCancel(t.Context())
	var g errgroup.Group
	for range 3 {
		g.Go(func() error {
			for ctx.Err() == nil {
				res, err := reader.Search(t.Context(), knowledge.Query{Who: acl.All(), Text: "zebra", Limit: 100})
				if err != nil {
					return err
				}
				texts := map[string]bool{}
				for _, p := range res.Passages {
					texts[p.Text] = true
				}
				if len(texts) > 1 {
					return fmt.Errorf("of two moments: %v", texts)
				}
			}
			return nil
		})
	}
	s := &shelf{docs: map[string]connector.Document{}}
	for round := range 25 {
		for i := range 4 {
			id := fmt.Sprint("p", i)
			s.docs[id] = page(id, fmt.Sprintf("# Note\n\nzebra of round %d\n", round))
		}
		_, err := writer.Pull(t.Context(), whole{s}, extract.Options{}, later, nil)
		must(t, err)
	}
	cancel()
	must(t, g.Wait())
}

// whole brings a shelf in one commit.
type whole struct{ *shelf }

func (w whole) Sync(ctx context.Context, _ string, sink connector.Sink) (connector.Outcome, error) {
	for _, d := range w.docs {
		if err := sink.Put(ctx, d); err != nil {
			return connector.Outcome{}, err
		}
	}
	return connector.Outcome{Cursor: "end", Complete: true}, nil
}
