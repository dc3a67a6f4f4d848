package knowledge

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"github.com/dragoman/dragoman/internal/embed"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

// TestAccessRules: a rule holds from the next opening on, without a sync, and what was answered by other rules is known to be so.
func TestAccessRules(t *testing.T) {
	root, data := t.TempDir(), t.TempDir()
	write(t, root, "hr/pay/2026/salaries.md", "# Otters\n\nWhat otters earn.\n")
	write(t, root, "docs/otters.md", "# Otters\n\nOtters swim.\n")
	eng, bob := acl.Of("ann", "eng"), acl.Of("bob", "hr")
	open := func(rules ...AccessRule) *Collection {
		t.Helper()
		c, err := Open(t.Context(), Options{Name: "x", Root: root, DataDir: data, Access: rules})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	finds := func(c *Collection, who acl.Subjects, want ...string) {
		t.Helper()
		got := found(t, c, who, "otters", 5)
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%v in place of %v", got, want)
		}
	}
	state := func(c *Collection, who acl.Subjects) string {
		t.Helper()
		s, err := c.State(t.Context(), who)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	rule := func(subject, path string) AccessRule {
		a, err := acl.New(subject)
		if err != nil {
			t.Fatal(err)
		}
		return AccessRule{Paths: []string{path}, ACL: a}
	}
	c := open()
	syncNow(t, c)
	before := state(c, eng)
	finds(c, eng, "docs/otters.md", "hr/pay/2026/salaries.md")
	c = open(rule("group:hr", "hr/**/salaries*"), rule("public", "docs/"))
	finds(c, eng, "docs/otters.md")
	finds(c, bob, "docs/otters.md", "hr/pay/2026/salaries.md")
	finds(c, acl.Stranger(), "docs/otters.md")
	if state(c, eng) == before || state(c, eng) == state(c, bob) {
		t.Error("what is seen by other rules has the same state")
	}
	ruled := state(c, eng)
	// The same people may see what the same number of rules fits, but the rules fit other documents.
	if c = open(rule("group:hr", "docs/"), rule("public", "hr/")); state(c, eng) == ruled {
		t.Error("other patterns make no difference to the state")
	}
	finds(c, eng, "hr/pay/2026/salaries.md")
	if _, err := Open(t.Context(), Options{Name: "x", Root: root, DataDir: data, Access: []AccessRule{rule("group:hr", "!hr/")}}); err == nil {
		t.Error("a rule that fits nothing is taken")
	}
}

// TestOwners: files are for whom their modes let read them, in results as in what is counted; a change of a mode holds after the next sync, which
// embeds nothing again.
func TestOwners(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files have no modes here")
	}
	root := t.TempDir()
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, root, "open.md", "# Otters\n\nOtters swim.\n")
	write(t, root, "own.md", "# Otters\n\nOtters sleep.\n")
	own := filepath.Join(root, "own.md")
	mode := func(m os.FileMode) {
		t.Helper()
		if err := os.Chmod(own, m); err != nil {
			t.Fatal(err)
		}
	}
	mode(0o600)
	c, err := Open(t.Context(), Options{Name: "x", Root: root, DataDir: t.TempDir(), Owners: &source.Owners{Users: map[string]string{strconv.Itoa(os.Getuid()): "ann"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	m, cache := model("m"), cacheIn(t, t.TempDir())
	bring := func() (Report, embed.Report) {
		t.Helper()
		r, err := c.Sync(t.Context(), later, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r, embedNow(t, c, m, cache)
	}
	sees := func(who acl.Subjects, want int) {
		t.Helper()
		if got := found(t, c, who, "otters", 5); len(got) != want {
			t.Errorf("finds %v, not %d", got, want)
		}
		if n, _, err := c.Visible(t.Context(), who); n != want || err != nil {
			t.Errorf("counts %d, not %d; %v", n, want, err)
		}
	}
	bring()
	ann, bob := acl.Of("ann"), acl.Of("bob")
	sees(ann, 2)
	sees(bob, 1)
	mode(0o644)
	if r, e := bring(); r.Changed != 1 || r.Unchanged != 1 || e.Embedded != 0 {
		t.Errorf("%+v, %+v", r, e)
	}
	sees(bob, 2)
	if r, _ := bring(); r.Changed != 0 {
		t.Errorf("%+v", r)
	}
	mode(0o000)
	bring()
	sees(ann, 1)
}
