package source

import (
	"bytes"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestRules(t *testing.T) {
	cases := []struct {
		line string
		yes  []string // a name that ends in a slash is a folder
		no   []string
	}{
		{"*.log", []string{"a.log", "x/a.log", ".log"}, []string{"a.log2", "log"}},
		{"/a", []string{"a", "a/"}, []string{"x/a"}},
		{"x/a", []string{"x/a"}, []string{"a", "y/x/a"}},
		{"a/", []string{"a/", "x/a/"}, []string{"a", "x/a"}},
		{"**/a", []string{"a", "x/a", "x/y/a"}, []string{"ba"}},
		{"a/**", []string{"a/x", "a/x/y"}, []string{"a/", "x/a/b"}},
		{"a/**/b/c", []string{"a/b/c", "a/b/x/b/c", "a/x/y/b/c"}, []string{"a/b/x/c"}},
		{"a**b/c", []string{"axb/c", "ab/c"}, []string{"a/b/c"}},
		{"x/*/c", []string{"x/y/c"}, []string{"x/c", "x/y/z/c"}},
		{"a?c", []string{"abc"}, []string{"ac", "a/c"}},
		{"*.py[co]", []string{"a.pyc", "x/a.pyo"}, []string{"a.py", "a.pyd"}},
		{"[!a-c]x", []string{"dx"}, []string{"ax", "x"}},
		{"[^a]x", []string{"bx"}, []string{"ax"}},
		{"[]x]y", []string{"]y", "xy"}, []string{"y"}},
		{"[[:digit:]]*", []string{"1", "1a"}, []string{"a1"}},
		{"x/[+--]y", []string{"x/-y"}, []string{"x//y"}},
		{`\#a`, []string{"#a"}, []string{"a"}},
		{`\!a`, []string{"!a"}, []string{"a"}},
		{`a\ `, []string{"a "}, []string{"a"}},
		{"a  ", []string{"a"}, []string{"a "}},
		{"a\r", []string{"a"}, []string{"a\r"}},
		{"# comment", nil, []string{"# comment", "comment"}},
		{"", nil, []string{"a"}},
		{"/", nil, []string{"a/", "a"}},
		{"[a", nil, []string{"a", "[a"}},
		{`a\`, nil, []string{"a", `a\`}},
		{"*.ü", []string{"a.ü"}, []string{"a.u"}},
		{"[ü]?", []string{"üä"}, []string{"ü"}},
	}
	for _, c := range cases {
		r := &rules{list: parseRules(c.line + "\n")}
		check := func(path string, want bool) {
			clean, isDir := strings.CutSuffix(path, "/")
			if got := r.judge(clean, clean[strings.LastIndexByte(clean, '/')+1:], isDir) == ignored; got != want {
				t.Errorf("pattern %q, path %q: %v; want %v", c.line, path, got, want)
			}
		}
		for _, p := range c.yes {
			check(p, true)
		}
		for _, p := range c.no {
			check(p, false)
		}
	}
}

// TestRulesAgreeWithGit asks git about random patterns and the files of a fixed tree.
func TestRulesAgreeWithGit(t *testing.T) {
	repo := newRepository(t)
	tree := []string{"a", "ab", "b.c", "c/a", "c/b", "c/ab/a", "c/ab/b.c", "d/c/a", "d/c/b/a", "d/c/b/c", "e/e/e/a", "a.b/a"}
	for _, f := range tree {
		write(t, repo.dir, f, "")
	}
	piece := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "*", "**", "?", "/", "/", "[ab]", "[!a]", "[a-c]", ".", `\a`, "/**/", "**/", "/**"})
	line := rapid.Custom(func(t *rapid.T) string {
		s := strings.Join(rapid.SliceOfN(piece, 1, 5).Draw(t, "pieces"), "")
		return rapid.SampledFrom([]string{"", "", "!"}).Draw(t, "sign") + s
	}).Filter(func(s string) bool {
		// git cuts a literal beginning off before it matches, and so takes "a**/b" for "a" and then "**/b", against
		// its own manual; nobody relies on that.
		return !misplacedStars.MatchString(s)
	})
	// Each example starts git, so time bounds their number.
	deadline := time.Now().Add(5 * time.Second)
	rapid.Check(t, func(rt *rapid.T) {
		if time.Now().After(deadline) {
			return
		}
		text := strings.Join(rapid.SliceOfN(line, 1, 4).Draw(rt, "lines"), "\n") + "\n"
		sub := strings.Join(rapid.SliceOfN(line, 0, 2).Draw(rt, "lines of c"), "\n") + "\n"
		write(t, repo.dir, ".gitignore", text)
		write(t, repo.dir, "c/.gitignore", sub)
		var want []string
		for name := range strings.SplitSeq(repo.git(t, "ls-files", "-z", "--others", "--exclude-standard"), "\x00") {
			if name != "" && !strings.HasSuffix(name, ".gitignore") {
				want = append(want, name)
			}
		}
		slices.Sort(want)
		got := slices.DeleteFunc(paths(walk(t, repo.dir)), func(p string) bool { return strings.HasSuffix(p, ".gitignore") })
		if !slices.Equal(got, want) {
			rt.Fatalf(".gitignore:\n%s\nc/.gitignore:\n%s\nours   %q\ngit's  %q", text, sub, got, want)
		}
	})
}

var misplacedStars = regexp.MustCompile(`[^/!]\*\*`)

func FuzzRules(f *testing.F) {
	for _, s := range []string{"*.log", "!a/**/b", "[a-", "[[:alpha:]-z]", `\`, "a\\ ", "**/**/**", "[!]]", "[/]", "\xff*", "#x", "/"} {
		f.Add(s, "a/b.log")
	}
	f.Fuzz(func(t *testing.T, text, path string) {
		path = strings.Trim(path, "/")
		r := &rules{list: parseRules(text)}
		name := path[strings.LastIndexByte(path, '/')+1:]
		r.judge(path, name, false)
		// Whoever ignores all, and takes nothing back, ignores this.
		all := &rules{list: parseRules("*\n")}
		if name != "" && all.judge(path, name, false) != ignored {
			t.Errorf(`"*" does not match %q`, path)
		}
	})
}

// repository is a work tree for tests, with git's own settings kept out.
type repository struct {
	dir string
	bin string
}

func newRepository(t *testing.T) repository {
	t.Helper()
	bin, err := exec.LookPath("git")
	if err != nil {
		t.Skip("git is not installed")
	}
	t.Setenv("GIT_CONFIG_GLOBAL", "/dev/null")
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	r := repository{dir: plant(t, nil), bin: bin}
	r.git(t, "init", "-q", "-b", "main")
	r.git(t, "config", "user.name", "A")
	r.git(t, "config", "user.email", "a@example.com")
	return r
}

func (r repository) git(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), r.bin, args...)
	cmd.Dir = r.dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %q: %v: %s", args, err, stderr.String())
	}
	return string(out)
}
