package acl

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func must(t *testing.T, subjects ...string) ACL {
	t.Helper()
	a, err := New(subjects...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAllows(t *testing.T) {
	ada := Of("ada", "eng", "")
	for _, c := range []struct {
		acl           ACL
		ada, stranger bool
	}{
		{ACL{}, false, false},
		{Everybody(), true, true},
		{must(t, "org"), true, false},
		{must(t, "user:bob", "group:eng"), true, false},
		{must(t, "user:bob"), false, false},
		{must(t, "group:eng").And(must(t, "user:ada", "user:bob")), true, false},
		{must(t, "group:eng").And(must(t, "user:bob")), false, false},
		{Everybody().And(must(t, "org")), true, false},
		{must(t, "org").And(ACL{}), false, false},
		{must(t, "group:"+"en"), false, false},
	} {
		if got := c.acl.Allows(ada); got != c.ada {
			t.Errorf("%q lets ada see: %v", c.acl, got)
		}
		if got := c.acl.Allows(Stranger()); got != c.stranger {
			t.Errorf("%q lets a stranger see: %v", c.acl, got)
		}
		if !c.acl.Allows(All()) {
			t.Errorf("%q keeps the operator out", c.acl)
		}
	}
}

func TestNoSubject(t *testing.T) {
	for _, bad := range []string{"", "ada", "user:", "group:a,b", "group:a;b", "team:x", "public:"} {
		if a, err := New(bad); err == nil {
			t.Errorf("%q is taken as %q", bad, a)
		}
	}
	if _, err := New(); err == nil {
		t.Error("an empty list is taken")
	}
	if _, err := Parse(""); err == nil {
		t.Error("an empty text is taken")
	}
}

// TestCanonical: the string of an ACL depends on what it says alone, and is read back as it was written; And lets those see
// whom both let see.
func TestCanonical(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	names := []string{"org", "user:a", "user:b", "group:x", "group:y", "public"}
	random := func() ACL {
		list := slices.Clone(names)
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		return must(t, list[:1+r.IntN(3)]...)
	}
	people := []Subjects{Stranger(), Of(""), Of("a"), Of("b", "x"), Of("a", "x", "y"), All()}
	for range 2000 {
		a, b := random(), random()
		if r.IntN(2) == 0 {
			a = a.And(random())
		}
		both := a.And(b)
		if both != b.And(a) || both.And(b) != both {
			t.Fatalf("%q and %q depend on their order", a, b)
		}
		if read, err := Parse(both.String()); err != nil || read != both {
			t.Fatalf("%q is read as %q, %v", both, read, err)
		}
		for _, p := range people {
			if both.Allows(p) != (a.Allows(p) && b.Allows(p)) {
				t.Fatalf("%q and %q: %v for %v", a, b, both.Allows(p), p.List())
			}
		}
	}
}

func TestFingerprint(t *testing.T) {
	same := Of("ada", "x", "y").Fingerprint()
	if same != Of("ada", "y", "x", "x").Fingerprint() {
		t.Error("the order of groups counts")
	}
	seen := map[string]string{}
	for _, s := range []Subjects{Stranger(), Of(""), Of("ada"), Of("", "ada"), Of("ada", "x", "y"), All()} {
		f, who := s.Fingerprint(), strings.Join(s.List(), ",")
		if other, ok := seen[f]; ok {
			t.Errorf("%q and %q have one fingerprint", who, other)
		}
		seen[f] = who
	}
}
