package docs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/route"
)

// TestConfigurations checks what the pages show of dragoman.yaml: blocks in yaml.
func TestConfigurations(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := parse("README.md", string(readme))
	if err != nil {
		t.Fatal(err)
	}
	key := func(name string) (string, bool) {
		if strings.HasSuffix(name, "_KEY") {
			return "x", true
		}
		return "", false
	}
	n := 0
	for _, p := range append(pages(t), p) {
		for _, b := range p.blocks {
			if b.language != "yaml" || strings.HasPrefix(b.text, "# prometheus.yml") {
				continue
			}
			n++
			if _, err := config.Parse(p.name, []byte(b.text), config.Options{Rule: route.Check, Getenv: key}); err != nil {
				t.Errorf("%s:%d: %v", p.name, b.line, err)
			}
		}
	}
	if n < 4 {
		t.Errorf("%d configurations are shown", n)
	}
}
