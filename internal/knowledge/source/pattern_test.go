package source

import (
	"slices"
	"strings"
	"testing"
)

// TestPatternAgreesWithGit: what a pattern matches is what git would leave out by it.
func TestPatternAgreesWithGit(t *testing.T) {
	paths := []string{"hr/pay/2024/salary.md", "hr/salary.md", "docs/hr/notes.md", "docs/a.md", "salary.md", "legal/x.pdf", "x/legal/y.txt", "a b/c.md", "hr.md"}
	repo := newRepository(t)
	for _, name := range paths {
		write(t, repo.dir, name, "")
	}
	for _, pattern := range []string{"hr/", "/hr/", "hr", "hr/**", "hr/**/salary*", "**/hr/*", "*.md", "salary*", "docs/*.md", "legal/**/y.txt", "**/legal/**", "a b/", "[a-h]r/", "hr/*", "/salary.md", "*"} {
		write(t, repo.dir, ".gitignore", pattern+"\n")
		left := strings.Split(repo.git(t, "ls-files", "-z", "--others", "--exclude-standard"), "\x00")
		p, err := NewPattern(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range paths {
			want := slices.Contains(left, name)
			if got := p.Matches(name); got == want {
				t.Errorf("%q, %q: %v; git keeps %v", pattern, name, got, want)
			}
		}
	}
}

func TestNoPattern(t *testing.T) {
	for _, text := range []string{"", "  ", "#comment", "!x", "a[", "/", `\`} {
		if p, err := NewPattern(text); err == nil {
			t.Errorf("%q is taken: %+v", text, p)
		}
	}
}
