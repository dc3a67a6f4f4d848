package git

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/knowledge/connector/connectortest"
)

// repo is a real repository.
type repo struct {
	t       *testing.T
	dir     string
	mirrors string
	n       int
}

func newRepo(t *testing.T) *repo {
	r := &repo{t: t, dir: filepath.Join(t.TempDir(), "shop"), mirrors: t.TempDir()}
	if err := os.Mkdir(r.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	r.git("init", "-q", "-b", "main")
	return r
}

func (r *repo) git(args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", r.dir, "-c", "protocol.file.allow=always"}, args...)...)
	r.n++
	date := fmt.Sprintf("2024-05-01T10:%02d:%02dZ", r.n/60, r.n%60)
	who := "Ann"
	for _, a := range args {
		if name, ok := strings.CutPrefix(a, "user.name="); ok {
			who = name
		}
	}
	cmd.Env = append(os.Environ(), "GIT_AUTHOR_NAME="+who, "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=Ann", "GIT_COMMITTER_EMAIL=a@b", "GIT_AUTHOR_DATE="+date, "GIT_COMMITTER_DATE="+date, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func (r *repo) write(name, text string) {
	r.t.Helper()
	at := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.git("add", "-A")
}

func (r *repo) commit(message string) {
	r.t.Helper()
	r.git("commit", "-q", "--allow-empty", "-m", message)
}

func (r *repo) connect(t *testing.T, o Options) *Repository {
	t.Helper()
	o.URL, o.Mirrors = r.dir, r.mirrors
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (r *repo) Connector(t *testing.T) connector.Connector { return r.connect(t, Options{}) }
func (r *repo) Write(_ *testing.T, name, text string) {
	r.write(name+".md", text)
	r.commit("write " + name)
}
func (r *repo) Remove(_ *testing.T, name string) {
	r.git("rm", "-q", name+".md")
	r.commit("remove " + name)
}
func (r *repo) ID(name string) string { return name + ".md" }

func TestConformance(t *testing.T) {
	connectortest.Run(t, func(t *testing.T) connectortest.Source { return newRepo(t) })
}

func syncAll(t *testing.T, store *connectortest.Store, c connector.Connector) {
	t.Helper()
	if err := store.Sync(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

// TestHistory: renames, branches, a submodule, a link, and a history that is written anew.
func TestHistory(t *testing.T) {
	r := newRepo(t)
	r.write("price.go", "package shop\n")
	r.write("docs/ümlaut.md", "# Über\n")
	r.write("logo.bin", "\x89PNG\x00\x00")
	if err := os.Symlink("/etc/passwd", filepath.Join(r.dir, "link")); err != nil {
		t.Fatal(err)
	}
	other := newRepo(t)
	other.Write(t, "inner", "text")
	r.git("submodule", "-q", "add", other.dir, "vendor/other")
	r.git("add", "-A")
	r.commit("First prices\n\nThey are in cents.")
	r.git("checkout", "-q", "-b", "next")
	r.write("price.go", "package shop // next\n")
	r.commit("Next prices")
	r.git("checkout", "-q", "main")

	o := Options{Branches: []string{"*"}, Commits: true}
	store := connectortest.NewStore()
	syncAll(t, store, r.connect(t, o))
	files := func() string {
		return strings.Join(slices.DeleteFunc(store.IDs(), func(id string) bool { return strings.HasPrefix(id, "commit/") }), " ")
	}
	if got := files(); got != ".gitmodules docs/ümlaut.md next:price.go price.go" {
		t.Fatalf("%s", got)
	}
	d := store.Documents["price.go"]
	if d.Author != "Ann" || d.Updated.IsZero() || d.Text != "package shop\n" || len(d.Meta["commit"]) != 40 {
		t.Errorf("%+v", d)
	}
	if next := store.Documents["next:price.go"]; next.Meta["branch"] != "next" || !next.Updated.After(d.Updated) {
		t.Errorf("%+v", next)
	}
	for id, why := range map[string]string{"vendor/other": "submodule", "link": "link", "logo.bin": "binary"} {
		if !strings.Contains(store.Skipped[id], why) {
			t.Errorf("%s: %q", id, store.Skipped[id])
		}
	}
	var commits []string
	for _, d := range store.Documents {
		if d.Type == "commit" {
			commits = append(commits, d.Text)
		}
	}
	slices.Sort(commits)
	if len(commits) != 2 || !strings.HasPrefix(commits[0], "# First prices\n\nThey are in cents.\n\nFiles: ") || !strings.Contains(commits[0], "price.go") {
		t.Errorf("%q", commits)
	}

	r.git("mv", "price.go", "cost.go")
	r.commit("Rename")
	r.git("branch", "-q", "-D", "next")
	syncAll(t, store, r.connect(t, o))
	if got := files(); got != ".gitmodules cost.go docs/ümlaut.md" {
		t.Errorf("after a rename: %s", got)
	}
	r.git("checkout", "-q", "--orphan", "fresh")
	r.git("rm", "-rqf", ".")
	r.write("only.md", "new\n")
	r.commit("From the start")
	r.git("branch", "-q", "-M", "fresh", "main")
	syncAll(t, store, r.connect(t, o))
	if got := files(); got != "only.md" || len(store.IDs()) != 2 {
		t.Errorf("after a forced push: %v", store.IDs())
	}
}

func TestTrouble(t *testing.T) {
	r := newRepo(t)
	store := connectortest.NewStore()
	syncAll(t, store, r.connect(t, Options{})) // empty
	r.Write(t, "a", "text")
	syncAll(t, store, r.connect(t, Options{}))
	if len(store.Documents) != 1 {
		t.Errorf("%v", store.IDs())
	}
	if err := store.Sync(t.Context(), r.connect(t, Options{Branches: []string{"none"}})); err == nil || !strings.Contains(err.Error(), "main") {
		t.Errorf("%v", err)
	}
	mirrors, err := filepath.Glob(filepath.Join(r.mirrors, "*.git"))
	if err != nil || len(mirrors) != 1 {
		t.Fatalf("%v %v", mirrors, err)
	}
	if err := os.WriteFile(filepath.Join(mirrors[0], "HEAD"), []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	syncAll(t, store, r.connect(t, Options{}))
	if len(store.Documents) != 1 || len(store.Puts) > 0 {
		t.Errorf("a damaged mirror: %v, put %v", store.IDs(), store.Puts)
	}
	moved := r.dir + ".gone"
	if err := os.Rename(r.dir, moved); err != nil {
		t.Fatal(err)
	}
	if err := store.Sync(t.Context(), r.connect(t, Options{})); err == nil || len(store.Documents) != 1 {
		t.Errorf("without the repository: %v, %v", err, store.IDs())
	}
	for _, bad := range []Options{{URL: "--upload-pack=x"}, {URL: "x", Branches: []string{"--all"}}} {
		if _, err := New(bad); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
	c, err := New(Options{URL: "ext::sh -c touch% /tmp/owned", Mirrors: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := connectortest.NewStore().Sync(t.Context(), c); err == nil {
		t.Error("a program is a repository")
	}
}

// TestBlame: lines keep their authors through renames and merges, on each branch; those of a submodule, and of files of which text is made, have
// none; and a history that is written anew with the same text is read again.
func TestBlame(t *testing.T) {
	r := newRepo(t)
	r.write("old.go", "one\ntwo\n")
	other := newRepo(t)
	other.Write(t, "inner", "text")
	r.git("submodule", "-q", "add", other.dir, "vendor/other")
	r.git("add", "-A")
	r.commit("First")
	r.git("checkout", "-q", "-b", "next")
	r.write("old.go", "one\nTWO\n")
	r.as("Bob", "commit", "-q", "-m", "Second")
	r.git("checkout", "-q", "main")
	r.git("mv", "old.go", "new.go")
	r.as("Eve", "commit", "-q", "-m", "Rename")

	o := Options{Branches: []string{"*"}}
	store := connectortest.NewStore()
	who := func(id string) string {
		t.Helper()
		syncAll(t, store, r.connect(t, o))
		lines, err := r.connect(t, o).Blame(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		list, err := lines(t.Context(), id)
		if err != nil {
			return "nobody"
		}
		var out []string
		for _, l := range list {
			if l.At.IsZero() {
				t.Errorf("%+v has no date", l)
			}
			out = append(out, l.Text+" "+l.Author)
		}
		return strings.Join(out, ", ")
	}
	for id, want := range map[string]string{"new.go": "one Ann, two Ann", "next:old.go": "one Ann, TWO Bob", "vendor/other": "nobody", "missing.go": "nobody"} {
		if got := who(id); got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
	r.as("Dan", "merge", "-q", "--no-ff", "-m", "Merge", "next")
	if got := who("new.go"); got != "one Ann, TWO Bob" {
		t.Errorf("after a merge: %s", got)
	}
	r.git("reset", "-q", "--hard", "HEAD^")
	r.write("new.go", "one\nTWO\n")
	r.as("Fay", "commit", "-q", "-m", "Second, by somebody else")
	if got := who("new.go"); got != "one Ann, TWO Fay" {
		t.Errorf("after a forced push: %s", got)
	}
	if store.Documents["new.go"].Author != "Fay" || !slices.Equal(store.Puts, []string{"new.go"}) {
		t.Errorf("after a forced push: %+v, put %v", store.Documents["new.go"], store.Puts)
	}
	r.git("branch", "-q", "-D", "next")
	if got := who("next:old.go"); got != "nobody" {
		t.Errorf("a branch that is gone: %s", got)
	}
	if lines, err := newRepo(t).connect(t, Options{}).Blame(t.Context()); err == nil {
		if _, err := lines(t.Context(), "x"); err == nil {
			t.Error("a repository that was never read has lines")
		}
	}
}

// as runs git as somebody else.
func (r *repo) as(name string, args ...string) {
	r.t.Helper()
	r.git(append([]string{"-c", "user.name=" + name}, args...)...)
}
