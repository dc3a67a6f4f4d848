package enginetest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/embed"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
)

// repository is a folder in which git keeps a history.
type repository struct {
	t    *testing.T
	root string
}

func (r repository) git(who string, hour int, args ...string) {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), "git", args...)
	cmd.Dir = r.root
	at := day(hour).Format(time.RFC3339)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME="+who, "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME="+who, "GIT_COMMITTER_EMAIL=a@b", "GIT_AUTHOR_DATE="+at, "GIT_COMMITTER_DATE="+at)
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

func (r repository) commit(who string, hour int, name, text string) {
	r.t.Helper()
	write(r.t, r.root, name, text)
	r.git(who, hour, "add", "-A")
	r.git(who, hour, "commit", "-q", "-m", "change "+name)
}

// day is the nth of January 2024.
func day(n int) time.Time { return time.Date(2024, 1, n, 12, 0, 0, 0, time.UTC) }

// twoFunctions is a file of two passages, which say that much of ledgers.
func twoFunctions(first, second string) string {
	return fmt.Sprintf("package shop\n\n// First keeps the ledger %s.\nfunc First(ledger []int) int {\n\tsum := 0\n\tfor _, n := range ledger {\n\t\tsum += n\n\t}\n\treturn sum\n}\n\n"+
		"// Second keeps the ledger %s.\nfunc Second(ledger []string) string {\n\tall := \"\"\n\tfor _, n := range ledger {\n\t\tall += n\n\t}\n\treturn all\n}\n", first, second)
}

// blame: passages of one file have authors and dates of their own, by which every engine filters; a passage that was edited since has the last
// change of its document, until that is committed.
func blame(t *testing.T, place Place) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	r := repository{t, t.TempDir()}
	r.git("Ann", 1, "init", "-q", "-b", "main")
	r.commit("Ann", 1, "ledger.go", twoFunctions("whole", "whole"))
	r.commit("Bob", 5, "ledger.go", twoFunctions("whole", "short"))
	r.git("Bob", 6, "mv", "ledger.go", "books.go")
	r.git("Eve", 6, "commit", "-q", "-m", "rename")

	at := place(t)
	c, m := open(t, func(o *knowledge.Options) { at(o); o.Blame = time.Minute }, r.root), &model{name: "m"}
	cache, err := embed.OpenCache(t.Context(), t.TempDir(), later)
	must(t, err)
	t.Cleanup(func() { cache.Close() })
	refresh := func() knowledge.Blamed {
		t.Helper()
		sync(t, c)
		b, err := c.Blame(t.Context(), nil, time.Hour)
		must(t, err)
		_, err = c.Embed(t.Context(), m, cache, embed.Options{Now: later})
		must(t, err)
		return b
	}
	// found is what a search by words finds, and one by meaning, which has to agree.
	found := func(text string) string {
		t.Helper()
		var out [2]string
		for i, q := range []knowledge.Query{{Text: text}, {Text: text, Model: m.name, Vector: m.vector("zzz")}} {
			q.Who, q.Now, q.Limit, q.Filter.Types = acl.All(), day(20), 9, []string{"function"}
			var list []string
			for _, p := range search(t, c, q).Passages {
				list = append(list, fmt.Sprintf("%s %s %s %t", p.Symbol, p.Author, p.Updated.UTC().Format("2"), p.Blamed))
			}
			slices.Sort(list)
			out[i] = strings.Join(list, ", ")
		}
		equal(t, "by meaning", out[1], out[0])
		return out[0]
	}

	equal(t, "asked about", refresh(), knowledge.Blamed{Documents: 1})
	for text, want := range map[string]string{
		"ledger":                     "First Ann 1 true, Second Bob 5 true",
		"ledger author:ann":          "First Ann 1 true",
		"ledger -author:ann":         "Second Bob 5 true",
		"ledger author:eve":          "", // renamed the file, and changed no line
		"ledger after:2024-01-03":    "Second Bob 5 true",
		"ledger before:2024-01-03":   "First Ann 1 true",
		"author:ann,bob ledger":      "First Ann 1 true, Second Bob 5 true",
		"ledger type:type":           "",
		"path:books author:b ledger": "Second Bob 5 true",
	} {
		equal(t, text, found(text), want)
	}
	equal(t, "asked about twice", refresh(), knowledge.Blamed{})

	// An edit that moves the first function down and changes the second one.
	write(t, r.root, "books.go", strings.Replace(twoFunctions("whole", "open"), "package shop\n", "package shop\n\nvar Currency = \"EUR\"\n", 1))
	must(t, os.Chtimes(filepath.Join(r.root, "books.go"), day(9), day(9)))
	equal(t, "asked after an edit", refresh(), knowledge.Blamed{Documents: 1})
	equal(t, "after an edit", found("ledger"), "First Ann 1 true, Second  9 false")
	equal(t, "by nobody yet", found("ledger author:bob"), "")

	// The edit is committed, on a branch that is merged, and a file that nobody tracks comes beside it.
	r.git("Ann", 10, "checkout", "-q", "-b", "side")
	r.git("Cem", 10, "commit", "-q", "-a", "-m", "edit")
	r.git("Ann", 11, "checkout", "-q", "main")
	r.git("Dan", 12, "merge", "-q", "--no-ff", "-m", "merge", "side")
	write(t, r.root, "loose.go", "package shop\n\n// Loose keeps no ledger.\nfunc Loose() {\n}\n")
	equal(t, "asked after a merge", refresh(), knowledge.Blamed{Documents: 2, Without: 1})
	equal(t, "after a merge", found("ledger path:books"), "First Ann 1 true, Second Cem 10 true")

	// The branch is written anew: the same text, by somebody else.
	r.git("Dan", 13, "reset", "-q", "--hard", "HEAD^")
	write(t, r.root, "books.go", strings.Replace(twoFunctions("whole", "open"), "package shop\n", "package shop\n\nvar Currency = \"EUR\"\n", 1))
	r.git("Fay", 14, "commit", "-q", "-a", "-m", "edit, by somebody else")
	equal(t, "asked after a rewritten history", refresh(), knowledge.Blamed{Documents: 1})
	equal(t, "after a rewritten history", found("ledger path:books"), "First Ann 1 true, Second Fay 14 true")
}

