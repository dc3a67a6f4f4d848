//go:build clients

package clients

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

// documented is what docs/clients.md shows of an agent's settings, for an endpoint: the first block in a language below the
// agent's heading. So what is tested is what people are told.
func documented(t *testing.T, heading, language string, e endpoint) string {
	t.Helper()
	return block(t, "clients.md", heading, language, 0, e)
}

// block is one of the blocks in a language below a heading of a page, the first one being 0.
func block(t *testing.T, name, heading, language string, number int, e endpoint) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := strings.Split(section, "\n```"+language+"\n")[1:]
	if len(blocks) <= number {
		t.Fatalf("docs/%s has %d blocks in %s below %s", name, len(blocks), language, heading)
	}
	text, _, _ := strings.Cut(blocks[number], "\n```\n")
	text = strings.NewReplacer("http://127.0.0.1:8017", e.url, "dgm_...", e.key).Replace(text)
	return regexp.MustCompile(`\bfast\b`).ReplaceAllString(text, e.model)
}

// both is one file of settings that has those of two.
func both(t *testing.T, one, other string) string {
	t.Helper()
	var all map[string]any
	for _, text := range []string{one, other} {
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	out, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
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
