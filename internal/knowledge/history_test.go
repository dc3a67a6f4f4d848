package knowledge

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
)

// work is a git work tree.
type work struct {
	t   *testing.T
	dir string
}

func (w work) git(who string, day int, args ...string) {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), "git", append([]string{"-c", "protocol.file.allow=always"}, args...)...)
	cmd.Dir = w.dir
	at := time.Date(2024, 1, day, 12, 0, 0, 0, time.UTC).Format(time.RFC3339)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME="+who, "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME="+who, "GIT_COMMITTER_EMAIL=a@b", "GIT_AUTHOR_DATE="+at, "GIT_COMMITTER_DATE="+at)
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

func (w work) commit(who string, day int, name, text string) {
	w.t.Helper()
	write(w.t, w.dir, name, text)
	w.git(who, day, "add", "-A")
	w.git(who, day, "commit", "-q", "-m", "change "+name)
}

// TestRepositoriesInAFolder: files of a submodule, and of a clone that lies in the folder, were changed when and by whom their own repositories
// say, whatever is known of their places in the history of the folder's.
func TestRepositoriesInAFolder(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	library, other := work{t, t.TempDir()}, work{t, t.TempDir()}
	for _, w := range []work{library, other} {
		w.git("Bob", 1, "init", "-q", "-b", "main")
		w.commit("Bob", 3, "a.md", "# Zebras\n\nThey have stripes.\n")
		w.commit("Cem", 7, "b.md", "# Lions\n\nThey roar.\n")
	}
	root := work{t, t.TempDir()}
	root.git("Ann", 1, "init", "-q", "-b", "main")
	root.commit("Ann", 2, "own.md", "# Otters\n\nThey swim.\n")
	root.commit("Ann", 4, "lib/a.md", "# Zebras\n\nThey were not a library's.\n")
	root.git("Ann", 5, "rm", "-q", "-r", "lib")
	root.git("Ann", 9, "submodule", "-q", "add", library.dir, "lib")
	root.git("Ann", 9, "commit", "-q", "-m", "a library")
	root.git("Ann", 9, "clone", "-q", other.dir, "tools/clone")

	for _, at := range []string{"", root.dir} { // a copy first: what follows changes the repository
		t.Run(map[bool]string{true: "in a folder that git does not keep", false: "in a repository"}[at == ""], func(t *testing.T) {
			prefix := ""
			if at == "" { // around the repository
				at = t.TempDir()
				prefix = "around/"
				if out, err := exec.CommandContext(t.Context(), "cp", "-a", root.dir, filepath.Join(at, "around")).CombinedOutput(); err != nil {
					t.Fatalf("%v %s", err, out)
				}
			}
			c, err := Open(t.Context(), Options{Name: "folder", Root: at, DataDir: t.TempDir(), Blame: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			refresh := func() {
				t.Helper()
				if _, err := bring(t.Context(), c, at, false, false, io.Discard); err != nil {
					t.Fatal(err)
				}
				if _, err := c.Blame(t.Context(), nil, time.Hour); err != nil {
					t.Fatal(err)
				}
			}
			// last says who changed a document last, and its first passage, and on which day.
			last := func(path string) string {
				t.Helper()
				d, ok, err := c.Document(t.Context(), acl.All(), prefix+path)
				if err != nil || !ok {
					t.Fatalf("%s: %t %v", path, ok, err)
				}
				p, err := c.Passages(t.Context(), acl.All(), prefix+path)
				if err != nil || len(p) == 0 {
					t.Fatalf("%s: %v %v", path, p, err)
				}
				return fmt.Sprintf("%s %s, lines %s %s %t", d.Author, d.Updated.UTC().Format("2"), p[0].Author, p[0].Updated.UTC().Format("2"), p[0].Blamed)
			}
			holds := func(when string, want map[string]string) {
				t.Helper()
				for path, w := range want {
					if got := last(path); got != w {
						t.Errorf("%s: %s: %s, not %s", when, path, got, w)
					}
				}
			}
			first := map[string]string{
				"own.md":           "Ann 2, lines Ann 2 true",
				"lib/a.md":         "Bob 3, lines Bob 3 true",
				"lib/b.md":         "Cem 7, lines Cem 7 true",
				"tools/clone/a.md": "Bob 3, lines Bob 3 true",
				"tools/clone/b.md": "Cem 7, lines Cem 7 true",
			}
			refresh()
			holds("at first", first)
			if err := c.Rebuild(t.Context(), time.Now); err != nil {
				t.Fatal(err)
			}
			refresh()
			holds("read anew", first)

			inner := work{t, filepath.Join(at, prefix, "lib")}
			inner.commit("Dan", 12, "b.md", "# Lions\n\nThey sleep.\n")
			write(t, at, prefix+"lib/a.md", "# Zebras\n\nThey run.\n")
			refresh()
			holds("after a commit in the submodule", map[string]string{"own.md": "Ann 2, lines Ann 2 true", "lib/b.md": "Dan 12, lines Dan 12 true"})
			if d, _, err := c.Document(t.Context(), acl.All(), prefix+"lib/a.md"); err != nil || time.Since(d.Updated) > time.Hour {
				t.Errorf("edited, and not committed: %+v %v", d, err)
			}
			inner.git("Eve", 14, "commit", "-q", "-a", "-m", "run")
			refresh()
			holds("when that is committed", map[string]string{"lib/a.md": "Eve 14, lines Eve 14 true"})

			// The submodule goes, and comes back as it was.
			if err := os.Rename(inner.dir, filepath.Join(at, ".away")); err != nil {
				t.Fatal(err)
			}
			refresh()
			if _, ok, err := c.Document(t.Context(), acl.All(), prefix+"lib/a.md"); ok || err != nil {
				t.Errorf("gone: %t %v", ok, err)
			}
			if err := os.Rename(filepath.Join(at, ".away"), inner.dir); err != nil {
				t.Fatal(err)
			}
			refresh()
			holds("back again", map[string]string{"lib/a.md": "Eve 14, lines Eve 14 true", "own.md": "Ann 2, lines Ann 2 true"})
		})
	}
}
