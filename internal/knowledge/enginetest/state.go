package enginetest

import (
	"testing"

	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/extract"
)

// states: what somebody sees has the same state for those who see the same, at every handle, and never one that it had before.
func states(t *testing.T, place Place) {
	at, root := place(t), t.TempDir()
	one, two := open(t, at, root), open(t, at, root)
	ann, ben, bob, all := acl.Of("ann", "shop"), acl.Of("ben", "shop"), acl.Of("bob", "legal"), acl.All()
	state := func(c *knowledge.Collection, who acl.Subjects) string {
		t.Helper()
		s, err := c.State(t.Context(), who)
		must(t, err)
		return s
	}
	seen := map[string]bool{}
	change := func(what string, shared bool, do func() error) {
		t.Helper()
		must(t, do())
		for _, c := range []*knowledge.Collection{one, two} {
			equal(t, what+": ann and ben, who see the same", state(c, ann) == state(c, ben), true)
			equal(t, what+": ann and bob", state(c, ann) == state(c, bob), shared)
			equal(t, what+": at another handle", state(c, ann), state(one, ann))
		}
		for _, who := range []acl.Subjects{ann, bob, all} {
			s := state(two, who)
			if seen[s] {
				t.Errorf("%s: the state was there before", what)
			}
		}
		for _, who := range []acl.Subjects{ann, bob, all} {
			seen[state(one, who)] = true
		}
	}
	put := func(c *knowledge.Collection, id, text string, subjects ...string) func() error {
		return func() error {
			d := page(id, text)
			a, err := acl.New(subjects...)
			if err != nil {
				return err
			}
			d.ACL, d.Version = &a, text+a.String()
			return c.Put(t.Context(), d, extract.Options{}, later)
		}
	}
	change("a page for all", true, put(one, "a", "# Zebra\n\nstripes\n", "org"))
	change("a page for some", false, put(two, "b", "# Zebra\n\nsecrets\n", "group:shop"))
	change("an edit", false, put(one, "a", "# Zebra\n\nmore stripes\n", "org"))
	change("it is given to all", true, put(two, "b", "# Zebra\n\nsecrets\n", "org"))
	change("and taken back", false, put(one, "b", "# Zebra\n\nsecrets\n", "group:shop"))
	change("it is deleted", true, func() error { _, err := two.Delete(t.Context(), "b", later); return err })
	before := state(two, all)
	must(t, one.Compact(t.Context()))
	equal(t, "compacted, of which nothing is seen", state(two, all), before)
	change("all is thrown away", true, func() error { return one.Clear(t.Context()) })
	change("a page is there again", true, put(two, "a", "# Zebra\n\nstripes\n", "org"))
}