// blameInTime: when the time is up the next call goes on, the file that changed last first, until all are done; meanwhile passages have the last
// change of their file.
func blameInTime(t *testing.T, place Place) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	r := repository{t, t.TempDir()}
	r.git("Ann", 1, "init", "-q", "-b", "main")
	const files = 9
	for i := range files {
		r.commit("Ann", 1+i, fmt.Sprintf("%d.go", i), twoFunctions("one", "two"))
	}
	for i := range files { // the first file changes last
		r.commit("Bob", 20-i, fmt.Sprintf("%d.go", i), twoFunctions("one", "three"))
	}
	at := place(t)
	c := open(t, func(o *knowledge.Options) { at(o); o.Blame = time.Nanosecond }, r.root)
	sync(t, c)
	first := func(path string) (author string, blamed bool) {
		t.Helper()
		list, err := c.Passages(t.Context(), acl.All(), path)
		must(t, err)
		for _, p := range list {
			if p.Symbol == "First" {
				return p.Author, p.Blamed
			}
		}
		t.Fatalf("%s has no passage First", path)
		return "", false
	}
	if who, blamed := first("0.go"); who != "Bob" || blamed {
		t.Errorf("before git was asked: %s, %t", who, blamed)
	}
	state := func() string {
		t.Helper()
		s, err := c.State(t.Context(), acl.All())
		must(t, err)
		return s
	}
	before := state()
	for calls, left := 0, files; left > 0; calls++ {
		if calls == files {
			t.Fatalf("%d calls, and %d files are left", calls, left)
		}
		b, err := c.Blame(t.Context(), nil, time.Hour)
		must(t, err)
		equal(t, "the state stays until all are known", state() == before, b.Left > 0)
		if b.Documents == 0 || b.Left != left-b.Documents {
			t.Fatalf("of %d: %+v", left, b)
		}
		left = b.Left
		if who, blamed := first("0.go"); who != "Ann" || !blamed {
			t.Errorf("after %d calls: %s, %t", calls+1, who, blamed)
		}
	}
	n, err := c.Dated(t.Context())
	must(t, err)
	st, err := c.Stats(t.Context())
	must(t, err)
	equal(t, "passages", n, st.Chunks)

	// A file that nobody tracks is asked about in vain: nothing else is found.
	write(t, r.root, "loose.go", "package shop\n\n// Loose keeps no ledger.\nfunc Loose() {\n}\n")
	sync(t, c)
	before = state()
	b, err := c.Blame(t.Context(), nil, time.Hour)
	must(t, err)
	equal(t, "asked about a file that is not tracked", b, knowledge.Blamed{Documents: 1, Without: 1})
	equal(t, "the state stays where git knows nothing", state(), before)
}
