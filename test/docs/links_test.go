package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	marks   = regexp.MustCompile(`[^\pL\pN _-]+`)
)

// anchors are what the headings of a page are linked by, as GitHub makes them.
func (p page) anchors() map[string]bool {
	text := p.text
	for _, b := range p.blocks {
		text = strings.Replace(text, "```"+b.language+"\n"+b.text+"```", "", 1)
	}
	out := map[string]bool{}
	for _, h := range heading.FindAllStringSubmatch(text, -1) {
		out[strings.ReplaceAll(marks.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-")] = true
	}
	return out
}

// TestLinks follows every link from a page of the repository to another place in it.
func TestLinks(t *testing.T) {
	all := pages(t)
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "bench/README.md", "evals/README.md"} {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page{name: name, text: string(data)}) // pages whose blocks need no language
	}
	n := 0
	for _, p := range all {
		for _, l := range link.FindAllStringSubmatch(p.text, -1) {
			to, anchor, _ := strings.Cut(l[1], "#")
			if strings.Contains(to, "://") {
				continue
			}
			n++
			name := p.name
			if to != "" {
				name = filepath.Join(filepath.Dir(p.name), to)
			}
			if _, err := os.Stat(filepath.Join(root, name)); err != nil {
				t.Errorf("%s links to %s, which is not there", p.name, l[1])
				continue
			}
			if anchor != "" && !readPage(t, name).anchors()[anchor] {
				t.Errorf("%s links to %s, which has no such heading", p.name, l[1])
			}
		}
	}
	if n < 40 {
		t.Errorf("%d links are found", n)
	}
}
