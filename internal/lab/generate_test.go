package lab

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func sourceFolder(t *testing.T) string {
	root := t.TempDir()
	long := strings.Repeat("Sentences that fill a section with words. ", 10)
	write(t, filepath.Join(root, "docs", "guide.md"), "# Guide\n\n"+long+"\n\n## Rotating the signing keys\n\n"+long+"\n\n## Usage\n\n"+long+"\n")
	write(t, filepath.Join(root, "retry.go"), `package retry

// Delay doubles the wait after each failed attempt. It is bounded.
func Delay(n int) int {
	wait := base
	for range n {
		wait = min(2*wait, most)
	}
	return wait
}

// A few words
func short() {}
`)
	write(t, filepath.Join(root, "pool.py"), `def pool(size):
    """Keep idle connections open for later callers.

    More.
    """
    for i in range(size):
        connections.append(connect(address, timeout=3))
    return connections
`)
	return root
}

func generate(t *testing.T, root, kind string) *Generated {
	t.Helper()
	f, err := ReadFolder(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	g, err := f.Generate(t.Context(), kind, 50, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func (g *Generated) passage(id string) string {
	for _, p := range g.Passages {
		if p.ID == id {
			return p.Text
		}
	}
	return ""
}

func TestGenerate(t *testing.T) {
	root := sourceFolder(t)
	for kind, want := range map[string][]GeneratedQuery{
		"headings":   {{"headings-0", "Rotating the signing keys", []string{"docs/guide.md#1"}}, {"headings-1", "Guide: Usage", []string{"docs/guide.md#2"}}},
		"docstrings": {{"docstrings-0", "Keep idle connections open for later callers", []string{"pool.py#0"}}, {"docstrings-1", "doubles the wait after each failed attempt", []string{"retry.go#1"}}},
	} {
		g := generate(t, root, kind)
		if d := cmp.Diff(want, g.Queries); d != "" {
			t.Errorf("%s:\n%s", kind, d)
		}
		for _, q := range g.Queries {
			_, asked, _ := strings.Cut(q.Text, ": ")
			if asked == "" {
				asked = q.Text
			}
			text := g.passage(q.Answers[0])
			if text == "" || strings.Contains(text, asked) {
				t.Errorf("%s: %q is still in the passage that answers it, or that is empty:\n%s", kind, asked, text)
			}
		}
	}
}

func TestMessage(t *testing.T) {
	for line, want := range map[string]string{
		`return fmt.Errorf("read the index of %q: it is damaged", path)`: "read the index of %q: it is damaged",
		`raise ValueError(f"no header in file {name} of the archive")`:   "no header in file {name} of the archive",
		`throw new Error('cannot reuse a closed connection')`:            "cannot reuse a closed connection",
		`x := "a text that reports nothing to anybody"`:                  "",
		`return errors.New("too short")`:                                 "",
		`log.Println("see https://example.com/a/b/c for more of that")`:  "",
	} {
		if got := message(line); got != want {
			t.Errorf("%s: %q", line, got)
		}
	}
}

// TestGenerateFromCommits: what a commit says asks for what it changed, whatever repeats it; merges, reverts, changes of white space, notes of
// releases and commits that touch much do not ask or answer.
func TestGenerateFromCommits(t *testing.T) {
	root := sourceFolder(t)
	git := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	commit := func(message string, files map[string]string) {
		t.Helper()
		for name, text := range files {
			write(t, filepath.Join(root, name), text)
		}
		git("add", "-A")
		git("commit", "-q", "-m", message)
	}
	git("init", "-q", "-b", "main")
	commit("First import of everything there is", map[string]string{"a b.go": "package a\n", "b.go": "package a\n", "c.go": "package a\n\nconst first = 'a'\n\nconst second = 'b'\n"})
	git("checkout", "-q", "-b", "side")
	const spread = "Spread clients that retry together"
	commit(spread, map[string]string{
		"jitter.go":    "package retry\n\n// spread clients, that retry together!\nfunc jitter() int {\n\treturn rand()\n}\n",
		"CHANGELOG.md": "# Changes\n\n- Spread clients that retry together.\n",
	})
	git("checkout", "-q", "main")
	commit("Name the tab and the quote", map[string]string{"a b.go": "package quote\n", "ta\tb \"q\".md": "# Tabs\n\nQuoted names are odd.\n"})
	git("merge", "-q", "--no-ff", "-m", "Merge what spreads clients over time", "side")
	commit("Indent jitter as everything else is", map[string]string{"jitter.go": "package retry\n\n// spread clients, that retry together!\nfunc jitter() int {\n    return rand()\n}\n"})
	commit("Revert the quote of the tab again", map[string]string{"b.go": "package b\n"})
	git("mv", "c.go", "renamed.go")
	commit("Call the last letter by its name", map[string]string{"renamed.go": "package a\n\nconst first = 'a'\n\nconst second = 'b'\n\nconst last = 'z'\n"})

	answers := func(g *Generated) map[string][]string {
		out := map[string][]string{}
		for _, q := range g.Queries {
			for _, a := range q.Answers {
				if len(g.Kind) == len("diffs") {
					_, a, _ = strings.Cut(a, "/") // the commit's hash
				}
				out[q.Text] = append(out[q.Text], a)
			}
		}
		return out
	}
	found := generate(t, root, "commits")
	if d := cmp.Diff(map[string][]string{
		spread: {"jitter.go#0", "jitter.go#1"}, "Name the tab and the quote": {"a%20b.go#0", "ta%20b%20\"q\".md#0"}, "Call the last letter by its name": {"renamed.go#1"},
	}, answers(found)); d != "" {
		t.Errorf("commits:\n%s", d)
	}
	changed := generate(t, root, "diffs")
	if d := cmp.Diff(map[string][]string{
		spread: {"jitter.go#0"}, "Name the tab and the quote": {"a%20b.go#0", "ta%20b%20\"q\".md#0"}, "Call the last letter by its name": {"renamed.go#0"},
	}, answers(changed)); d != "" {
		t.Errorf("diffs:\n%s", d)
	}
	for _, g := range []*Generated{found, changed} {
		for _, p := range g.Passages {
			if strings.Contains(strings.ToLower(p.Text), "retry together") {
				t.Errorf("%s: a query is still in %s:\n%s", g.Kind, p.ID, p.Text)
			}
		}
	}
	for _, q := range changed.Queries {
		if q.Text == spread {
			text := changed.passage(q.Answers[0])
			if !strings.Contains(text, "+func jitter() int {") || strings.Contains(text, "+++") {
				t.Errorf("%s", text)
			}
		}
	}
}

func TestGeneratedSetsCanBeRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "set")
	g := generate(t, sourceFolder(t), "docstrings")
	if err := g.Write(dir); err != nil {
		t.Fatal(err)
	}
	set, err := LoadRetrievalSet(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Queries) != 2 || len(set.Documents) != len(g.Passages) || set.Relevance["docstrings-0"]["pool.py#0"] != 1 {
		t.Errorf("%+v", set)
	}
}

func TestGenerateSaysWhatIsNotThere(t *testing.T) {
	f, err := ReadFolder(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[string]string{"headings": "nothing to make headings of", "commits": "git", "tweets": "kinds are commits, diffs, docstrings, headings, messages"} {
		if _, err := f.Generate(t.Context(), kind, 10, rand.New(rand.NewPCG(1, 1))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
