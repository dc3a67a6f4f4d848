//go:build clients

package clients

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// documented is what docs/clients.md shows of an agent's settings, for an endpoint: the first block in a language below the
// agent's heading. So what is tested is what people are told.
func documented(t *testing.T, heading, language string, e endpoint) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/clients.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(page), "\n## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	_, block, shown := strings.Cut(section, "\n```"+language+"\n")
	block, _, closed := strings.Cut(block, "\n```\n")
	if !ok || !shown || !closed {
		t.Fatalf("docs/clients.md has no block in %s below %s", language, heading)
	}
	block = strings.NewReplacer("http://127.0.0.1:8017", e.url, "dgm_...", e.key).Replace(block)
	return regexp.MustCompile(`\bfast\b`).ReplaceAllString(block, e.model)
}

// exported are the variables that the page has exported.
func exported(t *testing.T, heading string, e endpoint) []string {
	t.Helper()
	var out []string
	for line := range strings.Lines(documented(t, heading, "console", e)) {
		if v, ok := strings.CutPrefix(line, "$ export "); ok {
			out = append(out, strings.TrimSpace(v))
		}
	}
	if len(out) == 0 {
		t.Fatalf("docs/clients.md exports nothing for %s", heading)
	}
	return out
}
