package app

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/provider"
	"github.com/dragoman/dragoman/internal/store"
)

var owner = identity.Principal{Name: "you"} // of the command line, who may everything

// openAt opens a data folder with a configuration.
func openAt(t *testing.T, dir, data, file string, now func() time.Time) *App {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "dragoman.yaml"), []byte(file), 0o644); err != nil {
		t.Fatal(err)
	}
	client := provider.NewClient()
	a, err := Open(t.Context(), Options{Dir: dir, DataDir: data, Path: dir, Getenv: func(string) string { return "" }, Client: client, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

func find(t *testing.T, a *App, ref string) assistant.Definition {
	t.Helper()
	d, err := a.Definitions().Find(t.Context(), ref)
	if err != nil {
		t.Fatalf("%s: %v", ref, err)
	}
	return d
}

// TestPublishing: the configuration publishes what it changed; what somebody asked for since holds, until it changes again.
func TestPublishing(t *testing.T) {
	dir, data, now := t.TempDir(), t.TempDir(), time.Now()
	clock := func() time.Time { return now }
	file := func(text string) string { return "assistants: {help: {instructions: " + text + "}}\n" }
	check := func(what string, a *App, want string) {
		t.Helper()
		now = now.Add(time.Minute) // what was published elsewhere is seen
		if got := find(t, a, "help").Instructions; got != want {
			t.Errorf("%s: %q holds, not %q", what, got, want)
		}
		if got := a.Assistants["help"].Instructions; a.Default == "help" && got != want {
			t.Errorf("%s: the command line gets %q", what, got)
		}
	}
	a := openAt(t, dir, data, file("one"), clock)
	check("the first", a, "one")
	one := find(t, a, "help").Version
	a = openAt(t, dir, data, file("two"), clock)
	check("a change", a, "two")
	if got := find(t, a, "help@"+one[:4]).Instructions; got != "one" {
		t.Errorf("the version %s is %q", one, got)
	}
	if _, err := a.Definitions().Publish(t.Context(), owner, "help", "", "too short"); err != nil {
		t.Fatal(err)
	}
	check("gone back", a, "one")
	a = openAt(t, dir, data, file("two"), clock)
	check("gone back, and opened anew", a, "one")
	if a.Assistants["help"].Instructions != "one" {
		t.Error("the command line does not know that somebody went back")
	}
	a = openAt(t, dir, data, file("three"), clock)
	check("the next change", a, "three")
	a = openAt(t, dir, data, file("two"), clock)
	check("changed back in the file", a, "two")

	// A draft is there for those who name it.
	s, err := a.Definitions().Save(t.Context(), owner, "help", []byte(`{"instructions": "four"}`), "")
	if err != nil {
		t.Fatal(err)
	}
	check("a draft", a, "two")
	if got := find(t, a, "help@"+s.Version).Instructions; got != "four" {
		t.Errorf("the draft is %q", got)
	}
	// Another process on the same data sees what is published here.
	b := openAt(t, dir, data, file("two"), clock)
	if _, err := b.Definitions().Publish(t.Context(), owner, "help", s.Version[:6], ""); err != nil {
		t.Fatal(err)
	}
	check("published by another process", a, "four")

	_, history, err := a.Definitions().History(t.Context(), "help")
	if err != nil || len(history) != 6 || history[0].Origin != store.FromRequest || history[5].Origin != store.FromConfig {
		t.Errorf("the history: %v %+v", err, history)
	}
	// An assistant that the configuration does not name any more is gone, unless somebody saved it.
	c := openAt(t, dir, data, "{}", clock)
	check("its last version was saved by somebody", c, "four")
	if _, err := c.Definitions().Publish(t.Context(), owner, "help", one, ""); err == nil {
		t.Error("a version of a configuration that is gone was put in place")
	}
	gone := openAt(t, dir, data, "assistants: {other: {instructions: x}}\n", clock)
	_ = openAt(t, dir, data, "{}", clock)
	if d, err := gone.Definitions().Find(t.Context(), "other"); err != nil || d.Instructions != "x" {
		t.Errorf("%+v %v", d, err)
	}
	now = now.Add(time.Minute)
	if d, err := openAt(t, dir, data, "{}", clock).Definitions().Find(t.Context(), "other"); err == nil {
		t.Errorf("%+v is still there", d)
	}
}

func TestSaveAssistant(t *testing.T) {
	dir := t.TempDir()
	a := openAt(t, dir, t.TempDir(), "collections: {wiki: {path: .}}\n", time.Now)
	ds := a.Definitions()
	s, err := ds.Save(t.Context(), owner, "legal", []byte("knowledge: [wiki]\nsearch: {threshold: 0.4, paths: [contracts]}\nfeature: contracts\n"), "first")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ds.Find(t.Context(), "legal"); err == nil {
		t.Error("a draft is called by its name")
	}
	if _, err := ds.Publish(t.Context(), owner, "legal", s.Version, ""); err != nil {
		t.Fatal(err)
	}
	d := find(t, a, "legal")
	if d.Ref() != "legal@"+Short(s.Version) || d.Knowledge[0] != "wiki" || *d.Search.Threshold != 0.4 || d.Search.Filter.Paths[0] != "contracts" || d.Feature != "contracts" {
		t.Errorf("%+v", d)
	}
	names, err := ds.Names(t.Context())
	if err != nil || len(names) != 2 || names[1] != "legal" {
		t.Errorf("%v %v", names, err)
	}
	stranger := identity.Principal{KeyID: "k", Name: "k"}
	if _, err := ds.Save(t.Context(), stranger, "legal", []byte("{}"), ""); err == nil {
		t.Error("a key that is no editor's saved a version")
	}
	if _, err := ds.Publish(t.Context(), stranger, "legal", "", ""); err == nil {
		t.Error("a key that is no editor's published a version")
	}
	if _, err := ds.Describe(t.Context(), stranger, "legal"); err == nil {
		t.Error("a key that is no editor's read the instructions")
	}
	for _, body := range []string{"knowledge: [nope]", "instructions: [", "folder: /etc", "file: x.yaml", "instructions: passwords.txt"} {
		if _, err := ds.Save(t.Context(), owner, "bad", []byte(body), ""); err == nil {
			t.Errorf("%s was saved", body)
		}
	}
	if _, err := ds.Publish(t.Context(), owner, "legal", "", ""); err == nil {
		t.Error("there was nothing before to go back to")
	}
}

func TestDiff(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{"same", "same", ""},
		{"x", "y", "- x\n+ y\n"},
	} {
		if got := Diff([]string{c.a}, []string{c.b}); got != c.want {
			t.Errorf("%q", got)
		}
	}
	a := []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"}
	b := []string{"1", "2", "3", "4", "5", "six", "7", "8", "9", "10", "11", "12", "13"}
	want := "  3\n  4\n  5\n- 6\n+ six\n  7\n  8\n  9\n  10\n  11\n  12\n+ 13\n"
	if got := Diff(a, b); got != want {
		t.Errorf("%s", got)
	}
}
